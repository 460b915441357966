"""What a step found is counted whenever somebody looks."""

import pytest
import torch

from simpsons.training.tally import Tally

LABELS = torch.tensor([2, 0, 1, 1, 2])


def logits_for(*labels):
    """Those of a network that is sure of these labels."""
    return 5 * torch.nn.functional.one_hot(torch.tensor(labels), 3).float()


@pytest.fixture
def noted():
    """Two steps: two of three right with a mean loss of 0.5, one of two with one of 2.0."""
    tally = Tally(LABELS)
    tally.note(torch.tensor([4, 0, 1]), logits_for(2, 2, 1), torch.tensor(0.5))
    tally.note(torch.tensor([3, 2]), logits_for(0, 1), torch.tensor(2.0))
    return tally


def test_the_sums_are_over_pictures(noted):
    assert noted.add_up() == [3 * 0.5 + 2 * 2.0, 3.0, 5.0]


def test_the_sums_are_in_float64():
    tally = Tally(LABELS)
    tally.note(torch.tensor([4, 0, 1]), logits_for(2, 2, 1), torch.tensor(0.1))
    assert tally.add_up()[0] == 3 * torch.tensor(0.1).item()


def test_looking_twice_counts_once(noted):
    assert noted.add_up() == noted.add_up()
    noted.note(torch.tensor([1]), logits_for(0), torch.tensor(1.0))
    assert noted.add_up() == [6.5, 4.0, 6.0]


def test_when_somebody_looks_makes_no_difference():
    torch.manual_seed(0)
    often, once = Tally(LABELS), Tally(LABELS)
    for number in range(50):
        step = torch.randint(5, (4,)), torch.randn(4, 3), torch.rand((), dtype=torch.float64)
        often.note(*step)
        once.note(*step)
        if number % 7 == 0:
            often.add_up()
    assert often.add_up() == once.add_up()


def test_a_step_that_is_replayed_into_the_same_memory_changes_nothing():
    tally, logits = Tally(LABELS), logits_for(2, 0)
    tally.note(torch.tensor([0, 1]), logits, torch.tensor(1.0))
    logits.zero_()
    assert tally.add_up()[1] == 2


def test_no_gradient_is_kept():
    tally, weight = Tally(LABELS), torch.ones(3, requires_grad=True)
    tally.note(torch.tensor([0, 1]), logits_for(2, 0) * weight, weight.sum())
    assert not any(kept.requires_grad for step in tally._steps for kept in step)
    assert tally.add_up() == [6.0, 2.0, 2.0]
    assert not tally.sums.requires_grad
