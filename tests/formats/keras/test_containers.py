"""Files that can't be imported: each says what it is and a remedy for its kind."""

import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from simpsons.formats.keras import KerasImportError, read_keras

KerasFile = Callable[..., Path]


def refusal(path: Path) -> str:
    with pytest.raises(KerasImportError) as error:
        read_keras(path)
    message = str(error.value)
    assert message.startswith(f"{path}: ")
    assert "; " in message, "names no remedy"
    return message


def test_saved_model_of_keras_2(tmp_path: Path) -> None:
    for name in ("saved_model.pb", "keras_metadata.pb"):
        (tmp_path / name).write_bytes(b"\x08\x01")
    for path in (tmp_path, tmp_path / "saved_model.pb"):
        said = refusal(path)
        assert "is a SavedModel of Keras 2; in an environment with tf_keras" in said
        assert f"tf_keras.models.load_model('{tmp_path}').save('name.h5')" in said


def test_saved_model_by_export(tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").write_bytes(b"\x08\x01")
    said = refusal(tmp_path)
    assert "is a SavedModel without its Keras layers, as model.export writes" in said
    assert f"tf.saved_model.load('{tmp_path}').variables" in said
    assert "new.save('name.keras')" in said


@pytest.mark.parametrize(
    "name", ["", "checkpoint", "epoch-07.index", "epoch-07.data-00000-of-00001"]
)
def test_checkpoints_of_tensorflow(name: str, tmp_path: Path) -> None:
    for one in ("checkpoint", "epoch-07.index", "epoch-07.data-00000-of-00001"):
        (tmp_path / one).write_bytes(b"model_checkpoint_path")
    said = refusal(tmp_path / name)
    assert "of TensorFlow, which Keras 2 writes for weights alone" in said
    assert f"model.load_weights('{tmp_path / 'epoch-07'}')" in said
    assert "model.save('name.h5'), which can be imported" in said


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("model.json", "no weights; save the model"),
        ("model.weights.json", "in several files; save them in one"),
        ("model.tflite", "is a file of TensorFlow Lite; save the model"),
        ("model.pkl", "is a pickle, which can hold code and is never loaded"),
        ("model.pt", "is a file of PyTorch"),
        ("frozen.pb", "is a graph of TensorFlow"),
        ("model.onnx", "is an ONNX file already"),
    ],
)
def test_other_kinds_of_file(name: str, part: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"anything")
    assert part in refusal(tmp_path / name)


def test_a_folder_with_files(tmp_path: Path) -> None:
    assert "is a folder, not a Keras file; save the model" in refusal(tmp_path)
    (tmp_path / "best.h5").touch()
    assert "give a file in it, as best.h5" in refusal(tmp_path)


def test_a_zip_around_the_file(tmp_path: Path) -> None:
    path = tmp_path / "models.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("models/best.h5", b"")
    assert "but models/best.h5; unzip it and give that file" in refusal(path)


def test_weights_as_npz(tmp_path: Path) -> None:
    path = tmp_path / "a.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", "{}")
        archive.writestr("model.weights.npz", b"")
    assert "has its weights as model.weights.npz; save the model" in refusal(path)


def test_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.h5")
    assert "is a pipe or a device; give a file" in refusal(tmp_path / "pipe.h5")


def test_hdf5_of_something_else(tmp_path: Path) -> None:
    """The notebook keeps its pictures in such a file too."""
    path = tmp_path / "dataset.h5"
    with h5py.File(path, "w") as file:
        file["X_train"] = np.zeros((2, 64, 64, 3), np.float32)
        file["y_train"] = np.zeros((2, 18), np.float32)
    said = refusal(path)
    assert "is an HDF5 file, but not of a Keras model: it has X_train, y_train" in said


def test_layers_without_weights(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = "{}"
    assert "has the layers of a network and no weights; save the weights too" in refusal(path)


@pytest.mark.parametrize("config", ["", "{", "[]", '{"class_name": "Sequential"}', 7, [1, 2]])
def test_h5_with_a_config_that_is_none(config: object, tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = config
        file.create_group("model_weights")
    said = refusal(path)
    assert "its model_config is not that of a Keras model" in said or "is not text" in said


@pytest.mark.parametrize("name", ["model.h5", "model.weights.h5"])
@pytest.mark.parametrize("left", [9, 2000, 500_000, -2000])
def test_truncated_hdf5(name: str, left: int, keras_file: KerasFile) -> None:
    path = keras_file("keras-3.15.1", "xception", name)
    path.write_bytes(path.read_bytes()[:left])
    assert "the file is damaged" in refusal(path)


def test_a_link_to_the_weights_of_another_file(keras_file: KerasFile, tmp_path: Path) -> None:
    path = keras_file("keras-2.15.0", "cnn", "model.h5")
    other = path.rename(tmp_path / "other.h5")
    with h5py.File(other) as source, h5py.File(path, "w") as file:
        file.attrs["model_config"] = source.attrs["model_config"]
        file["model_weights"] = h5py.ExternalLink(other, "model_weights")
    assert "has the layers of a network and no weights" in refusal(path)


def test_damage_in_the_middle(keras_file: KerasFile) -> None:
    """Whatever bytes are wrong: a message, or the weights that are there."""
    path = keras_file("keras-2.15.0", "xception", "model.h5")
    content = path.read_bytes()
    rng = np.random.default_rng(0)
    messages = []
    for _ in range(8):
        damaged = bytearray(content)
        start = int(rng.integers(0, 60_000))
        damaged[start : start + 200] = rng.bytes(200)
        path.write_bytes(damaged)
        try:
            read_keras(path)
        except KerasImportError as error:
            messages.append(str(error))
    assert len(messages) >= 3
    assert all("; " in message for message in messages)
