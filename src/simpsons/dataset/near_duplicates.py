"""Near-duplicates: pictures that show the same drawing, re-encoded, mirrored or a frame later.

A picture is reduced to a 16x16 RGB thumbnail, its mean removed. Two pictures are as alike as
the cosine of the angle between their thumbnails, or between one and the mirrored other.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from simpsons.images import Pixels
from simpsons.progress import Track, silent

GROUP_THRESHOLD = 0.90
"""Above this two pictures share a group: neighbouring frames of one shot, and copies."""

COPY_THRESHOLD = 0.97
"""Above this one picture is a copy of the other, re-encoded or smaller, or the next frame.

Drawings of 80 pixels saved again at 60 % of their size and JPEG quality 80 keep 0.977 and more.
"""

_SIDE = 16
_BLOCK = 2048

Thumbnails = NDArray[np.float32]


def thumbnails(pixels: Pixels) -> Thumbnails:
    """uint8 `[N, 64, 64, 3]` to float32 `[N, 768]` of length 1 (0 for a picture of one grey)."""
    count, height, width, _ = pixels.shape
    cells = (count, _SIDE, height // _SIDE, _SIDE, width // _SIDE, 3)
    small = np.empty((count, _SIDE * _SIDE * 3), np.float32)
    for start in range(0, count, _BLOCK):
        block = np.asarray(pixels[start : start + _BLOCK])
        means = block.reshape(-1, *cells[1:]).mean(axis=(2, 4), dtype=np.float32)
        small[start : start + _BLOCK] = means.reshape(len(block), -1)
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
    both = np.concatenate([references, mirrored(references)])
    nearest = np.empty(len(queries), np.float32)
    for start in range(0, len(queries), _BLOCK):
        alike = queries[start : start + _BLOCK] @ both.T
        nearest[start : start + _BLOCK] = alike.max(axis=1, initial=-1)
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


def groups(
    thumbs: Thumbnails, threshold: float = GROUP_THRESHOLD, track: Track = silent
) -> NDArray[np.int64]:
    """int64 `[N]`: the group of each picture; pictures linked by near-duplicates share one."""
    first, second, _ = pairs(thumbs, threshold, track)
    links = coo_array((np.ones(len(first), np.int8), (first, second)), (len(thumbs),) * 2)
    _, group = connected_components(links, directed=False)
    return np.asarray(group, np.int64)
