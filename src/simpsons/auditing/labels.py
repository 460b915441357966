"""Label errors, by confident learning: C. Northcutt et al., "Confident Learning: Estimating
Uncertainty in Dataset Labels", 2021, in its authors' library cleanlab."""

from dataclasses import dataclass

import numpy as np
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores
from numpy.typing import NDArray


@dataclass(frozen=True)
class LabelError:
    """A picture whose label is doubtful.

    row: its index in the data set. given, likely: class numbers. given_probability,
    likely_probability: what a network that did not see the picture gave them, 0 to 1.
    """

    row: int
    given: int
    likely: int
    given_probability: float
    likely_probability: float


def ranked(labels: NDArray[np.int64], probabilities: NDArray[np.float32]) -> NDArray[np.int64]:
    """All rows, the most doubtful label first: the one that the network finds least probable.

    labels: int64 `[N]`. probabilities: float32 `[N, classes]`, out of fold.
    """
    quality = get_label_quality_scores(labels, probabilities, method="self_confidence")
    order: NDArray[np.int64] = np.argsort(quality, kind="stable")
    return order


def find(labels: NDArray[np.int64], probabilities: NDArray[np.float32]) -> list[LabelError]:
    """The label errors that confident learning counts, the most doubtful first.

    labels: int64 `[N]`. probabilities: float32 `[N, classes]`, out of fold.
    """
    issues = find_label_issues(labels, probabilities, n_jobs=1)
    found = []
    for row in ranked(labels, probabilities):
        likely = int(probabilities[row].argmax())
        if issues[row] and likely != labels[row]:
            given = int(labels[row])
            shares = float(probabilities[row, given]), float(probabilities[row, likely])
            found.append(LabelError(int(row), given, likely, *shares))
    return found
