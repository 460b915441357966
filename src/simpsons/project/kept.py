"""Which kept frames a new one repeats: a recurring intro, a recap, a shot that is cut back to."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from simpsons.duplicates import alignment, borders, copies, near_duplicates
from simpsons.duplicates.candidates import PARTS
from simpsons.duplicates.near_duplicates import Links
from simpsons.pixels import images
from simpsons.project.rows import RowFile

NEAREST, WITHIN = 12, 0.6
"""So many frames are looked at, plain and mirrored each, of a correlation of at least this."""

CORRELATION = 0.85
"""Thumbnails that agree less after alignment are not looked at more closely."""

LINKED = near_duplicates.THRESHOLD
"""From this agreement on frames may be of one shot."""

_BLOCK = 2048
_ROWS = 3 * alignment.COARSE // 4  # the others may carry subtitles

_Number = TypeVar("_Number", bound=np.generic)

Load = Callable[[int, int], images.Pixels]
"""From the row of a kept frame and a size S to its pixels, uint8 `[S, S, 3]`."""


class Alike(NamedTuple):
    """A kept frame that a new one may be of one shot with.

    row: its number. agreement: 0 to 1. mirrored: whether the new one had to be.
    """

    row: int
    agreement: float
    mirrored: bool


class Kept:
    """The frames that were kept so far: small thumbnails in memory, larger ones in a file.

    thumbnails: of all of them, uint8 `[N, 64, 64, 3]`. load: from the frames themselves.
    """

    def __init__(self, thumbnails: RowFile, load: Load) -> None:
        self._thumbnails, self._load = thumbnails, load
        side = alignment.COARSE
        self._coarse = np.empty((0, side, side), np.uint8)
        self._vectors = np.empty((0, _ROWS * side), np.float32)
        self._count = 0
        for start in range(0, thumbnails.rows, _BLOCK):
            rows = np.arange(start, min(start + _BLOCK, thumbnails.rows))
            self._note(thumbnails.read(rows))

    def __len__(self) -> int:
        return self._count

    def add(self, thumbnail: images.Pixels) -> None:
        """Keep a frame: uint8 `[64, 64, 3]`. Raises OSError if it can't be written."""
        self._thumbnails.add(thumbnail[None])
        self._note(thumbnail[None])

    def find(
        self, thumbnail: images.Pixels, larger: images.Pixels, shorter: int, before: int
    ) -> tuple[bool, list[Alike]]:
        """Whether a frame is a copy of one that is kept, and those that it is like.

        thumbnail: uint8 `[64, 64, 3]`. larger: the same frame, uint8 `[copies.SIZE, copies.SIZE,
        3]`. shorter: pixels of its shorter side. before: kept frames from this row on are of the
        same shot and do not count.
        """
        links = self._links(thumbnail, before)
        if not len(links.first):
            return False, []
        new = copies.Larger(
            lambda rows, size: np.stack([thumbnail if size == images.SIZE else larger] * len(rows)),
            np.array([shorter]),
        )
        known = copies.Larger(
            lambda rows, size: np.stack([self._load(row, size) for row in rows.tolist()]),
            np.full(before, shorter),
        )
        is_copy = bool((copies.scores(links, new, known) >= copies.THRESHOLD).any())
        found = zip(
            links.second.tolist(), links.shot.tolist(), links.mirrored.tolist(), strict=True
        )
        return is_copy, [Alike(*one) for one in found]

    def _note(self, thumbnails: images.Pixels) -> None:
        coarse = alignment.coarse(borders.without(thumbnails))
        end = self._count + len(coarse)
        if end > len(self._coarse):
            room = max(end, 2 * len(self._coarse), 256)
            self._coarse = _grown(self._coarse, room)
            self._vectors = _grown(self._vectors, room)
        self._coarse[self._count : end] = coarse
        self._vectors[self._count : end] = _vectors(coarse)
        self._count = end

    def _links(self, thumbnail: images.Pixels, before: int) -> Links:
        """The kept frames that agree with it as frames of one shot do, the surest first."""
        picture = borders.without(thumbnail[None])
        grey = alignment.coarse(picture)
        sides = np.concatenate([grey, grey[:, :, ::-1]])
        alike = _vectors(sides) @ self._vectors[:before].T
        nearest = np.argsort(-alike, axis=1, kind="stable")[:, :NEAREST]
        is_near = np.take_along_axis(alike, nearest, axis=1) >= WITHIN
        mirrored, place = np.nonzero(is_near)
        row, turned = nearest[mirrored, place], mirrored.astype(np.bool_)
        windows = np.repeat(PARTS[:1], len(row), axis=0)
        if len(row):
            windows, agree = alignment.coarse_fit(sides[mirrored], self._coarse[row], windows)
            close = agree > CORRELATION
            row, turned, windows = row[close], turned[close], windows[close]
        if not len(row):
            return _links(row, turned, np.empty(0, np.float32), windows)
        one = near_duplicates.turned(picture[np.zeros(len(row), np.int64)], turned)
        other = borders.without(self._thumbnails.read(row))
        source, target, windows, swapped = alignment.smaller_first(one, other, windows)
        shot, windows = alignment.agreement(source, target, windows)
        windows[swapped] = alignment.turned_round(windows[swapped])
        linked = np.flatnonzero(shot >= LINKED)
        linked = linked[np.argsort(-shot[linked], kind="stable")]
        _, first = np.unique(row[linked], return_index=True)
        linked = linked[np.sort(first)]
        return _links(row[linked], turned[linked], shot[linked], windows[linked])


def _links(
    row: NDArray[np.int64],
    mirrored: NDArray[np.bool_],
    shot: NDArray[np.float32],
    windows: borders.Windows,
) -> Links:
    return Links(np.zeros(len(row), np.int64), row, mirrored, shot, windows)


def _vectors(coarse: images.Pixels) -> NDArray[np.float32]:
    """uint8 `[P, 16, 16]` as float32 `[P, 192]` of mean 0 and length 1, or all 0."""
    light = coarse[:, :_ROWS].reshape(len(coarse), -1).astype(np.float32)
    light -= light.mean(axis=1, keepdims=True)
    length = np.linalg.norm(light, axis=1, keepdims=True)
    unit: NDArray[np.float32] = np.divide(
        light, length, out=np.zeros_like(light), where=length > 1e-3
    )
    return unit


def _grown(rows: NDArray[_Number], count: int) -> NDArray[_Number]:
    larger = np.empty((count, *rows.shape[1:]), rows.dtype)
    larger[: len(rows)] = rows
    return larger
