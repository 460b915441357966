"""Whether a network is measured on pictures that it learnt from."""

from collections.abc import Sequence
from pathlib import Path

from simpsons.classifier import Classifier
from simpsons.dataset import split as splits
from simpsons.detector import Detector
from simpsons.training.config import CONFIG, SPLIT


def count(paths: Sequence[str], network: Classifier | Detector) -> int | None:
    """How many pictures are named like those that a network learnt from; None if nobody knows."""
    split = _own_split(network)
    if split is None:
        return None
    own = () if split == "shipped" else (Path(split),)
    return int((splits.parts_of(paths, *own) == "train").sum())


def note(model: str, network: Classifier | Detector, seen: int | None, total: int) -> str:
    """What there is to say of pictures that a network learnt from; empty if nothing."""
    if seen is None:
        return (
            f"{model} does not say which pictures it learnt from; if some are among these, the "
            "figures flatter."
        )
    if not seen:
        return ""
    return (
        f"{seen:,} of these {total:,} pictures are named like pictures that {model} learnt from; "
        f"for a clean figure use --split {_own_split(network)} --part test."
    )


def _own_split(network: Classifier | Detector) -> str | None:
    """The `--split` that a network learnt from: the shipped one, or its run's; None if unknown."""
    if splits.is_shipped(network.metadata):
        return "shipped"
    split, config = (network.path.with_name(name) for name in (SPLIT, CONFIG))
    return str(split) if split.is_file() and config.is_file() else None
