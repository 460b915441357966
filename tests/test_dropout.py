"""Dropout on a CPU: the same distribution as PyTorch's own."""

import pytest
import torch

from simpsons.models.dropout import Dropout


@pytest.mark.parametrize("p", [0.15, 0.3, 0.5, 0.9])
def test_drops_the_share_that_it_should_and_keeps_the_mean(p):
    torch.manual_seed(0)
    values = Dropout(p)(torch.ones(1000, 1003))
    assert (values == 0).float().mean().item() == pytest.approx(p, abs=2e-3)
    assert values.mean().item() == pytest.approx(1, abs=0.01)
    assert values.unique().numel() == 2


def test_neighbours_are_dropped_independently():
    torch.manual_seed(0)
    dropped = Dropout(0.5)(torch.ones(1_000_000)) == 0
    for distance in (1, 2, 3, 4):
        both = (dropped[distance:] & dropped[:-distance]).float().mean().item()
        assert both == pytest.approx(0.25, abs=3e-3)


def test_pictures_stay_in_their_order_in_memory():
    pixels = torch.rand(2, 32, 7, 5).contiguous(memory_format=torch.channels_last)
    values = Dropout(0.3)(pixels)
    assert values.is_contiguous(memory_format=torch.channels_last)
    assert Dropout(0.3)(pixels.contiguous()).is_contiguous()
    kept = values != 0
    torch.testing.assert_close(values[kept], pixels[kept] / 0.7, rtol=1e-4, atol=0)


def test_the_gradient_is_dropped_and_scaled_alike():
    pixels = torch.ones(3, 8, 6, 6, requires_grad=True)
    values = Dropout(0.3)(pixels)
    values.sum().backward()
    torch.testing.assert_close(pixels.grad, values.detach())


def test_the_random_state_decides():
    drawn = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        drawn.append(Dropout(0.5)(torch.ones(101)))
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


@pytest.mark.parametrize(("p", "expected"), [(0, 1), (1e-7, 1), (1, 0)])
def test_nothing_and_all_can_be_dropped(p, expected):
    torch.testing.assert_close(Dropout(p)(torch.ones(5)), torch.full((5,), float(expected)))


def test_evaluation_changes_nothing():
    values = torch.rand(4, 4)
    assert Dropout(0.5).eval()(values) is values


def test_keeps_the_type():
    assert Dropout(0.5)(torch.ones(9, dtype=torch.bfloat16)).dtype is torch.bfloat16
