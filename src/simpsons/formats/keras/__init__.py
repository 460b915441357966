"""Read a Keras file of either notebook network into the same network in PyTorch.

A file with layers (`.keras`, `.h5`, `.hdf5`) says what the network computes; one of weights alone
(`.weights.h5`, or `.h5` by `save_weights`) is told by its shapes. All are read as data with h5py:
nothing in them is run or unpickled, and Keras isn't needed.

Sources: Keras, `keras/src/saving/saving_lib.py` and `keras/src/legacy/saving/legacy_h5_format.py`;
the files that Keras 2.12 to 3.15 write, of which `tests/fixtures/keras_layouts` has the layouts.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from simpsons.formats.keras import arrays, graph, networks, preprocessing, state, weights_alone
from simpsons.formats.keras.containers import Contents, opened
from simpsons.formats.keras.errors import AGAIN, KerasImportError
from simpsons.formats.keras.preprocessing import VALUES, Pair, Scaling
from simpsons.models.cnn import CNN
from simpsons.models.scaled import Scaled
from simpsons.models.xception import Xception

__all__ = ["VALUES", "Imported", "KerasImportError", "read", "read_keras"]

_MIXED = (b'"mixed_float16"', b'"mixed_bfloat16"')


@dataclass(frozen=True)
class Imported:
    """A network from a Keras file.

    name: `cnn` or `xception`. network: takes float32 `[N, 3, 64, 64]` in [0, 1], RGB, and returns
    logits; a `Scaled` where it works with other values. resize: how the model in the file fits
    pictures to 64 x 64, `bilinear` or `nearest`, None if it does not. has_layers: False for a file
    of weights alone. says_values: whether the file tells what values the network is given.
    is_mixed: whether Keras computed it in 16 bits, which rounds its probabilities.
    """

    name: str
    network: nn.Module
    resize: str | None
    has_layers: bool
    says_values: bool
    is_mixed: bool


def read_keras(path: str | os.PathLike[str]) -> tuple[str, nn.Module]:
    """Read a Keras file: `("cnn" or "xception", the network in eval mode)`.

    The network is a `CNN` or an `Xception` with the file's weights and number of classes. It
    takes float32 `[N, 3, 64, 64]` in [0, 1] and returns logits: a `Rescaling(1/255)` at the
    start and a softmax at the end of the Keras model are left out; one that works with other
    values is in a `Scaled`. Dropout rates aren't taken over. Raises KerasImportError if the file
    isn't such a network.
    """
    imported = read(path)
    return imported.name, imported.network


def read(path: str | os.PathLike[str], values: str | None = None, *, bgr: bool = False) -> Imported:
    """`read_keras`, with what the file can't say.

    values: what the network was given for the values 0 to 255 of a picture, a name in `VALUES`;
    None for 0..1, or for what its own first layers take. bgr: it was given blue, green, red, as
    cv2.imread reads; the network that is returned takes red, green, blue.
    """
    try:
        if values is not None and values not in VALUES:
            raise KerasImportError(f"no values {values!r}; use {', '.join(VALUES)}")
        with opened(Path(path)) as contents:
            return _imported(contents, values, bgr)
    except KerasImportError as error:
        raise KerasImportError(f"{path}: {error}") from None
    except OSError as error:
        reason = f"can't be read ({error.strerror or error}); check its permissions and the disk"
        raise KerasImportError(f"{path}: {reason}") from None


def _imported(contents: Contents, values: str | None, bgr: bool) -> Imported:
    resize = None
    if contents.config is None:
        with _blaming(contents.where[1]):
            told = weights_alone.tell(contents)
            name, classes, pieces = told.name, told.classes, told.pieces
            inside = None
            for piece in told.first:
                inside = preprocessing.normalized(*_statistics(piece))
            network = state.filled(name, classes, pieces, is_flipped=contents.is_flipped)
    else:
        with _blaming(contents.where[0], "is not that of a Keras model"):
            model = graph.read(json.loads(contents.config, object_hook=_plain))
            found = networks.recognise(model.chain)
        name, classes, resize = found.name, found.classes, found.resize
        weighted = [layer for layer in model.chain if layer.has_arrays]
        with _blaming(contents.where[1]):
            every = arrays.of_layers(weighted, model.layers, contents)
            by_name = {piece.name: piece for piece in every}
            inside = preprocessing.of_layers(
                found.first, lambda layer: _statistics(by_name[layer.name])
            )
            pieces = [piece for piece in every if piece.kind != "Normalization"]
            network = state.filled(name, classes, pieces, is_flipped=contents.is_flipped)
    scaling = preprocessing.with_values(inside, values)
    if bgr:
        _take_rgb(network)
        scaling = Scaling(scaling.scale[::-1], scaling.offset[::-1])
    return Imported(
        name,
        _scaled(network, scaling),
        resize,
        has_layers=contents.config is not None,
        says_values=inside is not None,
        is_mixed=any(policy in (contents.config or b"") for policy in _MIXED),
    )


class _blaming:  # noqa: N801
    """Whatever a wrong file makes of reading it is a KerasImportError of a part of it."""

    def __init__(self, part: str, fault: str = "is damaged") -> None:
        self._part, self._fault = part, fault

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, KerasImportError) or not isinstance(error, Exception):
            return
        reason = f"{type(error).__name__}: {str(error)[:80]}"
        raise KerasImportError(f"its {self._part} {self._fault} ({reason}); {AGAIN}") from None


def _plain(value: dict[str, Any]) -> Any:
    """A number that Keras 2 wrote as NumPy's, as a number."""
    return value["config"]["value"] if value.get("class_name") == "__numpy__" else value


def _statistics(piece: arrays.Piece) -> tuple[Pair, Pair]:
    return piece.read_numbers(0), piece.read_numbers(1)


def _take_rgb(network: CNN | Xception) -> None:
    """Turn the first convolution's channels, from blue, green, red to red, green, blue."""
    first = next(module for module in network.modules() if isinstance(module, nn.Conv2d))
    first.weight.data = first.weight.data.flip(1).contiguous()


def _scaled(network: CNN | Xception, scaling: Scaling) -> nn.Module:
    usual, none = 1 / 255, np.zeros(1)
    if np.allclose(scaling.scale, usual, rtol=1e-6, atol=0) and np.allclose(scaling.offset, none):
        return network
    return Scaled(network, scaling.scale.tolist(), scaling.offset.tolist()).eval()
