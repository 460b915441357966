"""Is one network better than another on the same pictures, or is it chance?

This compares two trained networks. Two trainings of one recipe with other seeds differ too, so
to compare recipes, train each with several seeds (T. Dietterich, "Approximate Statistical Tests
for Comparing Supervised Classification Learning Algorithms", Neural Computation 1998).
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import binomtest

from simpsons.evaluation.metrics import checked, wilson_interval

LEVEL = 0.05
"""A difference is called real below this p-value, if its 95 % interval also excludes 0."""


@dataclass(frozen=True)
class Comparison:
    """What `compare` returns. Accuracies and differences are shares, not percent.

    accuracy_intervals: 95 % Wilson score intervals, one per network.
    difference: the first network's accuracy minus the second's.
    difference_interval: 95 % percentile interval of the paired bootstrap.
    both, only_first, only_second, neither: number of pictures that these get right.
    p_value: McNemar's exact test, two-sided (Dietterich 1998).
    """

    names: tuple[str, str]
    n: int
    accuracies: tuple[float, float]
    accuracy_intervals: tuple[tuple[float, float], tuple[float, float]]
    difference: float
    difference_interval: tuple[float, float]
    both: int
    only_first: int
    only_second: int
    neither: int
    p_value: float

    @property
    def real(self) -> bool:
        """Whether both the test and the interval say that the difference is not chance."""
        low, high = self.difference_interval
        return self.p_value < LEVEL and not low <= 0 <= high

    @property
    def sentence(self) -> str:
        """The result in one sentence, from the better network's side."""
        better, worse = self.names
        points = 100 * self.difference
        low, high = (100 * bound for bound in self.difference_interval)
        if points < 0:
            better, worse = worse, better
            points, low, high = -points, -high, -low
        low, high = (round(bound, 1) + 0.0 for bound in (low, high))  # + 0.0 turns -0.0 into 0.0
        apart = f"the {self.n:,} pictures do not tell them apart."
        if self.n == 1:
            apart = "one picture does not tell them apart."
        if self.only_first == self.only_second == 0:
            return f"{better} and {worse} are right and wrong on the same pictures: {apart}"
        p = "p < 0.001" if self.p_value < 0.001 else f"p = {self.p_value:.2g}"
        evidence = f"(95 % interval {low:.1f} to {high:.1f}, McNemar {p})"
        if self.only_first == self.only_second:
            return f"{better} and {worse} are right on equally many pictures {evidence}: {apart}"
        if self.real:
            claim = f"{better} is better than {worse} by {points:.1f} points"
            return f"{claim} {evidence}: the difference is real."
        return f"{better} scored {points:.1f} points above {worse} {evidence}: {apart}"

    def to_json(self) -> dict[str, Any]:
        """The comparison as plain Python types, with `real` and `sentence`."""
        return asdict(self) | {
            "names": list(self.names),
            "accuracies": list(self.accuracies),
            "accuracy_intervals": [list(interval) for interval in self.accuracy_intervals],
            "difference_interval": list(self.difference_interval),
            "real": self.real,
            "sentence": self.sentence,
        }


def compare(
    first: ArrayLike,
    second: ArrayLike,
    labels: ArrayLike,
    names: tuple[str, str] = ("A", "B"),
    seed: int = 0,
    resamples: int = 10_000,
) -> Comparison:
    """Compare two networks' float `[N, C]` probabilities for the same N pictures.

    labels: int `[N]`, 0 to C - 1. The bootstrap draws `resamples` times from `seed`.

    Raises ValueError for what `metrics.checked` refuses, if the two shapes differ, and if
    `resamples` is not positive.
    """
    first, labels = checked(first, labels)
    second, _ = checked(second, labels)
    if first.shape != second.shape:
        raise ValueError(
            f"both networks must have the same pictures and classes, "
            f"not {list(first.shape)} and {list(second.shape)}"
        )
    if resamples < 1:
        raise ValueError(f"resamples must be positive, not {resamples}")

    n = len(labels)
    first_right = first.argmax(axis=1) == labels
    second_right = second.argmax(axis=1) == labels
    only_first = int((first_right & ~second_right).sum())
    only_second = int((second_right & ~first_right).sum())

    # A picture adds 1, -1 or 0 to the difference, so a resample is a draw of three counts.
    shares = np.array([only_first, only_second, n - only_first - only_second]) / n
    counts = np.random.default_rng(seed).multinomial(n, shares, size=resamples)
    low, high = np.percentile((counts[:, 0] - counts[:, 1]) / n, [2.5, 97.5])

    discordant = only_first + only_second
    p_value = float(binomtest(only_first, discordant).pvalue) if discordant else 1.0
    return Comparison(
        names=names,
        n=n,
        accuracies=(float(first_right.mean()), float(second_right.mean())),
        accuracy_intervals=(
            wilson_interval(int(first_right.sum()), n),
            wilson_interval(int(second_right.sum()), n),
        ),
        difference=(only_first - only_second) / n,
        difference_interval=(float(low), float(high)),
        both=int((first_right & second_right).sum()),
        only_first=only_first,
        only_second=only_second,
        neither=int((~first_right & ~second_right).sum()),
        p_value=p_value,
    )
