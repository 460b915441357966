"""A split of the other cartoon's pictures: what is too like a picture held out is in no part.

Of each character's folder some blocks of numbers are for the test and for validation. The numbers
don't follow the films: pictures with neighbouring numbers are no more alike than any two. So a
block is a sample of all films, and near-duplicates alone keep the parts apart.
"""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import thumbnails
from benchmarks.frames import COMPLETE
from benchmarks.thumbnails import Thumbnails
from simpsons.dataset import boxes, cache
from simpsons.dataset.boxes import Box
from simpsons.dataset.folders import DataError
from simpsons.dataset.split import PARTS, UNLISTED
from simpsons.files import write_text
from simpsons.progress import Track, silent

FOLDERS = ("dad", "dee_dee", "dexter", "mom")
"""Folders of which blocks are held out; the pictures of others come from the same films."""

BLOCK, BLOCKS = 50, 20
"""Pictures of a block, and blocks of a folder."""

HELD_OUT = ("test", "test", "validation", "validation")
"""What the blocks that are drawn first are for."""

NEXT_TO = 5
"""Numbers before and after one held out that are in no part either. It gains nothing, as numbers
follow no film, but networks that ship have learnt from these parts."""


def folder(data: Path) -> Path:
    """Where the pictures are, beside the data set. Raises DataError if they are not there."""
    root = data.parent / "frames" / "dexter"
    if not (root / COMPLETE).is_file():
        raise DataError(f"{root}: has no {COMPLETE}; put the other cartoon's pictures there")
    return root


def complete(root: Path, part: str, track: Track = silent) -> dict[str, tuple[Box, ...]]:
    """Every face of the pictures in a part. Raises DataError as `split` does."""
    parts = split(root, track=track)
    listed = boxes.read(root / COMPLETE).complete
    return {path: faces for path, faces in listed.items() if parts.get(path) == part}


def split(root: Path, seed: int = 0, track: Track = silent) -> dict[str, str]:
    """The part of each picture, by its path relative to `root`, sorted by path.

    Raises DataError as `cache.load` does.
    """
    dataset = cache.load(root, track=track)
    parts = parts_of(dataset.paths, thumbnails.thumbnails(dataset.images), seed)
    return dict(sorted(zip(dataset.paths, parts.tolist(), strict=True)))


def parts_of(paths: Sequence[str], thumbs: Thumbnails, seed: int = 0) -> NDArray[np.str_]:
    """`[N]` of `PARTS` or `UNLISTED`, of pictures `folder/0001.jpg` and their thumbnails."""
    held = held_out(seed)
    place = {path: _place(path) for path in paths}
    part = np.array([held.get(place[path], "train") for path in paths], "<U10")
    train, validation, test = (np.flatnonzero(part == name) for name in PARTS)
    part[_alike(thumbs, validation, test)] = UNLISTED
    part[_alike(thumbs, train, np.concatenate([test, validation]))] = UNLISTED
    there = {place[path] for path in paths} & held.keys()
    for row in train.tolist():
        folder, number = place[paths[row]]
        near = range(number - NEXT_TO, number + NEXT_TO + 1)
        if any((folder, other) in there for other in near):
            part[row] = UNLISTED
    return part


def held_out(seed: int = 0) -> dict[tuple[str, int], str]:
    """The part of each picture that is held out, by its folder and number."""
    rng = np.random.default_rng(seed)
    held = {}
    for folder in FOLDERS:
        blocks = rng.permutation(BLOCKS)[: len(HELD_OUT)].tolist()
        for block, part in zip(blocks, HELD_OUT, strict=True):
            for number in range(block * BLOCK + 1, (block + 1) * BLOCK + 1):
                held[folder, number] = part
    return held


def write_split(path: Path, parts: dict[str, str]) -> None:
    """Write the parts as `--split` takes them: `path,split`."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([("path", "split"), *parts.items()])
    write_text(path, text.getvalue())


def _place(path: str) -> tuple[str, int]:
    folder, _, file = path.rpartition("/")
    return folder, int(file.partition(".")[0])


def _alike(
    thumbs: Thumbnails, rows: NDArray[np.int64], others: NDArray[np.int64]
) -> NDArray[np.int64]:
    nearest = thumbnails.similarity_to_nearest(thumbs[rows], thumbs[others])
    return rows[nearest > thumbnails.THRESHOLD]
