"""Nearest neighbours among vectors: by comparing all in blocks, or through an index when many.

And the groups that pairs of neighbours link.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

EXACT_UP_TO = 50_000
"""Up to so many references all are compared; more are searched through an index."""

_BLOCK_VALUES = 2**24
"""Similarities that are held at once."""

_ALONE = 1_000
"""The number of references that a single thread adds first. If several threads add to an empty
graph at once, some entries miss one another."""

SHARE = 0.25
"""Of the pairs between two groups so many are linked if the groups are one."""

Vectors = NDArray[np.float32]


class Neighbours(NamedTuple):
    """Neighbours found. query, reference: int64 `[M]`; distance: float32 `[M]`, squared."""

    query: NDArray[np.int64]
    reference: NDArray[np.int64]
    distance: NDArray[np.float32]


class Search(Protocol):
    """What finds the nearest of its references."""

    def nearest(self, queries: Vectors, count: int, within: float) -> Neighbours:
        """For each of float32 `[Q, D]` up to `count` references, squared distance <= `within`."""
        ...


def search(references: Vectors) -> Search:
    """Of float32 `[N, D]`: `Exact` for up to `EXACT_UP_TO` of them, else `Indexed`."""
    return Exact(references) if len(references) <= EXACT_UP_TO else Indexed(references)


class Exact:
    """Compares each query with each reference, so many at a time that memory stays bounded."""

    def __init__(self, references: Vectors):
        halves = -0.5 * np.square(references).sum(axis=1, keepdims=True)
        self._references = np.concatenate([references, halves, np.ones_like(halves)], axis=1)

    def nearest(self, queries: Vectors, count: int, within: float) -> Neighbours:
        """See `Search`."""
        found = list(self._by_block(queries, count, within))
        if not found:
            return _nothing()
        return Neighbours(*(np.concatenate(part) for part in zip(*found, strict=True)))

    def _by_block(self, queries: Vectors, count: int, within: float) -> Iterator[Neighbours]:
        block = max(1, _BLOCK_VALUES // max(1, len(self._references)))
        for start in range(0, len(queries), block):
            some = queries[start : start + block]
            squares = np.square(some).sum(axis=1, keepdims=True)
            # |q - r|^2 <= within where q r - |r|^2 / 2 - (|q|^2 - within) / 2 >= 0
            ones = np.ones_like(squares)
            asked = np.concatenate([some, ones, -0.5 * (squares - within)], axis=1)
            alike = np.asarray(asked, np.float32) @ self._references.T
            near = alike >= 0
            for crowded in np.flatnonzero(np.count_nonzero(near, axis=1) > count):
                columns = np.flatnonzero(near[crowded])
                order = np.argpartition(alike[crowded, columns], -count)
                near[crowded, columns[order[:-count]]] = False
            row, column = np.nonzero(near)
            distance = np.maximum(np.float32(within) - 2 * alike[row, column], 0)
            yield Neighbours(row.astype(np.int64) + start, column.astype(np.int64), distance)


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

    def nearest(self, queries: Vectors, count: int, within: float) -> Neighbours:
        """See `Search`."""
        if not len(queries) or not len(self._index):
            return _nothing()
        # One more than asked: usearch answers a single query in another shape.
        matches: Any = self._index.search(np.concatenate([queries, queries[-1:]]), count)
        filled = np.arange(matches.keys.shape[1]) < matches.counts[:, None]
        row, column = np.nonzero((filled & (matches.distances <= within))[: len(queries)])
        keys = matches.keys[row, column].astype(np.int64)
        return Neighbours(
            row.astype(np.int64), keys, matches.distances[row, column].astype(np.float32)
        )


def grouped(
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    sure: NDArray[np.bool_],
    count: int,
) -> NDArray[np.int64]:
    """int64 `[count]`: the group of each, numbered in the order of their first members.

    first, second: int64 `[M]`, each linked pair once, the surest first. sure: bool `[M]`, pairs
    that share a group whatever else.

    Average linkage: two groups are joined if of the pairs between them at least `SHARE` are linked.
    If one link sufficed, chains would grow whose ends have nothing in common; if all pairs had to
    be linked, a shot in which the camera moves would fall apart.
    """
    groups = _Groups(count)
    pairs = list(zip(first.tolist(), second.tolist(), strict=True))
    for pair in (pairs[at] for at in np.flatnonzero(sure)):
        groups.join(*pair)
    for one, other in pairs:
        groups.link(one, other)
    left = pairs
    while left:
        apart = [pair for pair in left if not groups.join_if_linked(*pair)]
        if len(apart) == len(left):
            break
        left = apart
    _, numbers = np.unique([groups.of(row) for row in range(count)], return_inverse=True)
    return np.asarray(numbers, np.int64)


class _Groups:
    """Groups that are joined; a group is known by its first member."""

    def __init__(self, count: int):
        self._parent = list(range(count))
        self._size = [1] * count
        self._links: dict[int, Counter[int]] = {}

    def of(self, row: int) -> int:
        root = row
        while self._parent[root] != root:
            root = self._parent[root]
        while self._parent[row] != root:
            self._parent[row], row = root, self._parent[row]
        return root

    def link(self, one: int, other: int) -> None:
        first, second = self.of(one), self.of(other)
        if first != second:
            self._links.setdefault(first, Counter())[second] += 1
            self._links.setdefault(second, Counter())[first] += 1

    def join_if_linked(self, one: int, other: int) -> bool:
        """Whether both share a group now."""
        first, second = self.of(one), self.of(other)
        if first == second:
            return True
        linked = self._links[first][second]
        if linked < SHARE * self._size[first] * self._size[second]:
            return False
        self.join(first, second)
        return True

    def join(self, one: int, other: int) -> None:
        first, second = sorted((self.of(one), self.of(other)))
        if first == second:
            return
        self._parent[second] = first
        self._size[first] += self._size[second]
        into = self._links.setdefault(first, Counter())
        for group, number in self._links.pop(second, Counter()).items():
            del self._links[group][second]
            if group != first:
                into[group] += number
                self._links[group][first] += number
        into.pop(second, None)


def _nothing() -> Neighbours:
    return Neighbours(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))
