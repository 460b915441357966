"""How near-duplicates were found formerly: thumbnails that agree, and links from one to the next.

`benchmarks.near_duplicates` compares with it, and `benchmarks.other_cartoon` cuts its split by it.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from simpsons.dataset import alignment
from simpsons.images import Pixels

THRESHOLD = 0.90
"""Above this cosine two pictures shared a group."""

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
    small -= small.mean(axis=1, keepdims=True)
    length = np.linalg.norm(small, axis=1, keepdims=True)
    unit: Thumbnails = np.divide(small, length, out=np.zeros_like(small), where=length > 1e-3)
    return unit


def mirrored(thumbs: Thumbnails) -> Thumbnails:
    """The thumbnails of the mirrored pictures."""
    return thumbs.reshape(-1, _SIDE, _SIDE, 3)[:, :, ::-1].reshape(thumbs.shape)


def similarity_to_nearest(queries: Thumbnails, references: Thumbnails) -> NDArray[np.float32]:
    """For each query the cosine of the most alike reference, mirror included; -1 without any."""
    nearest = np.full(len(queries), -1, np.float32)
    for start in range(0, len(queries), _BLOCK):
        here = slice(start, start + _BLOCK)
        for block in range(0, len(references), _BLOCK):
            some = references[block : block + _BLOCK]
            for side in (some, mirrored(some)):
                alike = queries[here] @ side.T
                np.maximum(nearest[here], alike.max(axis=1), out=nearest[here])
    return nearest


def pairs(thumbs: Thumbnails) -> NDArray[np.int64]:
    """int64 `[M, 2]`: all pairs above the threshold, mirror included, first < second."""
    return np.concatenate([np.empty((0, 2), np.int64), *_pairs_by_block(thumbs)])


def _pairs_by_block(thumbs: Thumbnails) -> Iterator[NDArray[np.int64]]:
    turned = mirrored(thumbs)
    for start in range(0, len(thumbs), _BLOCK):
        block = thumbs[start : start + _BLOCK]
        alike = np.maximum(block @ thumbs[start:].T, block @ turned[start:].T)
        row, column = np.nonzero(alike > THRESHOLD)
        later = column > row
        yield np.stack([row[later], column[later]], axis=1) + start


def groups(linked: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """int64 `[count]`: the group of each; what pairs link, over others too, shares one."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    first, second = linked.T
    links = coo_array((np.ones(len(first), np.int8), (first, second)), (count, count))
    _, group = connected_components(links, directed=False)
    return np.asarray(group, np.int64)
