"""A classifier on a data set: probabilities, labels, and the most confident errors."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simpsons.characters import find_name
from simpsons.classifier import BATCH, Classifier
from simpsons.dataset.cache import Dataset
from simpsons.dataset.folders import DataError
from simpsons.evaluation.metrics import Evaluation, confident_errors, evaluate
from simpsons.evaluation.report import ErrorExample
from simpsons.explain import heat_map
from simpsons.progress import Track, silent


@dataclass(frozen=True)
class Measured:
    """What a classifier said of some pictures of a data set.

    rows: int64 `[N]`, which pictures. probabilities: float32 `[N, classes]`. labels: int64 `[N]`,
    true classes as the classifier numbers them. unknown: classes of the data set that the
    classifier does not know, with their pictures, which are not measured.
    """

    rows: NDArray[np.int64]
    probabilities: NDArray[np.float32]
    labels: NDArray[np.int64]
    evaluation: Evaluation
    unknown: dict[str, int]


def measure(
    classifier: Classifier,
    dataset: Dataset,
    rows: NDArray[np.int64] | None = None,
    track: Track = silent,
) -> Measured:
    """Classify the pictures in `rows` (None for all) and evaluate the answers.

    Raises DataError when none of the pictures is of a class that the classifier knows.
    """
    rows = np.arange(len(dataset)) if rows is None else rows
    numbers = np.array([_index(classifier, name) for name in dataset.classes], np.int64)
    known = numbers[dataset.labels[rows]] >= 0
    unknown = {
        name: count
        for label, name in enumerate(dataset.classes)
        if (count := int((dataset.labels[rows[~known]] == label).sum()))
    }
    rows = rows[known]
    if len(rows) == 0:
        raise DataError(
            f"{dataset.root}: no picture of a character that the model knows; it has "
            f"{', '.join(dataset.classes)}, the model {', '.join(classifier.labels)}"
        )
    starts = range(0, len(rows), BATCH)
    probabilities = np.concatenate(
        [
            classifier.probabilities(dataset.images[rows[start : start + BATCH]])
            for start in track(starts, len(starts), "classifying")
        ]
    )
    labels = numbers[dataset.labels[rows]]
    evaluation = evaluate(probabilities, labels, classifier.labels)
    return Measured(rows, probabilities, labels, evaluation, unknown)


def error_examples(
    classifier: Classifier, measured: Measured, dataset: Dataset, most: int = 24
) -> list[ErrorExample]:
    """The errors of the classifier with the highest probability, the surest first."""
    classes = measured.evaluation.classes
    examples = []
    for error in confident_errors(measured.probabilities, measured.labels, most):
        row, true = measured.rows[error], measured.labels[error]
        probabilities = measured.probabilities[error]
        predicted = int(probabilities.argmax())
        image = np.asarray(dataset.images[row])
        examples.append(
            ErrorExample(
                image=image,
                path=dataset.paths[row],
                true=classes[true],
                predicted=classes[predicted],
                probability=float(probabilities[predicted]),
                true_probability=float(probabilities[true]),
                heat=heat_map(classifier, image, classes[predicted]),
                true_heat=heat_map(classifier, image, classes[true]),
            )
        )
    return examples


def _index(classifier: Classifier, name: str) -> int:
    label = find_name(name, classifier.labels)
    return -1 if label is None else classifier.labels.index(label)
