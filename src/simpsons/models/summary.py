"""A network layer by layer: output shapes, parameters and multiply-adds."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from simpsons.pixels.images import SIZE


class Layer(NamedTuple):
    """One layer. shape: of its output for one picture, without the batch, channels first.

    parameters: trained values and batch-norm statistics. multiply_adds: for one picture.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int
    multiply_adds: int


def layers(network: nn.Module, width: int = SIZE, height: int = SIZE) -> list[Layer]:
    """The layers of a network that have no layers inside them, in the order they run.

    width, height: in pixels, of the picture that it looks at.
    """
    found: list[Layer] = []

    def note(name: str, layer: nn.Module) -> torch.utils.hooks.RemovableHandle:
        def hook(_: nn.Module, __: tuple[Tensor, ...], output: Tensor) -> None:
            shape = tuple(output.shape[1:])
            kind = type(layer).__name__
            found.append(Layer(name, kind, shape, count(layer), _multiply_adds(layer, shape)))

        return layer.register_forward_hook(hook)

    leaves = [(name, m) for name, m in network.named_modules() if not list(m.children())]
    handles = [note(name, layer) for name, layer in leaves]
    network.eval()
    with torch.inference_mode():
        network(torch.zeros(1, 3, height, width))
    for handle in handles:
        handle.remove()
    return found


def count(network: nn.Module) -> int:
    """All parameters, batch-norm statistics included, as Keras counts them."""
    return sum(parameter.numel() for parameter in network.parameters()) + statistics(network)


def statistics(network: nn.Module) -> int:
    """The batch norms' running means and variances: kept, but not trained by the loss."""
    return sum(
        2 * layer.num_features for layer in network.modules() if isinstance(layer, nn.BatchNorm2d)
    )


def _multiply_adds(layer: nn.Module, shape: tuple[int, ...]) -> int:
    if isinstance(layer, nn.Conv2d):
        return layer.weight.numel() * shape[1] * shape[2]
    return layer.weight.numel() if isinstance(layer, nn.Linear) else 0
