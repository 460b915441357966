"""The optimizer that a recipe names, and the exponential moving average (EMA) of the weights."""

import copy
from inspect import unwrap

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from simpsons.training.recipe import Recipe


class _Adam(torch.optim.Adam):
    """Adam, and with `decoupled_weight_decay` AdamW, without the wrappers of its methods.

    They import PyTorch's compiler, which takes a second or more, to tell it to leave the methods
    alone. Nothing here is compiled.
    """

    add_param_group = unwrap(Optimizer.add_param_group)
    zero_grad = unwrap(Optimizer.zero_grad)
    state_dict = unwrap(Optimizer.state_dict)
    load_state_dict = unwrap(Optimizer.load_state_dict)
    step = torch.no_grad()(unwrap(torch.optim.Adam.step))


def build(network: nn.Module, recipe: Recipe) -> Optimizer:
    """Adam as in Keras, or AdamW that decays weights but neither biases nor batch norms.

    All weights are updated in one pass (`fused`), which reads and writes each once.
    """
    if recipe.optimizer == "adam":
        return _Adam(network.parameters(), recipe.learning_rate, eps=1e-7, fused=True)
    decayed = [p for p in network.parameters() if p.ndim > 1]
    others = [p for p in network.parameters() if p.ndim == 1]
    groups = [
        {"params": decayed, "weight_decay": recipe.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return _Adam(groups, recipe.learning_rate, fused=True, decoupled_weight_decay=True)


class Average:
    """Exponential moving average of a network's parameters and buffers.

    network: a copy of the one it follows, with the averaged weights; with a decay of 0 that one
    itself. decay: of one step. It rises with the steps, `(1 + step) / (10 + step)` up to `decay`,
    so that the first weights and batch-norm variances, which mean nothing, are soon forgotten.
    """

    def __init__(self, followed: nn.Module, decay: float) -> None:
        self.network = copy.deepcopy(followed) if decay else followed
        self._decay = decay
        pairs = list(zip(_tensors(self.network), _tensors(followed), strict=True))
        self._floats = [pair for pair in pairs if pair[0].is_floating_point()]
        self._counts = [pair for pair in pairs if not pair[0].is_floating_point()]

    @torch.no_grad()
    def move(self, step: int) -> None:
        """Move towards the followed weights after a step, counted from 0; the first copies them."""
        if not self._decay:
            return
        decay = min(self._decay, (1 + step) / (10 + step)) if step else 0.0
        averaged, current = zip(*self._floats, strict=True)
        torch._foreach_lerp_(averaged, current, 1 - decay)
        for counted, count in self._counts:
            counted.copy_(count)


def _tensors(network: nn.Module) -> list[Tensor]:
    return [*network.parameters(), *network.buffers()]
