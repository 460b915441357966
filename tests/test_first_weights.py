import math

import pytest
import torch
from torch import nn

from simpsons import models
from simpsons.models.cnn import CNN
from simpsons.models.first_weights import draw_as_keras, fans
from simpsons.models.xception import Xception

# Fan in and fan out by Keras's `compute_fans`, of kernels (height, width, inputs, outputs); a
# depthwise one is (height, width, channels, 1).
CNN_FANS = [
    (3 * 3 * 3, 3 * 3 * 32),
    (3 * 3 * 32, 3 * 3 * 32),
    (3 * 3 * 32, 3 * 3 * 64),
    (3 * 3 * 64, 3 * 3 * 64),
    (3 * 3 * 64, 3 * 3 * 128),
    (3 * 3 * 128, 3 * 3 * 128),
    (3 * 3 * 128, 3 * 3 * 256),
    (3 * 3 * 256, 3 * 3 * 256),
    (1024, 1024),
    (1024, 18),
]
XCEPTION_FANS = [(3 * 3 * 3, 3 * 3 * 32)]
for channels, width in ((32, 32), (32, 64), (64, 128), (128, 128), (128, 256)):
    XCEPTION_FANS += [
        *((3 * 3 * channels, 3 * 3), (channels, width)),
        *((3 * 3 * width, 3 * 3), (width, width)),
        (channels, width),  # the residual
    ]
XCEPTION_FANS += [(256, 1024), (1024, 256), (256, 18)]


def weighted(network):
    return [layer for layer in network.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]


@pytest.mark.parametrize(("kind", "expected"), [(CNN, CNN_FANS), (Xception, XCEPTION_FANS)])
def test_each_layer_has_the_fans_of_keras(kind, expected):
    assert [fans(layer) for layer in weighted(kind())] == expected


@pytest.mark.parametrize(
    ("network", "batch_norm"),
    [("cnn", False), ("cnn", True), ("xception", False), ("resnet", False)],
)
def test_weights_are_uniform_within_the_limit_and_biases_zero(network, batch_norm, monkeypatch):
    monkeypatch.setattr(models.resnet, "WIDTHS", (8, 16, 24, 32))
    built = models.build(network, batch_norm=batch_norm)
    torch.manual_seed(0)
    draw_as_keras(built)
    for layer in weighted(built):
        limit, weights = math.sqrt(6 / sum(fans(layer))), layer.weight.detach().double().flatten()
        count = len(weights)
        assert weights.abs().max() <= limit
        assert weights.abs().max() > limit * (1 - 10 / count)
        assert abs(weights.mean()) < 5 * limit / math.sqrt(3 * count)
        variance = limit**2 / 3  # 2 / (fan in + fan out)
        of_sample = variance * math.sqrt(0.8 / count)  # its standard deviation, of a uniform
        assert abs(weights.var() - variance) < 5 * of_sample
        if layer.bias is not None:
            assert not layer.bias.any()


def test_a_seed_draws_the_same_weights_again():
    drawn = []
    for _ in range(2):
        network = models.build("xception")
        torch.manual_seed(3)
        draw_as_keras(network)
        drawn.append(network.state_dict())
    for name, tensor in drawn[0].items():
        assert torch.equal(tensor, drawn[1][name]), name
