"""From the arrays of Keras layers to the weights of the same network in PyTorch."""

from collections.abc import Iterable, Iterator

import numpy as np
import torch
from torch import Tensor, nn

from simpsons.formats.keras.arrays import Piece
from simpsons.models.cnn import CNN
from simpsons.models.xception import SeparableConv, Xception


def filled(
    name: str, classes: int, pieces: Iterable[Piece], *, is_flipped: bool = False
) -> CNN | Xception:
    """A network in evaluation mode with these weights.

    name: `cnn` or `xception`. pieces: the arrays of its layers, in the order of `slots`.
    is_flipped: kernels of Conv2D layers are turned by half a circle. Raises
    KerasImportError for an array that is missing, of another shape, or not of finite floats.
    """
    network = empty(name, classes)
    state: dict[str, Tensor] = {}
    for slot, piece in zip(slots(network), pieces, strict=True):
        number = 0
        for path, module in slot.modules:
            for key in _keys(module):
                wanted: Tensor = getattr(module, key)
                order = _keras_order(module, wanted.dim())
                array = piece.read(number, [wanted.shape[axis] for axis in order])
                if is_flipped and slot.kind == "Conv2D" and array.ndim == 4:
                    array = array[::-1, ::-1]
                ours = np.ascontiguousarray(array.transpose(np.argsort(order)))
                state[f"{path}.{key}"] = torch.from_numpy(ours)
                number += 1
            if isinstance(module, nn.BatchNorm2d):
                state[f"{path}.num_batches_tracked"] = torch.tensor(0)
    if isinstance(network, CNN):
        dense = state["head.1.weight"]  # Keras flattens [2, 2, 256], and PyTorch [256, 2, 2]
        by_place = dense.reshape(-1, 2, 2, 256)
        state["head.1.weight"] = by_place.permute(0, 3, 1, 2).flatten(1).contiguous()
    network.load_state_dict(state, assign=True)
    return network.eval()


def empty(name: str, classes: int) -> CNN | Xception:
    """A network without values in its weights."""
    with torch.device("meta"):
        return CNN(classes) if name == "cnn" else Xception(classes)


class Slot:
    """The place of a Keras layer with weights: its class, the shapes of its arrays in Keras's
    layout, and the modules that it fills, by their names."""

    def __init__(self, kind: str, modules: list[tuple[str, nn.Module]]) -> None:
        self.kind = kind
        self.modules = modules
        self.shapes = [
            [getattr(module, key).shape[axis] for axis in _keras_order(module, dimensions)]
            for _, module in modules
            for key in _keys(module)
            for dimensions in [getattr(module, key).dim()]
        ]


def slots(network: nn.Module) -> Iterator[Slot]:
    """The places of a network's Keras layers, in the order in which they run."""
    inside: tuple[str, ...] = ()
    for name, module in network.named_modules():
        if isinstance(module, SeparableConv):
            inside = (f"{name}.0", f"{name}.1")
            yield Slot("SeparableConv2D", [(one, network.get_submodule(one)) for one in inside])
        elif name in inside:
            continue
        elif isinstance(module, nn.BatchNorm2d):
            yield Slot("BatchNormalization", [(name, module)])
        elif isinstance(module, nn.Conv2d):
            yield Slot("Conv2D", [(name, module)])
        elif isinstance(module, nn.Linear):
            yield Slot("Dense", [(name, module)])


def _keys(module: nn.Module) -> list[str]:
    """The weights of a module in Keras's order."""
    if isinstance(module, nn.BatchNorm2d):
        return ["weight", "bias", "running_mean", "running_var"]
    return ["weight"] if module.bias is None else ["weight", "bias"]


def _keras_order(module: nn.Module, dimensions: int) -> tuple[int, ...]:
    """The axes of a PyTorch array in the order in which Keras stores them."""
    if dimensions == 4:
        depthwise = isinstance(module, nn.Conv2d) and module.groups > 1
        return (2, 3, 0, 1) if depthwise else (2, 3, 1, 0)
    return (1, 0) if dimensions == 2 else (0,)
