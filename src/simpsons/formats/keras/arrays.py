"""The arrays of a Keras file: found for each layer, and read one by one, each checked first."""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import h5py
import numpy as np
from numpy.typing import NDArray

from simpsons.formats.keras.containers import MAX_BYTES, Contents
from simpsons.formats.keras.errors import AGAIN, KerasImportError
from simpsons.formats.keras.graph import Layer

ROLES = {
    "BatchNormalization": ("gamma", "beta", "moving_mean", "moving_variance"),
    "Conv2D": ("kernel", "bias"),
    "Dense": ("kernel", "bias"),
    "Normalization": ("mean", "variance"),
    "SeparableConv2D": ("depthwise_kernel", "pointwise_kernel", "bias"),
}
"""The arrays of a layer in Keras's order, by the layer's class."""

_MOST = max(map(len, ROLES.values()))

ROOTS = ("layers", "_layer_checkpoint_dependencies")
"""The groups of layers; Keras 2.12 and 2.13 write the second."""


class Piece(NamedTuple):
    """The arrays of one layer: what errors call it, its class, and the arrays by their number."""

    name: str
    kind: str
    arrays: Mapping[int, Any]

    def __str__(self) -> str:
        return f"the layer '{self.name}', {self.kind},"

    def read(self, number: int, shape: list[int]) -> NDArray[np.float32]:
        """One array, in Keras's layout. Its shape is checked before it is read."""
        return _read(self.arrays.get(number), f"array {number} of {self}", shape)

    def read_numbers(self, number: int) -> NDArray[np.float64]:
        """One of the few numbers of a Normalization, as one row."""
        array = self.arrays.get(number)
        shape = list(array.shape) if isinstance(array, h5py.Dataset) else []
        if math.prod(shape) not in (1, 3):
            shape = [3]
        return self.read(number, shape).astype(np.float64).ravel()


def of_layers(weighted: list[Layer], layers: tuple[Layer, ...], contents: Contents) -> list[Piece]:
    """The arrays of these layers of a model. layers: those of the model itself.

    Raises KerasImportError if a layer has none.
    """
    find = _legacy if contents.is_legacy else _numbered
    found = find(weighted, layers, contents)
    return [Piece(layer.name, layer.kind, found[layer.name]) for layer in weighted]


def _numbered(
    weighted: list[Layer], layers: tuple[Layer, ...], contents: Contents
) -> dict[str, Mapping[int, Any]]:
    """Where arrays lie at `layers/conv2d_1/vars/0`.

    Keras names a group by the layer's class and a counter; Keras 2.12 and 2.13 count each layer
    that has weights twice. Files with the layers' own names are read too. Where the groups record
    the names of their layers (in Keras 3.15, not in 3.5), a way of naming that contradicts them is
    passed over.
    """
    whole: list[dict[str, h5py.Group]] = []
    for root in ROOTS:
        for named in (_counted, _own, _counted_twice):
            paths = _paths(layers, root, named)
            groups = {
                layer.name: link(contents.weights, f"{paths[layer.name]}/vars")
                for layer in weighted
            }
            if all(link(group, "0") is not None for group in groups.values()):
                own = {layer.name: layer.own for layer in weighted}
                if all(group.attrs.get("name", own[n]) == own[n] for n, group in groups.items()):
                    return {name: _by_number(group) for name, group in groups.items()}
                whole.append(groups)
    if whole:
        return {name: _by_number(group) for name, group in whole[0].items()}
    paths = _paths(layers, ROOTS[0], _counted)
    missing = next(
        (
            layer.name
            for layer in weighted
            if link(contents.weights, f"{paths[layer.name]}/vars/0") is None
        ),
        weighted[0].name,
    )
    raise KerasImportError(
        f"its {contents.where[1]} has no weights of the layer '{missing}'; {AGAIN}"
    )


def _by_number(group: h5py.Group) -> dict[int, Any]:
    return {number: link(group, str(number)) for number in range(_MOST)}


def _paths(
    layers: Iterable[Layer], root: str, named: Callable[[list[Layer]], list[str]], above: str = ""
) -> dict[str, str]:
    """The path of each layer's group, by the layer's name."""
    layers = list(layers)
    paths = {}
    for layer, group in zip(layers, named(layers), strict=True):
        path = f"{above}{root}/{group}"
        if layer.inner is None:
            paths[layer.name] = path
        else:
            paths |= _paths(layer.inner, root, named, f"{path}/")
    return paths


def _own(layers: list[Layer]) -> list[str]:
    return [layer.own for layer in layers]


def _counted(layers: list[Layer], twice: bool = False) -> list[str]:
    seen: Counter[str] = Counter()
    names = []
    for layer in layers:
        snake = _snake_case("Functional" if layer.kind == "Model" else layer.kind)
        number = seen[snake]
        names.append(f"{snake}_{number}" if number else snake)
        seen[snake] += 2 if twice and layer.has_arrays else 1
    return names


def _counted_twice(layers: list[Layer]) -> list[str]:
    return _counted(layers, twice=True)


def _snake_case(kind: str) -> str:
    """Keras's own way from `SeparableConv2D` to `separable_conv2d`."""
    kind = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", kind)
    return re.sub("([a-z])([A-Z])", r"\1_\2", kind).lower()


def _legacy(
    weighted: list[Layer], layers: tuple[Layer, ...], contents: Contents
) -> dict[str, Mapping[int, Any]]:
    """Where a layer's group has its own name and a list of the names of its arrays.

    A model in the model is one group: its arrays are told by the layers' names in theirs, or else
    by their order.
    """
    found: dict[str, Mapping[int, Any]] = {}
    wanted = {layer.name for layer in weighted}
    for layer in layers:
        inner = [one for one in _leaves(layer) if one.name in wanted]
        if not inner:
            continue
        arrays = named_arrays(contents.weights, layer.own)
        if layer.inner is None:
            found[layer.name] = _by_role(layer.kind, arrays)
            continue
        within = [{name.split("/")[-2] for name, _ in arrays if name.count("/")}]
        if all(one.own in within[0] for one in inner):
            for one in inner:
                own = [(name, array) for name, array in arrays if one.own in name.split("/")[:-1]]
                found[one.name] = _by_role(one.kind, own)
        else:
            found |= _in_order(inner, arrays)
    for layer in weighted:
        if not found.get(layer.name):
            raise KerasImportError(
                f"its {contents.where[1]} has no weights of the layer '{layer.name}'; {AGAIN}"
            )
    return found


def _leaves(layer: Layer) -> list[Layer]:
    if layer.inner is None:
        return [layer]
    return [leaf for inner in layer.inner for leaf in _leaves(inner)]


def named_arrays(weights: h5py.Group, layer: str) -> list[tuple[str, Any]]:
    """The arrays of a group in an .h5 file with the names that it lists, in that order."""
    group = link(weights, layer)
    if not isinstance(group, h5py.Group):
        return []
    return [(name, link(group, name)) for name in listed(group, "weight_names")]


def listed(group: h5py.Group, attribute: str) -> list[str]:
    """A list of names, which Keras splits where it is long: `layer_names0`, `layer_names1`."""
    if attribute in group.attrs:
        values = [group.attrs[attribute]]
    else:
        values = []
        while f"{attribute}{len(values)}" in group.attrs:
            values.append(group.attrs[f"{attribute}{len(values)}"])
    return [
        name.decode() if isinstance(name, bytes) else str(name)
        for value in values
        for name in np.atleast_1d(value)
    ]


def role_of(name: str) -> str:
    """What an array is, by its name: `kernel` of `conv2d_1/kernel:0`."""
    return name.rpartition("/")[2].partition(":")[0]


def _by_role(kind: str, arrays: list[tuple[str, Any]]) -> dict[int, Any]:
    roles = {role_of(name): array for name, array in arrays}
    return {n: roles[role] for n, role in enumerate(ROLES[kind]) if role in roles}


def _in_order(layers: list[Layer], arrays: list[tuple[str, Any]]) -> dict[str, Mapping[int, Any]]:
    left = list(arrays)
    found: dict[str, Mapping[int, Any]] = {}
    for layer in layers:
        own = []
        for role in ROLES[layer.kind]:
            if role == "bias" and not layer.config.get("use_bias", True):
                continue
            place = next((n for n, (name, _) in enumerate(left) if role_of(name) == role), None)
            own += [] if place is None else [left.pop(place)]
        found[layer.name] = _by_role(layer.kind, own)
    return found


def link(group: Any, path: str) -> Any:
    """What lies at a path below a group, or None; links out of the file aren't followed."""
    for name in path.split("/"):
        if not isinstance(group, h5py.Group) or not name:
            return None
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            return None
        group = group[name]
    return group


def _read(dataset: Any, array: str, shape: list[int]) -> NDArray[np.float32]:
    if not isinstance(dataset, h5py.Dataset):
        raise KerasImportError(f"its {array} is missing; {AGAIN}")
    if list(dataset.shape) != shape:
        raise KerasImportError(
            f"its {array} has the shape {list(dataset.shape)}, and the layer needs {shape}; {AGAIN}"
        )
    if dataset.dtype.kind != "f":
        raise KerasImportError(
            f"its {array} has values of the type {dataset.dtype}, not floats; save the model in "
            "float32, not quantized"
        )
    chunk = math.prod(dataset.chunks or ()) * dataset.dtype.itemsize
    if dataset.external or dataset.is_virtual or chunk > MAX_BYTES:
        raise KerasImportError(f"its {array} is not stored plainly in the file; {AGAIN}")
    with np.errstate(over="ignore"):
        values: NDArray[np.float32] = dataset[()].astype(np.float32)
    if not np.isfinite(values).all():
        raise KerasImportError(
            f"its {array} has values that aren't finite: training diverged; take an earlier "
            "checkpoint, or train again with a lower learning rate"
        )
    return values
