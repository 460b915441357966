"""Which pictures may show the same: the nearest of each among small thumbnails, mirrored ones too.

Copies and, in a large data set, near-duplicates are looked for among these alone, in a time that
grows slower than the square of the number of pictures. Memory grows with that number.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simpsons.dataset import alignment, memory_map, neighbours
from simpsons.images import Pixels
from simpsons.progress import Track, silent

WITHIN = 0.8
"""Squared distance of two thumbnails of length 1 that may be copies, cropped ones too."""

_COLUMNS, _ROWS = 8, 6
"""Cells of the thumbnails; two more rows, where subtitles are, are left out."""

_AXES = 64
_SAMPLE = 20_000
_NEAREST = 12
_BLOCK = 2048

_Thumbnails = NDArray[np.float32]


class Candidates(NamedTuple):
    """Pairs, each way round once, sorted.

    first, second: int64 `[M]`, rows. mirrored: bool `[M]`, whether one was mirrored; a pair may
    be there both ways. distance: float32 `[M]`, squared, of their thumbnails, up to `WITHIN`.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    mirrored: NDArray[np.bool_]
    distance: NDArray[np.float32]


class Looks(NamedTuple):
    """What is kept of all pictures.

    vectors, mirrored: float32 `[N, D]`, the projected thumbnail of each and of its mirror image.
    coarse: uint8 `[N, 16, 16]`, for the first alignment.
    """

    projection: "_Projection"
    vectors: _Thumbnails
    mirrored: _Thumbnails
    coarse: Pixels

    @classmethod
    def of(cls, pixels: Pixels, known: "Looks | None" = None, track: Track = silent) -> "Looks":
        """Of uint8 `[N, 64, 64, 3]`; known: looks that these will be compared with."""
        projection = known.projection if known else _Projection.of(pixels)
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
            turned = thumbs.reshape(-1, _COLUMNS)[:, ::-1].reshape(thumbs.shape)
            looks.vectors[rows] = (thumbs - projection.centre) @ projection.axes
            looks.mirrored[rows] = (turned - projection.centre) @ projection.axes
            looks.coarse[rows] = alignment.coarse(block)
            memory_map.release(pixels)
        return looks


def among(looks: Looks, track: Track = silent) -> Candidates:
    """Pairs of pictures, first < second."""
    return _nearest(looks, looks, track, ordered=True)


def between(queries: Looks, references: Looks, track: Track = silent) -> Candidates:
    """Pairs of a query, first, and a reference, second."""
    return _nearest(queries, references, track, ordered=False)


class _Projection(NamedTuple):
    """Centre, float32 `[144]`, and principal axes, float32 `[144, D]`, of thumbnails."""

    centre: _Thumbnails
    axes: _Thumbnails

    @classmethod
    def of(cls, pixels: Pixels) -> "_Projection":
        rows = np.linspace(0, len(pixels) - 1, min(_SAMPLE, len(pixels))).astype(np.int64)
        starts = range(0, len(rows), _BLOCK)
        blocks = [_thumbnails(memory_map.read(pixels, rows[at : at + _BLOCK])) for at in starts]
        thumbs = np.concatenate([*blocks, np.empty((0, _COLUMNS * _ROWS * 3), np.float32)])
        centre = thumbs.mean(axis=0) if len(thumbs) else np.zeros(thumbs.shape[1], np.float32)
        thumbs -= centre
        _, axes = np.linalg.eigh(thumbs.T @ thumbs)
        return cls(centre, np.ascontiguousarray(axes[:, ::-1][:, :_AXES]))


def _thumbnails(pixels: Pixels) -> _Thumbnails:
    """The upper three quarters as float32 `[N, 144]` of mean 0 and length 1, or all 0."""
    upper = np.asarray(pixels)[:, : pixels.shape[1] * 3 // 4]
    thumbs = alignment.reduced(upper, _ROWS, _COLUMNS).reshape(len(upper), -1)
    thumbs -= thumbs.mean(axis=1, keepdims=True)
    length = np.linalg.norm(thumbs, axis=1, keepdims=True)
    unit: _Thumbnails = np.divide(thumbs, length, out=np.zeros_like(thumbs), where=length > 1e-3)
    return unit


def _nearest(queries: Looks, references: Looks, track: Track, ordered: bool) -> Candidates:
    """ordered: query and reference are of the same pictures, a pair is the same either way."""
    search = neighbours.search(references.vectors)
    count = max(1, len(references.vectors))
    keys, distances = [np.empty(0, np.int64)], [np.empty(0, np.float32)]
    starts = range(0, len(queries.vectors), _BLOCK)
    for start in track(starts, len(starts), "searching"):
        for vectors, turned in ((queries.vectors, 0), (queries.mirrored, 1)):
            found = search.nearest(vectors[start : start + _BLOCK], _NEAREST, WITHIN)
            first, second = found.query + start, found.reference
            kept = first != second if ordered else slice(None)
            if ordered:
                first, second = np.minimum(first, second), np.maximum(first, second)
            keys.append(((first * count + second) * 2 + turned)[kept])
            distances.append(found.distance[kept])
    key, at = np.unique(np.concatenate(keys), return_index=True)
    pair, mirrored = np.divmod(key, 2)
    first, second = np.divmod(pair, count)
    return Candidates(first, second, mirrored.astype(np.bool_), np.concatenate(distances)[at])
