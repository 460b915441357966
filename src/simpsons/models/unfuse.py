"""Batch norms for a network whose batch norms were folded away, so that it can learn on.

An ONNX file may have a batch norm that follows a convolution folded into it. It comes back as a
batch norm that only adds a bias. In training it would scale by each batch's variance, and what the
network learned would be lost. So each takes the mean and variance that its input has on training
pictures, and a scale and bias that undo them: the answers stay the same.
"""

import numpy as np
import torch
from torch import Tensor, nn

from simpsons import models
from simpsons.models.cnn import CNN, folded
from simpsons.pixels.images import Pixels

_ENOUGH = 512  # pictures, for a mean and a variance


def trainable(network: nn.Module, batch_norm: bool, pixels: Pixels) -> nn.Module:
    """The network with the batch norms that a recipe trains it with; the same answers.

    batch_norm: whether the recipe has any; those of a `cnn` are folded away if not. pixels:
    training pictures, uint8 `[N, 64, 64, 3]`. A network whose batch norms have learned is returned
    as it is.
    """
    if isinstance(network, CNN):
        network = _with_batch_norms(network) if batch_norm else folded(network.eval())
    some = np.random.default_rng(0).permutation(len(pixels))[:_ENOUGH]
    take_statistics(network, pixels[np.sort(some)])
    return network


def take_statistics(network: nn.Module, pixels: Pixels) -> None:
    """Give the batch norms that only add a bias the statistics of training pictures, in place.

    pixels: uint8 `[N, H, W, 3]`. The answers stay the same.
    """
    bare = [layer for layer in network.modules() if _only_adds(layer)]
    handles = [layer.register_forward_pre_hook(_take_statistics) for layer in bare]
    with torch.no_grad():
        network.eval()
        network(torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255)
    for handle in handles:
        handle.remove()


def _with_batch_norms(plain: CNN) -> CNN:
    """A `cnn` with batch norms that only add what were the biases of the convolutions."""
    if any(isinstance(layer, nn.BatchNorm2d) for layer in plain.modules()):
        return plain
    network = CNN(models.outputs(plain), batch_norm=True)
    network.head.load_state_dict(plain.head.state_dict())
    layers = iter(network.features)
    for convolution in plain.features:
        if isinstance(convolution, nn.Conv2d):
            own = next(layer for layer in layers if isinstance(layer, nn.Conv2d))
            norm = next(layers)
            assert isinstance(norm, nn.BatchNorm2d)
            assert convolution.bias is not None
            with torch.no_grad():
                own.weight.copy_(convolution.weight)
                norm.weight.fill_((1 + norm.eps) ** 0.5)
                norm.bias.copy_(convolution.bias)
    return network


def _only_adds(layer: nn.Module) -> bool:
    if not isinstance(layer, nn.BatchNorm2d):
        return False
    assert layer.running_mean is not None
    assert layer.running_var is not None
    return bool((layer.running_mean == 0).all() and (layer.running_var == 1).all())


def _take_statistics(norm: nn.Module, inputs: tuple[Tensor]) -> None:
    assert isinstance(norm, nn.BatchNorm2d)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    variance, mean = torch.var_mean(inputs[0], (0, 2, 3))
    norm.running_mean.copy_(mean)
    norm.running_var.copy_(variance)
    norm.weight.copy_((variance + norm.eps).sqrt())
    norm.bias.add_(mean)
