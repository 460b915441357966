"""Which network a file of weights alone is of, by the shapes of its arrays.

Such a file, as ModelCheckpoint(save_weights_only=True) writes it, has no layers without weights, no
activations and no preprocessing. Shapes tell the notebook's networks from others, and nearly every
layer from the rest; layers of one shape are told by their order.
"""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import h5py

from simpsons.formats.keras.arrays import ROLES, Piece, link, listed, named_arrays, role_of
from simpsons.formats.keras.containers import Contents
from simpsons.formats.keras.errors import OTHER, SAVE, KerasImportError
from simpsons.formats.keras.networks import MAX_CLASSES
from simpsons.formats.keras.state import Slot, empty, slots

_STATE = ("loss", "metrics", "optimizer")  # groups of what is no layer's
_COUNTED = re.compile(r"(.*?)(?:_(\d+))?")
_VARS = "vars"
_WIDTHS = {"cnn": 1024, "xception": 256}  # of what the last layer takes
_MOST = 8


class Told(NamedTuple):
    """name: `cnn` or `xception`. pieces: in the order of `state.slots`. first: a Normalization."""

    name: str
    classes: int
    pieces: list[Piece]
    first: list[Piece]


class _Item(NamedTuple):
    """A layer's arrays. among: the group whose layers it was found among, in their order; None
    where that is not known to be the order in which they run."""

    piece: Piece
    shapes: list[list[int]]
    among: str | None


def tell(contents: Contents) -> Told:
    """The network that the arrays are of.

    Raises KerasImportError if they are of neither, or if it can't be told which array is whose.
    """
    find = _legacy if contents.is_legacy else _numbered
    items = list(find(contents))
    first = [item.piece for item in items if item.piece.kind == "Normalization"]
    items = [item for item in items if item.piece.kind != "Normalization"]
    if not items:
        raise KerasImportError(f"has no weights of layers in it; {SAVE}, weights and layers")
    best: tuple[int, str] = (-1, "")
    for name, width in _WIDTHS.items():
        for classes in _classes(items, width):
            places = list(slots(empty(name, classes)))
            pieces, fitting, difference = _placed(places, items)
            if pieces:
                return Told(name, classes, pieces, first)
            best = max(best, (fitting, f"{name} {difference}"), key=lambda one: one[0])
    raise KerasImportError(
        f"its weights are of neither network of the notebook: {best[1]}; {OTHER}"
    )


def _classes(items: list[_Item], width: int) -> list[int]:
    """How many classes there may be, by the dense layers that take `width` numbers."""
    dense = [item.shapes[0] for item in items if item.piece.kind == "Dense"]
    found = [outputs for inputs, outputs in dense[::-1] if inputs == width]
    possible = dict.fromkeys(one for one in found if 2 <= one <= MAX_CLASSES)
    return list(possible)[:_MOST] or [18]


def _placed(places: list[Slot], items: list[_Item]) -> tuple[list[Piece], int, str]:
    """The arrays of each place, none if they don't fit; how many fit, and the first that don't."""
    left = list(items)
    found = []
    for number, place in enumerate(places):
        same = [n for n, item in enumerate(left) if _fits(item, place)]
        if not same:
            return [], number, f"has a {place.kind} of {_text(place.shapes)}, and the file none"
        among = {left[n].among for n in same}
        if len(same) > 1 and (len(among) > 1 or None in among):
            raise KerasImportError(
                f"its weights alone don't say which of its layers of {_text(place.shapes)} comes "
                f"first; {SAVE}, which keeps the layers too"
            )
        found.append(left.pop(same[0]).piece)
    if left:
        surplus = f"has no {left[0].piece.kind} of {_text(left[0].shapes)} more, as the file has"
        return [], len(places), surplus
    return found, len(places), ""


def _fits(item: _Item, place: Slot) -> bool:
    return item.piece.kind == place.kind and item.shapes == place.shapes


def _text(shapes: list[list[int]]) -> str:
    return " and ".join(map(str, shapes))


# Files with the layers' names (.h5)


def _legacy(contents: Contents) -> Iterator[_Item]:
    for layer in listed(contents.weights, "layer_names"):
        arrays = named_arrays(contents.weights, layer)
        layers = _by_layer(arrays)
        is_model = len(layers) > 1
        items = [_of_roles(name if is_model else layer, each) for name, each in layers.items()]
        known = [item for item in items if item is not None]
        if is_model:  # trained layers come before frozen ones
            names = [piece.name for piece in known]
            among = layer if _are_counted(names, known) else None
            known = sorted(known, key=lambda piece: _natural(piece.name)) if among else known
        else:
            among = ""
        for piece in known:
            yield _Item(piece, _shapes(piece), among)


def _by_layer(arrays: list[tuple[str, Any]]) -> dict[str, list[tuple[str, Any]]]:
    found: dict[str, list[tuple[str, Any]]] = {}
    for name, array in arrays:
        found.setdefault(name.rpartition("/")[0], []).append((name, array))
    return found


def _of_roles(name: str, arrays: list[tuple[str, Any]]) -> Piece | None:
    """A layer's arrays with its class, None for what is no layer's weights."""
    roles = {role_of(full): array for full, array in arrays}
    kind = _kind_of_roles(roles)
    if kind is None:
        return None
    wanted = ROLES.get(kind, tuple(roles))
    return Piece(name, kind, {n: roles[role] for n, role in enumerate(wanted) if role in roles})


def _kind_of_roles(roles: dict[str, Any]) -> str | None:
    if "gamma" in roles or "moving_mean" in roles:
        return "BatchNormalization"
    if "pointwise_kernel" in roles:
        return "SeparableConv2D"
    if {"mean", "variance"} <= set(roles):
        return "Normalization"
    kernel = roles.get("kernel")
    if isinstance(kernel, h5py.Dataset):
        return {2: "Dense", 4: "Conv2D"}.get(len(kernel.shape), "layer")
    are_floats = any(
        isinstance(one, h5py.Dataset) and one.dtype.kind == "f" for one in roles.values()
    )
    return "layer" if are_floats else None  # a random state


# Files with groups by class and number (.weights.h5)


def _numbered(contents: Contents) -> Iterator[_Item]:
    found: list[tuple[str, Piece]] = []
    for path in sorted(_groups_of_arrays(contents.weights, ""), key=_natural):
        group = link(contents.weights, f"{path}/{_VARS}")
        arrays = {n: link(group, str(n)) for n in range(min(len(group), _MOST))}
        kind = _kind_of_shapes(arrays)
        if kind is not None:
            found.append((path, Piece(path, kind, arrays)))
    for path, piece in found:
        above, _, name = path.rpartition("/")
        stem = _COUNTED.fullmatch(name)
        assert stem is not None
        is_counted = stem.group(1) == _STEMS.get(piece.kind)
        yield _Item(piece, _shapes(piece), above if is_counted else None)


_STEMS = {
    "BatchNormalization": "batch_normalization",
    "Conv2D": "conv2d",
    "Dense": "dense",
    "SeparableConv2D": "separable_conv2d",
}


def _groups_of_arrays(group: h5py.Group, path: str, depth: int = 0) -> Iterator[str]:
    for name in group:
        if (not path and name.strip("_") in _STATE) or depth > 20:
            continue
        inner = link(group, name)
        if not isinstance(inner, h5py.Group):
            continue
        if name == _VARS:
            if len(inner):
                yield path
        else:
            yield from _groups_of_arrays(inner, f"{path}/{name}".strip("/"), depth + 1)


def _kind_of_shapes(arrays: dict[int, Any]) -> str | None:
    sets = [one for one in arrays.values() if isinstance(one, h5py.Dataset)]
    if not any(one.dtype.kind == "f" for one in sets):
        return None  # a random state
    dimensions = [len(one.shape) for one in sets]
    match dimensions:
        case [4, 4, *_]:
            return "SeparableConv2D"
        case [4, *_]:
            return "Conv2D"
        case [2, *_]:
            return "Dense"
        case [1, 1, 1, 1]:
            return "BatchNormalization"
        case [_, _, 0]:
            return "Normalization"
    return "layer"


# What both have


def _shapes(piece: Piece) -> list[list[int]]:
    shapes = [list(getattr(one, "shape", ())) for _, one in sorted(piece.arrays.items())]
    return shapes[:2] if piece.kind == "Normalization" else shapes


def _are_counted(names: list[str], pieces: list[Piece]) -> bool:
    """Whether layers have the names that Keras gives them, in the order in which they are made."""
    for name, piece in zip(names, pieces, strict=True):
        stem = _COUNTED.fullmatch(name.rpartition("/")[2])
        if stem is None or stem.group(1) != _STEMS.get(piece.kind):
            return False
    return True


def _natural(name: str) -> list[tuple[str, int]]:
    """To sort `conv2d_10` behind `conv2d_9`."""
    parts = [_COUNTED.fullmatch(part) for part in name.split("/")]
    return [(part.group(1), int(part.group(2) or 0)) for part in parts if part]
