"""Networks that have learnt: a run's, a shipped one, or one in an ONNX file.

A run may start from their weights or take them as teachers. They must not have learnt from
pictures that it holds out, or its figures would flatter it.
"""

import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from simpsons import models
from simpsons.classifier import SHIPPED, Classifier
from simpsons.dataset import split as splits
from simpsons.dataset.cache import Dataset
from simpsons.dataset.split import Split
from simpsons.detector import FACES
from simpsons.errors import SimpsonsError
from simpsons.formats.onnx_import import read_faces, read_onnx
from simpsons.network import FACES_TASK, Network, find
from simpsons.plain import built
from simpsons.runs.config import CONFIG, SPLIT, Config
from simpsons.training import checkpoint, loop
from simpsons.training.loop import Progress
from simpsons.training.observer import Epoch, finished

_SHIPPED = (*SHIPPED, FACES)


@dataclass(frozen=True)
class _Best:
    """The facts of the best weights; weights that no training left have none."""

    epoch: int = 0
    validation_accuracy: float = 0.0


def load_best(folder: Path) -> tuple[nn.Module, dict[str, Any]]:
    """The network of a run with its best weights, and the epoch and figures they had.

    Raises SimpsonsError if the run has no weights yet.
    """
    network = _new(Config.read(folder))
    path = folder / loop.BEST
    facts = checkpoint.read_weights(network, path)
    try:
        return network, asdict(built(_Best, facts))
    except ValueError as error:
        raise checkpoint.damaged(path, error) from None


def load_last(folder: Path) -> nn.Module:
    """The network of a finished run with the averaged weights of its last epoch.

    Raises SimpsonsError if the run has epochs to go.
    """
    config = Config.read(folder)
    if finished(history(folder, config)) < config.recipe.epochs:
        raise SimpsonsError(
            f"{folder}: has not come to its last epoch; go on with simpsons train --resume {folder}"
        )
    network = _new(config)
    prefix = checkpoint.AVERAGE if config.recipe.average else checkpoint.NETWORK
    checkpoint.read_weights(network, folder / loop.LAST, prefix)
    return network


def history(folder: Path, config: Config) -> tuple[Epoch, ...]:
    """The epochs of a run so far. Raises CheckpointError if it has no state, or one that lies."""
    path = folder / loop.LAST
    try:
        return Progress.of(checkpoint.read_facts(path), config.recipe.epochs).history
    except ValueError as error:
        raise checkpoint.damaged(path, error) from None


def named(source: str | os.PathLike[str]) -> str:
    """What `config.json` calls a source: `cnn`, `xception` and `faces` as they are, else a whole
    path."""
    return str(source) if str(source) in _SHIPPED else str(Path(source).resolve())


def load(source: str, dataset: Dataset, split: Split) -> tuple[nn.Module, tuple[str, ...]]:
    """A network that has learnt, and its classes; a face detector has none.

    source: `cnn`, `xception`, `faces`, a run folder, or an ONNX file that `simpsons export` wrote.
    Raises SimpsonsError if it is none, or learnt from pictures of the names of some that the split
    holds out.
    """
    if _is_run(source):
        config = Config.read(Path(source))
        parts = splits.parts_by_name(dataset, Path(source, SPLIT))
        seen = np.flatnonzero(parts == "train")
        _require_unseen(source, seen, split, "train it on the same split")
        return load_best(Path(source))[0], config.classes
    facts = _metadata(source)
    if splits.is_shipped(facts):
        seen = splits.shipped_rows(dataset, "train")
        _require_unseen(source, seen, split, "choose --split shipped")
    if facts.get("task") == FACES_TASK:
        return read_faces(source), ()
    return read_onnx(source), Classifier(source).labels


def classes(source: str) -> tuple[str, ...]:
    """The classes of a network, as `load` takes it; a face detector has none."""
    if _is_run(source):
        config = Config.read(Path(source))
        return () if config.network == models.DETECTOR else config.classes
    return tuple(_metadata(source).get("labels", ()))


def licence(source: str) -> str | None:
    """The licence of the data that a network learnt from, as its file or run says; None if not.

    source: as `load` takes it.
    """
    if _is_run(source):
        return Config.read(Path(source)).licence
    return _metadata(source).get("data_licence")


def of_unknown_split(sources: Iterable[str]) -> list[str]:
    """Those sources of which it is not known which pictures they learnt from."""
    files = [source for source in sources if not _is_run(source)]
    return [file for file in files if not splits.is_shipped(_metadata(file))]


def _metadata(source: str) -> dict[str, Any]:
    """What an ONNX file says of itself. Raises ModelError if it is of no network of ours."""
    path = find(source, _SHIPPED)
    network = Network(path, 1, f"use {', '.join(_SHIPPED)}, or a file that `simpsons export` wrote")
    return network.metadata() if network.says("task", FACES_TASK) else Classifier(path).metadata


def _is_run(source: str) -> bool:
    return source not in _SHIPPED and Path(source, CONFIG).is_file()


def _require_unseen(source: str, seen: NDArray[np.int64], split: Split, remedy: str) -> None:
    if np.isin(split.part[seen], splits.HELD_OUT).any():
        raise SimpsonsError(
            f"{source}: learnt from pictures that this run holds out, by their names; {remedy}, or "
            "choose another network"
        )


def _new(config: Config) -> nn.Module:
    classes, dropout = len(config.classes), config.recipe.dropout
    return models.build(config.network, classes, dropout, _has_batch_norm(config))


def _has_batch_norm(config: Config) -> bool:
    return config.network == "cnn" and config.recipe.batch_norm
