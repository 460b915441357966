"""What a program has to know of an ONNX file that runs where its metadata can't be read.

ONNX Runtime gives the metadata in Python, C++ and other languages; in JavaScript it does not, and
OpenCV has no such function. So a JSON file stands beside each ONNX file.
"""

import json
import os
from pathlib import Path
from typing import Any

from simpsons.characters import display_name
from simpsons.classifier import SHIPPED, Classifier
from simpsons.detector import FACES, Detector
from simpsons.errors import SimpsonsError
from simpsons.files import require_replaceable, write_text
from simpsons.network import FACES_TASK, Network, find

_START = b'{\n "file": '
_SIGNS = rb'\n\x06labels\x12.{1,3}\["', rb'\n\x04task\x12."faces"'  # of metadata, JSON


def read(model: str | os.PathLike[str]) -> dict[str, Any]:
    """The facts, as JSON values.

    Of every file: `file`, its name; `input`, `{"name", "type", "shape"}`; `outputs`, the shape of
    each by its name, None for a number that depends on the picture; `data_licence`, None where the
    file does not say.

    Of a classifier: `labels` and `names` in the order of the probabilities, as the data set and as
    people say them; `familiarity_threshold` and `face_familiarity_threshold`, None where there is
    none; `resize`, see `simpsons.pixels.images.fit`. Of a face detector: `threshold`,
    `stranger_threshold` and `longest_sides`, see `simpsons.Detector`.

    model: `cnn`, `xception`, `cnn-int8`, `dolls`, `faces`, the path of an ONNX file that this
    package exported, or of a run folder with one. Raises ModelError for another file.
    """
    path = find(model, [*SHIPPED, FACES])
    network = Network(path, 1, "export one with `simpsons export`")
    specific = _of_faces(path) if network.says("task", FACES_TASK) else _of_characters(path)
    [pixels] = network.on_one_core.get_inputs()
    return {
        "file": path.name,
        "input": {
            "name": pixels.name,
            "type": pixels.type.removeprefix("tensor(").removesuffix(")"),
            "shape": list(pixels.shape),
        },
        "outputs": {one.name: list(one.shape) for one in network.on_one_core.get_outputs()},
        **specific,
        "data_licence": network.metadata().get("data_licence"),
    }


def require_target(model: Path) -> None:
    """Raise SimpsonsError if the file of a network, or of its facts, is there and is another."""
    require_replaceable(model, "an exported network", *_SIGNS)
    facts_path(model)


def facts_path(model: Path) -> Path:
    """Where the facts of an ONNX file go: the same name with the suffix `.json`.

    Raises SimpsonsError if the file itself, or one that has no facts, is there.
    """
    path = model.with_suffix(".json")
    if path == model:
        raise SimpsonsError(f"{model}: is where its labels go; choose another suffix, as .onnx")
    if path.is_dir():
        raise SimpsonsError(f"{path}: is a folder, and facts go there; choose another name")
    if path.is_file() and not path.read_bytes().startswith(_START):
        raise SimpsonsError(
            f"{path}: already exists and was not written for an ONNX file; choose another name for "
            "the file, or move it away"
        )
    return path


def write(model: Path) -> Path:
    """Write the facts of an ONNX file beside it, whole or not at all; return the path."""
    path = facts_path(model)
    write_text(path, json.dumps(read(model), indent=1, ensure_ascii=False) + "\n")
    return path


def _of_characters(path: Path) -> dict[str, Any]:
    classifier = Classifier(path, threads=1)
    of_faces = classifier.metadata.get("face_familiarity_threshold")
    return {
        "labels": list(classifier.labels),
        "names": [display_name(label) for label in classifier.labels],
        "familiarity_threshold": classifier.threshold,
        "face_familiarity_threshold": of_faces,
        "resize": classifier.resize,
    }


def _of_faces(path: Path) -> dict[str, Any]:
    detector = Detector(path, threads=1)
    return {
        "threshold": detector.minimum,
        "stranger_threshold": detector.stranger_minimum,
        "longest_sides": list(detector.sides),
    }
