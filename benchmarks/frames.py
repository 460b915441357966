"""The data set's pictures with boxes around faces, and what the eye corrected in them."""

from collections.abc import Iterable
from pathlib import Path

from simpsons.classifier import UNKNOWN
from simpsons.dataset import boxes
from simpsons.dataset.boxes import Box
from simpsons.dataset.folders import DataError
from simpsons.dataset.split import parts_of

COMPLETE, ONE_BOX = "faces.csv", "one_box.csv"

KNOWN_STRANGERS = Path(__file__).with_name("known_strangers.csv")
"""Faces that `faces.csv` calls unknown and that are one of the 18."""

WRONG_BOXES = Path(__file__).with_name("wrong_boxes.txt")
"""Pictures whose box in `one_box.csv` misses the face, of the validation and test parts."""

OTHERS_SHOWN = Path(__file__).with_name("others_shown.txt")
"""Pictures of `one_box.csv` with others of the 18 in them, of the validation and test parts."""


def folder(data: Path) -> Path:
    """Where the pictures are, beside the data set. Raises DataError if they are not there."""
    root = data.parent / "frames" / "simpsons"
    if not (root / COMPLETE).is_file():
        raise DataError(f"{root}: has no {COMPLETE}; put the pictures with boxes there")
    return root


def complete(root: Path, part: str) -> dict[str, tuple[Box, ...]]:
    """Every face of the pictures in a part of the shipped split that have all faces boxed."""
    known = {
        (box.path, box.corners): box.name
        for found in boxes.read(KNOWN_STRANGERS).pictures.values()
        for box in found
    }
    listed = boxes.read(root / COMPLETE).complete
    return {
        path: tuple(
            box._replace(name=known.get((path, box.corners), box.name)) for box in listed[path]
        )
        for path in _in_part(listed, part)
    }


def one_box(root: Path, part: str) -> dict[str, Box]:
    """The right boxes of pictures that have one box, of the validation or the test part."""
    wrong = listed_in(WRONG_BOXES)
    listed = boxes.read(root / ONE_BOX).complete
    return {path: listed[path][0] for path in _in_part(listed, part) if path not in wrong}


def listed_in(file: Path) -> set[str]:
    """The pictures that a list of paths has."""
    return set(file.read_text(encoding="utf-8").splitlines())


def _in_part(paths: Iterable[str], part: str) -> list[str]:
    paths = list(paths)
    return [path for path, its in zip(paths, parts_of(paths), strict=True) if its == part]


def named(found: Iterable[Box]) -> frozenset[str]:
    """Who of the 18 is there."""
    return frozenset(box.name for box in found) - {UNKNOWN}
