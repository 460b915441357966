"""Class activation maps of both networks, in operations that can be exported to ONNX.

LayerCAM (Jiang et al., "LayerCAM: Exploring Hierarchical Class Activation Maps for Localization",
2021): the activations of a layer, each weighted by the positive part of the gradient of the
class's logit, summed over the channels. The layers are what the third block and each later one
put out, and the heat of a place is the product of their maps: early ones are fine and late ones
know the class best, so that a place is hot where all agree. `docs/explain.md` compares.

PyTorch's autograd is no part of an exported graph, so the gradient of what follows the third
block is written out, layer by layer, by the chain rule. Gradients are `[N, classes, C, H, W]`.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from simpsons.models.cnn import CNN
from simpsons.models.xception import Block, SamePool, Xception
from simpsons.pixels.images import SIZE

Back = Callable[[Tensor], Tensor]
"""From the gradient of a layer's output to that of its input."""


class Part(NamedTuple):
    """A part of a network, and where the cells of its input lie: `stride` pixels apart, the first
    at pixel `start`."""

    layers: nn.Module
    start: float
    stride: float


def heat(network: nn.Module, maps: list[Tensor]) -> Tensor:
    """For each class, the heat over the picture, float32 `[N, classes, 64, 64]`.

    network: a `CNN` or `Xception` in evaluation mode. maps: what `models.with_maps` gives for the
    pictures. Heat is 0 to 1, with 1 at its hottest place, or 0 everywhere if in one of the layers
    nothing speaks for the class. Raises TypeError for another network.
    """
    _, parts = cut(network)
    activations = maps[2]
    if isinstance(network, CNN):  # its maps are those before a block's pool
        activations = functional.max_pool2d(activations, 2)
    inputs, ways = [], []
    for part in parts:
        inputs.append(activations)
        activations, back = _with_gradient(part.layers, activations)
        ways.append(back)
    classes = activations.shape[1]
    gradient = torch.eye(classes)[None].expand(activations.shape[0], -1, -1)
    hot = torch.ones(())
    for part, cells, back in reversed(list(zip(parts, inputs, ways, strict=True))):
        gradient = back(gradient)
        hot = scaled(hot * layer_cam(cells[:, None], gradient, part))
    return hot


def layer_cam(activations: Tensor, gradient: Tensor, part: Part) -> Tensor:
    """LayerCAM of one layer over the picture, `[N, classes, 64, 64]`, not scaled.

    activations: the part's input, `[N, 1, C, H, W]`. gradient: of each class's logit,
    `[N, classes, C, H, W]`.
    """
    coarse = functional.relu((functional.relu(gradient) * activations).sum(dim=2))
    grid = stretch(coarse.shape[-1], part)
    return grid @ coarse @ grid.T


def scaled(hot: Tensor) -> Tensor:
    """Maps, `[..., 64, 64]`, divided by their maximum, where that is not 0."""
    return hot / hot.amax(dim=(-2, -1), keepdim=True).clamp(min=1e-12)


def has_heat(network: nn.Module) -> bool:
    """Whether `heat` takes the network."""
    return isinstance(network, CNN | Xception)


def cut(network: nn.Module) -> tuple[nn.Module, list[Part]]:
    """The network up to the output of its third block, and what follows: each later block, and
    the dense layers."""
    if isinstance(network, CNN):
        blocks = list(network.features.children())
        layers = [*blocks, *network.head.children()]
        # a block ends with a dropout; its unpadded convolutions move the cells inwards
        ends = [1 + i for i, layer in enumerate(blocks) if isinstance(layer, nn.Dropout)][2:]
        cells = [(10.5, 8), (22.5, 16)]
    elif isinstance(network, Xception):
        layers = [network.stem, *network.blocks.children(), *network.head.children()]
        ends = [1 + 3, 1 + 4, 1 + 5]
        cells = [(3.5, 8), (7.5, 16), (15.5, 32)]
    else:
        raise TypeError(f"no class activation for {type(network).__name__}")
    parts = [
        Part(nn.Sequential(*layers[begin:end]), start, stride)
        for (begin, end), (start, stride) in zip(pairwise([*ends, len(layers)]), cells, strict=True)
    ]
    return nn.Sequential(*layers[: ends[0]]), parts


def stretch(cells: int, part: Part) -> Tensor:
    """`[64, cells]`: linear interpolation from the cells' centres, falling to 0 outside."""
    centres = part.start + part.stride * torch.arange(cells)
    distance = (torch.arange(SIZE)[:, None] - centres).abs()
    return functional.relu(1 - distance / part.stride)


def _with_gradient(layer: nn.Module, x: Tensor) -> tuple[Tensor, Back]:
    """A layer's output, and the way back of the gradient through it."""
    match layer:
        case nn.Sequential():
            return _sequence(layer, x)
        case Block():
            return _block(layer, x)
        case nn.Conv2d():
            return layer(x), lambda gradient: _convolution_back(layer, gradient, x)
        case nn.Linear():
            return layer(x), lambda gradient: gradient @ layer.weight
        case nn.BatchNorm2d():
            variance = layer.running_var
            assert variance is not None
            scale = layer.weight * torch.rsqrt(variance + layer.eps)
            return layer(x), lambda gradient: gradient * scale[:, None, None]
        case nn.ReLU():
            y = functional.relu(x)
            return y, lambda gradient: gradient * (y > 0).to(y.dtype)[:, None]
        case nn.MaxPool2d():
            return layer(x), lambda gradient: _pool_back(gradient, x, (0, 0, 0, 0), size=2)
        case SamePool():
            padding = (x.shape[3] % 2, 1, x.shape[2] % 2, 1)
            return layer(x), lambda gradient: _pool_back(gradient, x, padding, size=3)
        case nn.AdaptiveAvgPool2d():
            area = x.shape[2] * x.shape[3]
            return layer(x), lambda gradient: (gradient / area).expand(-1, -1, *x.shape[1:])
        case nn.Flatten():
            return layer(x), lambda gradient: gradient.unflatten(2, x.shape[1:])
        case nn.Dropout():
            return x, lambda gradient: gradient
    raise TypeError(f"no gradient for {type(layer).__name__}")


def _sequence(layers: nn.Sequential, x: Tensor) -> tuple[Tensor, Back]:
    ways = []
    for layer in layers:
        x, back = _with_gradient(layer, x)
        ways.append(back)

    def back_through_all(gradient: Tensor) -> Tensor:
        for back in reversed(ways):
            gradient = back(gradient)
        return gradient

    return x, back_through_all


def _block(block: Block, x: Tensor) -> tuple[Tensor, Back]:
    main, main_back = _with_gradient(block.main, x)
    residual, residual_back = _with_gradient(block.residual, x)
    return main + residual, lambda gradient: main_back(gradient) + residual_back(gradient)


def _convolution_back(layer: nn.Conv2d, gradient: Tensor, x: Tensor) -> Tensor:
    full = functional.conv_transpose2d(
        gradient.flatten(0, 1),
        layer.weight,
        stride=layer.stride,
        padding=layer.padding,  # type: ignore[arg-type]
        groups=layer.groups,
    )
    missing = (x.shape[3] - full.shape[3], x.shape[2] - full.shape[2])  # a stride's remainder
    full = functional.pad(full, (0, missing[0], 0, missing[1]))
    result: Tensor = full.unflatten(0, gradient.shape[:2])
    return result


def _pool_back(
    gradient: Tensor, x: Tensor, padding: tuple[int, int, int, int], size: int
) -> Tensor:
    """Through a max pool of stride 2: the gradient goes to the place of each window's maximum."""
    left, _, top, _ = padding
    padded = functional.pad(x, padding, value=float("-inf")) if any(padding) else x
    _, places = functional.max_pool2d(padded, size, stride=2, return_indices=True)
    empty = gradient.new_zeros(*gradient.shape[:3], padded.shape[2] * padded.shape[3])
    index = places.flatten(2)[:, None].expand(-1, gradient.shape[1], -1, -1)
    spread = empty.scatter_add(3, index, gradient.flatten(3)).unflatten(3, padded.shape[2:])
    inside: Tensor = spread[..., top : top + x.shape[2], left : left + x.shape[3]]
    return inside
