"""`import_keras`: a Keras file of either network in, an ONNX file out."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from simpsons import models
from simpsons.characters import SLUGS
from simpsons.errors import SimpsonsError
from simpsons.files import StrPath
from simpsons.formats import facts
from simpsons.formats.keras import read
from simpsons.formats.onnx_export import export
from simpsons.pixels.plain_resize import ANTIALIAS, Resize

_MOST = 2**20  # bytes of a file of labels


@dataclass(frozen=True)
class ImportedFile:
    """path: of the ONNX file. network: cnn or xception. facts: of the JSON beside the file.

    notes: what the Keras file doesn't say and was assumed, in sentences.
    """

    path: Path
    network: str
    facts: Path | None
    notes: tuple[str, ...]


def import_keras(
    keras_file: StrPath,
    out: StrPath,
    *,
    labels: Sequence[str] | StrPath | None = None,
    values: str | None = None,
    bgr: bool = False,
    resize: Resize | None = None,
) -> ImportedFile:
    """Turn a Keras file of either network of the notebook into an ONNX file.

    Args:
        keras_file: a .keras, .h5 or .hdf5 file of Keras 2 or 3, a whole model or weights alone.
        out: the ONNX file.
        labels: the classes in the order of the outputs: a list, one text with commas between, or a
            path of a text file, a JSON file or the folder that Keras read; None for the 18.
        values: what the network was given for 0 to 255: "0..1", "-1..1" or "0..255"; None for what
            the file's first layers take, else 0..1.
        bgr: it was given blue, green, red, as cv2.imread reads.
        resize: "bilinear", "nearest" or "antialias"; None for what the file says, else antialias.

    Raises:
        SimpsonsError: for a file that isn't such a network, labels that don't go with it, or an
            output that can't be written.
    """
    path, name = Path(out), Path(keras_file).name
    facts.require_target(path)
    classes = _classes(labels)
    imported = read(keras_file, values, bgr=bgr)
    outputs = models.outputs(imported.network)
    if len(classes) != outputs:
        raise SimpsonsError(
            f"{keras_file}: has {outputs} classes and {len(classes)} labels are given; "
            "name each class, in the order of the outputs, with --labels"
        )
    way = resize or imported.resize or ANTIALIAS
    metadata = {"network": imported.name, "source": name}
    if way != ANTIALIAS:
        metadata["resize"] = way
    export(imported.network, path, classes, metadata)
    assumed = [] if values or imported.says_values else ["values from 0 to 1 (else --values)"]
    assumed += [] if bgr else ["red, green, blue (else --bgr)"]
    assumed += [] if resize or imported.resize else ["an anti-aliased resize (else --resize)"]
    assumed += [] if labels else ["the 18 characters in alphabetical order (else --labels)"]
    notes = []
    if assumed:
        notes.append(
            f"{name} doesn't say how your code read pictures. Assumed: {', '.join(assumed)}. Where "
            "that is wrong, so are answers."
        )
    if imported.is_mixed:
        notes.append(
            "Keras computed this network in 16 bits (mixed precision), and it is computed in 32 "
            "here: probabilities differ by up to about 0.01."
        )
    if not imported.has_layers:
        notes.append(
            f"{name} has weights alone; that they are of {imported.name} is told by their shapes. "
            "What has none, such as a Rescaling, is not known: see --values."
        )
    written = facts.write(path) if path.is_file() else None
    return ImportedFile(path, imported.name, written, tuple(notes))


def _classes(given: Sequence[str] | StrPath | None) -> tuple[str, ...]:
    """The classes that were named. Raises SimpsonsError if they are no names."""
    if given is None:
        return SLUGS
    if not isinstance(given, str | os.PathLike):
        return _distinct(list(given), ", ".join(given))
    text = os.fspath(given)
    path = Path(text)
    is_path = text and "," not in text
    if is_path and path.is_dir():
        found = sorted(one.name for one in path.iterdir() if one.is_dir())  # as Keras sorts them
    elif is_path and path.is_file():
        found = _in_file(path)
    else:
        found = [label.strip() for label in text.split(",")]
    return _distinct(found, text)


def _distinct(found: list[str], given: str) -> tuple[str, ...]:
    if not found or "" in found or len(set(found)) < len(found):
        raise SimpsonsError(f"--labels {given}: empty or duplicate name; name each class")
    return tuple(found)


def _in_file(path: Path) -> list[str]:
    """The names in a file: one a line, a JSON list, or JSON from name to number or back."""
    try:
        with path.open("rb") as file:
            text = file.read(_MOST).decode("utf-8-sig")
        found = json.loads(text) if path.suffix.lower() == ".json" else text.splitlines()
        if isinstance(found, dict):
            found = _in_order(found)
    except OSError as error:
        raise SimpsonsError(f"--labels {path}: can't be read ({error.strerror})") from None
    except (ValueError, TypeError, RecursionError) as error:
        raise SimpsonsError(
            f"--labels {path}: is not a list of classes ({str(error)[:60]}); give one name per "
            "line, or the class_indices of Keras as JSON"
        ) from None
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        raise SimpsonsError(f"--labels {path}: is not a list of names; give one name per line")
    return [name.strip() for name in found if name.strip() or path.suffix.lower() == ".json"]


def _in_order(numbered: dict[str, object]) -> list[str]:
    """Names by their numbers, of `{"name": 0}` or `{"0": "name"}`. Raises ValueError."""
    if all(isinstance(value, str) for value in numbered.values()):
        pairs = [(int(number), str(name)) for number, name in numbered.items()]
    else:
        pairs = [(value, name) for name, value in numbered.items() if type(value) is int]
    pairs.sort()
    if [number for number, _ in pairs] != list(range(len(numbered))):
        raise ValueError("its numbers are not 0, 1, 2, ...")
    return [name for _, name in pairs]
