"""Read a `.keras` file of either notebook network into the same network in PyTorch.

A `.keras` file is a zip: `config.json` lists the layers, `model.weights.h5` holds their arrays.
Both are read as data: nothing in the file is run or unpickled, and Keras isn't needed.

Sources: Keras, `keras/src/saving/saving_lib.py`; the layouts that Keras 2.12, 2.13, 2.15, 3.5
and 3.15 write.
"""

import io
import json
import math
import os
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import h5py
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from simpsons.errors import SimpsonsError
from simpsons.models import cnn, xception
from simpsons.models.cnn import CNN
from simpsons.models.xception import BATCH_NORM_EPSILON, Xception

MAX_BYTES = 512 * 2**20
"""Largest `model.weights.h5` that is read, in bytes; the networks' own, with Adam, has 27 MB."""

MAX_CLASSES = 10_000

_MAX_CONFIG_BYTES = 16 * 2**20
_HDF5 = b"\x89HDF\r\n\x1a\n"
_SAVE = "save the model in Keras with model.save('name.keras')"
_AGAIN = f"{_SAVE} again"
_REBUILD = (
    "build the network as the notebook does, copy what was learnt with "
    "new.set_weights(old.get_weights()), and save it with new.save('name.keras')"
)

_CHANNELS_LAST = {"data_format": "channels_last"}
_CONVOLUTION = {
    "filters": None,
    "kernel_size": None,
    "strides": 1,
    "padding": "valid",
    "dilation_rate": 1,
    "groups": 1,
    "use_bias": True,
    **_CHANNELS_LAST,
}
_SETTINGS: dict[str, dict[str, Any]] = {
    "Add": {},
    "BatchNormalization": {
        "axis": -1,
        "epsilon": 1e-3,
        "center": True,
        "scale": True,
        "renorm": False,
    },
    "Conv2D": _CONVOLUTION,
    "Dense": {"units": None, "use_bias": True},
    "Flatten": _CHANNELS_LAST,
    "GlobalAveragePooling2D": {"keepdims": False, **_CHANNELS_LAST},
    "MaxPooling2D": {"pool_size": 2, "strides": None, "padding": "valid", **_CHANNELS_LAST},
    "ReLU": {"max_value": None, "negative_slope": 0, "threshold": 0},
    "SeparableConv2D": {**_CONVOLUTION, "depth_multiplier": 1},
    "Softmax": {"axis": -1},
}
"""What decides a layer's answer, by class, with Keras's default for each."""

_FORK = "the start of a residual"
_WEIGHTED = ("BatchNormalization", "Conv2D", "Dense", "SeparableConv2D")
_TRAINING_ONLY = ("Dropout", "GaussianDropout", "GaussianNoise", "SpatialDropout2D")
_PREPROCESSING = ("CenterCrop", "Normalization", "Rescaling", "Resizing")


class KerasImportError(SimpsonsError):
    """A file that can't be read as one of the networks: it, the reason and the remedy."""


def read_keras(path: str | os.PathLike[str]) -> tuple[str, nn.Module]:
    """Read a `.keras` file: `("cnn" or "xception", the network in eval mode)`.

    The network is a `CNN` or an `Xception` with the file's weights and number of classes. It
    takes float32 `[N, 3, 64, 64]` in [0, 1] and returns logits: a `Rescaling(1/255)` at the
    start and a softmax at the end of the Keras model are left out. Dropout rates aren't taken
    over. Raises KerasImportError if the file isn't such a network.
    """
    try:
        with _open(Path(path)) as file:
            config, weights = _members(file)
        return _network(config, weights)
    except KerasImportError as error:
        raise KerasImportError(f"{path}: {error}") from None


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except FileNotFoundError:
        raise KerasImportError("no such file; check the path") from None
    except OSError as error:
        if path.is_dir():
            raise KerasImportError(
                f"is a folder, not a .keras file; {_SAVE} and give that file"
            ) from None
        raise KerasImportError(
            f"can't be read ({error.strerror}); check its permissions and the disk"
        ) from None


def _members(file: BinaryIO) -> tuple[bytes, bytes]:
    """The zip's `config.json` and `model.weights.h5`, unpacked."""
    if file.read(len(_HDF5)) == _HDF5:
        raise KerasImportError(
            "is an HDF5 file (.h5, or a .keras file of Keras 2.12 or older), not a zip; load it "
            "in Keras 2.13 or newer and re-save it as .keras: "
            "keras.models.load_model('old.h5').save('new.keras')"
        )
    try:
        with zipfile.ZipFile(file) as archive:
            return (
                _member(archive, "config.json", _MAX_CONFIG_BYTES),
                _member(archive, "model.weights.h5", MAX_BYTES),
            )
    except zipfile.BadZipFile as error:
        raise KerasImportError(
            f"is not a .keras file, or a damaged one ({error}); {_AGAIN}"
        ) from None
    except (EOFError, NotImplementedError, OSError, RuntimeError, zlib.error) as error:
        raise KerasImportError(f"can't be unpacked ({error}); {_AGAIN}") from None


def _member(archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    """One member, unpacked to no more than the size that the zip gives for it."""
    try:
        member = archive.getinfo(name)
    except KeyError:
        raise KerasImportError(f"has no {name} in it, so is not a .keras file; {_AGAIN}") from None
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise KerasImportError(f"its {name} is neither stored nor deflated in the zip; {_AGAIN}")
    if member.file_size > limit:
        raise KerasImportError(
            f"its {name} has {member.file_size / 2**20:,.0f} MiB unpacked, more than the "
            f"{limit // 2**20} MiB that are read; {_SAVE} without other models in it"
        )
    with archive.open(member) as unpacked:
        return unpacked.read(member.file_size)  # read() would first unpack up to 2 GiB


def _network(config: bytes, weights: bytes) -> tuple[str, nn.Module]:
    try:
        layers, chain = _layers(json.loads(config, object_hook=_plain))
        name, classes = _recognise(chain)
    except KerasImportError:
        raise
    except (AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise KerasImportError(
            f"its config.json is not that of a Keras model "
            f"({type(error).__name__}: {str(error)[:80]}); {_AGAIN}"
        ) from None
    with torch.device("meta"):
        network = CNN(classes) if name == "cnn" else Xception(classes)
    try:
        with h5py.File(io.BytesIO(weights), "r") as file:
            state = _state(network, chain, layers, file)
    except KerasImportError:
        raise
    except (AttributeError, LookupError, OSError, RuntimeError, TypeError, ValueError) as error:
        raise KerasImportError(
            f"its model.weights.h5 is damaged ({str(error)[:80]}); {_AGAIN}"
        ) from None
    network.load_state_dict(state, assign=True)
    return name, network.eval()


# The layers, from config.json


@dataclass(frozen=True)
class _Layer:
    """One layer of the config; `inputs` names the layers that feed it."""

    name: str
    kind: str
    config: dict[str, Any]
    inputs: tuple[str, ...]

    def __str__(self) -> str:
        return f"its layer '{self.name}'"


def _layers(model: dict[str, Any]) -> tuple[list[_Layer], list[_Layer]]:
    """All layers in the order of the config, and those from input to output in graph order."""
    kind, config = model["class_name"], model["config"]
    if kind not in ("Functional", "Model", "Sequential"):
        raise KerasImportError(
            f"is a model of the class {kind}; only Sequential and Functional models can be "
            f"imported: {_REBUILD}"
        )
    layers: list[_Layer] = []
    for entry in config["layers"]:
        _refuse_code(entry)
        before = tuple(layer.name for layer in layers[-1:])
        inputs = before if kind == "Sequential" else _inputs(entry)
        name = entry.get("name") or entry["config"]["name"]
        layers.append(_Layer(name, entry["class_name"], entry["config"], inputs))
    by_name = {layer.name: layer for layer in layers}
    if len(by_name) < len(layers):
        raise KerasImportError(f"two of its layers have the same name; {_REBUILD}")
    if kind == "Sequential":
        output = layers[-1].name
    else:
        outputs = config["output_layers"]
        if isinstance(outputs[0], str):
            outputs = [outputs]
        if len(outputs) > 1:
            raise KerasImportError(f"it has {len(outputs)} outputs, not one; {_REBUILD}")
        output = outputs[0][0]
    chain = _chain(by_name, output)
    _check_input(chain[0], config)
    return layers, chain


def _plain(value: dict[str, Any]) -> Any:
    """A number that Keras 2 wrote as NumPy's, as a number."""
    return value["config"]["value"] if value.get("class_name") == "__numpy__" else value


def _refuse_code(entry: dict[str, Any]) -> None:
    name, kind = entry["config"].get("name"), entry["class_name"]
    if "Lambda" in kind:
        raise KerasImportError(
            f"its layer '{name}' is a {kind} layer, which holds code, and code in a file is never "
            f"run; {_REBUILD}"
        )
    module = str(entry.get("module") or "keras").split(".")[0]
    if module not in ("keras", "tf_keras", "tensorflow") or ">" in str(
        entry.get("registered_name")
    ):
        raise KerasImportError(
            f"its layer '{name}' is of a custom class, {kind}, whose code is not in the file; "
            f"{_REBUILD}"
        )


def _inputs(entry: dict[str, Any]) -> tuple[str, ...]:
    """The names of the layers that feed a layer of a Functional model."""
    nodes = entry["inbound_nodes"]
    if len(nodes) > 1:
        raise KerasImportError(
            f"its layer '{entry['config']['name']}' is used {len(nodes)} times; {_REBUILD}"
        )
    names: list[str] = []

    def collect(part: Any) -> None:
        if isinstance(part, dict):
            if part.get("training"):
                raise KerasImportError(
                    f"its layer '{entry['config']['name']}' is called with training=True; "
                    f"{_REBUILD}"
                )
            if part.get("class_name") == "__keras_tensor__":  # Keras 3
                names.append(part["config"]["keras_history"][0])
            else:
                for inner in part.values():
                    collect(inner)
        elif isinstance(part, list):
            if len(part) > 2 and isinstance(part[0], str):  # Keras 2: name, node, output, kwargs
                names.append(part[0])
                part = part[3:]
            for inner in part:
                collect(inner)

    collect(nodes)
    return tuple(names)


def _chain(layers: dict[str, _Layer], output: str) -> list[_Layer]:
    """The layers from input to output; at an Add the main branch, the residual, then the Add.

    Follows the graph back from the output, so the order in the config doesn't matter. Where a
    residual starts, a layer of the kind `_FORK` is put in.
    """
    chain: list[_Layer] = []
    visited: set[str] = set()
    layer = layers[output]
    end = ""
    while True:
        if layer.name in visited:
            raise KerasImportError(f"its layers feed each other in a circle; {_REBUILD}")
        visited.add(layer.name)
        chain.append(layer)
        if layer.kind == "Add":
            residuals = [layers[name] for name in layer.inputs if _is_residual(layers[name])]
            if end or len(residuals) != 1 or len(layer.inputs) != 2:
                raise KerasImportError(
                    f"{layer} doesn't add one main branch and one residual Conv2D(kernel_size=1, "
                    f"strides=2), as xception does; {_REBUILD}"
                )
            chain += residuals
            end = residuals[0].inputs[0]
            following = next(name for name in layer.inputs if name != residuals[0].name)
        elif len(layer.inputs) > 1:
            raise KerasImportError(f"{layer}, {layer.kind}, has several inputs; {_REBUILD}")
        elif layer.inputs:
            following = layer.inputs[0]
        else:
            break
        if following == end:
            chain.append(_Layer(end, _FORK, {}, ()))
            end = ""
        layer = layers[following]
    if end:
        raise KerasImportError(
            f"its residual from the layer '{end}' doesn't lead back to the main branch; {_REBUILD}"
        )
    return chain[::-1]


def _is_residual(layer: _Layer) -> bool:
    settings = _settings(layer.kind, layer.config)
    return (
        layer.kind == "Conv2D"
        and settings["kernel_size"] == 1
        and settings["strides"] == 2
        and len(layer.inputs) == 1
    )


def _check_input(first: _Layer, model: dict[str, Any]) -> None:
    shape = (
        first.config.get("batch_shape")
        or first.config.get("batch_input_shape")
        or model.get("build_input_shape")
    )
    if shape and (
        len(shape) != 4
        or any(n not in (None, s) for n, s in zip(shape[1:], (64, 64, 3), strict=True))
    ):
        raise KerasImportError(
            f"it takes inputs of the shape {shape[1:]}, and the networks [64, 64, 3]; {_REBUILD}"
        )


# Which network it is


def _recognise(chain: list[_Layer]) -> tuple[str, int]:
    """The network's name and number of classes."""
    steps = [(layer, text) for layer in chain for text in _steps(layer, chain)]
    dense = [layer for layer in chain if layer.kind == "Dense"]
    classes = dense[-1].config["units"] if dense else 18
    if type(classes) is not int or not 2 <= classes <= MAX_CLASSES:
        raise KerasImportError(
            f"{dense[-1]} gives {classes} classes; from 2 to {MAX_CLASSES:,} can be imported: "
            f"{_REBUILD}"
        )
    found = [text for _, text in steps]
    best = 0
    differences: list[str] = []
    for name, expected in (("cnn", _cnn(classes)), ("xception", _xception(classes))):
        if found in (expected, expected[:-1]):
            return name, classes
        same = _common(found, expected)
        wanted = f"{name} has {expected[same]}" if same < len(expected) else f"{name} ends"
        if same > best:
            best, differences = same, []
        if same == best:
            differences.append(wanted)
    here = "{} is {}".format(*steps[best]) if best < len(steps) else "it ends"
    raise KerasImportError(
        f"is neither network of the notebook: {here} where {' and '.join(differences)}; {_REBUILD}"
    )


def _common(found: list[str], expected: list[str]) -> int:
    """How many steps two networks have in common before the first that differs."""
    pairs = enumerate(zip(found, expected, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(found), len(expected)))


def _steps(layer: _Layer, chain: list[_Layer]) -> list[str]:
    """What a layer computes at inference, as texts to compare: `Conv2D(filters=32, ...)`."""
    kind, config = layer.kind, layer.config
    if kind == "InputLayer" or kind in _TRAINING_ONLY:
        return []
    if kind == "Rescaling" and _is_first(layer, chain) and _is_255th(config):
        return []
    if kind in _PREPROCESSING or kind.startswith("Random"):
        detail = (
            f"(scale={config['scale']}, offset={config['offset']})" if "scale" in config else ""
        )
        raise KerasImportError(
            f"{layer} is {kind}{detail}, and the only preprocessing that can be imported is "
            f"Rescaling(1/255) as the first layer, because the networks take [0, 1]; {_REBUILD}"
        )
    if kind == "Activation":
        return _activation(config["activation"])
    return [_text(kind, config), *_activation(config.get("activation"))]


def _is_first(layer: _Layer, chain: list[_Layer]) -> bool:
    return layer is next(other for other in chain if other.kind != "InputLayer")


def _is_255th(config: dict[str, Any]) -> bool:
    scale, offset = config["scale"], config.get("offset", 0)
    return isinstance(scale, float) and math.isclose(scale, 1 / 255, rel_tol=1e-6) and offset == 0


def _activation(activation: Any) -> list[str]:
    if isinstance(activation, dict) and isinstance(activation["config"], str):
        activation = activation["config"]
    if isinstance(activation, dict):
        return [_text(activation["class_name"], activation["config"])]
    known = {None: [], "linear": [], "relu": ["ReLU"], "softmax": ["Softmax"]}
    return known.get(activation, [f"Activation({activation})"])


def _text(kind: str, config: dict[str, Any]) -> str:
    """A layer's class and those of its settings that aren't Keras's defaults."""
    defaults = _SETTINGS.get(kind, {})
    settings = [
        f"{name}={value}"
        for name, value in _settings(kind, config).items()
        if value != defaults[name]
    ]
    return f"{kind}({', '.join(settings)})" if settings else kind


def _settings(kind: str, config: dict[str, Any]) -> dict[str, Any]:
    """A layer's settings, written one way: `3` for `[3, 3]`, `same` for any 1x1 padding."""
    settings = {}
    for name, default in _SETTINGS.get(kind, {}).items():
        value = config.get(name, default)
        if isinstance(value, list) and len(set(value)) == 1:
            value = value[0]
        settings[name] = value
    if kind == "BatchNormalization" and settings["axis"] == 3:
        settings["axis"] = -1
    if kind == "MaxPooling2D" and settings["strides"] == settings["pool_size"]:
        settings["strides"] = None
    if kind == "Conv2D" and settings["kernel_size"] == 1 and settings["padding"] == "valid":
        settings["padding"] = "same"
    if settings.get("data_format", "") is None:
        settings["data_format"] = "channels_last"
    return settings


def _cnn(classes: int) -> list[str]:
    steps = []
    for width in cnn.WIDTHS:
        convolution = {"filters": width, "kernel_size": 3}
        steps += [_text("Conv2D", {**convolution, "padding": "same"}), "ReLU"]
        steps += [_text("Conv2D", convolution), "ReLU", "MaxPooling2D"]
    return [*steps, "Flatten", *_dense(1024, classes)]


def _xception(classes: int) -> list[str]:
    convolution = {"kernel_size": 3, "use_bias": False}
    steps = [_text("Conv2D", {**convolution, "filters": 32})]
    norm = _text("BatchNormalization", {"epsilon": BATCH_NORM_EPSILON})
    pool = _text("MaxPooling2D", {"pool_size": 3, "strides": 2, "padding": "same"})
    for width in xception.WIDTHS:
        same = {**convolution, "filters": width, "padding": "same"}
        steps += [_FORK, *[norm, "ReLU", _text("SeparableConv2D", same)] * 2]
        steps += [pool, _text("Conv2D", {**same, "kernel_size": 1, "strides": 2}), "Add"]
    return [*steps, "GlobalAveragePooling2D", *_dense(1024, 256, classes)]


def _dense(*widths: int) -> list[str]:
    steps = [step for width in widths for step in (_text("Dense", {"units": width}), "ReLU")]
    return [*steps[:-1], "Softmax"]


# The arrays, from model.weights.h5


def _state(
    network: nn.Module, chain: list[_Layer], layers: list[_Layer], file: h5py.File
) -> dict[str, Tensor]:
    """The network's state dict, filled from the file in the order of the layers."""
    weighted = [layer for layer in chain if layer.kind in _WEIGHTED]
    groups = _groups(weighted, layers, file)
    modules = _modules(network)
    state: dict[str, Tensor] = {}
    for layer in weighted:
        number = 0
        for _ in range(2 if layer.kind == "SeparableConv2D" else 1):
            name, module, keys = next(modules)
            for key in keys:
                wanted: Tensor = getattr(module, key)
                order = _keras_order(module, wanted.dim())
                shape = [wanted.shape[axis] for axis in order]
                array = _array(groups[layer.name], number, shape, layer)
                ours = np.ascontiguousarray(array.transpose(np.argsort(order)))
                state[f"{name}.{key}"] = torch.from_numpy(ours)
                number += 1
            if isinstance(module, nn.BatchNorm2d):
                state[f"{name}.num_batches_tracked"] = torch.tensor(0)
    if isinstance(network, CNN):
        dense = state["head.1.weight"]  # Keras flattens [2, 2, 256], and PyTorch [256, 2, 2]
        by_place = dense.reshape(-1, 2, 2, 256)
        state["head.1.weight"] = by_place.permute(0, 3, 1, 2).flatten(1).contiguous()
    return state


def _modules(network: nn.Module) -> Iterator[tuple[str, nn.Module, list[str]]]:
    """The modules with weights in the order of the layers: name, module, Keras's array order."""
    for name, module in network.named_modules():
        if isinstance(module, nn.BatchNorm2d):
            yield name, module, ["weight", "bias", "running_mean", "running_var"]
        elif isinstance(module, nn.Conv2d | nn.Linear):
            yield name, module, ["weight"] if module.bias is None else ["weight", "bias"]


def _keras_order(module: nn.Module, dimensions: int) -> tuple[int, ...]:
    """The axes of a PyTorch array in the order in which Keras stores them."""
    if dimensions == 4:
        depthwise = isinstance(module, nn.Conv2d) and module.groups > 1
        return (2, 3, 0, 1) if depthwise else (2, 3, 1, 0)
    return (1, 0) if dimensions == 2 else (0,)


def _groups(weighted: list[_Layer], layers: list[_Layer], file: h5py.File) -> dict[str, h5py.Group]:
    """The group of arrays of each layer, by the layer's name.

    Keras names a group by the layer's class and a counter; Keras 2.12 and 2.13 count each layer
    twice. Files with the layers' own names are read too. Where the groups record the names of
    their layers (in Keras 3.15, not in 3.5), a way of naming that contradicts them is passed over.
    """
    seen: Counter[str] = Counter()
    counted, counted_twice = {}, {}
    for layer in layers:
        snake = _snake_case(layer.kind)
        number = seen[snake]
        counted[layer.name] = f"{snake}_{number}" if number else snake
        counted_twice[layer.name] = f"{snake}_{2 * number}" if number else snake
        seen[snake] += 1
    own = {layer.name: layer.name for layer in layers}

    whole: list[dict[str, h5py.Group]] = []
    for root in ("layers", "_layer_checkpoint_dependencies"):
        for names in (counted, own, counted_twice):
            groups = {
                layer.name: _link(file, f"{root}/{names[layer.name]}/vars") for layer in weighted
            }
            if all(_link(group, "0") is not None for group in groups.values()):
                if all(group.attrs.get("name", name) == name for name, group in groups.items()):
                    return groups
                whole.append(groups)
    if whole:
        return whole[0]
    missing = next(
        layer.name
        for layer in weighted
        if _link(file, f"layers/{counted[layer.name]}/vars/0") is None
    )
    raise KerasImportError(
        f"its model.weights.h5 has no weights of the layer '{missing}'; {_AGAIN}"
    )


def _snake_case(kind: str) -> str:
    """Keras's own way from `SeparableConv2D` to `separable_conv2d`."""
    kind = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", kind)
    return re.sub("([a-z])([A-Z])", r"\1_\2", kind).lower()


def _link(group: Any, path: str) -> Any:
    """What lies at a path below a group, or None; links out of the file aren't followed."""
    for name in path.split("/"):
        if not isinstance(group, h5py.Group) or not name:
            return None
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            return None
        group = group[name]
    return group


def _array(group: h5py.Group, number: int, shape: list[int], layer: _Layer) -> NDArray[np.float32]:
    """One array of a layer, in Keras's layout. Its shape is checked before it is read."""
    array = f"array {number} of the layer '{layer.name}', {layer.kind},"
    dataset = _link(group, str(number))
    if not isinstance(dataset, h5py.Dataset):
        raise KerasImportError(f"its {array} is missing; {_AGAIN}")
    if list(dataset.shape) != shape:
        raise KerasImportError(
            f"its {array} has the shape {list(dataset.shape)}, and the layer needs {shape}; "
            f"{_AGAIN}"
        )
    if dataset.dtype.kind != "f":
        raise KerasImportError(
            f"its {array} has values of the type {dataset.dtype}, not floats; save the model in "
            "float32, not quantized"
        )
    chunk = math.prod(dataset.chunks or ()) * dataset.dtype.itemsize
    if dataset.external or dataset.is_virtual or chunk > MAX_BYTES:
        raise KerasImportError(f"its {array} is not stored plainly in the file; {_AGAIN}")
    with np.errstate(over="ignore"):
        values: NDArray[np.float32] = dataset[()].astype(np.float32)
    if not np.isfinite(values).all():
        raise KerasImportError(
            f"its {array} has values that aren't finite: training diverged; take an earlier "
            "checkpoint, or train again with a lower learning rate"
        )
    return values
