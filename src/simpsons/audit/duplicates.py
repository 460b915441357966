"""Near-duplicates of a data set, read three ways: groups, two labels for one picture, leaks."""

from collections.abc import Iterator
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import IO

import numpy as np
from numpy.typing import NDArray

from simpsons.dataset import candidates, copies, near_duplicates, neighbours
from simpsons.dataset.cache import Dataset
from simpsons.dataset.candidates import Looks
from simpsons.dataset.split import PARTS, Split
from simpsons.images import Pixels
from simpsons.progress import Track, silent

_BLOCK = 2048

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Pair:
    """Two pictures that show the same.

    first, second: their rows. similarity: of their thumbnails, -1 to 1, mirror included.
    copy: whether one is the other re-encoded, resized, cropped, mirrored or subtitled, rather
    than a neighbouring frame.
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

    pairs: all, the strongest first. group: int64 `[N]`, linked pictures share one.
    """

    pairs: tuple[Pair, ...]
    group: Rows

    def groups(self) -> list[Rows]:
        """The groups of two pictures or more, the largest first."""
        order = np.argsort(self.group, kind="stable")
        starts = np.flatnonzero(np.diff(self.group[order])) + 1
        together = [rows for rows in np.split(order, starts) if len(rows) > 1]
        return sorted(together, key=lambda rows: (-len(rows), rows[0]))

    def leaks(self, name: str, held: Rows, training: Rows) -> Leaks:
        """What leaks from the rows `training` into the rows `held`."""
        kind = np.zeros(len(self.group), np.int8)
        kind[training], kind[held] = 1, 2
        found: dict[int, Pair] = {}
        for pair in self.pairs:
            if {int(kind[pair.first]), int(kind[pair.second])} != {1, 2}:
                continue
            first, second = pair.first, pair.second
            if kind[first] == 1:
                first, second = second, first
            if first not in found or (pair.copy and not found[first].copy):
                found[first] = Pair(first, second, pair.similarity, pair.copy)
        strongest = sorted(found.values(), key=lambda pair: -pair.similarity)
        return Leaks(name, held, tuple(strongest))


def find(dataset: Dataset, test: Dataset | None = None, track: Track = silent) -> Duplicates:
    """The near-duplicates of a data set, and of a test folder's pictures, whose rows follow."""
    if test is None:
        return among(dataset.images, track)
    with TemporaryFile() as file:
        return among(_joined(dataset.images, test.images, file), track)


def among(pixels: Pixels, track: Track = silent) -> Duplicates:
    """The near-duplicates among uint8 `[N, 64, 64, 3]`, which may be memory-mapped."""
    looks = Looks.of(pixels, track=track)
    found = candidates.among(looks, track)
    alike = near_duplicates.find(pixels, track, found)
    copied = copies.among(pixels, looks, found, track)
    similarity = near_duplicates.similarities(pixels, copied.first, copied.second, track)
    joined = {pair[:2]: Pair(*pair, copy=False) for pair in _one_by_one(*alike)}
    for pair in _one_by_one(copied.first, copied.second, similarity):
        joined[pair[:2]] = Pair(*pair, copy=True)
    ordered = sorted(joined.values(), key=lambda pair: (-pair.similarity, pair.first, pair.second))
    first, second = np.array(list(joined), np.int64).reshape(-1, 2).T
    return Duplicates(tuple(ordered), neighbours.linked(first, second, len(pixels)))


def _one_by_one(
    first: Rows, second: Rows, similarity: NDArray[np.float32]
) -> Iterator[tuple[int, int, float]]:
    return zip(first.tolist(), second.tolist(), similarity.tolist(), strict=True)


def _joined(one: Pixels, other: Pixels, file: IO[bytes]) -> Pixels:
    """Both in one array, memory-mapped: they may be larger than the memory."""
    shape = (len(one) + len(other), *one.shape[1:])
    pixels = np.memmap(file, np.uint8, "w+", shape=shape)
    for pictures, start in ((one, 0), (other, len(one))):
        for at in range(0, len(pictures), _BLOCK):
            block = pictures[at : at + _BLOCK]
            pixels[start + at : start + at + len(block)] = block
    pixels.flags.writeable = False
    return pixels


def leaks_of_split(found: Duplicates, split: Split) -> list[Leaks]:
    """The leaks of a split's validation and test parts."""
    training = split.rows("train")
    held = {part: split.rows(part) for part in PARTS[1:]}
    name = f"{split.kind} split"
    return [
        found.leaks(f"{name}, {part} part", rows, training)
        for part, rows in held.items()
        if len(rows)
    ]
