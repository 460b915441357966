"""The file itself: which kind of Keras file it is, its config and its arrays.

Everything is read as data: nothing in the file is run or unpickled, and Keras isn't needed.

Sources: Keras, `keras/src/saving/saving_lib.py` and `keras/src/legacy/saving/legacy_h5_format.py`;
the files that Keras 2.12 to 3.15 write.
"""

import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

import h5py

from simpsons.formats.keras.errors import AGAIN, SAVE, KerasImportError

MAX_BYTES = 512 * 2**20
"""Largest `model.weights.h5` that is read, in bytes; the networks' own, with Adam, has 27 MB."""

_MAX_CONFIG_BYTES = 16 * 2**20
_HDF5 = b"\x89HDF\r\n\x1a\n"
_DEEPEST = 20  # groups in one another
_CONFIG, _WEIGHTS = "config.json", "model.weights.h5"

_LOAD_IN_KERAS_2 = (
    "in an environment with tf_keras (or TensorFlow up to 2.15, whose tf.keras is the same) "
)
_FROM_CHECKPOINT = (
    f"{_LOAD_IN_KERAS_2}build the model as your code does, then "
    "model.load_weights('{name}').expect_partial() and model.save('name.h5'), which can be imported"
)
_OTHER_KINDS = {
    ".ckpt": "is a checkpoint of TensorFlow",
    ".json": "has at most the layers of a network and no weights",
    ".onnx": "is an ONNX file already",
    ".pb": "is a graph of TensorFlow",
    ".pickle": "is a pickle, which can hold code and is never loaded",
    ".pkl": "is a pickle, which can hold code and is never loaded",
    ".pt": "is a file of PyTorch",
    ".pth": "is a file of PyTorch",
    ".tflite": "is a file of TensorFlow Lite",
}


class Contents(NamedTuple):
    """What is in a file.

    config: the layers as JSON, None for a file of weights alone. weights: the group of arrays.
    where: what errors call the two. is_legacy: whether arrays are grouped under the layers' names,
    as in .h5 files, not by `layers/conv2d_1/vars/0`.
    """

    config: bytes | None
    weights: h5py.Group
    where: tuple[str, str]
    is_legacy: bool

    @property
    def is_flipped(self) -> bool:
        """Whether Conv2D kernels are turned by half a circle, as Theano's convolutions take them.

        Source: Keras 2.2, `_need_convert_kernel` in `keras/engine/saving.py`.
        """
        backend = self.weights.attrs.get("backend") if self.is_legacy else None
        return backend in ("theano", b"theano")


@contextmanager
def opened(path: Path) -> Iterator[Contents]:
    """The contents of a Keras file, or of a `.keras` file that was unpacked into a folder.

    Raises KerasImportError for whatever is none.
    """
    if path.is_dir():
        config, weights = _folder(path)
    else:
        with _open(path) as file:
            start = file.read(len(_HDF5))
            if start == _HDF5:
                with _hdf5(file, "the file") as content:
                    try:
                        found = _legacy_or_weights(content)
                    except (
                        AttributeError,
                        LookupError,
                        OSError,
                        RuntimeError,
                        ValueError,
                    ) as error:
                        raise KerasImportError(_damaged("the file", error)) from None
                    yield found
                return
            config, weights = _members(file, path)
    with _hdf5(io.BytesIO(weights), f"its {_WEIGHTS}") as content:
        yield Contents(config, content, (_CONFIG, _WEIGHTS), is_legacy=False)


def _open(path: Path) -> BinaryIO:
    try:
        if path.exists() and not path.is_file():
            raise KerasImportError("is a pipe or a device; give a file")
        return path.open("rb")
    except FileNotFoundError:
        raise KerasImportError("no such file; check the path") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise KerasImportError(
            f"can't be read ({reason}); check its permissions and the disk"
        ) from None


@contextmanager
def _hdf5(file: BinaryIO, what: str) -> Iterator[h5py.File]:
    try:
        opened = h5py.File(file, "r")
    except (OSError, RuntimeError, ValueError) as error:
        raise KerasImportError(_damaged(what, error)) from None
    with opened:
        yield opened


def _damaged(what: str, error: Exception) -> str:
    return f"{what} is damaged ({str(error)[:80]}); {AGAIN}"


# A .keras file: a zip of config.json and model.weights.h5


def _members(file: BinaryIO, path: Path) -> tuple[bytes, bytes]:
    """The zip's `config.json` and `model.weights.h5`, unpacked."""
    try:
        with zipfile.ZipFile(file) as archive:
            return (
                _member(archive, _CONFIG, _MAX_CONFIG_BYTES),
                _member(archive, _WEIGHTS, MAX_BYTES),
            )
    except zipfile.BadZipFile as error:
        raise KerasImportError(_no_zip(path, error)) from None
    except (EOFError, NotImplementedError, OSError, RuntimeError, zlib.error) as error:
        raise KerasImportError(f"can't be unpacked ({error}); {AGAIN}") from None


def _member(archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    """One member, unpacked to no more than the size that the zip gives for it."""
    try:
        member = archive.getinfo(name)
    except KeyError:
        raise KerasImportError(_missing(archive.namelist(), name)) from None
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise KerasImportError(f"its {name} is neither stored nor deflated in the zip; {AGAIN}")
    _require_size(name, member.file_size, limit)
    with archive.open(member) as unpacked:
        return unpacked.read(member.file_size)  # read() would first unpack up to 2 GiB


def _missing(there: list[str], name: str) -> str:
    inside = [one for one in there if one.lower().endswith((".keras", ".h5", ".hdf5"))]
    if "model.weights.npz" in there and name == _WEIGHTS:
        return f"has its weights as model.weights.npz; {SAVE} where h5py is installed"
    if _CONFIG not in there and inside:
        return f"has no {name} in it, but {inside[0]}; unzip it and give that file"
    return f"has no {name} in it, so is not a .keras file; {AGAIN}"


def _require_size(name: str, size: int, limit: int) -> None:
    if size > limit:
        raise KerasImportError(
            f"its {name} has {size / 2**20:,.0f} MiB unpacked, more than the "
            f"{limit // 2**20} MiB that are read; {SAVE} without other models in it"
        )


def _no_zip(path: Path, error: Exception) -> str:
    """Why a file that is neither a zip nor HDF5 can't be imported."""
    name = path.name
    if name == "checkpoint" and (found := _checkpoint(path.parent)):
        return found
    if ".data-0" in name or name.endswith(".index"):
        stem = path.parent / name.partition(".data-0")[0].removesuffix(".index")
        return _of_checkpoint("is a checkpoint", stem)
    if name in ("saved_model.pb", "keras_metadata.pb", "fingerprint.pb"):
        return _saved_model(path.parent)
    if name.endswith(".weights.json"):
        return (
            "is the list of weights that are in several files; save them in one, with "
            "model.save_weights('name.weights.h5')"
        )
    kind = _OTHER_KINDS.get(path.suffix.lower())
    if kind is None:
        return f"is not a .keras file, or a damaged one ({error}); {AGAIN}"
    if path.suffix == ".onnx":
        return f"{kind}; use it with --model if `simpsons` wrote it, or import the Keras file"
    return f"{kind}; {SAVE} where the network was trained, and give that file"


# A folder


def _folder(path: Path) -> tuple[bytes, bytes]:
    if (path / _CONFIG).is_file() and (path / _WEIGHTS).is_file():  # unpacked, as Kaggle does
        members = []
        for name, limit in ((_CONFIG, _MAX_CONFIG_BYTES), (_WEIGHTS, MAX_BYTES)):
            with _open(path / name) as file:
                content = file.read(limit + 1)
            _require_size(name, len(content), limit)
            members.append(content)
        return members[0], members[1]
    if (path / "saved_model.pb").is_file():
        raise KerasImportError(_saved_model(path))
    if found := _checkpoint(path):
        raise KerasImportError(found)
    files = sorted(one.name for one in path.iterdir() if one.suffix in (".keras", ".h5", ".hdf5"))
    if files:
        raise KerasImportError(f"is a folder, not a Keras file; give a file in it, as {files[0]}")
    raise KerasImportError(f"is a folder, not a Keras file; {SAVE} and give that file")


def _checkpoint(folder: Path) -> str | None:
    """What a folder of checkpoints is; None if it has none."""
    stems = sorted(one.with_suffix("") for one in folder.glob("*.index"))
    return _of_checkpoint("is a folder of checkpoints", stems[-1]) if stems else None


def _of_checkpoint(what: str, stem: Path) -> str:
    remedy = _FROM_CHECKPOINT.format(name=stem)
    return f"{what} of TensorFlow, which Keras 2 writes for weights alone; {remedy}"


def _saved_model(folder: Path) -> str:
    """What a SavedModel is, and how its network can be had from Keras."""
    if (folder / "keras_metadata.pb").is_file():
        return (
            f"is a SavedModel of Keras 2; {_LOAD_IN_KERAS_2}load it and write an .h5 file, which "
            f"can be imported: tf_keras.models.load_model('{folder}').save('name.h5')"
        )
    return (
        "is a SavedModel without its Keras layers, as model.export writes; with TensorFlow, build "
        "the network as your code does, copy what was learnt with new.set_weights([v.numpy() for v "
        f"in tf.saved_model.load('{folder}').variables if v.dtype.is_floating]), and save it with "
        "new.save('name.keras')"
    )


# An HDF5 file: a model or weights alone


def _legacy_or_weights(file: h5py.File) -> Contents:
    attributes = set(file.attrs)
    if "model_config" in attributes:
        where = ("model_config", "model_weights")
        weights = file.get("model_weights", getlink=True)
        if not isinstance(weights, h5py.HardLink):
            raise KerasImportError(
                "has the layers of a network and no weights; save the weights too, with "
                "model.save('name.h5')"
            )
        return Contents(_text(file.attrs["model_config"]), file["model_weights"], where, True)
    if attributes & {"layer_names", "layer_names0"}:
        return Contents(None, file, ("", "the file"), is_legacy=True)
    if isinstance(file.get("model_weights", getlink=True), h5py.HardLink):
        return Contents(None, file["model_weights"], ("", "model_weights"), is_legacy=True)
    if _has_numbered_arrays(file):
        return Contents(None, file, ("", "the file"), is_legacy=False)
    there = ", ".join(list(file)[:5]) or "nothing"
    raise KerasImportError(f"is an HDF5 file, but not of a Keras model: it has {there}; {AGAIN}")


def _has_numbered_arrays(group: object, depth: int = 0) -> bool:
    """Whether there is a group `vars` with an array `0` below."""
    if not isinstance(group, h5py.Group) or depth > _DEEPEST:
        return False
    for name in group:
        if isinstance(group.get(name, getlink=True), h5py.HardLink):
            inner = group[name]
            is_found = isinstance(inner, h5py.Group) and name == "vars" and "0" in inner
            if is_found or _has_numbered_arrays(inner, depth + 1):
                return True
    return False


def _text(value: object) -> bytes:
    if isinstance(value, str):
        value = value.encode()
    if not isinstance(value, bytes):
        raise KerasImportError(f"its model_config is not text; {AGAIN}")
    _require_size("model_config", len(value), _MAX_CONFIG_BYTES)
    return value
