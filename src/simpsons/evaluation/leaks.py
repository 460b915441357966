"""Whether a network is measured on pictures that it learnt from, or on copies of such."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from simpsons.classifier import Classifier
from simpsons.dataset import cache, file_copies, kaggle
from simpsons.dataset import split as splits
from simpsons.dataset.cache import Dataset
from simpsons.detector import Detector
from simpsons.evaluation.measure import Measured
from simpsons.progress import Track, silent
from simpsons.run_files import CONFIG, SPLIT


def learnt_from(paths: Sequence[str], network: Classifier | Detector) -> int | None:
    """How many pictures are named like those that a network learnt from; None if nobody knows."""
    own = _own_splits(network)
    if not own:
        return None
    learnt = np.zeros(len(paths), np.bool_)
    for split in own:
        file = () if split == "shipped" else (Path(split),)
        learnt |= splits.parts_of(paths, *file) == "train"
    return int(learnt.sum())


def learnt_note(model: str, network: Classifier | Detector, seen: int | None, total: int) -> str:
    """What there is to say of pictures that a network learnt from; empty if nothing."""
    if seen is None:
        return (
            f"{model} does not say which pictures it learnt from; if some are among these, the "
            "figures are inflated."
        )
    if not seen:
        return ""
    return (
        f"{seen:,} of these {total:,} pictures are named like pictures that {model} learnt from; "
        f"for a clean figure use --split {' or '.join(_own_splits(network))} --part test."
    )


def copies_of_training(
    dataset: Dataset,
    measured: Measured,
    training: str | os.PathLike[str] | None = None,
    track: Track = silent,
) -> int | None:
    """How many of the measured pictures copy a training picture.

    training: a folder of training pictures, None for the data set if these are a flat test set.
    None if there are no training pictures to compare with.
    """
    if not (dataset.listing.flat or training):
        return None
    where = Path(training) if training else _training_pictures(dataset.root)
    if where is None:
        return None
    found = file_copies.find_between(dataset, measured.rows, cache.load(where, track=track), track)
    return len(np.unique(found.first))


def _own_splits(network: Classifier | Detector) -> list[str]:
    """The `--split`s that a network learnt from: the shipped one, its run's, or both; none if
    unknown."""
    if splits.is_shipped(network.metadata):
        return ["shipped"]
    split, config = (network.path.with_name(name) for name in (SPLIT, CONFIG))
    is_kept = "kept" in network.metadata
    if split.is_file() and (is_kept or config.is_file()):
        return ["shipped", str(split)] if is_kept else [str(split)]
    return []


def _training_pictures(test_set: Path) -> Path | None:
    """Beside a test set unpacked from Kaggle's archive, else the installed data set."""
    for above in list(test_set.resolve().parents)[:2]:
        if (above / "simpsons_dataset").is_dir():
            return above / "simpsons_dataset"
    return kaggle.installed()
