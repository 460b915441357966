"""First weights as Keras draws them: Glorot uniform (X. Glorot and Y. Bengio, "Understanding the
difficulty of training deep feedforward neural networks", AISTATS 2010), and biases of zero.

PyTorch's own are uniform too, but by the inputs of a layer alone, with biases that are not zero.
"""

import math

import torch
from torch import nn


def draw_as_keras(network: nn.Module) -> None:
    """Draw the weights of all convolutions and dense layers anew, in place, with zero biases.

    Batch norms begin alike in both. The draws are those of PyTorch's random state.
    """
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            with torch.no_grad():
                limit = math.sqrt(6 / sum(fans(layer)))
                layer.weight.uniform_(-limit, limit)
                if layer.bias is not None:
                    layer.bias.zero_()


def fans(layer: nn.Conv2d | nn.Linear) -> tuple[int, int]:
    """The inputs and outputs of a layer's weights, as Keras counts them.

    Source: Keras, `keras/src/initializers/random_initializers.py`, `compute_fans`. The kernel of a
    depthwise convolution is `(height, width, channels, multiplier)` there: every channel counts
    among the inputs, though each output has one.
    """
    if isinstance(layer, nn.Linear):
        return layer.in_features, layer.out_features
    area = math.prod(layer.kernel_size)
    return layer.in_channels * area, layer.out_channels // layer.groups * area
