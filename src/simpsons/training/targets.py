"""What a network is to answer: the label, smoothed, and what its teachers answer."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from simpsons.training.recipe import Recipe


@torch.no_grad()
def targets(
    pixels: Tensor, labels: Tensor, classes: int, recipe: Recipe, teachers: Sequence[nn.Module]
) -> Tensor:
    """Probabilities to learn, float32 `[N, classes]`, rows that sum to 1.

    pixels: what the network sees too, float32 `[N, 3, 64, 64]` in [0, 1]. labels: int64 `[N]`.
    See `Recipe` for the sources.
    """
    smoothing, share = recipe.label_smoothing, recipe.distillation
    answers = functional.one_hot(labels, classes).float()
    answers = answers * (1 - smoothing) + smoothing / classes
    if not teachers:
        return answers
    taught = torch.stack([teacher(pixels).float().softmax(1) for teacher in teachers])
    return answers * (1 - share) + taught.mean(0) * share
