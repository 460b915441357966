"""Files as each Keras lays them out, made from tests/fixtures/keras_layouts."""

import io
import json
import lzma
import zipfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

FIXTURES = Path(__file__).parents[2] / "fixtures"

Case = dict[str, Any]
Change = Callable[[h5py.File], None]


@pytest.fixture
def probabilities() -> Callable[[str, str], np.ndarray]:
    """What a Keras, `keras-3.15.1`, predicts with a network, for the pictures of the fixtures."""

    def get(version: str, built: str) -> np.ndarray:
        found = next(case for case in cases(version) if case["built"] == built)
        return np.array(found["probabilities"])

    return get


@pytest.fixture
def keras_file(tmp_path: Path) -> Callable[..., Path]:
    """A file with the layout that a Keras wrote. `change` is done to the arrays' file at last."""

    def write(version: str, built: str, name: str, change: Change = lambda _: None) -> Path:
        [found] = [one for one in cases(version) if (one["built"], one["file"]) == (built, name)]
        path = tmp_path / name
        content = io.BytesIO()
        with h5py.File(content, "w") as file:
            fill(file, found)
            change(file)
        if "members" in found:
            with zipfile.ZipFile(path, "w") as archive:
                for member, text in found["members"].items():
                    archive.writestr(member, text)
                archive.writestr("model.weights.h5", content.getvalue())
        else:
            path.write_bytes(content.getvalue())
        return path

    return write


@pytest.fixture
def files_of() -> Callable[[str, str], list[str]]:
    """The names of the files that a Keras wrote of a network."""
    return lambda version, built: [c["file"] for c in cases(version) if c["built"] == built]


@cache
def cases(version: str) -> list[Case]:
    path = FIXTURES / "keras_layouts" / f"{version}.json.xz"
    found: list[Case] = json.loads(lzma.decompress(path.read_bytes()))["cases"]
    return found


@cache
def weights(network: str) -> list[np.ndarray]:
    """The arrays of `keras_cnn.keras` or `keras_xception.keras`, in the order of its layers."""
    with zipfile.ZipFile(FIXTURES / f"keras_{network}.keras") as archive:
        layers = json.loads(archive.read("config.json"))["config"]["layers"]
        file = h5py.File(io.BytesIO(archive.read("model.weights.h5")), "r")
    groups = {
        "Conv2D": "conv2d",
        "SeparableConv2D": "separable_conv2d",
        "BatchNormalization": "batch_normalization",
        "Dense": "dense",
    }
    seen: dict[str, int] = dict.fromkeys(groups.values(), 0)
    found = []
    for layer in layers:
        if group := groups.get(layer["class_name"]):
            number = seen[group]
            seen[group] += 1
            arrays = file[f"layers/{group}_{number}/vars" if number else f"layers/{group}/vars"]
            found += [arrays[str(i)][()] for i in range(len(arrays))]
    return found


def fill(file: h5py.File, case: Case) -> None:
    """The groups, arrays and attributes of a case."""
    for path in case["groups"]:
        if path and path not in case["arrays"]:
            file.require_group(path)
    for path, array in arrays(case):
        file[path] = array
    for path, attributes in case["groups"].items():
        for name, (kind, value) in attributes.items():
            file[path or "/"].attrs[name] = attribute(kind, value)


def arrays(case: Case) -> Iterator[tuple[str, np.ndarray]]:
    """The arrays of a case by their paths."""
    for path, what in case["arrays"].items():
        if isinstance(what, int):
            yield path, weights(case["network"])[what]
        elif "zeros" in what:
            yield path, np.zeros(what["zeros"], what["dtype"])
        else:
            yield path, np.array(what["values"], what["dtype"])


def attribute(kind: str, value: Any) -> Any:
    if kind == "text":
        return value
    if kind == "bytes":
        return np.char.encode(np.array(value), "utf8") if value != [] else np.array([], "S1")
    return np.array(value, kind)
