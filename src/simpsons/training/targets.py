"""What a network is to answer: the label, smoothed, and what its teachers answer."""

from torch import Tensor
from torch.nn import functional

from simpsons.training.recipe import Recipe


def targets(labels: Tensor, classes: int, recipe: Recipe, taught: Tensor | None) -> Tensor:
    """Probabilities to learn, float32 `[N, classes]`, rows that sum to 1.

    labels: int64 `[N]`. taught: what teachers answer, probabilities, float32 `[N, classes]`.
    See `Recipe` for the sources.
    """
    smoothing, share = recipe.label_smoothing, recipe.distillation
    answers = functional.one_hot(labels, classes).float()
    answers = answers * (1 - smoothing) + smoothing / classes
    return answers if taught is None else answers * (1 - share) + taught * share
