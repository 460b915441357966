"""The optimizer that a recipe names."""

import torch
from torch import nn

from simpsons.training.recipe import Recipe


def build(network: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Adam as in Keras, or AdamW that decays weights but neither biases nor batch norms.

    On CUDA it is one kernel for all weights, as launching many small ones would take longer.
    """
    fused = next(network.parameters()).is_cuda
    if recipe.optimizer == "adam":
        return torch.optim.Adam(network.parameters(), recipe.learning_rate, eps=1e-7, fused=fused)
    decayed = [p for p in network.parameters() if p.ndim > 1]
    others = [p for p in network.parameters() if p.ndim == 1]
    groups = [
        {"params": decayed, "weight_decay": recipe.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, recipe.learning_rate, fused=fused)
