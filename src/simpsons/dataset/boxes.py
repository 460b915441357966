"""Where the character is in a picture: the boxes that come with the Kaggle data set.

A row of `annotation.txt` is `./characters/<character>/<file>,x1,y1,x2,y2,<character>`, in pixels
of the picture, x to the right and y down.
"""

import csv
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from simpsons.dataset.folders import DataError

FILE = "annotation.txt"


class Box(NamedTuple):
    """A character's box. path: `<character>/<file>`. Left and top are inside, right and bottom
    are the first column and row outside, in pixels."""

    path: str
    left: int
    top: int
    right: int
    bottom: int
    character: str


class BadRow(NamedTuple):
    """A row that says no box: its number in the file, from 1, and what is wrong with it."""

    number: int
    reason: str


def read(path: str | os.PathLike[str]) -> tuple[list[Box], list[BadRow]]:
    """The boxes of an annotation file, and the rows that are none, in the order of the file.

    path: the file, or the data set's folder that holds it. Raises DataError if it is missing, is
    no UTF-8 text, or holds no box at all.
    """
    path = Path(path)
    if path.is_dir():
        path = path / FILE
    boxes: list[Box] = []
    bad: list[BadRow] = []
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            for row in filter(None, reader):
                box = _box(row)
                if isinstance(box, Box):
                    boxes.append(box)
                else:
                    bad.append(BadRow(reader.line_num, box))
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; the Kaggle archive has it") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: is no CSV in UTF-8 ({error}); fetch it again") from None
    if not boxes:
        first = f" (row {bad[0].number}: {bad[0].reason})" if bad else ""
        raise DataError(f"{path}: has no boxes{first}; fetch it again")
    return boxes, bad


def _box(row: Sequence[str]) -> Box | str:
    """The box that a row says, or what is wrong with it."""
    if len(row) != 6:
        return f"has {len(row)} values, not 6"
    file, *corners, character = (value.strip() for value in row)
    try:
        left, top, right, bottom = map(int, corners)
    except ValueError:
        return f"{', '.join(corners)} are no whole numbers"
    if min(left, top) < 0 or left >= right or top >= bottom:
        return f"from ({left}, {top}) to ({right}, {bottom}) is no box"
    parts = file.replace("\\", "/").split("/")
    if len(parts) < 2:
        return f"{file!r} is no <character>/<file>"
    return Box("/".join(parts[-2:]), left, top, right, bottom, character)
