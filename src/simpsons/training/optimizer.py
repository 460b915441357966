"""The optimizer that a recipe names."""

from inspect import unwrap

import torch
from torch import nn
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
