"""Near-duplicates: pictures of one shot, and copies of one another.

Small thumbnails propose pairs (`simpsons.dataset.candidates`). Each is laid over the other and
compared cell by cell (`simpsons.dataset.alignment`), and those that agree enough are linked. How
much is enough is set against pairs that can't be one shot. Groups are cut so that they are no
chains (`simpsons.dataset.neighbours`).
"""

import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simpsons import processors
from simpsons.dataset import alignment, borders, candidates, memory_map, neighbours
from simpsons.dataset.borders import Windows
from simpsons.dataset.candidates import PARTS, Candidates, Looks
from simpsons.images import Pixels
from simpsons.progress import Track, silent

THRESHOLD = 0.65
"""From this agreement on two pictures are of one shot (`python -m benchmarks.near_duplicates`)."""

MIRRORED = 0.8
"""From this agreement on one is the mirrored other: a film rarely turns a shot round."""

SURE = 0.9
"""Pictures that agree so well share a group whatever else: they may be copies."""

_FALSE, _LEAST_FALSE = 0.01, 3
"""Share of the links that may be false by the count of mirrored pairs, and from how many on such a
share is believed."""

_LOOSE = 0.3
"""Pairs that agree less are forgotten."""

_CORRELATION = 0.85
"""Coarse thumbnails that are less alike after alignment are not looked at more closely."""

_ROUGHLY = 0.25
"""Nor are those that agree less. Of a thousand links of the data set this loses one; it spares the
close look at two of five pairs of pictures, and at nine of ten where none is like another."""

_BATCH = 512


class Links(NamedTuple):
    """Pairs, the surest first, each once.

    first, second: int64 `[M]`, rows. mirrored: bool `[M]`, whether the first was mirrored. shot:
    float32 `[M]`, 0 to 1, how well they agree. windows: float32 `[M, 4]`, where in the first,
    without its border, the second lies.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    mirrored: NDArray[np.bool_]
    shot: NDArray[np.float32]
    windows: Windows

    def chosen(self, rows: NDArray[np.integer] | NDArray[np.bool_]) -> "Links":
        """Some of them."""
        return Links(
            self.first[rows],
            self.second[rows],
            self.mirrored[rows],
            self.shot[rows],
            self.windows[rows],
        )


class NearDuplicates(NamedTuple):
    """links: pairs of a group. group: int64 `[N]`, that of each picture.

    threshold: from which agreement on pictures were linked.
    """

    links: Links
    group: NDArray[np.int64]
    threshold: float


_latest: list[tuple[weakref.ref[Pixels], NearDuplicates]] = []
"""The last that were found, for who asks again."""


def find(pixels: Pixels, track: Track = silent) -> NearDuplicates:
    """Those among uint8 `[N, 64, 64, 3]`, which may be memory-mapped.

    Of each picture the nearest few are looked at, so in a large group some pairs may be missing.
    Above `neighbours.EXACT_UP_TO` pictures a few more are. Memory grows with their number. Of
    memory-mapped pictures, which do not change, the last answer is kept.
    """
    for known, answer in _latest:
        if known() is pixels:
            return answer
    answer = _find(pixels, track)
    if not pixels.flags.writeable:
        _latest[:] = [(weakref.ref(pixels), answer)]
    return answer


def _find(pixels: Pixels, track: Track) -> NearDuplicates:
    looks = Looks.of(pixels, track=track)
    proposed = candidates.among(pixels, looks, track)
    compared = _compared(proposed, (pixels, pixels), (looks, looks), track)
    threshold = threshold_of(compared)
    links = linked(compared, threshold)
    group = neighbours.grouped(links.first, links.second, links.shot >= SURE, len(pixels))
    return NearDuplicates(links.chosen(group[links.first] == group[links.second]), group, threshold)


def find_between(queries: Pixels, references: Pixels, track: Track = silent) -> Links:
    """Links of queries, first, and references, second, uint8 `[Q, 64, 64, 3]`, `[N, 64, 64, 3]`."""
    known = Looks.of(references, track=track)
    asked = Looks.of(queries, known, track)
    forth, back = candidates.between(queries, asked, references, known, track)
    found = _compared(forth, (queries, references), (asked, known), track)
    back_found = _compared(back, (references, queries), (known, asked), track)
    both = _together([found, _swapped(back_found, np.full(len(back_found.first), True))])
    best = _best(both, len(references))
    return linked(best, threshold_of(best))


def groups(pixels: Pixels, track: Track = silent) -> NDArray[np.int64]:
    """int64 `[N]`: the group of each picture."""
    return find(pixels, track).group


def linked(compared: Links, threshold: float) -> Links:
    """Those that agree enough."""
    enough = np.where(compared.mirrored, max(MIRRORED, threshold), threshold)
    return compared.chosen(compared.shot >= enough)


def threshold_of(compared: Links) -> float:
    """From which agreement on pictures of a data set are linked: at least `THRESHOLD`.

    A shot and its mirror image are hardly ever in one film. So mirrored pairs show how well
    pictures agree that are of two shots: as many are looked at, of the same style. The threshold
    is raised until there are at most 1 % as many as links. Pairs that agree unmirrored too, since
    the scene is symmetric, and those that are mirrored copies are not counted.
    """
    plain = np.sort(compared.shot[~compared.mirrored])
    size = int(max(compared.second.max(initial=0), compared.first.max(initial=0))) + 1
    key = np.minimum(compared.first, compared.second) * size + np.maximum(
        compared.first, compared.second
    )
    foreign = compared.mirrored & (compared.shot < MIRRORED) & (compared.shot >= THRESHOLD)
    foreign &= ~np.isin(key, key[~compared.mirrored])
    threshold = THRESHOLD
    for number, agreement in enumerate(np.sort(compared.shot[foreign])[::-1].tolist(), start=1):
        links = len(plain) - int(np.searchsorted(plain, agreement))
        if number >= _LEAST_FALSE and number > _FALSE * links:
            threshold = max(threshold, float(np.nextafter(np.float32(agreement), np.float32(1))))
            break
    return threshold


def _compared(
    proposed: Candidates,
    pixels: tuple[Pixels, Pixels],
    looks: tuple[Looks, Looks],
    track: Track,
) -> Links:
    """The candidates that agree at all; a pair may be there plain and mirrored, each once.

    pixels, looks: of the first and of the second of each pair.
    """

    def compare(start: int) -> Links:
        batch = slice(start, start + _BATCH)
        first, second = proposed.first[batch], proposed.second[batch]
        mirrored, part = proposed.mirrored[batch], proposed.part[batch]
        windows, alike = alignment.coarse_fit(
            turned(looks[0].coarse[first], mirrored), looks[1].coarse[second], PARTS[part]
        )
        fitted = Links(first, second, mirrored, alike, windows).chosen(alike > _CORRELATION)
        if not len(fitted.first):
            return fitted
        roughly = alignment.coarse_agreement(
            turned(looks[0].coarse[fitted.first], fitted.mirrored),
            looks[1].coarse[fitted.second],
            fitted.windows,
        )
        first, second, mirrored, alike, windows = fitted.chosen(roughly >= _ROUGHLY)
        if not len(first):
            return Links(first, second, mirrored, alike, windows)
        one = turned(borders.without(memory_map.read(pixels[0], first)), mirrored)
        other = borders.without(memory_map.read(pixels[1], second))
        source, target, windows, swapped = alignment.smaller_first(one, other, windows)
        shot, windows = alignment.agreement(source, target, windows)
        windows[swapped] = alignment.turned_round(windows[swapped])
        return Links(first, second, mirrored, shot, windows).chosen(shot >= _LOOSE)

    starts = range(0, len(proposed.first), _BATCH)
    with ThreadPoolExecutor(processors.count()) as pool:
        found = list(track(pool.map(compare, starts), len(starts), "comparing"))
    links = _together(found)
    if pixels[0] is pixels[1]:
        links = _swapped(links, links.first > links.second)
    return _best(links, max(1, len(pixels[1])))


def _best(links: Links, count: int) -> Links:
    """Of each pair, plain and mirrored, the surest; the surest of all first."""
    order = np.lexsort((links.second, links.first, -links.shot))
    links = links.chosen(order)
    key = (links.first * count + links.second) * 2 + links.mirrored
    _, best = np.unique(key, return_index=True)
    return links.chosen(np.sort(best))


def _together(parts: list[Links]) -> Links:
    row, number = np.empty(0, np.int64), np.empty(0, np.float32)
    none = Links(row, row, np.empty(0, np.bool_), number, np.empty((0, 4), np.float32))
    return Links(*(np.concatenate(column) for column in zip(none, *parts, strict=True)))


def _swapped(links: Links, which: NDArray[np.bool_]) -> Links:
    """First and second exchanged. Where one is mirrored, the window is mirrored with it."""
    first = np.where(which, links.second, links.first)
    second = np.where(which, links.first, links.second)
    windows = np.where(which[:, None], alignment.turned_round(links.windows), links.windows)
    flipped = which & links.mirrored
    windows[flipped, :2] = 1 - windows[flipped, 1::-1]
    return Links(first, second, links.mirrored, links.shot, windows)


def turned(pictures: Pixels, mirrored: NDArray[np.bool_]) -> Pixels:
    """A copy of the pictures, `[P, H, W, ...]`, those of `mirrored` with left and right swapped."""
    result = np.array(pictures)
    result[mirrored] = result[mirrored][:, :, ::-1]
    return result
