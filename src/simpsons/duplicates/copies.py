"""Copies: two files of one drawing, re-encoded, smaller, cropped, mirrored, grey or in a border.

Each link of `simpsons.duplicates.near_duplicates` that may be a copy is looked at more closely, in
the files themselves. In a film that is drawn sparingly neighbouring frames differ in the lips
alone; those are no copies.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simpsons import processors
from simpsons.duplicates import alignment, borders, near_duplicates
from simpsons.duplicates.borders import Windows
from simpsons.duplicates.near_duplicates import Links
from simpsons.pixels import images, memory_map
from simpsons.pixels.images import Pixels
from simpsons.progress import Track, silent

THRESHOLD = 0.55
"""From this agreement in the worst place on two pictures are copies. See `python -m
benchmarks.near_duplicates`."""

SIZE = 192
"""Width and height at which files are compared, unless one is small."""

_SMALL = 100
"""Shorter side of a file, in pixels, up to which the cells of JPEG are no detail: it is compared as
the networks see it."""

_SHOT = 0.7
"""Pictures that agree less as frames of a shot are not looked at."""

_BATCH = 32

Load = Callable[[NDArray[np.int64], int], Pixels]
"""From rows and a size S to their pictures, uint8 `[M, S, S, 3]`."""


class Larger(NamedTuple):
    """Pictures as large as their files are. shorter: int64 `[N]`, their shorter sides in pixels."""

    load: Load
    shorter: NDArray[np.int64]


def from_pixels(pixels: Pixels) -> Larger:
    """Of uint8 `[N, 64, 64, 3]`, which may be memory-mapped; there is nothing larger."""
    shorter = np.full(len(pixels), images.SIZE)
    return Larger(lambda rows, _: memory_map.read(pixels, rows), shorter)


def scores(
    links: Links, first: Larger, second: Larger, track: Track = silent
) -> NDArray[np.float32]:
    """How well the two of each link agree in the place where they agree least: float32 `[M]`.

    Up to 1; -1 where it was not looked at. first, second: the pictures of the first and of the
    second of each.
    """
    result = np.full(len(links.first), -1, np.float32)
    shorter = np.minimum(first.shorter[links.first], second.shorter[links.second])
    batches = []
    for is_small in (False, True):
        close = np.flatnonzero((links.shot >= _SHOT) & ((shorter <= _SMALL) == is_small))
        close = close[np.argsort(links.first[close], kind="stable")]
        batches += [(close[at : at + _BATCH], is_small) for at in range(0, len(close), _BATCH)]

    def compare(batch: tuple[NDArray[np.int64], bool]) -> NDArray[np.float32]:
        rows, is_small = batch
        return _scores(links.chosen(rows), first, second, images.SIZE if is_small else SIZE)

    with ThreadPoolExecutor(processors.count()) as pool:
        found = track(pool.map(compare, batches), len(batches), "looking closely")
        for (rows, _), score in zip(batches, found, strict=True):
            result[rows] = score
    return result


def _scores(links: Links, first: Larger, second: Larger, size: int) -> NDArray[np.float32]:
    one = near_duplicates.turned(_each_once(first, links.first, size), links.mirrored)
    other = _each_once(second, links.second, size)
    in_one, in_other = (borders.inside(_small(pixels)) for pixels in (one, other))
    source, target, windows, swapped = alignment.smaller_first(one, other, links.windows)
    swapped = swapped[:, None]
    in_source, in_target = np.where(swapped, in_other, in_one), np.where(swapped, in_one, in_other)
    return alignment.sameness(source, target, _within(in_source, windows), in_target)


def _each_once(pictures: Larger, rows: NDArray[np.int64], size: int) -> Pixels:
    unique, place = np.unique(rows, return_inverse=True)
    return pictures.load(unique, size)[place]


def _small(pixels: Pixels) -> Pixels:
    small = alignment.reduced(pixels, images.SIZE, images.SIZE)
    return np.rint(np.moveaxis(small, 1, 3)).astype(np.uint8)


def _within(outer: Windows, inner: Windows) -> Windows:
    """Windows that are given in shares of other windows."""
    result = np.empty_like(inner)
    for axis in (0, 2):
        size = (outer[:, axis + 1] - outer[:, axis])[:, None]
        result[:, axis : axis + 2] = outer[:, axis, None] + inner[:, axis : axis + 2] * size
    return result
