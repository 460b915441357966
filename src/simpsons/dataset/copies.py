"""Copies: two files of one picture, re-encoded, smaller, cropped, mirrored or with subtitles.

Candidates come from a nearest-neighbour search among small thumbnails, in a time that grows
slower than the square of the number of pictures. Each candidate is then laid over the other
picture and judged pixel by pixel (`simpsons.dataset.alignment`).
"""

import os
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from simpsons.dataset import alignment, neighbours
from simpsons.images import Pixels
from simpsons.progress import Track, silent

THRESHOLD = 0.55
"""From this score on two pictures are copies. `python -m benchmarks.near_duplicates` chose it."""

_COLUMNS, _ROWS = 8, 6
"""Cells of the candidates' thumbnails; two more rows, where subtitles are, are left out."""

_AXES = 64
_SAMPLE = 20_000
_NEAREST = 12
_WITHIN = 0.8
"""Squared distance of two thumbnails of length 1 that may be copies."""

_CORRELATION = 0.9
_BLOCK = 2048
_PAIRS = 256

_Thumbnails = NDArray[np.float32]


class Pairs(NamedTuple):
    """Pairs of copies, the most alike first.

    first, second: int64 `[M]`, rows. score: float32 `[M]`, `THRESHOLD` to 1, 1 for the same
    pixels. mirrored: bool `[M]`, whether one shows the other mirrored.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    score: NDArray[np.float32]
    mirrored: NDArray[np.bool_]


def find(pixels: Pixels, track: Track = silent, threshold: float = THRESHOLD) -> Pairs:
    """Copies among uint8 `[N, 64, 64, 3]`, which may be memory-mapped; first < second.

    Of each picture the nearest few are looked at: of many copies of one picture some pairs may
    be missing, but `groups` joins them. Memory grows with the number of pictures.
    """
    looks = _Looks.of(pixels, None, track)
    candidates = _candidates(looks, looks, track)
    first = np.minimum(candidates.first, candidates.second)
    second = np.maximum(candidates.first, candidates.second)
    apart = first < second
    unique = _unique(first[apart], second[apart], candidates.mirrored[apart])
    return _judged(unique, pixels, pixels, looks, looks, threshold, track)


def find_between(
    queries: Pixels, references: Pixels, track: Track = silent, threshold: float = THRESHOLD
) -> Pairs:
    """Copies of references among queries, uint8 `[Q, 64, 64, 3]` and `[N, 64, 64, 3]`.

    `first` is a row of the queries, `second` one of the references.
    """
    known = _Looks.of(references, None, track)
    asked = _Looks.of(queries, known.projection, track)
    candidates = _candidates(asked, known, track)
    unique = _unique(candidates.first, candidates.second, candidates.mirrored)
    return _judged(unique, queries, references, asked, known, threshold, track)


def groups(pairs: Pairs, count: int) -> NDArray[np.int64]:
    """int64 `[count]`: the group of each picture; pictures linked by pairs share one."""
    ones = np.ones(len(pairs.first), np.int8)
    links = coo_array((ones, (pairs.first, pairs.second)), (count, count))
    _, group = connected_components(links, directed=False)
    return np.asarray(group, np.int64)


class _Projection(NamedTuple):
    """Centre, float32 `[144]`, and principal axes, float32 `[144, D]`, of thumbnails."""

    centre: _Thumbnails
    axes: _Thumbnails

    @classmethod
    def of(cls, pixels: Pixels) -> "_Projection":
        rows = np.linspace(0, len(pixels) - 1, min(_SAMPLE, len(pixels))).astype(np.int64)
        blocks = [_thumbnails(pixels[rows[at : at + _BLOCK]]) for at in range(0, len(rows), _BLOCK)]
        thumbs = np.concatenate([*blocks, np.empty((0, _COLUMNS * _ROWS * 3), np.float32)])
        centre = thumbs.mean(axis=0) if len(thumbs) else np.zeros(thumbs.shape[1], np.float32)
        thumbs -= centre
        _, axes = np.linalg.eigh(thumbs.T @ thumbs)
        return cls(centre, np.ascontiguousarray(axes[:, ::-1][:, :_AXES]))


class _Looks(NamedTuple):
    """What is kept of all pictures.

    vectors, mirrored: float32 `[N, D]`, the projected thumbnail of each and of its mirror image.
    coarse: uint8 `[N, 16, 16]`, for the first alignment.
    """

    projection: _Projection
    vectors: _Thumbnails
    mirrored: _Thumbnails
    coarse: Pixels

    @classmethod
    def of(cls, pixels: Pixels, projection: _Projection | None, track: Track) -> "_Looks":
        projection = projection or _Projection.of(pixels)
        count, axes = len(pixels), projection.axes.shape[1]
        looks = cls(
            projection,
            np.empty((count, axes), np.float32),
            np.empty((count, axes), np.float32),
            np.empty((count, alignment.COARSE, alignment.COARSE), np.uint8),
        )
        starts = range(0, count, _BLOCK)
        for start in track(starts, len(starts), "reducing"):
            block = np.asarray(pixels[start : start + _BLOCK])
            rows = slice(start, start + len(block))
            thumbs = _thumbnails(block)
            turned = thumbs.reshape(-1, _ROWS, _COLUMNS, 3)[:, :, ::-1].reshape(thumbs.shape)
            looks.vectors[rows] = (thumbs - projection.centre) @ projection.axes
            looks.mirrored[rows] = (turned - projection.centre) @ projection.axes
            looks.coarse[rows] = alignment.coarse(block)
        return looks


def _thumbnails(pixels: Pixels) -> _Thumbnails:
    """The upper three quarters as float32 `[N, 144]` of mean 0 and length 1, or all 0."""
    block = np.asarray(pixels)
    count, height, width, _ = block.shape
    upper = block[:, : height * 3 // 4]
    cells = upper.reshape(count, _ROWS, -1, _COLUMNS, width // _COLUMNS, 3)
    thumbs = cells.mean(axis=(2, 4), dtype=np.float32).reshape(count, -1)
    thumbs -= thumbs.mean(axis=1, keepdims=True)
    length = np.linalg.norm(thumbs, axis=1, keepdims=True)
    return np.divide(thumbs, length, out=np.zeros_like(thumbs), where=length > 1e-3)


class _Candidates(NamedTuple):
    first: NDArray[np.int64]
    second: NDArray[np.int64]
    mirrored: NDArray[np.bool_]


def _candidates(queries: _Looks, references: _Looks, track: Track) -> _Candidates:
    search = neighbours.search(references.vectors)
    found = [_Candidates(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.bool_))]
    starts = range(0, len(queries.vectors), _BLOCK)
    for start in track(starts, len(starts), "searching"):
        for vectors, turned in ((queries.vectors, False), (queries.mirrored, True)):
            row, column, _ = search.nearest(vectors[start : start + _BLOCK], _NEAREST, _WITHIN)
            found.append(_Candidates(row + start, column, np.full(len(row), turned)))
    return _Candidates(*(np.concatenate(part) for part in zip(*found, strict=True)))


def _unique(
    first: NDArray[np.int64], second: NDArray[np.int64], mirrored: NDArray[np.bool_]
) -> _Candidates:
    order = np.lexsort((mirrored, second, first))
    first, second, mirrored = first[order], second[order], mirrored[order]
    new = np.ones(len(first), np.bool_)
    new[1:] = (np.diff(first) != 0) | (np.diff(second) != 0) | (mirrored[1:] != mirrored[:-1])
    return _Candidates(first[new], second[new], mirrored[new])


def _judged(
    candidates: _Candidates,
    queries: Pixels,
    references: Pixels,
    asked: _Looks,
    known: _Looks,
    threshold: float,
    track: Track,
) -> Pairs:
    """The candidates that are copies, the better of plain and mirrored of each two."""

    def judge(start: int) -> Pairs:
        first, second, mirrored = (part[start : start + _PAIRS] for part in candidates)
        windows, alike = alignment.coarse_fit(
            _turned(asked.coarse[first], mirrored), known.coarse[second]
        )
        kept = alike > _CORRELATION
        if not kept.any():
            return Pairs(first[:0], second[:0], alike[:0], mirrored[:0])
        first, second, mirrored, windows = first[kept], second[kept], mirrored[kept], windows[kept]
        pictures = _turned(queries[first], mirrored), np.asarray(references[second])
        score = _score(*pictures, windows)
        good = score >= threshold
        return Pairs(first[good], second[good], score[good], mirrored[good])

    starts = range(0, len(candidates.first), _PAIRS)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = list(track(pool.map(judge, starts), len(starts), "comparing"))
    empty = Pairs(*(np.empty(0, kind) for kind in (np.int64, np.int64, np.float32, np.bool_)))
    pairs = Pairs(*(np.concatenate(part) for part in zip(empty, *found, strict=True)))
    order = np.lexsort((pairs.second, pairs.first, -pairs.score))
    pairs = Pairs(*(part[order] for part in pairs))
    both = pairs.first * max(1, len(references)) + pairs.second
    _, best = np.unique(both, return_index=True)
    return Pairs(*(part[np.sort(best)] for part in pairs))


def _turned(pictures: Pixels, mirrored: NDArray[np.bool_]) -> Pixels:
    """A copy of the pictures, `[P, H, W, ...]`, those of `mirrored` with left and right swapped."""
    turned = np.array(pictures)
    turned[mirrored] = turned[mirrored][:, :, ::-1]
    return turned


def _score(one: Pixels, other: Pixels, windows: alignment.Windows) -> NDArray[np.float32]:
    """Agreement of uint8 `[P, 64, 64, 3]`; the smaller section is laid over a part of the larger.

    windows: where, about, in the first the second lies.
    """
    area = (windows[:, 1] - windows[:, 0]) * (windows[:, 3] - windows[:, 2])
    larger = (area > 1)[:, None]
    windows = np.where(larger, alignment.turned_round(windows), windows)
    larger = larger[:, :, None, None]
    source, target = np.where(larger, other, one), np.where(larger, one, other)
    return alignment.agreement(source, target, windows)
