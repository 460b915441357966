"""A trained network leaves as an ONNX file that knows whom it does not know.

What is familiar is learnt from the training part of the data, and the threshold set on the
validation part; see `simpsons.familiarity`.
"""

import os
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from simpsons import familiarity
from simpsons.classifier import Classifier
from simpsons.dataset.cache import Dataset
from simpsons.dataset.folders import DataError
from simpsons.dataset.split import Split
from simpsons.export import export
from simpsons.onnx_import import read_onnx

_WRITTEN_BY_EXPORT = ("labels", "temperature")


def ship(
    network: nn.Module,
    out: Path,
    dataset: Dataset,
    split: Split,
    metadata: dict[str, Any],
    temperature: float,
    half: bool = False,
) -> None:
    """Write a network as ONNX with the familiarity of its pictures; see `simpsons.export`."""
    train, validation = split.rows("train"), split.rows("validation")
    fitted = familiarity.fit(
        network.cpu(), dataset.images[train], dataset.labels[train], temperature
    )
    values = familiarity.measure(fitted, network, dataset.images[validation], temperature)
    metadata = metadata | {"familiarity_threshold": familiarity.threshold(values)}
    export(network, out, dataset.classes, metadata, temperature, half, fitted)


def ship_again(
    model: str | os.PathLike[str], out: Path, dataset: Dataset, split: Split, half: bool = False
) -> None:
    """Write `cnn`, `xception` or an ONNX file anew: the same network and probabilities.

    The familiarity is learnt from the data set, whose classes must be the file's, in the same
    split as the network. Raises DataError for other classes or a split with an empty part, and
    ModelError for a file that this package did not export.
    """
    classifier = Classifier(model)
    if dataset.classes != classifier.labels:
        raise DataError(
            f"{dataset.root}: has other classes than {classifier.path}; give the pictures that "
            "it was trained on with --data"
        )
    if not np.isin(("train", "validation"), split.part).all():
        raise DataError(
            f"{dataset.root}: the split {split.kind} has no training or validation pictures in "
            "it; give the split that the network was trained on with --split"
        )
    kept = {k: v for k, v in classifier.metadata.items() if k not in _WRITTEN_BY_EXPORT}
    temperature = classifier.metadata.get("temperature", 1.0)
    ship(read_onnx(model), out, dataset, split, kept, temperature, half)
