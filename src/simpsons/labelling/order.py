"""What the answers so far say of the other faces: a linear head on the embeddings.

It is fitted again after each answer, so it is small: the embeddings' first principal components,
and at most `MOST` of the answered faces.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

COMPONENTS = 128
"""How many numbers of a face the head sees."""

MOST = 3000
"""Faces that it is fitted to; of more, as many of each class as there can be."""

FOLDS = 5
"""Heads that answers are checked with; each is fitted to the faces of the other folds."""

SPREAD = 2.5
"""Mean length of a face's features."""

_STRENGTH, _STEPS, _TOLERANCE = 1.0, 100, 1e-3
_SEED = 0


def features(embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
    """What the head sees of each face: float32 `[N, D]` gives `[N, at most COMPONENTS]`."""
    from sklearn.decomposition import PCA

    if len(embeddings) < 2:
        return np.zeros((len(embeddings), 1), np.float32)
    most = min(COMPONENTS, *embeddings.shape)
    solver = "covariance_eigh" if len(embeddings) > embeddings.shape[1] else "full"
    reduced = PCA(most, svd_solver=solver, random_state=_SEED).fit_transform(embeddings)
    length = float(np.sqrt((reduced**2).sum(axis=1).mean())) or 1.0
    scaled: NDArray[np.float32] = (reduced * (SPREAD / length)).astype(np.float32)
    return scaled


@dataclass(frozen=True)
class Head:
    """Logistic regression with a class for each answer.

    classes: their names. weights: float32 `[classes, D]`. bias: `[classes]`.
    """

    classes: tuple[str, ...]
    weights: NDArray[np.float32]
    bias: NDArray[np.float32]

    def probabilities(self, found: NDArray[np.float32]) -> NDArray[np.float32]:
        """float32 `[N, classes]` for features `[N, D]`; each row sums to 1."""
        from scipy.special import softmax

        shares: NDArray[np.float32] = softmax(found @ self.weights.T + self.bias, axis=1)
        return shares


def fit(found: NDArray[np.float32], answers: Sequence[str]) -> Head:
    """The head for these features, float32 `[N, D]`, and the answer to each.

    Of a single class its weights are the mean of the answered faces.
    """
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    classes, targets = np.unique(np.asarray(answers), return_inverse=True)
    names = tuple(map(str, classes))
    rows = _chosen(targets)
    if len(names) == 1:
        return Head(names, found[rows].mean(axis=0, keepdims=True), np.zeros(1, np.float32))
    model = LogisticRegression(
        C=_STRENGTH, max_iter=_STEPS, tol=_TOLERANCE, class_weight="balanced"
    )
    with threadpool_limits(1):  # threads wait for each other longer than so little takes
        model.fit(found[rows], targets[rows])
    weights, bias = model.coef_.astype(np.float32), model.intercept_.astype(np.float32)
    if len(names) == 2:  # scikit-learn has one row for both
        weights, bias = np.concatenate([-weights, weights]) / 2, np.concatenate([-bias, bias]) / 2
    return Head(names, weights, bias)


def surest(head: Head, found: NDArray[np.float32], label: str) -> tuple[int, NDArray[np.int64]]:
    """How many of these features `[N, D]` are likelier of this class than of any other; and their
    rows, those first that are most surely of it.

    By log odds, since probabilities near 1 are all the same in float32; with a head of a single
    class by the distance to the mean of its faces.
    """
    from scipy.special import logsumexp

    if len(head.classes) == 1:
        sureness = -((found - head.weights[0]) ** 2).sum(axis=1)
        likely = len(found)
    else:
        logits = found @ head.weights.T + head.bias
        column = head.classes.index(label)
        others = np.delete(logits, column, axis=1)
        sureness = logits[:, column] - logsumexp(others, axis=1)
        likely = int((logits[:, column] > others.max(axis=1)).sum())
    rows: NDArray[np.int64] = np.argsort(-sureness, kind="stable")
    return likely, rows


def out_of_fold(
    found: NDArray[np.float32], answers: Sequence[str], groups: Sequence[int]
) -> tuple[tuple[str, ...], NDArray[np.float32]]:
    """The classes, and what heads that saw no face of the same group say: float32 `[N, classes]`.

    groups: of each face; those of one group are in one fold. A class whose faces are all in one
    fold has probability 0 there.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    classes, targets = np.unique(np.asarray(answers), return_inverse=True)
    names = tuple(map(str, classes))
    said = np.zeros((len(found), len(names)), np.float32)
    count = min(FOLDS, len(set(groups)))
    if count < 2:
        return names, said
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class")
        folds = list(StratifiedGroupKFold(count).split(found, targets, groups))
    for others, held in folds:
        head = fit(found[others], [answers[row] for row in others])
        columns = [names.index(name) for name in head.classes]
        said[np.ix_(held, columns)] = head.probabilities(found[held])
    return names, said


def _chosen(targets: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rows to fit, at most about `MOST`: all of the rare classes, and some of the others."""
    counts = np.bincount(targets)
    if len(targets) <= MOST:
        return np.arange(len(targets))
    most = int(counts.max())
    while np.minimum(counts, most).sum() > MOST and most > 1:
        most -= max(1, most // 16)
    rng = np.random.default_rng(_SEED)
    kept = [
        rng.permutation(np.flatnonzero(targets == number))[:most] for number in range(len(counts))
    ]
    return np.sort(np.concatenate(kept))
