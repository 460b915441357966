"""Export a trained network as an ONNX file that can say `unknown`.

What is familiar is learnt from the training part of the data, and the threshold set on the
validation part by the file itself; see `simpsons.models.familiarity`.
"""

import os
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from simpsons.classifier import Classifier
from simpsons.dataset import split as splits
from simpsons.dataset.cache import Dataset
from simpsons.dataset.folders import DataError
from simpsons.dataset.split import Split
from simpsons.files import whole
from simpsons.formats import quantize
from simpsons.formats.onnx_export import add_metadata, export
from simpsons.formats.onnx_import import read_onnx
from simpsons.models import familiarity
from simpsons.progress import Track, silent

_WRITTEN_BY_EXPORT = ("labels", "temperature", "face_familiarity_threshold", "input", "heat")


def export_fitted(
    network: nn.Module,
    out: Path,
    dataset: Dataset,
    split: Split,
    metadata: dict[str, Any],
    temperature: float,
    half: bool = False,
    int8: bool = False,
    track: Track = silent,
) -> None:
    """Write a network as ONNX with its familiarity; see `simpsons.formats.onnx_export`.

    int8: with int8 arithmetic, calibrated on some pictures of the training part.
    """
    train = dataset.known(split.rows("train"))
    strangers = dataset.images[dataset.strangers(split.rows("train"))]
    fitted = familiarity.fit(
        network.cpu(),
        dataset.images[train],
        dataset.labels[train],
        temperature,
        track=track,
        strangers=strangers,
    )
    calibration = dataset.images[quantize.calibration_rows(train)] if int8 else None
    with whole(out) as file:
        export(network, file, dataset.classes, metadata, temperature, half, fitted, calibration)
        add_metadata(file, _measured(file, dataset, split))


def export_again(
    model: str | os.PathLike[str],
    out: Path,
    dataset: Dataset,
    split: Split,
    half: bool = False,
    int8: bool = False,
    track: Track = silent,
) -> None:
    """Write `cnn`, `xception` or an ONNX file anew: the same network.

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
    remedy = "give the split that the network was trained on with --split"
    splits.require_parts(dataset, split, remedy)
    kept = {k: v for k, v in classifier.metadata.items() if k not in _WRITTEN_BY_EXPORT}
    temperature = classifier.metadata.get("temperature", 1.0)
    export_fitted(read_onnx(model), out, dataset, split, kept, temperature, half, int8, track)


def _measured(file: Path, dataset: Dataset, split: Split) -> dict[str, Any]:
    """What the metadata says of the validation part."""
    rows = split.rows("validation")
    classifier = Classifier(file)
    probabilities, values = classifier.probabilities_and_familiarity(dataset.images[rows])
    assert values is not None
    known = dataset.labels[rows] >= 0
    right = probabilities.argmax(axis=1) == dataset.labels[rows]
    is_face = np.zeros(len(rows), bool)
    if dataset.wholes is not None:
        is_face = dataset.wholes.is_face[rows]
    figures = {"validation_accuracy": float(right[known].mean())}
    thresholds = {}
    kinds = {
        "whole": ("familiarity_threshold", known & ~is_face),
        "faces": ("face_familiarity_threshold", known & is_face),
    }
    for kind, (name, chosen) in kinds.items():
        if chosen.any():
            thresholds[name] = familiarity.threshold(values[chosen])
            if dataset.wholes is not None:
                figures[f"validation_accuracy_{kind}"] = float(right[chosen].mean())
    strangers = ~known & is_face
    if strangers.any():
        named = values[strangers] >= thresholds["face_familiarity_threshold"]
        figures["validation_strangers_named"] = float(named.mean())
    thresholds.setdefault("familiarity_threshold", familiarity.threshold(values[known]))
    return {**thresholds, "figures": figures}
