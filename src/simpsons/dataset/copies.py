"""Copies: two files of one picture, re-encoded, smaller, cropped, mirrored or with subtitles.

Of the pictures that look most alike (`simpsons.dataset.candidates`) each is laid over the other
and judged pixel by pixel (`simpsons.dataset.alignment`).
"""

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simpsons import processors
from simpsons.dataset import alignment, memory_map
from simpsons.dataset import candidates as searching
from simpsons.dataset.candidates import Candidates, Looks
from simpsons.images import Pixels
from simpsons.progress import Track, silent

THRESHOLD = 0.57
"""From this score on pictures are copies. Chosen with `python -m benchmarks.near_duplicates`."""

_CORRELATION = 0.9
"""Coarse thumbnails that agree less after alignment are not looked at more closely."""

_BATCH = 512


class Pairs(NamedTuple):
    """Pairs of copies, the most alike first.

    first, second: int64 `[M]`, rows. score: float32 `[M]`, `THRESHOLD` to 1, 1 for the same
    pixels. mirrored: bool `[M]`, whether one shows the other mirrored.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    score: NDArray[np.float32]
    mirrored: NDArray[np.bool_]


def find(pixels: Pixels, track: Track = silent, threshold: float = THRESHOLD) -> Pairs:
    """Copies among uint8 `[N, 64, 64, 3]`, which may be memory-mapped; first < second.

    Of each picture the nearest few are looked at: of many copies of one picture some pairs may
    be missing, but each is linked to others. Memory grows with the number of pictures.
    """
    looks = Looks.of(pixels, track=track)
    return among(pixels, looks, searching.among(looks, track), track, threshold)


def among(
    pixels: Pixels,
    looks: Looks,
    candidates: Candidates,
    track: Track = silent,
    threshold: float = THRESHOLD,
) -> Pairs:
    """The candidates among uint8 `[N, 64, 64, 3]` that are copies."""
    return _judged(candidates, (pixels, pixels), (looks, looks), threshold, track)


def find_between(
    queries: Pixels, references: Pixels, track: Track = silent, threshold: float = THRESHOLD
) -> Pairs:
    """Copies of references among queries, uint8 `[Q, 64, 64, 3]` and `[N, 64, 64, 3]`.

    `first` is a row of the queries, `second` one of the references.
    """
    known = Looks.of(references, track=track)
    asked = Looks.of(queries, known, track)
    candidates = searching.between(asked, known, track)
    return _judged(candidates, (queries, references), (asked, known), threshold, track)


def _judged(
    candidates: Candidates,
    pixels: tuple[Pixels, Pixels],
    looks: tuple[Looks, Looks],
    threshold: float,
    track: Track,
) -> Pairs:
    """The candidates that are copies, the better of plain and mirrored of each two.

    pixels, looks: of the first and of the second of each pair.
    """

    def judge(start: int) -> Pairs:
        batch = slice(start, start + _BATCH)
        first, second = candidates.first[batch], candidates.second[batch]
        mirrored = candidates.mirrored[batch]
        windows, alike = alignment.coarse_fit(
            _turned(looks[0].coarse[first], mirrored), looks[1].coarse[second]
        )
        kept = alike > _CORRELATION
        first, second, mirrored, windows = first[kept], second[kept], mirrored[kept], windows[kept]
        score = alike[kept]
        if len(score):
            one = _turned(memory_map.read(pixels[0], first), mirrored)
            score = _score(one, memory_map.read(pixels[1], second), windows)
        found = Pairs(first, second, score, mirrored)
        return _chosen(found, np.flatnonzero(score >= threshold))

    starts = range(0, len(candidates.first), _BATCH)
    with ThreadPoolExecutor(processors.count()) as pool:
        found = list(track(pool.map(judge, starts), len(starts), "comparing"))
    pairs = _together(found)
    pairs = _chosen(pairs, np.lexsort((pairs.second, pairs.first, -pairs.score)))
    both = pairs.first * max(1, len(pixels[1])) + pairs.second
    _, best = np.unique(both, return_index=True)
    return _chosen(pairs, np.sort(best))


def _together(parts: list[Pairs]) -> Pairs:
    return Pairs(
        np.concatenate([np.empty(0, np.int64), *(part.first for part in parts)]),
        np.concatenate([np.empty(0, np.int64), *(part.second for part in parts)]),
        np.concatenate([np.empty(0, np.float32), *(part.score for part in parts)]),
        np.concatenate([np.empty(0, np.bool_), *(part.mirrored for part in parts)]),
    )


def _chosen(pairs: Pairs, rows: NDArray[np.integer]) -> Pairs:
    return Pairs(pairs.first[rows], pairs.second[rows], pairs.score[rows], pairs.mirrored[rows])


def _turned(pictures: Pixels, mirrored: NDArray[np.bool_]) -> Pixels:
    """A copy of the pictures, `[P, H, W, ...]`, those of `mirrored` with left and right swapped."""
    turned = np.array(pictures)
    turned[mirrored] = turned[mirrored][:, :, ::-1]
    return turned


def _score(one: Pixels, other: Pixels, windows: alignment.Windows) -> NDArray[np.float32]:
    """Agreement of uint8 `[P, 64, 64, 3]`; the smaller section is laid over a part of the larger.

    windows: where, about, in the first the second lies.
    """
    area = (windows[:, 1] - windows[:, 0]) * (windows[:, 3] - windows[:, 2])
    larger = (area > 1)[:, None]
    windows = np.where(larger, alignment.turned_round(windows), windows)
    larger = larger[:, :, None, None]
    source, target = np.where(larger, other, one), np.where(larger, one, other)
    return alignment.agreement(source, target, windows)
