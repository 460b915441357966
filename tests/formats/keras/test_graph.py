"""Configs of Keras versions that can't be run any more, after Keras's own source.

Sources: keras-team/keras, `keras/models.py` of 2.1 and `keras/engine/saving.py` of 2.2; TensorFlow
1.14, `python/keras/saving/hdf5_format.py`.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

from simpsons.formats.keras import KerasImportError, read, read_keras

KerasFile = Callable[..., Path]
Config = dict[str, Any]


def changed(change: Callable[[Config], Any]) -> Callable[[h5py.File], None]:
    """Change the config, and write it as bytes, as Keras did before 2.4."""

    def write(file: h5py.File) -> None:
        config = change(json.loads(file.attrs["model_config"]))
        file.attrs["model_config"] = np.bytes_(json.dumps(config))
        file.attrs["keras_version"] = np.bytes_("2.1.6")

    return write


def assert_same(path: Path, expected: Path) -> None:
    found, other = read_keras(path)[1].state_dict(), read_keras(expected)[1].state_dict()
    assert all(torch.equal(found[key], other[key]) for key in other)


def test_a_sequential_model_before_2_2_3(keras_file: KerasFile, tmp_path: Path) -> None:
    """Its config is the list of layers, and there is no InputLayer."""

    def to_list(config: Config) -> Config:
        _, first, *others = config["config"]["layers"]
        first["config"]["batch_input_shape"] = [None, 64, 64, 3]
        config["config"] = [first, *others]
        return config

    expected = keras_file("keras-2.15.0", "cnn", "model.h5").rename(tmp_path / "new.h5")
    assert_same(keras_file("keras-2.15.0", "cnn", "model.h5", changed(to_list)), expected)

    def too_large(config: Config) -> Config:
        to_list(config)["config"][0]["config"]["batch_input_shape"] = [None, 128, 128, 3]
        return config

    with pytest.raises(KerasImportError, match=r"inputs of the shape \[128, 128, 3\], and"):
        read_keras(keras_file("keras-2.15.0", "cnn", "model.h5", changed(too_large)))


@pytest.mark.parametrize("name", ["BatchNormalizationV1", "BatchNormalizationV2"])
def test_a_functional_model_of_tensorflow_1(
    name: str, keras_file: KerasFile, tmp_path: Path
) -> None:
    def to_model(config: Config) -> Config:
        config["class_name"] = "Model"
        for layer in config["config"]["layers"]:
            if layer["class_name"] == "BatchNormalization":
                layer["class_name"] = name
                layer["config"]["axis"] = [3]
        return config

    expected = keras_file("keras-2.15.0", "xception", "model.h5").rename(tmp_path / "new.h5")
    assert_same(keras_file("keras-2.15.0", "xception", "model.h5", changed(to_model)), expected)


@pytest.mark.parametrize(
    ("kind", "function", "constant", "part"),
    [
        ("TFOpLambda", "math.multiply", {"y": ["conv2d", 0, 0]}, "operation math.multiply"),
        ("TFOpLambda", "image.resize", {"size": [64, 64]}, "is the operation image.resize"),
        ("TFOpLambda", "io.read_file", {}, "is the operation io.read_file"),
        ("SlicingOpLambda", "__operators__.getitem", {}, "is the operation"),
        ("TFOpLambda", "math.truediv", {"y": 0}, "an operation that can't be read"),
        ("TFOpLambda", "math.truediv", {"y": "255"}, "an operation that can't be read"),
    ],
)
def test_operations_that_are_not_read(
    kind: str, function: str, constant: Config, part: str, keras_file: KerasFile
) -> None:
    def change(config: Config) -> Config:
        first = config["config"]["layers"][1]
        assert first["class_name"] == "TFOpLambda"
        first["class_name"] = kind
        first["config"]["function"] = function
        first["inbound_nodes"][0][3] = constant
        return config

    path = keras_file("keras-2.15.0", "xception_operators", "model.h5", changed(change))
    with pytest.raises(KerasImportError) as error:
        read_keras(path)
    assert part in str(error.value)


def test_a_number_before_the_pixels(keras_file: KerasFile, tmp_path: Path) -> None:
    """`1 - x / 255`, as Keras 2 writes it."""

    def change(config: Config) -> Config:
        first, second = config["config"]["layers"][1:3]
        first["inbound_nodes"][0][3] = {"y": 255.0, "name": None}
        second["inbound_nodes"] = [
            ["_CONSTANT_VALUE", -1, 1, {"y": [first["name"], 0, 0], "name": None}]
        ]
        return config

    usual = keras_file("keras-2.15.0", "xception", "model.h5").rename(tmp_path / "new.h5")
    path = keras_file("keras-2.15.0", "xception_operators", "model.h5", changed(change))
    pixels = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected = read_keras(usual)[1](1 - pixels)
        assert torch.allclose(read_keras(path)[1](pixels), expected, rtol=1e-4, atol=1e-4)


def test_kernels_of_theano_are_turned(keras_file: KerasFile, tmp_path: Path) -> None:
    """Its convolutions turn the kernel by half a circle."""

    def theano(file: h5py.File) -> None:
        weights = file.get("model_weights", file)
        weights.attrs["backend"] = np.bytes_("theano")
        for name in weights.attrs["layer_names"]:
            kernel = weights.get(f"{name}/{name}/kernel:0")
            if kernel is not None and len(kernel.shape) == 4:
                kernel[...] = kernel[()][::-1, ::-1]

    expected = keras_file("keras-2.15.0", "cnn", "model.h5").rename(tmp_path / "new.h5")
    for name in ("model.h5", "weights.h5"):
        assert_same(keras_file("keras-2.15.0", "cnn", name, theano), expected)


def test_a_cast_says_nothing_of_values(keras_file: KerasFile, tmp_path: Path) -> None:
    def change(config: Config) -> Config:
        first, second = config["config"]["layers"][1:3]
        first["config"]["function"] = "cast"
        first["inbound_nodes"][0][3] = {"dtype": "float32"}
        second["config"]["function"] = "math.multiply"
        second["inbound_nodes"][0][3] = {"y": 1}
        return config

    usual = keras_file("keras-2.15.0", "xception", "model.h5").rename(tmp_path / "new.h5")
    path = keras_file("keras-2.15.0", "xception_operators", "model.h5", changed(change))
    assert not read(path).says_values
    assert_same(path, usual)
