"""An optimizer does what PyTorch's does, and its compiler is not imported for it."""

import subprocess
import sys

import pytest
import torch

from simpsons import models
from simpsons.training import optimizer
from simpsons.training.recipe import DEFAULT, NOTEBOOK

RECIPES = {"notebook": NOTEBOOK, "default": DEFAULT["xception"]}


def plain(network, recipe):
    """PyTorch's own, as the recipe wants it."""
    if recipe.optimizer == "adam":
        return torch.optim.Adam(network.parameters(), recipe.learning_rate, eps=1e-7, fused=True)
    decayed = [p for p in network.parameters() if p.ndim > 1]
    others = [p for p in network.parameters() if p.ndim == 1]
    groups = [
        {"params": decayed, "weight_decay": recipe.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, recipe.learning_rate, fused=True)


def trained(build, recipe):
    """The weights and the optimizer's state after three steps."""
    torch.manual_seed(0)
    network = models.build("xception").eval()
    pixels = torch.rand(4, 3, 64, 64)
    chosen = build(network, recipe)
    for _ in range(3):
        chosen.zero_grad()
        network(pixels).square().sum().backward()
        chosen.step()
    return list(network.parameters()), chosen.state_dict()["state"]


@pytest.mark.parametrize("name", RECIPES)
def test_steps_are_those_of_pytorchs_own(name):
    weights, state = trained(optimizer.build, RECIPES[name])
    expected, expected_state = trained(plain, RECIPES[name])
    for one, other in zip(weights, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)
        assert one.requires_grad
    torch.testing.assert_close(state, expected_state, rtol=0, atol=0)


TRAIN = """
import sys
import torch
from simpsons import models
from simpsons.training import optimizer
from simpsons.training.recipe import DEFAULT

network = models.build("cnn")
chosen = optimizer.build(network, DEFAULT["cnn"])
chosen.zero_grad()
network(torch.rand(2, 3, 64, 64)).sum().backward()
chosen.step()
chosen.load_state_dict(chosen.state_dict())
sys.exit("torch._dynamo" in sys.modules)
"""


def test_pytorchs_compiler_is_not_imported():
    assert subprocess.run([sys.executable, "-c", TRAIN], check=False).returncode == 0
