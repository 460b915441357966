"""A list of pictures that training drops or relabels: CSV that a person can read and edit.

Columns: path (relative to the data folder), action (`drop` or `relabel`), character (the new
one, for `relabel`), reason (for people). The pictures themselves are never touched, nor what is
validated and tested on, so that figures with and without a list can be compared.
"""

import csv
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from simpsons.characters import composed, find_name
from simpsons.dataset.cache import Dataset
from simpsons.dataset.folders import DataError
from simpsons.dataset.split import EXCLUDED, Split
from simpsons.files import csv_line, read_table, write_text

DROP, RELABEL = "drop", "relabel"

_COLUMNS = ("path", "action", "character", "reason")


class Line(NamedTuple):
    """What to do with one picture, and why."""

    path: str
    action: str
    character: str
    reason: str


@dataclass(frozen=True)
class Excluded:
    """How many training pictures a list dropped and relabelled."""

    dropped: int
    relabelled: int


def write(path: str | os.PathLike[str], lines: Iterable[Line]) -> None:
    """Write a list, whole or not at all."""
    write_text(path, "".join(f"{csv_line(line)}\n" for line in (_COLUMNS, *lines)))


def read(path: str | os.PathLike[str]) -> list[Line]:
    """Read a list. Raises DataError that names the line and what is wrong with it."""
    path = Path(path)
    try:
        columns, table = read_table(path)
    except FileNotFoundError:
        raise DataError(f"{path}: no such list; write one with `simpsons data clean`") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: is not CSV in UTF-8 ({error}); save it as UTF-8") from None
    if missing := {"path", "action"} - set(columns):
        raise DataError(
            f"{path}: has no column {sorted(missing)[0]}; `simpsons data clean` writes "
            f"such a list, with the columns {', '.join(_COLUMNS)}"
        )
    return [_line(path, number, values) for number, values in enumerate(table, 2)]


def _line(path: Path, number: int, values: dict[str, str | None]) -> Line:
    file, action, character, reason = ((values.get(name) or "").strip() for name in _COLUMNS)
    action = action.lower()
    if action not in (DROP, RELABEL):
        raise DataError(f"{path}, line {number}: action {action!r}; use {DROP} or {RELABEL}")
    if action == RELABEL and not character:
        raise DataError(f"{path}, line {number}: {RELABEL} needs a character; name it, or {DROP}")
    return Line(file, action, character, reason)


def apply(
    path: str | os.PathLike[str], dataset: Dataset, split: Split, *, strict: bool = True
) -> tuple[Dataset, Split, Excluded]:
    """The data set and the split as a list wants them; only training pictures change.

    strict: a picture that the data set lacks is an error, else it is passed over.

    Raises DataError as `read` does, and for a picture or character that the data set lacks.
    """
    row_of = {composed(file): row for row, file in enumerate(dataset.paths)}
    labels, part = dataset.labels.copy(), split.part.copy()
    for number, line in enumerate(read(path), 2):
        path_there = composed(line.path)
        row = row_of.get(path_there, row_of.get(path_there.replace("\\", "/")))
        if row is None and not strict:
            continue
        if row is None:
            raise DataError(
                f"{path}, line {number}: {line.path} is not a picture of {dataset.root}; paths are "
                "relative to that folder"
            )
        if part[row] != "train":
            continue
        if line.action == DROP:
            part[row] = EXCLUDED
            continue
        character = find_name(line.character, dataset.classes)
        if character is None:
            raise DataError(
                f"{path}, line {number}: no class {line.character}; the data set has "
                f"{', '.join(dataset.classes)}"
            )
        labels[row] = dataset.classes.index(character)
    changed = int(np.sum((labels != dataset.labels) & (part == "train")))
    excluded = Excluded(int(np.sum(part == EXCLUDED)), changed)
    return replace(dataset, labels=labels), replace(split, part=part), excluded
