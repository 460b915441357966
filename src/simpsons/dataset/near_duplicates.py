"""Near-duplicates: pictures that show the same drawing, re-encoded, mirrored or a frame later.

A picture is reduced to a 16x16 RGB thumbnail, its mean removed. Two pictures are as alike as
the cosine of the angle between their thumbnails, or between one and the mirrored other.
"""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from simpsons.dataset import alignment, candidates, memory_map, neighbours
from simpsons.dataset.candidates import Candidates, Looks
from simpsons.images import Pixels
from simpsons.progress import Track, silent

GROUP_THRESHOLD = 0.90
"""Above this two pictures share a group: neighbouring frames of one shot, and copies."""

_NEAR = 0.3
"""Squared distance of candidates that are compared. No two of the data set above 0.90 have more
than 0.26."""

_SIDE = 16
_BLOCK = 2048

Thumbnails = NDArray[np.float32]


def thumbnails(pixels: Pixels) -> Thumbnails:
    """uint8 `[N, 64, 64, 3]` to float32 `[N, 768]` of length 1 (0 for a picture of one grey)."""
    small = np.empty((len(pixels), _SIDE * _SIDE * 3), np.float32)
    for start in range(0, len(pixels), _BLOCK):
        block = np.asarray(pixels[start : start + _BLOCK])
        cells = np.moveaxis(alignment.reduced(block, _SIDE, _SIDE), 1, 3)
        small[start : start + _BLOCK] = cells.reshape(len(block), -1)
        memory_map.release(pixels)
    small -= small.mean(axis=1, keepdims=True)
    length = np.linalg.norm(small, axis=1, keepdims=True)
    unit: Thumbnails = np.divide(small, length, out=np.zeros_like(small), where=length > 1e-3)
    return unit


def mirrored(thumbs: Thumbnails) -> Thumbnails:
    """The thumbnails of the mirrored pictures."""
    return thumbs.reshape(-1, _SIDE, _SIDE, 3)[:, :, ::-1].reshape(thumbs.shape)


def similarity_to_nearest(queries: Thumbnails, references: Thumbnails) -> NDArray[np.float32]:
    """For each query the similarity, -1 to 1, of the most alike reference, mirror included.

    Without references it is -1.
    """
    nearest = np.full(len(queries), -1, np.float32)
    for start in range(0, len(queries), _BLOCK):
        here = slice(start, start + _BLOCK)
        for block in range(0, len(references), _BLOCK):
            some = references[block : block + _BLOCK]
            for side in (some, mirrored(some)):
                alike = queries[here] @ side.T
                np.maximum(nearest[here], alike.max(axis=1), out=nearest[here])
    return nearest


def pairs(
    thumbs: Thumbnails, threshold: float = GROUP_THRESHOLD, track: Track = silent
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """All pairs above `threshold`, mirror included: first and second index, similarity.

    Compares in blocks: memory grows with the number of pictures, not with its square.
    """
    starts = range(0, len(thumbs), _BLOCK)
    found = list(track(_pairs_by_block(thumbs, threshold), len(starts), "comparing"))
    if not found:
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32)
    first, second, similarity = zip(*found, strict=True)
    return np.concatenate(first), np.concatenate(second), np.concatenate(similarity)


def _pairs_by_block(
    thumbs: Thumbnails, threshold: float
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]]:
    turned = mirrored(thumbs)
    for start in range(0, len(thumbs), _BLOCK):
        block = thumbs[start : start + _BLOCK]
        alike = block @ thumbs[start:].T
        np.maximum(alike, block @ turned[start:].T, out=alike)
        row, column = np.nonzero(alike > threshold)
        later = column > row
        row, column = row[later], column[later]
        yield row + start, column + start, alike[row, column]


def find(
    pixels: Pixels, track: Track = silent, found: Candidates | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """As `pairs`, of uint8 `[N, 64, 64, 3]`, which may be memory-mapped.

    Above `neighbours.EXACT_UP_TO` pictures only candidates are compared, which leaves a few pairs
    out. found: the candidates, if they are known.
    """
    if len(pixels) <= neighbours.EXACT_UP_TO:
        return pairs(thumbnails(pixels), track=track)
    found = found or candidates.among(Looks.of(pixels, track=track), track)
    near = found.distance <= _NEAR
    both = np.unique(found.first[near] * len(pixels) + found.second[near])
    first, second = np.divmod(both, len(pixels))
    similarity = similarities(pixels, first, second, track)
    alike = similarity > GROUP_THRESHOLD
    return first[alike], second[alike], similarity[alike]


def similarities(
    pixels: Pixels, first: NDArray[np.int64], second: NDArray[np.int64], track: Track = silent
) -> NDArray[np.float32]:
    """float32 `[M]`, -1 to 1: of two pictures each, mirror included.

    pixels: uint8 `[N, 64, 64, 3]`, which may be memory-mapped. first, second: int64 `[M]`, rows.
    """

    def compare(start: int) -> NDArray[np.float32]:
        part = slice(start, start + _BLOCK)
        one, other = (thumbnails(memory_map.read(pixels, rows[part])) for rows in (first, second))
        alike: NDArray[np.float32] = np.maximum(
            (one * other).sum(axis=1), (one * mirrored(other)).sum(axis=1)
        )
        return alike

    starts = range(0, len(first), _BLOCK)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        compared = list(track(pool.map(compare, starts), len(starts), "comparing"))
    return np.concatenate([np.empty(0, np.float32), *compared])


def groups(pixels: Pixels, track: Track = silent) -> NDArray[np.int64]:
    """int64 `[N]`: the group of each picture; pictures linked by near-duplicates share one."""
    first, second, _ = find(pixels, track)
    return neighbours.linked(first, second, len(pixels))
