"""Files of weights alone: what they are of is told by shapes, or not at all."""

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from simpsons.formats.keras import KerasImportError, read, read_keras

KerasFile = Callable[..., Path]
OLD, NEW = "keras-2.15.0", "keras-3.15.1"
LEGACY, NUMBERED = (OLD, "weights.h5"), (NEW, "model.weights.h5")


def refusal(path: Path) -> str:
    with pytest.raises(KerasImportError) as error:
        read_keras(path)
    assert str(error.value).startswith(f"{path}: ")
    return str(error.value)


def rename(file: h5py.File, old: str, new: str) -> None:
    file.move(old, new)


@pytest.mark.parametrize("which", [LEGACY, NUMBERED])
def test_more_or_fewer_layers_than_the_notebooks(
    which: tuple[str, str], keras_file: KerasFile
) -> None:
    version, name = which

    def without(file: h5py.File) -> None:
        del file["layers/conv2d_3" if version == NEW else "conv2d_3"]
        if version == OLD:
            names = [one for one in file.attrs["layer_names"].tolist() if one != "conv2d_3"]
            file.attrs["layer_names"] = np.array(names, "S")

    said = refusal(keras_file(version, "cnn", name, without))
    assert "cnn has a Conv2D of [3, 3, 64, 64] and [64], and the file none" in said
    assert "simpsons train FOLDER --model cnn" in said

    def another(file: h5py.File) -> None:
        if version == NEW:
            file.create_dataset("layers/dense_2/vars/0", data=np.zeros((18, 5), np.float32))
        else:
            file.create_dataset("extra/kernel:0", data=np.zeros((18, 5), np.float32))
            file["extra"].attrs["weight_names"] = np.array(["kernel:0"], "S")
            names = np.array([*file.attrs["layer_names"].tolist(), "extra"], "S")
            file.attrs["layer_names"] = names

    said = refusal(keras_file(version, "cnn", name, another))
    assert "cnn has no Dense of [18, 5] more, as the file has" in said


@pytest.mark.parametrize("which", [LEGACY, NUMBERED])
@pytest.mark.parametrize("classes", [2, 1024])
def test_any_number_of_classes(which: tuple[str, str], classes: int, keras_file: KerasFile) -> None:
    """With 1,024 the two dense layers of cnn have one shape, and their order tells them."""
    version, name = which
    last = "layers/dense_1/vars" if version == NEW else "dense_1/dense_1"
    kernel, bias = ("0", "1") if version == NEW else ("kernel:0", "bias:0")

    def widen(file: h5py.File) -> None:
        del file[f"{last}/{kernel}"], file[f"{last}/{bias}"]
        file[f"{last}/{kernel}"] = np.zeros((1024, classes), np.float32)
        file[f"{last}/{bias}"] = np.arange(classes, dtype=np.float32)

    found, network = read_keras(keras_file(version, "cnn", name, widen))
    assert found == "cnn"
    with torch.inference_mode():
        assert network(torch.rand(1, 3, 64, 64)).tolist() == [list(range(classes))]


def test_layers_with_names_of_their_own(keras_file: KerasFile) -> None:
    """All layers of cnn have shapes of their own, so their names and order say nothing."""

    def renamed(file: h5py.File) -> None:
        for number, name in enumerate(list(file["layers"])):
            rename(file, f"layers/{name}", f"zyx{number:02}")

    path = keras_file(NEW, "cnn", "model.weights.h5", renamed)
    expected = read_keras(keras_file(NEW, "cnn", "model.keras"))[1].state_dict()
    state = read_keras(path)[1].state_dict()
    assert all(torch.equal(state[key], expected[key]) for key in expected)


def test_layers_of_one_shape_without_an_order_are_not_guessed(keras_file: KerasFile) -> None:
    def renamed(file: h5py.File) -> None:
        for number, name in enumerate(list(file["layers"])):
            rename(file, f"layers/{name}", f"zyx{number:02}")

    said = refusal(keras_file(NEW, "xception", "model.weights.h5", renamed))
    assert "weights alone don't say which of its layers of [32] and [32]" in said
    assert "model.save('name.keras'), which keeps the layers too" in said


def test_names_of_layers_that_keras_splits(keras_file: KerasFile) -> None:
    """Long lists are in several attributes."""

    def split(file: h5py.File) -> None:
        names = file.attrs["layer_names"]
        del file.attrs["layer_names"]
        file.attrs["layer_names0"], file.attrs["layer_names1"] = names[:7], names[7:]

    assert read_keras(keras_file(*LEGACY[:1], "xception", LEGACY[1], split))[0] == "xception"


def test_layers_keep_their_order_beyond_nine(keras_file: KerasFile) -> None:
    """conv2d_10 does not come before conv2d_2."""
    expected = read_keras(keras_file(NEW, "xception", "model.keras"))[1].state_dict()
    state = read_keras(keras_file(NEW, "xception", "model.weights.h5"))[1].state_dict()
    assert all(torch.equal(state[key], expected[key]) for key in expected)


def test_normalisation_is_found_by_its_arrays(keras_file: KerasFile) -> None:
    imported = read(keras_file(OLD, "xception_nested", "weights.h5"))
    assert imported.says_values
    assert not imported.has_layers


@pytest.mark.parametrize("which", [LEGACY, NUMBERED])
def test_arrays_that_lie(which: tuple[str, str], keras_file: KerasFile, tmp_path: Path) -> None:
    version, name = which
    path = "layers/dense_1/vars/1" if version == NEW else "dense_1/dense_1/bias:0"
    secret = tmp_path / "secret.h5"
    with h5py.File(secret, "w") as file:
        file["bias"] = np.zeros(18, np.float32)

    def put(make: Callable[[h5py.File], None]) -> Callable[[h5py.File], None]:
        def change(file: h5py.File) -> None:
            del file[path]
            make(file)

        return change

    def nan(file: h5py.File) -> None:
        file[path] = np.full(18, np.nan, np.float32)

    def integers(file: h5py.File) -> None:
        file[path] = np.zeros(18, np.int8)

    def huge(file: h5py.File) -> None:
        file.create_dataset(path, (2**40,), "f4", chunks=(2**20,))

    def linked(file: h5py.File) -> None:
        file[path] = h5py.ExternalLink(secret, "bias")

    def group(file: h5py.File) -> None:
        file.create_group(path)

    for make, part in (
        (nan, "aren't finite"),
        (integers, "int8, not floats"),
        (huge, "neither network"),
        (linked, "neither network"),
        (group, "neither network"),
    ):
        assert part in refusal(keras_file(version, "cnn", name, put(make)))


def test_many_dense_layers_of_any_size(tmp_path: Path) -> None:
    """Not one network is made for each."""
    path = tmp_path / "a.weights.h5"
    with h5py.File(path, "w") as file:
        for number in range(300):
            file.create_dataset(f"layers/dense_{number}/vars/0", (1024, 10**6 + number), "f4")
    assert "its weights are of neither network" in refusal(path)


def test_no_layers_at_all(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = np.array(["input_1"], "S")
        file.create_group("input_1").attrs["weight_names"] = np.array([], "S1")
    assert "has no weights of layers in it" in refusal(path)
