import pytest
import torch
from torch import nn

from simpsons.training.optimizer import Average


class Scalar(nn.Module):
    """One weight, and a counter as batch norms have it."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(1.0))
        self.register_buffer("count", torch.tensor(0))


def follow(network, weight, count):
    with torch.no_grad():
        network.weight.fill_(weight)
        network.count.fill_(count)


@pytest.mark.parametrize(
    ("step", "kept"), [(0, 0.0), (1, 2 / 11), (5, 6 / 15), (8, 0.5), (9, 0.5), (500, 0.5)]
)
def test_the_average_keeps_more_with_the_steps_up_to_its_decay(step, kept):
    network = Scalar()
    average = Average(network, decay=0.5)
    follow(network, weight=3.0, count=7)
    average.move(step)
    assert average.network.weight.item() == pytest.approx(kept * 1 + (1 - kept) * 3)
    assert average.network.count.item() == 7
    assert network.weight.item() == 3


def test_without_a_decay_the_average_is_the_network_itself():
    network = Scalar()
    average = Average(network, decay=0.0)
    average.move(3)
    assert average.network is network
    assert network.weight.item() == 1
