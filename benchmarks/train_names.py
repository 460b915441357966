"""How the two networks that ship learnt to name faces as well as whole pictures.

A network that knows whole pictures goes on with these, taught by both networks, and with the faces
in them; strangers, and what a detector takes for a face and is none, are negatives. `--last` is
the last stage, from more minor characters. The run is a folder, and goes on where it was stopped.
"""

import argparse
import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from benchmarks import frames, other_cartoon, strangers
from benchmarks.data import data_option, folder
from benchmarks.train_faces import Array, middles_inside
from simpsons import Detector
from simpsons.characters import SLUGS
from simpsons.dataset import boxes, cache
from simpsons.dataset import split as splits
from simpsons.dataset.boxed_pictures import LONGEST
from simpsons.dataset.cache import Dataset
from simpsons.dataset.split import Split
from simpsons.evaluation.overlap import iou
from simpsons.formats.onnx_import import read_onnx
from simpsons.models import NETWORKS, unfuse
from simpsons.pixels import images
from simpsons.pixels.images import Pixels
from simpsons.progress import bar
from simpsons.training import checkpoint, loop
from simpsons.training.device import set_thresholds
from simpsons.training.display import Display
from simpsons.training.recipe import DEFAULT

FOUND = 0.35
"""Score of a face that is cut out for its name."""

TAUGHT = 0.9
"""Share of the teachers' answers in what a whole picture of the 18 is to be; the label has the
rest."""

STRANGERS = 0.6
"""What a stranger counts in the loss, where a face of the 18 counts 1."""


class Stage(NamedTuple):
    """How a network goes on.

    rate: highest learning rate. whole: what a whole picture of the 18 counts in the loss, where a
    face counts 1. share: of the new weights in the mean with the network's very first ones
    (M. Wortsman et al., "Robust fine-tuning of zero-shot models", 2022), chosen by validation.
    """

    epochs: int
    rate: float
    whole: float
    share: float


STAGES = {
    "xception": (Stage(8, 1.5e-3, 1.0, 0.3), Stage(2, 2e-4, 3.0, 0.7)),
    "cnn": (Stage(3, 4e-4, 1.6, 0.75),),
}
"""With the first six of the minor characters by name."""

LAST = {"xception": (Stage(4, 4e-4, 2.0, 0.8),), "cnn": (Stage(2, 3e-4, 2.0, 0.75),)}
"""With those, and half of the pictures of the other six."""

MINOR = 4
"""How often an epoch shows each minor character's picture and face in the last stage."""

_BATCH = 64
_ESTIMATED_ON = 3072  # pictures, for the batch norms of blended weights
_LOW_RESOLUTION, _SMALLEST = 192, 20  # pixels: of the data set's small copies, and of a face there
_LEAST = 14  # pixels of a face that is learnt from
_ELSEWHERE = 0.15  # overlap
_NO_FACE = 0.3  # score of what is cut out because it is no face
_CPU = torch.device("cpu")


@dataclass
class Crops:
    """Pictures of 64x64 pixels that a network learns from.

    labels: of the 18, -1 for strangers. is_face: whether a face, cut out, or a whole picture.
    """

    images: Pixels
    labels: NDArray[np.int64]
    part: NDArray[np.str_]
    is_face: NDArray[np.bool_]
    classes: tuple[str, ...] = SLUGS

    def __len__(self) -> int:
        return len(self.labels)

    def in_memory(self) -> Pixels:
        """As `Dataset` has it."""
        return self.images

    def known(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Those that are no strangers."""
        return rows[self.labels[rows] >= 0]

    def strangers(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """The others."""
        return rows[self.labels[rows] < 0]

    def rows(self, part: str) -> NDArray[np.int64]:
        """The pictures in a part."""
        return np.flatnonzero(self.part == part)


Cut = Iterator[tuple[images.Pixels, int, str]]
"""A crop, its label and its part."""


def learnt_from(data: Path, last: bool) -> Crops:
    """Whole pictures and faces of the 18 and of strangers, for training and validation.

    last: for the last stage, with more minor characters, each of them several times.
    """
    whole = cache.load(data, track=bar)
    parts = splits.make(whole, "shipped").part
    detector = Detector(minimum=_NO_FACE)
    minor = minor_pictures(data, last)
    times = MINOR if last else 1
    faces_cut = [
        *all_boxed(data),
        *other_faces(data),
        *with_labels(data, whole.root, whole.paths, parts, detector),
        *times * list(minor_faces(minor, detector)),
        *no_faces(data, detector),
    ]
    strange = [*times * [images.load(path) for path in minor], *whole_strangers(data)]
    crops, labels, their_parts = zip(*faces_cut, strict=True)
    return Crops(
        np.concatenate([np.asarray(whole.images), np.stack(crops), np.stack(strange)]),
        np.concatenate([whole.labels, labels, np.full(len(strange), -1)]).astype(np.int64),
        np.concatenate([parts, their_parts, np.full(len(strange), "train")]),
        np.repeat([False, True, False], [len(whole), len(crops), len(strange)]),
    )


def find(detector: Detector, pixels: images.Pixels, size: int) -> tuple[Array, Array]:
    """Boxes and scores of the faces in a picture looked at at one size, the surest first."""
    detector.sides = (size,)
    return detector.boxes(pixels)


def all_boxed(data: Path) -> Cut:
    """Every face of our pictures that have all of them boxed."""
    root = frames.folder(data)
    for part in splits.PARTS[:2]:
        for path, found in bar(frames.complete(root, part).items(), None, "cutting"):
            pixels = images.decode(root / path)
            for box in found:
                if size(box.corners) >= _LEAST:
                    label = SLUGS.index(box.name) if box.name in SLUGS else -1
                    yield images.crop_around(pixels, box.corners), label, part


def other_faces(data: Path) -> Cut:
    """Every second face of the other cartoon."""
    root = other_cartoon.folder(data)
    boxed = (
        (path, box, part)
        for part in splits.PARTS[:2]
        for path, found in other_cartoon.complete(root, part).items()
        for box in found
        if size(box.corners) >= _LEAST
    )
    for path, box, part in islice(boxed, 0, None, 2):
        yield images.crop_around(images.decode(root / path), box.corners), -1, part


def with_labels(
    data: Path, whole_root: Path, paths: Sequence[str], parts: NDArray[np.str_], detector: Detector
) -> Cut:
    """The face of the named character in each other picture: the best one in its box, else the
    only one in the picture."""
    root = frames.folder(data)
    all_boxes = boxes.read(root / frames.COMPLETE).pictures
    one_box = boxes.read(root / frames.ONE_BOX).pictures
    named = ["/".join(path.split("/")[-2:]) for path in paths]
    chosen = [
        (whole_root / path, name, part)
        for path, name, part in zip(paths, named, parts.tolist(), strict=True)
        if part in splits.PARTS[:2] and name not in all_boxes
    ]
    for small, name, part in bar(chosen, None, "cutting"):
        is_large = (root / name).is_file()
        pixels = images.decode(root / name if is_large else small)
        found, scores = find(detector, pixels, LONGEST if is_large else _LOW_RESOLUTION)
        found = found[scores >= FOUND]
        inside = np.empty(0, np.int64)
        if one_box.get(name):
            corners = np.array(one_box[name][0].corners)
            inside = np.flatnonzero(middles_inside(found, corners))
        if len(inside):
            face = found[inside[0]]
        elif len(found) == 1 and (is_large or size(found[0]) >= _SMALLEST):
            face = found[0]
        else:
            continue
        yield images.crop_around(pixels, face.tolist()), SLUGS.index(name.split("/")[0]), part


def minor_faces(pictures: Sequence[Path], detector: Detector) -> Cut:
    """Faces of minor characters that may be learnt from."""
    for path in pictures:
        pixels = images.decode(path)
        found, scores = find(detector, pixels, _LOW_RESOLUTION)
        for face in found[scores >= FOUND].tolist():
            yield images.crop_around(pixels, face), -1, "train"


def no_faces(data: Path, detector: Detector) -> Cut:
    """What a detector takes for a face and is none, in training pictures of both cartoons."""
    ours_root, others_root = frames.folder(data), other_cartoon.folder(data)
    others_boxed = list(other_cartoon.complete(others_root, "train").items())[::3]
    boxed = [(ours_root / path, all_) for path, all_ in frames.complete(ours_root, "train").items()]
    boxed += [(others_root / path, all_) for path, all_ in others_boxed]
    for path, true in bar(boxed, None, "looking for what is no face"):
        pixels = images.decode(path)
        corners = np.array([box.corners for box in true])
        found, scores = find(detector, pixels, LONGEST)
        for face in found[scores >= _NO_FACE]:
            middle = (face[:2] + face[2:]) / 2
            within = ((corners[:, :2] < middle) & (middle < corners[:, 2:])).all(axis=1).any()
            if not within and iou(face, corners).max(initial=0) < _ELSEWHERE:
                yield images.crop_around(pixels, face.tolist()), -1, "train"


def whole_strangers(data: Path) -> Iterator[images.Pixels]:
    """Whole pictures of the other cartoon."""
    root = other_cartoon.folder(data)
    parts = other_cartoon.split(root, track=bar)
    for path in [path for path, part in parts.items() if part == "train"][::4]:
        yield images.load(root / path)


def minor_pictures(data: Path, last: bool) -> list[Path]:
    """Of the first six minor characters by name; in the last stage all that is not held out."""
    learnt, _ = strangers.minor_files(data.parent / "other_characters")
    folders = sorted({path.parent for path in learnt})
    return [path for path in learnt if last or path.parent in folders[: len(folders) // 2]]


def size(corners: Sequence[float] | Array) -> float:
    """The longer side of a box."""
    x1, y1, x2, y2 = corners
    return float(max(x2 - x1, y2 - y1))


class NamesTraining(loop.Classification):
    """Goes on with a network: whole pictures as its teachers answer, faces as they are labelled.

    crops: what it learns from.
    """

    crops: Crops
    whole: float

    def begin_epoch(self) -> None:
        """Mix whole pictures of the 18 with one another alone."""
        super().begin_epoch()
        assert self.mixture is not None
        whole = torch.from_numpy(~self.crops.is_face & (self.crops.labels >= 0))
        self.mixture.square[~(whole & whole[self.mixture.other])] = 0

    def loss(self, rows: Tensor) -> Tensor:
        """Cross-entropy with the teachers' answers for whole pictures, else with the label."""
        pixels, labels = self._augmented(rows)
        assert self.mixture is not None
        others_pixels, their_labels = self._augmented(self.mixture.other[rows])
        pixels = self.mixture.pixels(rows, pixels, others_pixels)
        labels = self.mixture.labels(rows, labels, their_labels)
        pixels = pixels.contiguous(memory_format=torch.channels_last)
        smoothing = self.recipe.label_smoothing
        answers = labels * (1 - smoothing) + smoothing / labels.shape[1]
        is_known = self.labels[rows] >= 0
        whole = ~torch.from_numpy(self.crops.is_face)[rows] & is_known
        weight = torch.where(whole, self.whole, torch.where(is_known, 1.0, STRANGERS))
        with self.autocast:
            if whole.any():
                taught = self.teachers.answer(pixels[whole], rows[whole])
                assert taught is not None
                answers[whole] = TAUGHT * taught + (1 - TAUGHT) * answers[whole]
            logits = self.forward(pixels)
            each = functional.cross_entropy(logits, answers, reduction="none")
            loss = (each * weight).sum() / weight.sum()
        self.tally.note(rows, logits, loss)
        return loss


def blended(first: nn.Module, last: nn.Module, share: float, pixels: images.Pixels) -> nn.Module:
    """The mean of two networks' weights, with batch norms of its own.

    share: of the last one. pixels: training pictures, uint8 `[N, 64, 64, 3]`.
    """
    network = copy.deepcopy(last)
    before, after = first.state_dict(), last.state_dict()
    network.load_state_dict(
        {
            name: torch.lerp(before[name], value, share) if value.is_floating_point() else value
            for name, value in after.items()
        }
    )
    norms = [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm2d)]
    network.eval()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the mean over all batches
        norm.train()
    with torch.no_grad():
        for batch in torch.from_numpy(pixels).split(256):
            network(batch.permute(0, 3, 1, 2).float() / 255)
    return network.eval()


def names(
    data: Path, out: Path, network: str, start: Path, teachers: Path, last: bool
) -> nn.Module:
    """A network that names whole pictures and faces; its weights are written to `best.safetensors`.

    start, teachers: folders with `cnn.onnx` and `xception.onnx`: the first weights, and networks
    that know whole pictures. last: whether this is the last stage.
    """
    crops = learnt_from(data, last)
    split = Split("shipped", None, crops.part, np.arange(len(crops)))
    rows = crops.rows("train")
    some = np.sort(np.random.default_rng(0).choice(rows, min(len(rows), _ESTIMATED_ON), False))
    recipe = replace(DEFAULT["cnn" if network == "cnn" else "xception"], batch=_BATCH, views=0)
    recipe = replace(
        recipe, warm_up=0.1, average=0.998, augmentation=replace(recipe.augmentation, mix=0.5)
    )
    first = unfuse.trainable(
        read_onnx(start / f"{network}.onnx"), recipe.batch_norm, crops.images[rows]
    )
    taught_by = [read_onnx(teachers / f"{name}.onnx") for name in NETWORKS]
    learnt = first
    for number, stage in enumerate((LAST if last else STAGES)[network], start=1):
        run = out / str(number)
        run.mkdir(parents=True, exist_ok=True)
        recipe = replace(recipe, epochs=stage.epochs, learning_rate=stage.rate)
        data_set = cast(Dataset, crops)  # has all that a training asks of one
        training = NamesTraining(data_set, split, network, recipe, learnt, taught_by, 0, _CPU)
        training.crops, training.whole = crops, stage.whole
        with Display(stage.epochs) as display:
            loop.run(training, run, display)
        learnt = blended(first, training.average.network, stage.share, crops.images[some])
    checkpoint.write(out / loop.BEST, checkpoint.State(checkpoint.weights(learnt), {}))
    return learnt


def main() -> None:
    """Train, and keep the run."""
    parser = argparse.ArgumentParser(description=__doc__)
    data_option(parser)
    parser.add_argument("network", choices=NETWORKS)
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--start", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--teachers", type=Path, required=True, metavar="FOLDER")
    parser.add_argument(
        "--last", action="store_true", help="the last stage, from what it starts with"
    )
    arguments = parser.parse_args()
    set_thresholds(_CPU)
    data, out = folder(arguments), arguments.out
    names(data, out, arguments.network, arguments.start, arguments.teachers, arguments.last)


if __name__ == "__main__":
    main()
