"""Which pictures may show the same: the nearest of each among small thumbnails, mirrored ones too.

Parts of each picture are looked up, too, so that it finds what was cut out of it. Shots and copies
are looked for among these alone, in a time that grows slower than the square of the number of
pictures. Memory grows with that number.
"""

import hashlib
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simpsons.duplicates import alignment, borders, neighbours
from simpsons.duplicates.borders import Windows
from simpsons.pixels import memory_map
from simpsons.pixels.images import Pixels
from simpsons.progress import Track, silent

_COLUMNS, _ROWS = 8, 6
"""Cells of the thumbnails; two more rows, where subtitles are, are left out."""

_COLOUR = 0.2
"""Weight of the colours beside the light: a grey copy has none."""

_PART = 0.82
"""Width and height of the parts of a picture that are looked up."""

PARTS: Windows = np.array(
    [(0, 1, 0, 1)]
    + [
        (x * (1 - _PART), x * (1 - _PART) + _PART, y * (1 - _PART), y * (1 - _PART) + _PART)
        for x in (0, 0.5, 1)
        for y in (0, 0.5, 1)
    ],
    np.float32,
)
"""The whole picture, and nine parts of it."""

_KINDS = 2 * len(PARTS)

_AXES = 64
_SAMPLE = 20_000
NEAREST, _WITHIN = 12, 0.8
_NEAREST_OF_PART, _WITHIN_OF_PART = 3, 0.5
"""How many, at which squared distance of thumbnails of length 1."""

_BLOCK = 2048

_Thumbnails = NDArray[np.float32]


class Candidates(NamedTuple):
    """Pairs of which a part of the first looks like the second, sorted.

    first, second: int64 `[M]`, rows. mirrored: bool `[M]`, whether the first was mirrored. part:
    int8 `[M]`, of `PARTS`. A pair may be there several times.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    mirrored: NDArray[np.bool_]
    part: NDArray[np.int8]


class Descriptors(NamedTuple):
    """What is kept of all pictures, taken out of their borders.

    coarse: uint8 `[N, 16, 16]`, for the first alignment. digests: uint64 `[N]`, the same where all
    pixels are. original: int64 `[N]`, the first row with the same pixels. distinct: int64 `[U]`,
    the rows that are their own original. vectors: float32 `[U, D]`, their projected thumbnails.
    mirrored: those of their mirror images.
    """

    projection: "_Projection"
    coarse: Pixels
    digests: NDArray[np.uint64]
    original: NDArray[np.int64]
    distinct: NDArray[np.int64]
    vectors: _Thumbnails
    mirrored: _Thumbnails

    @classmethod
    def of(
        cls, pixels: Pixels, known: "Descriptors | None" = None, track: Track = silent
    ) -> "Descriptors":
        """Of uint8 `[N, 64, 64, 3]`; known: descriptors that these will be compared with."""
        projection = known.projection if known else _Projection.of(pixels)
        count, axes = len(pixels), projection.axes.shape[1]
        vectors, mirrored = np.empty((2, count, axes), np.float32)
        coarse = np.empty((count, alignment.COARSE, alignment.COARSE), np.uint8)
        digests = np.empty(count, np.uint64)
        starts = range(0, count, _BLOCK)
        for start in track(starts, len(starts), "reducing"):
            whole = np.ascontiguousarray(pixels[start : start + _BLOCK])
            rows = slice(start, start + len(whole))
            digests[rows] = _digests(whole)
            block = borders.without(whole)
            planes = _planes(block)
            vectors[rows] = projection.vectors(planes, part=0)
            mirrored[rows] = projection.vectors(planes[..., ::-1], part=0)
            coarse[rows] = alignment.coarse(block)
            memory_map.release(pixels)
        _, first, place = np.unique(digests, return_index=True, return_inverse=True)
        distinct = np.sort(first)
        if len(distinct) < count:
            vectors, mirrored = vectors[distinct], mirrored[distinct]
        return cls(projection, coarse, digests, first[place], distinct, vectors, mirrored)


def _digests(pixels: Pixels) -> NDArray[np.uint64]:
    """Of each of uint8 `[P, 64, 64, 3]`: another for each other picture."""
    digests = (hashlib.blake2b(picture, digest_size=8).digest() for picture in pixels)
    return np.frombuffer(b"".join(digests), np.uint64)


def within(pixels: Pixels, descriptors: Descriptors, track: Track = silent) -> Candidates:
    """Pairs of uint8 `[N, 64, 64, 3]`; of two whole pictures the first is < the second.

    Of pictures whose pixels are all the same only the first is in any pair.
    """
    return _unique([*_nearest(pixels, descriptors, descriptors, track, ordered=True)], len(pixels))


def across(
    queries: Pixels,
    asked: Descriptors,
    references: Pixels,
    known: Descriptors,
    track: Track = silent,
) -> tuple[Candidates, Candidates]:
    """Pairs of a query, first, and a reference, second; and of a reference and a query.

    The latter are queries that look like a part of a reference. See `among`.
    """
    forth = [*_nearest(queries, asked, known, track)]
    back = [*_nearest(references, known, asked, track, first_part=1)]
    return _unique(forth, len(references)), _unique(back, len(queries))


def _nearest(
    pixels: Pixels,
    asked: Descriptors,
    references: Descriptors,
    track: Track,
    *,
    first_part: int = 0,
    ordered: bool = False,
) -> Iterator[NDArray[np.int64]]:
    """Keys of the nearest references of each picture, of its mirror image, and of its parts.

    asked: of the pictures. ordered: the references are the pictures themselves, so a pair of
    whole ones is the same either way. Among very many references parts are not looked up, as that
    takes most of the time.
    """
    search = neighbours.search(references.vectors)
    count = max(1, len(references.original))
    is_small = len(references.vectors) <= neighbours.EXACT_UP_TO
    parts = range(max(1, first_part), len(PARTS) if is_small else 0)

    def keys(
        rows: NDArray[np.int64], vectors: _Thumbnails, part: int, mirrored: bool = False
    ) -> NDArray[np.int64]:
        most, within = (_NEAREST_OF_PART, _WITHIN_OF_PART) if part else (NEAREST, _WITHIN)
        found = search.nearest(vectors, most, within)
        first, second = rows[found.query], references.distinct[found.reference]
        if ordered:
            apart = first != second
            first, second = first[apart], second[apart]
        if ordered and not part:
            first, second = np.minimum(first, second), np.maximum(first, second)
        return (first * count + second) * _KINDS + 2 * part + mirrored

    starts = range(0, len(pixels), _BLOCK)
    for start in track(starts, len(starts), "searching"):
        here = slice(*np.searchsorted(asked.distinct, (start, start + _BLOCK)))
        rows = asked.distinct[here]
        if not first_part:
            yield keys(rows, asked.vectors[here], 0)
            yield keys(rows, asked.mirrored[here], 0, mirrored=True)
        if not parts:
            continue
        some = np.asarray(pixels[start : start + _BLOCK])[rows - start]
        planes = _planes(borders.without(some))
        memory_map.release(pixels)
        for part in parts:
            yield keys(rows, references.projection.vectors(planes, part), part)


def _unique(keys: list[NDArray[np.int64]], count: int) -> Candidates:
    key = np.unique(np.concatenate([np.empty(0, np.int64), *keys]))
    pair, kind = np.divmod(key, _KINDS)
    first, second = np.divmod(pair, max(1, count))
    part, mirrored = np.divmod(kind, 2)
    return Candidates(first, second, mirrored.astype(np.bool_), part.astype(np.int8))


class _Projection(NamedTuple):
    """Centre, float32 `[144]`, and principal axes, float32 `[144, D]`, of thumbnails."""

    centre: _Thumbnails
    axes: _Thumbnails

    @classmethod
    def of(cls, pixels: Pixels) -> "_Projection":
        rows = np.linspace(0, len(pixels) - 1, min(_SAMPLE, len(pixels))).astype(np.int64)
        starts = range(0, len(rows), _BLOCK)
        blocks = [
            _thumbnails(_planes(borders.without(memory_map.read(pixels, rows[at : at + _BLOCK]))))
            for at in starts
        ]
        thumbs = np.concatenate([*blocks, np.empty((0, _COLUMNS * _ROWS * 3), np.float32)])
        centre = thumbs.mean(axis=0) if len(thumbs) else np.zeros(thumbs.shape[1], np.float32)
        thumbs -= centre
        _, axes = np.linalg.eigh(thumbs.T @ thumbs)
        return cls(centre, np.ascontiguousarray(axes[:, ::-1][:, :_AXES]))

    def vectors(self, planes: NDArray[np.float32], part: int) -> _Thumbnails:
        """Float32 `[P, D]` of a part of float32 `[P, 3, 16, 16]`."""
        return np.asarray((_thumbnails(planes, part) - self.centre) @ self.axes, np.float32)


_SMALL = 32


def _planes(pixels: Pixels) -> NDArray[np.float32]:
    """Light and, weighed less, colours: uint8 `[P, 64, 64, 3]` to float32 `[P, 3, 32, 32]`."""
    red, green, blue = np.moveaxis(alignment.reduced(pixels, _SMALL, _SMALL), 1, 0)
    light: NDArray[np.float32] = 0.299 * red + 0.587 * green + 0.114 * blue  # Rec. 601
    planes = np.stack([light, _COLOUR * (red - light), _COLOUR * (blue - light)], axis=1)
    return np.asarray(planes, np.float32)


def _thumbnails(planes: NDArray[np.float32], part: int = 0) -> _Thumbnails:
    """The upper three quarters of a part as float32 `[P, 144]` of length 1, or all 0."""
    left, right, upper, lower = PARTS[part]
    across = _means(left, right, _COLUMNS)
    down = _means(upper, upper + (lower - upper) * 3 / 4, _ROWS)
    thumbs = np.asarray(down @ planes @ across.T, np.float32)
    thumbs[:, 0] -= thumbs[:, 0].mean(axis=(1, 2), keepdims=True)
    thumbs = thumbs.reshape(len(thumbs), -1)
    length = np.linalg.norm(thumbs, axis=1, keepdims=True)
    unit: _Thumbnails = np.divide(thumbs, length, out=np.zeros_like(thumbs), where=length > 1e-3)
    return unit


def _means(first: float, last: float, count: int) -> NDArray[np.float32]:
    """`[count, 32]`: weights of the means of so many equal stretches between two edges."""
    edges = np.linspace(first, last, count + 1) * _SMALL
    pixel = np.arange(_SMALL)
    shared = np.minimum(edges[1:, None], pixel + 1) - np.maximum(edges[:-1, None], pixel)
    weights = np.maximum(shared, 0)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)
