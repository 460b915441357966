"""Networks that have learnt: a run's, a shipped one, or one in an ONNX file.

A run may start from their weights or take them as teachers. They must not have learnt from
pictures that it holds out, or its figures would flatter it.
"""

import os
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from simpsons import models
from simpsons.classifier import SHIPPED, Classifier
from simpsons.dataset import split as splits
from simpsons.dataset.cache import Dataset
from simpsons.dataset.split import Split
from simpsons.detector import FACES
from simpsons.errors import SimpsonsError
from simpsons.files import StrPath
from simpsons.formats.onnx_import import finds_faces, read_faces, read_onnx
from simpsons.network import Network, find
from simpsons.plain import built
from simpsons.run_files import CONFIG, SPLIT
from simpsons.runs.config import Config
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


def named(source: StrPath) -> str:
    """What `config.json` calls a source: `cnn`, `xception` and `faces` as they are, else a whole
    path."""
    return str(source) if str(source) in _SHIPPED else str(Path(source).resolve())


class Pretrained:
    """A network that was trained before: a run's, a shipped one, or one in an ONNX file.

    It is opened once, when something of it is first asked for. That raises SimpsonsError if there
    is no such network, or none that can be trained on.

    source: `cnn`, `xception`, `faces`, a run folder, or an ONNX file that `simpsons export` wrote.
    name: what `config.json` calls it.
    """

    def __init__(self, source: StrPath) -> None:
        self.source, self.name = os.fspath(source), named(source)

    @classmethod
    def of(cls, source: "StrPath | Pretrained") -> "Pretrained":
        """The same, if it is one already."""
        return source if isinstance(source, Pretrained) else cls(source)

    @cached_property
    def network(self) -> nn.Module:
        """With its best weights; the same one each time, so training it changes it here too."""
        if self._run is not None:
            return load_best(Path(self.source))[0]
        if isinstance(self._file, Classifier):
            return read_onnx(self._file)
        return read_faces(self._file)

    @property
    def classes(self) -> tuple[str, ...]:
        """Whom it names; a face detector nobody."""
        if self._run is not None:
            return () if self._run.network == models.DETECTOR else self._run.classes
        return self._file.labels if isinstance(self._file, Classifier) else ()

    @property
    def licence(self) -> str | None:
        """That of the data that it learnt from, if its run or file says so."""
        return self._run.licence if self._run else self._metadata.get("data_licence")

    @property
    def says_what_it_saw(self) -> bool:
        """Whether it is known which pictures it learnt from."""
        return self._run is not None or splits.is_shipped(self._metadata)

    def require_unseen(self, dataset: Dataset, split: Split) -> None:
        """Raise SimpsonsError if it learnt from pictures, by their names, that are held out."""
        if self._run is not None:
            parts = splits.parts_by_name(dataset, Path(self.source, SPLIT))
            seen, remedy = np.flatnonzero(parts == "train"), "train it on the same split"
        elif splits.is_shipped(self._metadata):
            seen, remedy = splits.shipped_rows(dataset, "train"), "choose --split shipped"
        else:
            return
        if np.isin(split.part[seen], splits.HELD_OUT).any():
            raise SimpsonsError(
                f"{self.name}: learnt from pictures that this run holds out, by their names; "
                f"{remedy}, or choose another network"
            )

    @cached_property
    def _run(self) -> Config | None:
        """The configuration of a run folder; None of a file."""
        is_run = self.source not in _SHIPPED and Path(self.source, CONFIG).is_file()
        return Config.read(Path(self.source)) if is_run else None

    @cached_property
    def _file(self) -> Classifier | Network:
        path = find(self.source, _SHIPPED)
        if finds_faces(path):
            return Network(path, 1, f"use {FACES}, or a file that `simpsons export` wrote")
        return Classifier(self.source)

    @cached_property
    def _metadata(self) -> dict[str, Any]:
        return self._file.metadata if isinstance(self._file, Classifier) else self._file.metadata()


def _new(config: Config) -> nn.Module:
    classes, dropout = len(config.classes), config.recipe.dropout
    return models.build(config.network, classes, dropout, _has_batch_norm(config))


def _has_batch_norm(config: Config) -> bool:
    return config.network == "cnn" and config.recipe.batch_norm
