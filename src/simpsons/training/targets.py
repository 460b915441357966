"""What a network is to answer: the label, smoothed, and what its teachers answer."""

from torch import Tensor

from simpsons.training.recipe import Recipe


def targets(labels: Tensor, recipe: Recipe, taught: Tensor | None) -> Tensor:
    """Probabilities to learn, float32 `[N, classes]`, rows that sum to 1.

    labels: probabilities, float32 `[N, classes]`; 1 for the label, or its share of a mixed picture.
    taught: what teachers answer, probabilities, float32 `[N, classes]`. See `Recipe` for the
    sources.
    """
    smoothing, share = recipe.label_smoothing, recipe.distillation
    answers = labels * (1 - smoothing) + smoothing / labels.shape[1]
    return answers if taught is None else answers * (1 - share) + taught * share
