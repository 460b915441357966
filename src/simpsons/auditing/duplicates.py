"""Near-duplicates of a data set, read three ways: groups, two labels for one picture, leaks."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from simpsons.dataset import file_copies
from simpsons.dataset.cache import Dataset
from simpsons.dataset.split import HELD_OUT, Split
from simpsons.duplicates import copies, near_duplicates
from simpsons.duplicates.copies import Larger
from simpsons.duplicates.near_duplicates import Links
from simpsons.pixels.images import Pixels
from simpsons.progress import Track, silent

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Pair:
    """Two pictures that show the same.

    first, second: their rows. similarity: how well they agree, 0 to 1, mirror included. copy:
    whether one is the other re-encoded, resized, cropped, mirrored, grey, in a border or
    subtitled, rather than a neighbouring frame.
    """

    first: int
    second: int
    similarity: float
    copy: bool


@dataclass(frozen=True)
class Leaks:
    """Held-out pictures that have a near-duplicate among the training pictures.

    name: what is held out. rows: int64 `[M]`, the held-out pictures. strongest: for each that
    leaks its strongest pair (held-out picture first), of its copies if it has any; the strongest of
    all first.
    """

    name: str
    rows: Rows
    strongest: tuple[Pair, ...]

    @property
    def copies(self) -> int:
        """How many held-out pictures are copies of training pictures."""
        return sum(pair.copy for pair in self.strongest)


@dataclass(frozen=True)
class Duplicates:
    """The near-duplicates among N pictures: a data set's, then those of a test folder.

    pairs: the strongest first. group: int64 `[N]`, linked pictures share one. original: int64
    `[N]`, the first picture with the same pixels; of these only the first may be in pairs with
    others.
    """

    pairs: tuple[Pair, ...]
    group: Rows
    original: Rows

    def groups(self) -> list[Rows]:
        """The groups of two pictures or more, the largest first."""
        order = np.argsort(self.group, kind="stable")
        starts = np.flatnonzero(np.diff(self.group[order])) + 1
        together = [rows for rows in np.split(order, starts) if len(rows) > 1]
        return sorted(together, key=lambda rows: (-len(rows), rows[0]))

    def leaks(self, name: str, held: Rows, training: Rows) -> Leaks:
        """What leaks from the rows `training` into the rows `held`."""
        original, known = self.original.tolist(), self._first_of(training)
        asked = set(held.tolist())
        of_original: dict[int, Pair] = {}
        found: dict[int, Pair] = {}

        def add(to: dict[int, Pair], row: int, other: int, pair: Pair) -> None:
            if other in known and (row not in to or (pair.copy and not to[row].copy)):
                to[row] = Pair(row, known[other], pair.similarity, pair.copy)

        for pair in self.pairs:
            one, other = original[pair.first], original[pair.second]
            if one != other:
                add(of_original, one, other, pair)
                add(of_original, other, one, pair)
                continue
            for row in (pair.first, pair.second):
                if row in asked:
                    add(found, row, one, pair)
        for row in held.tolist():
            if leak := of_original.get(original[row]):
                add(found, row, original[leak.second], replace(leak, first=row))
        strongest = sorted(found.values(), key=lambda pair: -pair.similarity)
        return Leaks(name, held, tuple(strongest))

    def _first_of(self, rows: Rows) -> dict[int, int]:
        """The first of some rows with the same pixels, by `original`."""
        return dict(zip(self.original[rows[::-1]].tolist(), rows[::-1].tolist(), strict=True))


def find(dataset: Dataset, test: Dataset | None = None, track: Track = silent) -> Duplicates:
    """The near-duplicates of a data set, and of a test folder's pictures, whose rows follow."""
    files = file_copies.from_files(dataset)
    inside = within(dataset.images, track, files)
    if test is None:
        return inside
    links = near_duplicates.find_between(test.images, dataset.images, track)
    score = copies.scores(links, file_copies.from_files(test), files, track)
    end = len(dataset)
    pairs = _pairs(links._replace(first=links.second, second=links.first + end), score)
    alone = inside.group.max(initial=-1) + 1 + np.arange(len(test))
    return Duplicates(
        _sorted([*inside.pairs, *pairs]),
        np.concatenate([inside.group, alone]),
        np.concatenate([inside.original, end + np.arange(len(test))]),
    )


def within(pixels: Pixels, track: Track = silent, larger: Larger | None = None) -> Duplicates:
    """The near-duplicates among uint8 `[N, 64, 64, 3]`, which may be memory-mapped.

    larger: the same pictures, to tell copies from frames in which little moves.
    """
    found = near_duplicates.find(pixels, track)
    larger = larger or copies.from_pixels(pixels)
    score = copies.scores(found.links, larger, larger, track)
    return Duplicates(_sorted(_pairs(found.links, score)), found.group, found.original)


def _pairs(links: Links, score: NDArray[np.float32]) -> list[Pair]:
    is_copy = (score >= copies.THRESHOLD).tolist()
    listed = (links.first.tolist(), links.second.tolist(), links.shot.tolist(), is_copy)
    return [Pair(*pair) for pair in zip(*listed, strict=True)]


def _sorted(pairs: list[Pair]) -> tuple[Pair, ...]:
    """Each pair once, the surest first; a copy may be mirrored or not."""
    best: dict[tuple[int, int], Pair] = {}
    for pair in pairs:
        known = best.setdefault((pair.first, pair.second), pair)
        if (pair.copy, pair.similarity) > (known.copy, known.similarity):
            best[pair.first, pair.second] = pair
    return tuple(
        sorted(best.values(), key=lambda pair: (-pair.similarity, pair.first, pair.second))
    )


def leaks_of_split(found: Duplicates, split: Split) -> list[Leaks]:
    """The leaks of a split's validation and test parts."""
    training = split.rows("train")
    held = {part: split.rows(part) for part in HELD_OUT}
    name = f"{split.kind} split"
    return [
        found.leaks(f"{name}, {part} part", rows, training)
        for part, rows in held.items()
        if len(rows)
    ]
