"""On a CUDA device a training replays what it recorded, and learns the same."""

from copy import deepcopy

import pytest
import torch
from torch.nn import functional

from simpsons import models
from simpsons.training.device import precision, replayed

CUDA = torch.device("cuda")


def gradients(forward, network, pixels):
    """Of a step, by name; and its logits."""
    torch.manual_seed(1)
    network.zero_grad()
    with precision(pixels.device):
        logits = forward(pixels)
    functional.cross_entropy(logits.float(), torch.arange(len(pixels)).to(pixels.device)).backward()
    return {"logits": logits} | {name: p.grad.clone() for name, p in network.named_parameters()}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("name", ["cnn", "xception", "resnet"])
def test_replayed_steps_are_those_of_the_network(name):
    torch.manual_seed(0)
    plain = models.build(name, dropout=0.5, batch_norm=True)
    plain.to(CUDA, memory_format=torch.channels_last).train()
    recorded = deepcopy(plain)
    forward = replayed(recorded, CUDA)
    sizes = [64] if name == "cnn" else [32, 64]
    for size in [*sizes, *sizes]:
        pixels = torch.rand(8, 3, size, size, device=CUDA)
        pixels = pixels.contiguous(memory_format=torch.channels_last)
        expected, got = gradients(plain, plain, pixels), gradients(forward, recorded, pixels)
        for key, values in expected.items():
            torch.testing.assert_close(got[key], values, rtol=0.05, atol=0.01)
    for key, values in plain.state_dict().items():
        torch.testing.assert_close(recorded.state_dict()[key], values, rtol=0.01, atol=1e-3)
    assert "forward" not in vars(recorded)


def test_on_a_cpu_the_network_itself_is_used():
    network = models.build("xception")
    assert replayed(network, torch.device("cpu")) is network
