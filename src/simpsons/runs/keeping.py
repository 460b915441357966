"""Characters beside those that a shipped network knows, whose pictures are not needed: a folder
with the network, the split and a report.

model.onnx         the shipped network with more characters
split.csv          which picture was in which part
report/index.html  figures on the validation part
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from simpsons import __version__
from simpsons.classifier import UNKNOWN, Classifier
from simpsons.dataset import cache
from simpsons.dataset import split as splits
from simpsons.dataset.cache import Dataset
from simpsons.dataset.folders import Characters, DataError
from simpsons.dataset.split import Split
from simpsons.evaluation.measure import Measured, error_examples, measure
from simpsons.evaluation.report import write_report
from simpsons.files import StrPath
from simpsons.formats import onnx_export
from simpsons.formats.more_characters import Array, Reader, extended
from simpsons.pixels.images import Pixels
from simpsons.progress import Track, silent
from simpsons.run_files import MODEL, SPLIT
from simpsons.runs import changes
from simpsons.runs.changes import Tell, untold
from simpsons.runs.run import REPORT, require_free
from simpsons.runs.run_lock import claimed
from simpsons.training import augment, more_characters
from simpsons.training.memory import Memory
from simpsons.training.recipe import DEFAULT

VIEWS = 9
"""How often each picture is learnt from: as it is, and augmented."""

FEW = 10
"""Training pictures of a character, below which a warning says so."""

_LEARNT = ("figures", "heat", "split", "recipe", "epoch", "epoch_kept")
"""What the metadata says of the first training that is not so of the network with more."""


@dataclass(frozen=True)
class Kept:
    """A network with more characters.

    folder: with its files. base: the shipped network. new: the characters that were added.
    measured: the network on the validation part. warnings: in sentences.
    """

    folder: Path
    base: str
    new: tuple[str, ...]
    measured: Measured
    warnings: tuple[str, ...]

    @property
    def model(self) -> Path:
        """The ONNX file."""
        return self.folder / MODEL


def keep(
    folder: Path,
    data: StrPath,
    base: str,
    *,
    split: str | None = None,
    characters: Characters = None,
    seed: int = 0,
    track: Track = silent,
    tell: Tell = untold,
) -> Kept:
    """Teach a shipped network the characters of a folder that it does not know, in a new folder.

    base: `cnn` or `xception`. characters: as `folders.find` takes them; None for all. Pictures of
    characters that the network knows, and of strangers in a project, help to tell the new ones
    from them. Raises SimpsonsError for a network without memory, a folder in use, and data that
    can't be used.
    """
    memory = Memory.of(base)
    classifier = Classifier(base)
    told: list[str] = []

    def warn(text: str) -> None:
        told.append(text)
        tell(text)

    require_free(folder)
    with claimed(folder):
        chosen = "all" if characters is None else characters
        dataset = cache.load(data, chosen, track, strangers=True)
        new = _new(dataset, classifier, base)
        made = splits.with_groups(dataset, splits.make(dataset, split, seed, track), track)
        splits.require_parts(dataset, made, "choose another --split, or add pictures")
        changes.tell_unread(dataset, warn)
        for name, count in _training_pictures(dataset, made, new).items():
            if count < FEW:
                warn(f"{count} training pictures of {name}: 20 and more teach better")
        model = _extended(classifier, memory, dataset, made, new, seed, track)
        folder.mkdir(parents=True, exist_ok=True)
        splits.write(folder / SPLIT, dataset, made)
        onnx_export.write(model, folder / MODEL, _metadata(classifier, base, new, made), True)
        measured = _report(folder, dataset, made, base, new, track)
    return Kept(folder, base, new, measured, tuple(told))


def _new(dataset: Dataset, classifier: Classifier, base: str) -> tuple[str, ...]:
    if UNKNOWN in dataset.classes:
        raise DataError(
            f"{dataset.root}: a class can't be called {UNKNOWN}, the verdict on a picture of "
            "nobody the network knows; rename its folder"
        )
    new = tuple(name for name in dataset.classes if name not in classifier.labels)
    if not new:
        raise DataError(
            f"{dataset.root}: {base} knows all of its characters already; omit --keep to train on"
        )
    return new


def _training_pictures(dataset: Dataset, split: Split, new: tuple[str, ...]) -> dict[str, int]:
    labels = dataset.labels[split.rows("train")]
    found = {name: int((labels == dataset.classes.index(name)).sum()) for name in new}
    if missing := [name for name, count in found.items() if not count]:
        raise DataError(
            f"{dataset.root}: no training picture of {', '.join(missing)}; add some, or choose "
            "another --split"
        )
    return found


def _extended(
    classifier: Classifier,
    memory: Memory,
    dataset: Dataset,
    split: Split,
    new: tuple[str, ...],
    seed: int,
    track: Track,
) -> Any:
    reader = Reader(classifier.path)
    number = np.array([new.index(name) if name in new else -1 for name in dataset.classes])
    of_new = np.append(number, -1)[dataset.labels]  # a stranger's label is the last
    is_stranger = dataset.labels < 0

    def features(rows: NDArray[np.int64], count: int) -> Array:
        if not len(rows):
            return np.empty((0, len(memory.centre)), np.float32)
        return reader(views(dataset.images[rows], count, seed), track)

    train, validation = split.rows("train"), split.rows("validation")
    learnt = train[of_new[train] >= 0]
    layers = more_characters.fit(
        features(learnt, VIEWS),
        np.tile(of_new[learnt], VIEWS),
        memory,
        strangers=features(train[is_stranger[train]], 1),
        known=features(train[(of_new[train] < 0) & ~is_stranger[train]], 1),
        held_out=features(validation[(of_new[validation] < 0) & ~is_stranger[validation]], 1),
        seed=seed,
    )
    thresholds = [classifier.threshold, classifier.face_threshold]
    level = max(each for each in thresholds if each is not None)
    return extended(classifier.path, layers, level)


def views(pixels: Pixels, count: int, seed: int) -> Pixels:
    """The pictures as they are, then augmented, uint8 `[count * N, 64, 64, 3]`."""
    how = DEFAULT["xception"].augmentation
    values = torch.from_numpy(np.array(pixels)).permute(0, 3, 1, 2).float().div_(255)
    torch.manual_seed(seed)
    drawn = [
        augment.change(values, augment.draw(len(values), how, torch.device("cpu")))
        for _ in range(count - 1)
    ]
    stacked = torch.cat([values, *drawn]).mul_(255).round_().to(torch.uint8)
    found: Pixels = stacked.permute(0, 2, 3, 1).contiguous().numpy()
    return found


def _metadata(
    classifier: Classifier, base: str, new: tuple[str, ...], split: Split
) -> dict[str, Any]:
    metadata = {key: value for key, value in classifier.metadata.items() if key not in _LEARNT}
    return metadata | {
        "labels": [*classifier.labels, *new],
        "kept": base,
        "split": {"kind": split.kind, "seed": split.seed, "parts": split.counts()},
        "version": __version__,
    }


def _report(
    folder: Path, dataset: Dataset, split: Split, base: str, new: tuple[str, ...], track: Track
) -> Measured:
    classifier = Classifier(folder)
    measured = measure(classifier, dataset, dataset.known(split.rows("validation")), track)
    parts = ", ".join(f"{count:,} {part}" for part, count in split.counts().items() if count)
    write_report(
        folder / REPORT,
        measured.evaluation,
        title=f"{base} and {len(new)} more, on the validation part of {dataset.root.name}",
        facts={
            "Network": f"{base}, which keeps the {len(classifier.labels) - len(new)} that it knows",
            "New": ", ".join(new),
            "Data": f"{dataset.root}: {len(dataset):,} pictures, {len(dataset.problems)} left out",
            "Split": f"{split.kind}: {parts}",
            "simpsons": __version__,
        },
        problems=dataset.problems,
        errors=error_examples(classifier, measured, dataset),
        notes=[
            "Of the characters that the network knew before, the figures count the pictures in "
            "this folder alone."
        ],
    )
    return measured
