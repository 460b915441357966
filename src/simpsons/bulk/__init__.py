"""Millions of pictures: a frozen list in parts, each made once, here or on many machines."""

import os
from collections.abc import Iterable
from typing import Any

from simpsons.bulk import locations, parts, tasks
from simpsons.bulk.limits import Limits
from simpsons.bulk.pool import Pool
from simpsons.classifier import Classifier
from simpsons.detector import Detector

__all__ = ["Limits", "classify_part", "detect_part"]


def classify_part(
    part: Iterable[Any],
    model: str | os.PathLike[str] | Classifier = "xception",
    top: int = 3,
    limits: Limits | None = None,
) -> Any:
    """Say who is in each picture of a part, for an engine that hands out parts itself.

        >>> table = classify_part(["s3://bucket/1.jpg", "frames/2.jpg"], "cnn-int8")

    part: paths and addresses: a list, or a column of Arrow or pandas. model: as `Classifier` takes
    it, loaded once a process, or a Classifier. top: labels with their probabilities a row.

    Returns a `pyarrow.Table`, a row a picture in the order given: row, path, label, probability,
    verdict, familiarity, top, error_kind, error. A picture that can't be read is a row whose
    error_kind is one of `simpsons.bulk.errors.KINDS`. Raises ModelError, and BulkError where the
    storage takes no credentials.
    """
    if isinstance(model, Classifier):
        task: tasks.AnyTask = tasks.Classify(model, top)
    else:
        task = tasks.task_of(tasks.describe(tasks.CLASSIFY, os.fspath(model), top=top))
    return _table(part, task, limits)


def detect_part(
    part: Iterable[Any],
    model: str | os.PathLike[str] | Detector = "cnn-int8",
    top: int = 3,
    limits: Limits | None = None,
) -> Any:
    """Find and name every face of a part; see `classify_part`.

    model: who names the faces, or a Detector. Returns a row a face, with faces, face, x1, y1, x2,
    y2 and score too; and one for a picture without any, whose faces is 0.
    """
    if isinstance(model, Detector):
        task: tasks.AnyTask = tasks.Detect(model, top)
    else:
        task = tasks.task_of(tasks.describe(tasks.DETECT, os.fspath(model), top=top))
    return _table(part, task, limits)


def _table(part: Iterable[Any], task: tasks.AnyTask, limits: Limits | None) -> Any:
    paths = part.to_pylist() if hasattr(part, "to_pylist") else part
    entries = [locations.Entry(os.fspath(path)) for path in paths]
    pool = Pool(task, locations.read, limits or Limits(), parts.is_remote(entries, ""))
    return parts.to_table(task, entries, pool.answer(entries))
