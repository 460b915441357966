"""How good a network is on a set of pictures, from its probabilities and the true labels.

Intervals and tests here and in `compare` treat the pictures as independent. Frames of one scene
are not quite, so the true uncertainty is somewhat larger than what is printed.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from scipy.stats import binomtest
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from simpsons.characters import display_name

BINS = 15
"""Number of equal-width confidence bins of the calibration error."""

SMALLEST_PROBABILITY = float(np.finfo(np.float32).eps)
"""Probabilities are raised to this in the log loss, so that one 0 doesn't make it infinite."""

TEMPERATURES = (0.05, 20.0)
"""The range that `fit_temperature` searches."""

_USUAL = 0.5  # how far a temperature's logarithm usually lies from 0

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class ClassScore:
    """One class's scores in [0, 1]; None where the denominator is 0.

    `support` is the number of pictures of the class. Precision is None if the class was never
    predicted, recall if it has no pictures, F1 if both.
    """

    slug: str
    precision: float | None
    recall: float | None
    f1: float | None
    support: int


@dataclass(frozen=True)
class ConfusedPair:
    """`count` pictures of `true`, which is `share` of them, were taken for `predicted`."""

    true: str
    predicted: str
    count: int
    share: float


@dataclass(frozen=True)
class ReliabilityBin:
    """The `count` pictures whose top probability is in (low, high]: its mean, their accuracy."""

    low: float
    high: float
    count: int
    confidence: float
    accuracy: float


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What `evaluate` returns. Shares, scores and errors are in [0, 1], log loss in nats.

    accuracy_interval: 95 % Wilson score interval.
    macro_f1: mean F1 over the classes that occur in the labels; the others don't count.
    log_loss: mean of -log(probability of the true class), clipped at `SMALLEST_PROBABILITY`.
    calibration_error: expected calibration error of the top label over `BINS` equal-width bins
        (Guo et al., "On Calibration of Modern Neural Networks", ICML 2017).
    confusion: int64 `[C, C]`, rows true, columns predicted; read-only.
    reliability: those of the `BINS` bins that have pictures, ascending.
    """

    classes: tuple[str, ...]
    n: int
    accuracy: float
    accuracy_interval: tuple[float, float]
    top_3_accuracy: float
    macro_f1: float
    log_loss: float
    calibration_error: float
    per_class: tuple[ClassScore, ...]
    confusion: Ints
    reliability: tuple[ReliabilityBin, ...]

    @property
    def headline(self) -> str:
        """The accuracy in words: `95.3 % of 1,703 pictures (95 % interval 94.2 to 96.2)`."""
        low, high = self.accuracy_interval
        pictures = "picture" if self.n == 1 else "pictures"
        return (
            f"{100 * self.accuracy:.1f} % of {self.n:,} {pictures} "
            f"(95 % interval {100 * low:.1f} to {100 * high:.1f})"
        )

    @property
    def mean_confidence(self) -> float:
        """The mean top probability: what the network expects its accuracy to be."""
        return sum(each.count * each.confidence for each in self.reliability) / self.n

    def confused_pairs(self, k: int = 10) -> list[ConfusedPair]:
        """The `k` most frequent errors, most first; of equal counts the larger share first."""
        supports = self.confusion.sum(axis=1)
        pairs = [
            ConfusedPair(
                self.classes[true],
                self.classes[predicted],
                int(self.confusion[true, predicted]),
                float(self.confusion[true, predicted] / supports[true]),
            )
            for true, predicted in np.argwhere(self.confusion)
            if true != predicted
        ]
        return sorted(pairs, key=lambda pair: (-pair.count, -pair.share))[:k]

    def to_json(self) -> dict[str, Any]:
        """The evaluation as plain Python types, without NaN: None where a score is undefined."""
        return asdict(self) | {
            "classes": list(self.classes),
            "accuracy_interval": list(self.accuracy_interval),
            "per_class": [asdict(score) for score in self.per_class],
            "confusion": self.confusion.tolist(),
            "reliability": [asdict(interval) for interval in self.reliability],
            "confused_pairs": [asdict(pair) for pair in self.confused_pairs()],
        }


def evaluate(probabilities: ArrayLike, labels: ArrayLike, classes: Sequence[str]) -> Evaluation:
    """Compare float `[N, C]` probabilities with int `[N]` true labels, 0 to C - 1.

    `classes` are the C slugs, in the order of the columns. Not every class has to occur in the
    labels. Of equal probabilities the first class is the prediction.

    Raises ValueError for what `checked` refuses and if there aren't C slugs.
    """
    probabilities, labels = checked(probabilities, labels)
    n, width = probabilities.shape
    if len(classes) != width:
        raise ValueError(f"{len(classes)} classes are named, but the probabilities have {width}")

    ranking = np.argsort(-probabilities, axis=1, kind="stable")
    predictions = ranking[:, 0]
    right = predictions == labels
    indices = np.arange(width)
    precision, recall, f1, support = precision_recall_fscore_support(
        labels, predictions, labels=indices, zero_division=np.nan
    )
    confusion = confusion_matrix(labels, predictions, labels=indices).astype(np.int64)
    confusion.setflags(write=False)
    bins = _reliability(probabilities.max(axis=1), right)
    true_probabilities = probabilities[np.arange(n), labels]
    return Evaluation(
        classes=tuple(classes),
        n=n,
        accuracy=float(right.mean()),
        accuracy_interval=wilson_interval(int(right.sum()), n),
        top_3_accuracy=float((ranking[:, :3] == labels[:, None]).any(axis=1).mean()),
        macro_f1=float(f1[support > 0].mean()),
        log_loss=float(np.log(1 / np.clip(true_probabilities, SMALLEST_PROBABILITY, 1)).mean()),
        calibration_error=sum(
            each.count / n * abs(each.accuracy - each.confidence) for each in bins
        ),
        per_class=tuple(
            ClassScore(slug, _defined(p), _defined(r), _defined(f), int(s))
            for slug, p, r, f, s in zip(classes, precision, recall, f1, support, strict=True)
        ),
        confusion=confusion,
        reliability=bins,
    )


def checked(probabilities: ArrayLike, labels: ArrayLike) -> tuple[Floats, Ints]:
    """Probabilities as float64 `[N, C]` and labels as int64 `[N]`.

    Raises ValueError if the shapes don't fit, N is 0, a label is no integer in 0 to C - 1, or
    the rows are no probabilities (finite, in [0, 1], sum 1 within 0.01).
    """
    probabilities, labels = _checked_shapes(probabilities, labels, "probabilities")
    if probabilities.min() < 0 or abs(probabilities.sum(axis=1) - 1).max() > 0.01:
        raise ValueError("each row of probabilities must sum to 1: apply softmax to logits first")
    return probabilities, labels


def wilson_interval(right: int, n: int) -> tuple[float, float]:
    """The 95 % Wilson score interval of a share: `right` of `n`, n > 0."""
    interval = binomtest(right, n).proportion_ci(confidence_level=0.95, method="wilson")
    return float(interval.low), float(interval.high)


def confident_errors(probabilities: ArrayLike, labels: ArrayLike, k: int = 24) -> list[int]:
    """The rows of the `k` errors the network is surest of, surest first.

    Takes and raises what `evaluate` does.
    """
    probabilities, labels = checked(probabilities, labels)
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != labels)
    surest_first = np.argsort(-probabilities[wrong].max(axis=1), kind="stable")
    return [int(row) for row in wrong[surest_first[:k]]]


def confused_sentences(evaluation: Evaluation, k: int = 10) -> list[str]:
    """The `k` most confused pairs in words, most first.

    `Lisa Simpson was taken for Bart Simpson 4 times (3.1 % of 131)`
    """
    return [
        f"{display_name(pair.true)} was taken for {display_name(pair.predicted)} "
        f"{'once' if pair.count == 1 else f'{pair.count:,} times'} "
        f"({100 * pair.share:.1f} % of {round(pair.count / pair.share):,})"
        for pair in evaluation.confused_pairs(k)
    ]


def fit_temperature(logits: ArrayLike, labels: ArrayLike) -> float:
    """The most probable T of softmax(logits / T), searched in `TEMPERATURES`.

    logits: float `[N, C]`, labels: int `[N]`. Fit it on validation pictures, never on test
    pictures. It minimises the log loss (Guo et al., "On Calibration of Modern Neural Networks",
    ICML 2017), with a prior, log T normal around 0 with a deviation of 0.5: a few pictures that
    are all right would otherwise say that the network never errs. Of many it changes next to
    nothing.

    Raises ValueError if the shapes don't fit, N is 0, a logit isn't finite, or a label is no
    integer in 0 to C - 1.
    """
    logits, labels = _checked_shapes(logits, labels, "logits")

    def loss(log_temperature: float) -> float:
        log_probabilities = log_softmax(logits / np.exp(log_temperature), axis=1)
        surprise = -log_probabilities[np.arange(len(labels)), labels].sum()
        return float(surprise + (log_temperature / _USUAL) ** 2 / 2)

    bounds = tuple(np.log(TEMPERATURES))
    result = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-6})
    return float(np.exp(result.x))


def _checked_shapes(scores: ArrayLike, labels: ArrayLike, name: str) -> tuple[Floats, Ints]:
    scores = np.asarray(scores, dtype=np.float64)
    labels = np.asarray(labels)
    if scores.ndim != 2 or labels.shape != scores.shape[:1]:
        raise ValueError(
            f"{name} must be [N, C] and labels [N], "
            f"not {list(scores.shape)} and {list(labels.shape)}"
        )
    if scores.size == 0:
        raise ValueError("there is nothing to evaluate: N or C is 0")
    if not np.isfinite(scores).all():
        raise ValueError(f"the {name} contain NaN or infinity")
    if not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(f"labels must be integers, not {labels.dtype}")
    if labels.min() < 0 or labels.max() >= scores.shape[1]:
        raise ValueError(
            f"labels must be 0 to {scores.shape[1] - 1}, "
            f"but there are {labels.min()} to {labels.max()}"
        )
    return scores, labels.astype(np.int64)


def _reliability(confidence: Floats, right: NDArray[np.bool_]) -> tuple[ReliabilityBin, ...]:
    index = np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)
    return tuple(
        ReliabilityBin(
            low=i / BINS,
            high=(i + 1) / BINS,
            count=int((index == i).sum()),
            confidence=float(confidence[index == i].mean()),
            accuracy=float(right[index == i].mean()),
        )
        for i in np.unique(index).tolist()
    )


def _defined(score: float) -> float | None:
    return None if np.isnan(score) else float(score)
