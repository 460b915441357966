"""Boxes around faces, from the files that people have them in.

- our CSV: a header `path,x1,y1,x2,y2,name`, then one box a row;
- the Kaggle data set's `annotation.txt`, `./characters/<character>/<file>,x1,y1,x2,y2,<character>`;
- COCO JSON;
- Pascal VOC XML, one file or a folder of them;
- YOLO text: a folder of `.txt` files with `classes.txt` or `data.yaml`.

Corners are in pixels of the picture as people see it (EXIF orientation applied), x to the right and
y down; the left and upper edge of the picture are 0. A file that lists a picture lists all its
faces.
"""

import csv
import io
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from simpsons.characters import CHARACTERS
from simpsons.classifier import UNKNOWN
from simpsons.dataset.box_formats import ANNOTATION, COLUMNS, IGNORED, BadRow, Row, rows
from simpsons.dataset.folders import DataError
from simpsons.files import write_text
from simpsons.pixels import images
from simpsons.pixels.picture_names import PictureNames, parts_of

__all__ = ["ANNOTATION", "BadRow", "Box", "Boxes", "read", "write"]

ROUNDING = 2.0
"""How many pixels a box may reach outside its picture; it is cut there. Beyond, it is a bad row."""

_SLUGS = {character.name.lower(): character.slug for character in CHARACTERS} | {UNKNOWN: UNKNOWN}


class Box(NamedTuple):
    """One face.

    path: the picture, with forward slashes. x1, y1, x2, y2: in pixels. name: the character, or
    `unknown` for a stranger; the 18 as slugs. ignored: the region is neither to be found nor an
    error to find (COCO's `iscrowd`, Pascal VOC's `difficult`).
    """

    path: str
    x1: float
    y1: float
    x2: float
    y2: float
    name: str
    ignored: bool = False

    @property
    def corners(self) -> tuple[float, float, float, float]:
        """x1, y1, x2, y2."""
        return self.x1, self.y1, self.x2, self.y2


@dataclass(frozen=True)
class Boxes:
    """The boxes of a file.

    format: `CSV`, `annotation.txt`, `COCO`, `Pascal VOC` or `YOLO`. pictures: every picture that is
    listed, in the order of the file, with its good boxes; none for a picture without a face.
    incomplete: those of them that have a bad row, so that a face may lack its box. bad: the rows
    that say no box. unlisted: pictures of the folder that the file does not list.
    """

    file: Path
    format: str
    pictures: Mapping[str, tuple[Box, ...]]
    incomplete: frozenset[str]
    bad: tuple[BadRow, ...]
    unlisted: int = 0

    @property
    def complete(self) -> dict[str, tuple[Box, ...]]:
        """The pictures in which every face has a box: what to train on and to measure on."""
        return {path: found for path, found in self.pictures.items() if path not in self.incomplete}

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all boxes that are not ignored, sorted."""
        found = (box for boxes in self.pictures.values() for box in boxes)
        return tuple(sorted({box.name for box in found if not box.ignored}))

    @property
    def summary(self) -> str:
        """What was read, in words."""
        count = sum(map(len, self.pictures.values()))
        text = f"{count:,} boxes in {len(self.pictures):,} pictures"
        return f"{text}, {len(self.bad):,} bad rows" if self.bad else text


def read(
    path: str | os.PathLike[str],
    folder: str | os.PathLike[str] | None = None,
) -> Boxes:
    """Read a box file, or a folder of them; the format is told from the ending and the content.

    folder: where the pictures are, in any layout. Their paths are then relative to it, pictures
    that it lacks and boxes that leave their picture are bad rows, and the listed paths may begin
    some folders further up or down. Without it paths stay as they are, and no picture is opened.
    YOLO needs it.

    Raises DataError if a file is missing, can't be read or is of no known format, or no picture at
    all is listed.
    """
    path = Path(path)
    names = None if folder is None else PictureNames(folder)
    kind, found = rows(path)
    reading = _Reading(names)
    for row in found:
        reading.take(row)
    if not reading.pictures:
        first = f" ({reading.bad[0]})" if reading.bad else ""
        where, remedy = "", f"give a file with rows {','.join(COLUMNS)}"
        if names:
            where = f" for the pictures of {names.root}"
            remedy = "its paths must be relative to that folder"
        raise DataError(f"{path}: has no boxes{where}{first}; {remedy}")
    return Boxes(
        path,
        kind,
        {picture: tuple(boxes) for picture, boxes in reading.pictures.items()},
        frozenset(reading.incomplete),
        tuple(reading.bad),
        len(set(names.paths) - reading.pictures.keys()) if names else 0,
    )


def write(path: str | os.PathLike[str], pictures: Mapping[str, Iterable[Box]]) -> None:
    """Write our CSV, whole or not at all; a picture without boxes gets a row without corners."""
    pictures = {picture: tuple(boxes) for picture, boxes in pictures.items()}
    has_ignored = any(box.ignored for boxes in pictures.values() for box in boxes)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow((*COLUMNS, IGNORED) if has_ignored else COLUMNS)
    for picture, boxes in pictures.items():
        table: list[list[object]] = [
            [picture, *(round(value, 3) for value in box.corners), box.name, int(box.ignored)]
            for box in boxes
        ]
        for row in table or [[picture, "", "", "", "", "", ""]]:
            writer.writerow(row if has_ignored else row[:-1])
    write_text(path, text.getvalue())


class _Reading:
    """Rows become boxes of pictures, or bad rows."""

    def __init__(self, names: PictureNames | None) -> None:
        self.pictures: dict[str, list[Box]] = {}
        self.incomplete: set[str] = set()
        self.bad: list[BadRow] = []
        self._names = names
        self._found: dict[tuple[str, bool], tuple[str, str]] = {}  # and why there is none
        self._sizes: dict[str, tuple[int, int] | str] = {}  # or why it can't be read
        self._first: dict[tuple[str, tuple[float, ...]], tuple[Row, str]] = {}

    def take(self, row: Row | BadRow) -> None:
        picture, reason = self._picture(row)
        if isinstance(row, BadRow):
            self._refuse(row.file, row.where, row.reason, picture)
            return
        if not picture:
            self._refuse(row.file, row.where, reason, "")
            return
        made = self._box(row, picture)
        if isinstance(made, str):
            self._refuse(row.file, row.where, made, picture)
            return
        listed = self.pictures.setdefault(picture, [])
        if made is not None and not self._repeats(made, row):
            listed.append(made)

    def _refuse(self, file: str, where: str, reason: str, picture: str) -> None:
        self.bad.append(BadRow(file, where, reason, picture))
        if picture:
            self.pictures.setdefault(picture, [])
            self.incomplete.add(picture)

    def _picture(self, row: Row | BadRow) -> tuple[str, str]:
        """The picture of a row; empty, and why, where there is none or more than one."""
        parts = parts_of(row.path)
        if not parts:
            return "", "names no picture"
        if self._names is None:
            return "/".join(parts), ""
        key = row.path, isinstance(row, Row) and row.any_suffix
        if key not in self._found:
            found = self._names.find(row.path, any_suffix=key[1])
            if len(found) == 1:
                self._found[key] = found[0], ""
                self._sizes.setdefault(found[0], self._size(found[0]))
            elif found:
                reason = f"{row.path} may be {found[0]} or {found[-1]}; name its folder too"
                self._found[key] = "", reason
            else:
                self._found[key] = "", f"{row.path} is not a picture of {self._names.root}"
        return self._found[key]

    def _size(self, picture: str) -> tuple[int, int] | str:
        assert self._names is not None
        try:
            return images.size_of(self._names.root / picture)
        except images.ImageError as error:
            return str(error)

    def _box(self, row: Row, picture: str) -> Box | str | None:
        """The box, what is wrong with it, or None for a row that lists a picture alone."""
        size = self._sizes.get(picture)
        if isinstance(size, str):
            return size
        if size and row.size and size != row.size:
            return (
                f"is for a picture of {row.size[0]} x {row.size[1]} pixels, and {picture} has "
                f"{size[0]} x {size[1]}"
            )
        if row.corners is None:
            return None
        if not row.name:
            return f"has no name; write {UNKNOWN} for a stranger"
        x1, y1, x2, y2 = row.corners
        if row.relative:
            if size is None:
                raise DataError(
                    f"{row.file}: YOLO boxes are parts of their picture; give the folder of the "
                    "pictures too"
                )
            x1, y1, x2, y2 = x1 * size[0], y1 * size[1], x2 * size[0], y2 * size[1]
        shown = f"from ({x1:g}, {y1:g}) to ({x2:g}, {y2:g})"
        if x1 >= x2 or y1 >= y2:
            return f"{shown} is no box"
        right, bottom = size or (x2, y2)
        if min(x1, y1) < -ROUNDING or x2 > right + ROUNDING or y2 > bottom + ROUNDING:
            of = f" of {size[0]} x {size[1]} pixels" if size else ""
            return f"{shown} reaches outside the picture{of}"
        x1, y1, x2, y2 = max(x1, 0), max(y1, 0), min(x2, right), min(y2, bottom)
        if x1 >= x2 or y1 >= y2:
            return f"{shown} lies outside the picture"
        name = _SLUGS.get(row.name.lower(), row.name)
        return Box(picture, x1, y1, x2, y2, name, row.ignored)

    def _repeats(self, box: Box, row: Row) -> bool:
        """Whether an earlier row has this box; it is then reported."""
        first, name = self._first.setdefault((box.path, box.corners), (row, box.name))
        if first is row:
            return False
        where = first.where if first.file == row.file else f"{first.file}, {first.where}"
        if name == box.name:
            self.bad.append(BadRow(row.file, row.where, f"repeats {where}", box.path))
        else:
            reason = f"is the box of {where}, which calls it {name}, not {box.name}"
            self._refuse(row.file, row.where, reason, box.path)
        return True
