"""Nearest neighbours among vectors: by comparing all in blocks, or through an index when many.

And the groups that pairs of neighbours link.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

EXACT_UP_TO = 50_000
"""Up to so many references all are compared; more are searched through an index."""

_BLOCK_VALUES = 2**24
"""Similarities that are held at once."""

_ALONE = 1_000
"""So many references one thread puts into an index. Of those that several add to an empty graph at
once, some would not find each other."""

Vectors = NDArray[np.float32]


class Found(NamedTuple):
    """Neighbours found. query, reference: int64 `[M]`; distance: float32 `[M]`, squared."""

    query: NDArray[np.int64]
    reference: NDArray[np.int64]
    distance: NDArray[np.float32]


class Search(Protocol):
    """What finds the nearest of its references."""

    def nearest(self, queries: Vectors, count: int, within: float) -> Found:
        """For each of float32 `[Q, D]` up to `count` references, squared distance <= `within`."""
        ...


def search(references: Vectors) -> Search:
    """Of float32 `[N, D]`: `Exact` for up to `EXACT_UP_TO` of them, else `Indexed`."""
    return Exact(references) if len(references) <= EXACT_UP_TO else Indexed(references)


class Exact:
    """Compares each query with each reference, so many at a time that memory stays bounded."""

    def __init__(self, references: Vectors):
        halves = -0.5 * np.square(references).sum(axis=1, keepdims=True)
        self._references = np.concatenate([references, halves], axis=1)

    def nearest(self, queries: Vectors, count: int, within: float) -> Found:
        """See `Search`."""
        found = list(self._by_block(queries, count, within))
        if not found:
            return _nothing()
        return Found(*(np.concatenate(part) for part in zip(*found, strict=True)))

    def _by_block(self, queries: Vectors, count: int, within: float) -> Iterator[Found]:
        block = max(1, _BLOCK_VALUES // max(1, len(self._references)))
        for start in range(0, len(queries), block):
            some = queries[start : start + block]
            squares = np.square(some).sum(axis=1)
            # |q - r|^2 = |q|^2 - 2 (q r - |r|^2 / 2)
            alike = some @ self._references[:, :-1].T + self._references[:, -1]
            near = alike >= (0.5 * (squares - within))[:, None]
            for crowded in np.flatnonzero(near.sum(axis=1) > count):
                columns = np.flatnonzero(near[crowded])
                order = np.argpartition(alike[crowded, columns], -count)
                near[crowded, columns[order[:-count]]] = False
            row, column = np.nonzero(near)
            distance = np.maximum(squares[row] - 2 * alike[row, column], 0)
            yield Found(row.astype(np.int64) + start, column.astype(np.int64), distance)


class Indexed:
    """A graph that is walked from neighbour to neighbour (HNSW, Malkov and Yashunin 2018).

    Finds most of what `Exact` finds, in a time that grows little with the number of references.
    Which few it misses may differ from run to run, since the graph is built on all cores at once.
    """

    def __init__(self, references: Vectors):
        from usearch.index import Index

        self._index = Index(
            ndim=references.shape[1],
            metric="l2sq",
            dtype="f16",
            connectivity=12,
            expansion_add=64,
            expansion_search=48,
        )
        keys = np.arange(len(references))
        self._index.add(keys[:_ALONE], references[:_ALONE], threads=1)
        if len(references) > _ALONE:
            self._index.add(keys[_ALONE:], references[_ALONE:])

    def nearest(self, queries: Vectors, count: int, within: float) -> Found:
        """See `Search`."""
        if not len(queries) or not len(self._index):
            return _nothing()
        # One more than asked: usearch answers a single query in another shape.
        matches: Any = self._index.search(np.concatenate([queries, queries[-1:]]), count)
        filled = np.arange(matches.keys.shape[1]) < matches.counts[:, None]
        row, column = np.nonzero((filled & (matches.distances <= within))[: len(queries)])
        keys = matches.keys[row, column].astype(np.int64)
        return Found(row.astype(np.int64), keys, matches.distances[row, column].astype(np.float32))


def linked(first: NDArray[np.int64], second: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """int64 `[count]`: the group of each; what pairs link, over others too, shares one.

    first, second: int64 `[M]`, the two of each pair.
    """
    from scipy.sparse import coo_array  # heavy, and needed only here
    from scipy.sparse.csgraph import connected_components

    links = coo_array((np.ones(len(first), np.int8), (first, second)), (count, count))
    _, group = connected_components(links, directed=False)
    return np.asarray(group, np.int64)


def _nothing() -> Found:
    return Found(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))
