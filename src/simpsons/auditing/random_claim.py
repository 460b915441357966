"""What a random split would have claimed: one network's accuracy on its leaking validation
pictures, which have a near-duplicate in training, and on the clean ones."""

from dataclasses import dataclass

import numpy as np

from simpsons.auditing.cross_validation import Watch, held_out
from simpsons.dataset import split as splits
from simpsons.dataset.cache import Dataset
from simpsons.evaluation.metrics import wilson_interval
from simpsons.training.recipe import Network


@dataclass(frozen=True)
class Accuracy:
    """How many of some pictures were classified correctly."""

    correct: int
    pictures: int

    @property
    def share(self) -> float | None:
        """0 to 1, None without pictures."""
        return self.correct / self.pictures if self.pictures else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Wilson 95 % interval, None without pictures."""
        return wilson_interval(self.correct, self.pictures) if self.pictures else None


@dataclass(frozen=True)
class Claim:
    """One network's accuracy on the validation part of a random split.

    claimed: on all of it, as a paper would print it. leaking: on the pictures with a
    near-duplicate in training. clean: on the others.
    """

    network: str
    claimed: Accuracy
    leaking: Accuracy
    clean: Accuracy


def of_random_split(
    dataset: Dataset,
    network: Network = "xception",
    *,
    epochs: int | None = None,
    device: str = "auto",
    watch: Watch,
) -> Claim:
    """Train on the notebook's random 80/20 split and measure what it claims.

    epochs: None for as many as `cross_validation.recipe_for` takes.
    """
    split = splits.make(dataset, "random")
    rows = split.rows("validation")
    probabilities = held_out(
        dataset, rows, network=network, epochs=epochs, device=device, watch=watch
    )
    correct = probabilities.argmax(axis=1) == dataset.labels[rows]
    leaks = np.isin(rows, splits.leaking(dataset, split, "validation"))
    counted = [Accuracy(int(correct[w].sum()), int(w.sum())) for w in (leaks | True, leaks, ~leaks)]
    return Claim(network, *counted)
