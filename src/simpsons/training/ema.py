"""The moving average of the weights: what is validated and shipped.

`torch.optim.swa_utils.AveragedModel` does the same but makes a GPU wait twice a step.
"""

import copy

import torch
from torch import Tensor, nn


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
