"""How the face detector that ships was trained, in three stages.

First it learns from our pictures whose faces are all boxed. Then it says where the faces are in the
pictures that have one box, and goes on with these, the other cartoon and drawings; then once more,
with what it says by then. Each stage is a folder, and goes on where it was stopped.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from benchmarks import frames, other_cartoon
from benchmarks.data import data_option, folder
from simpsons.dataset import boxes
from simpsons.dataset import split as splits
from simpsons.dataset.boxed_pictures import LONGEST
from simpsons.demo.groups import write_scenes
from simpsons.evaluation.overlap import iou
from simpsons.pixels import images
from simpsons.progress import bar
from simpsons.training import loop
from simpsons.training.device import set_thresholds
from simpsons.training.display import Display
from simpsons.training.faces.canvas import Boxed
from simpsons.training.faces.training import FaceTraining, find
from simpsons.training.recipe import DEFAULT

SURE = (0.42, 0.66)
"""Score, the mean of a picture and its mirror image, from which a face without a box is one, by
round. In the first round some hands passed for faces."""

IN_BOX = 0.2
"""The same for the best face whose middle lies in the one box of a picture."""

DOUBTFUL = 0.16
"""The same from which nothing is asked of a place."""

Array = NDArray[np.float32]
Found = tuple[Array, Array]

_AT_ONCE = 64  # pictures in memory
_SAME_FACE = 0.5  # overlap
_CPU = torch.device("cpu")


@dataclass
class Pictures:
    """What the detector learns from, in pixels of pictures whose longer side is `LONGEST`."""

    pixels: list[images.Pixels] = field(default_factory=list)
    boxes: list[Array] = field(default_factory=list)
    ignored: list[Array] = field(default_factory=list)
    part: list[str] = field(default_factory=list)

    def add(self, path: Path, part: str, found: Sequence[Sequence[float]]) -> None:
        """A picture and its faces in pixels of the file."""
        pixels, scale = images.fit_within(images.decode(path), LONGEST)
        self.add_pixels(pixels, part, _boxes(found) * scale, _boxes(()))

    def add_pixels(self, pixels: images.Pixels, part: str, found: Array, doubtful: Array) -> None:
        """A picture as it is, its faces, and what may be one."""
        self.pixels.append(pixels)
        self.boxes.append(found)
        self.ignored.append(doubtful)
        self.part.append(part)

    def rows(self, part: str) -> NDArray[np.int64]:
        """The pictures in a part."""
        return np.flatnonzero(np.array(self.part) == part)


def ours(data: Path, pictures: Pictures) -> None:
    """Our pictures whose faces are all boxed."""
    root = frames.folder(data)
    for part in splits.PARTS[:2]:
        for path, found in bar(frames.complete(root, part).items(), None, "decoding"):
            pictures.add(root / path, part, [box.corners for box in found])


def others(data: Path, pictures: Pictures) -> None:
    """The other cartoon's pictures."""
    root = other_cartoon.folder(data)
    for part in splits.PARTS[:2]:
        found = other_cartoon.complete(root, part, bar)
        for path, faces in bar(found.items(), None, "decoding"):
            pictures.add(root / path, part, [box.corners for box in faces])


def drawings(out: Path, count: int, seed: int, pictures: Pictures) -> None:
    """Drawn scenes of several dolls."""
    if not out.exists():
        write_scenes(out, count, seed=seed, track=bar)
    for path, found in boxes.read(out / "faces.csv", out).complete.items():
        pictures.add(out / path, "train", [box.corners for box in found])


def with_one_box(data: Path, network: nn.Module, sure_from: float, pictures: Pictures) -> None:
    """Training pictures of all 18 that have one box, and the faces that a detector sees in them."""
    root = frames.folder(data)
    listed = boxes.read(root / frames.ONE_BOX).pictures
    all_boxed = boxes.read(root / frames.COMPLETE).pictures
    paths = [path for path in listed if path not in all_boxed]
    parts = splits.parts_of(paths)
    chosen = [path for path, part in zip(paths, parts, strict=True) if part == "train"]
    for start in bar(range(0, len(chosen), _AT_ONCE), None, "looking for faces"):
        some = chosen[start : start + _AT_ONCE]
        loaded = [images.fit_within(images.decode(root / path), LONGEST) for path in some]
        pixels = [one for one, _ in loaded]
        plain = find(network, pixels, LONGEST)
        turned = find(network, [one[:, ::-1] for one in pixels], LONGEST)
        for path, (one, scale), seen, mirror in zip(some, loaded, plain, turned, strict=True):
            faces, scores = both_ways(seen, mirror, one.shape[1])
            sure = scores >= sure_from
            box = np.array(listed[path][0].corners) * scale if listed[path] else None
            inside = np.flatnonzero(middles_inside(faces, box))
            if len(inside) and scores[inside].max() >= IN_BOX:
                sure[inside[scores[inside].argmax()]] = True
            if sure.any():
                doubtful = faces[~sure & (scores > DOUBTFUL)]
                pictures.add_pixels(one, "train", faces[sure], doubtful)


def both_ways(seen: Found, mirror: Found, width: int) -> Found:
    """Faces of a picture and of its mirror image, one each, with the mean of their scores.

    width: of the picture in pixels. A face that is seen one way only has half of its score.
    """
    turned = mirror[0].copy()
    turned[:, [0, 2]] = width - turned[:, [2, 0]]
    free = np.ones(len(turned), bool)
    faces, scores = [], []
    for box, score in zip(*seen, strict=True):
        overlap = iou(box, turned)[0]
        other = int(overlap.argmax()) if len(overlap) else -1
        if other >= 0 and overlap[other] > _SAME_FACE:
            free[other] = False
            box, score = (box + turned[other]) / 2, score + mirror[1][other]
        faces.append(box)
        scores.append(score / 2)
    together = _boxes([*faces, *turned[free]])
    return together, np.array([*scores, *mirror[1][free] / 2], np.float32)


def middles_inside(faces: Array, box: NDArray[np.float64] | None) -> NDArray[np.bool_]:
    """bool `[M]`: whether the middle of a face, `[M, 4]`, is in a box."""
    if box is None:
        return np.zeros(len(faces), bool)
    middle = (faces[:, :2] + faces[:, 2:]) / 2
    return np.asarray(((box[:2] <= middle) & (middle <= box[2:])).all(axis=1), np.bool_)


def learn(
    pictures: Pictures,
    out: Path,
    epochs: int,
    rate: float,
    recolour: float,
    seed: int,
    initial: nn.Module | None,
) -> nn.Module:
    """A stage of the detector: its averaged weights after the last epoch."""
    recipe = DEFAULT["faces"]
    recipe = replace(
        recipe,
        epochs=epochs,
        learning_rate=rate,
        augmentation=replace(recipe.augmentation, recolour=recolour),
    )
    boxed = Boxed(pictures.pixels, pictures.boxes, pictures.ignored)
    training = FaceTraining(
        boxed,
        pictures.rows("train"),
        pictures.rows("validation"),
        recipe,
        initial,
        seed,
        _CPU,
    )
    out.mkdir(parents=True, exist_ok=True)
    with Display(epochs) as display:
        loop.run(training, out, display)
    return training.average.network


def faces(data: Path, out: Path) -> nn.Module:
    """The detector, in three stages."""
    pictures = Pictures()
    ours(data, pictures)
    network = learn(pictures, out / "alone", 18, 2e-3, 0.0, 0, None)
    for number, (epochs, rate, dolls) in enumerate(((5, 2e-3, 800), (7, 1.8e-3, 600)), start=1):
        pictures = Pictures()
        ours(data, pictures)
        others(data, pictures)
        with_one_box(data, network, SURE[number - 1], pictures)
        drawings(out / f"dolls-{number}", dolls, number, pictures)
        network = learn(
            pictures, out / f"together-{number}", epochs, rate, 0.3, number - 1, network
        )
    return network


def main() -> None:
    """Train, and keep the runs."""
    parser = argparse.ArgumentParser(description=__doc__)
    data_option(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    arguments = parser.parse_args()
    torch.set_flush_denormal(True)  # gradients of sure places are tiny, and slow otherwise
    set_thresholds(_CPU)
    faces(folder(arguments), arguments.out)


def _boxes(corners: Sequence[Sequence[float] | Array]) -> Array:
    return np.array(corners, np.float32).reshape(-1, 4)


if __name__ == "__main__":
    main()
