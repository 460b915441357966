"""Near-duplicates: pictures of one shot, and copies of one another.

Small thumbnails propose pairs (`simpsons.duplicates.candidates`). Each is laid over the other and
compared cell by cell (`simpsons.duplicates.alignment`), and those that agree enough are linked. How
much is enough is set against pairs that can't be one shot. Groups are cut so that they are no
chains (`simpsons.duplicates.neighbours`).

Thousands of pictures may be alike: title cards, black frames. So of pictures whose pixels are all
the same one is compared with others, and memory grows with the number of pictures, not of pairs.
"""

import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simpsons import processors
from simpsons.duplicates import alignment, borders, candidates, neighbours
from simpsons.duplicates.borders import Windows
from simpsons.duplicates.candidates import PARTS, Candidates, Descriptors
from simpsons.pixels import memory_map
from simpsons.pixels.images import Pixels
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

_IN_FULL = 12
"""Of up to so many pictures with the same pixels all pairs are listed; of more, those with the
first."""

_HUBS = 8
"""With so many others, at most, all pictures of a group are compared that is larger than what is
looked at for each picture."""

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

    threshold: from which agreement on pictures were linked. original: int64 `[N]`, the first
    picture with the same pixels. Of pictures with the same pixels only the first is linked to
    others.
    """

    links: Links
    group: NDArray[np.int64]
    threshold: float
    original: NDArray[np.int64]

    def near(self, some: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Bool `[N]`: whether a picture has a near-duplicate among `some`."""
        known = np.zeros(len(self.group), np.bool_)
        known[self.original[some]] = True
        found = known & (np.bincount(self.original, minlength=len(known)) > 1)
        first, second = self.original[self.links.first], self.original[self.links.second]
        other = first != second
        found[second[known[first] & other]] = True
        found[first[known[second] & other]] = True
        return np.asarray(found[self.original])


_latest: list[tuple[weakref.ref[Pixels], NearDuplicates]] = []
"""The last that were found, for who asks again."""


def find(pixels: Pixels, track: Track = silent) -> NearDuplicates:
    """Those among uint8 `[N, 64, 64, 3]`, which may be memory-mapped.

    Of each picture the nearest few are looked at, and a few of its group, so in a large group some
    pairs are missing. Above `neighbours.EXACT_UP_TO` pictures a few more are. Of
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
    descriptors = Descriptors.of(pixels, track=track)
    proposed = candidates.within(pixels, descriptors, track)

    def compared(some: Candidates) -> Links:
        return _compared(some, (pixels, pixels), (descriptors, descriptors), track)

    found = compared(proposed)
    threshold = threshold_of(found)
    links = linked(found, threshold)
    group = neighbours.grouped(links.first, links.second, links.shot >= SURE, len(pixels))
    links = links.chosen(group[links.first] == group[links.second])
    by_hubs = _by_hubs(group[descriptors.distinct], descriptors.distinct, compared)
    if by_hubs:
        links = _best(_together([links, *(linked(each, threshold) for each in by_hubs)]))
    _, group = np.unique(group[descriptors.original], return_inverse=True)
    links = _together([_identical(descriptors.original), links])
    return NearDuplicates(links, group.astype(np.int64), threshold, descriptors.original)


def _by_hubs(
    group: NDArray[np.int64],
    rows: NDArray[np.int64],
    compared: Callable[[Candidates], Links],
) -> list[Links]:
    """In each large group all compared with the first, those unlike it with the first of them...

    group: int64 `[U]`, of the pictures `rows`. Else, of very many copies of one picture, each would
    be known to be a copy of some others, but all together of none.
    """
    large = np.bincount(group) > candidates.NEAREST
    rows = rows[large[group]]
    group = group[large[group]]
    found: list[Links] = []
    for _ in range(_HUBS):
        _, first, place = np.unique(group, return_index=True, return_inverse=True)
        hub = rows[first][place]
        others = np.flatnonzero(rows != hub)
        if not len(others):
            break
        plain = np.zeros(len(others), np.bool_)
        pairs = Candidates(hub[others], rows[others], plain, plain.astype(np.int8))
        found.append(compared(pairs))
        sure = found[-1].shot >= SURE
        left = (rows != hub) & ~np.isin(rows, found[-1].second[sure])
        rows, group = rows[left], group[left]
    return found


def _identical(original: NDArray[np.int64]) -> Links:
    """Links of pictures with the same pixels, int64 `[N]` the first of them."""
    again = np.flatnonzero(original != np.arange(len(original)))
    first, second = [original[again]], [again]
    order = again[np.argsort(original[again], kind="stable")]
    starts = np.flatnonzero(np.diff(original[order])) + 1
    for rows in np.split(order, starts):
        if len(rows) < _IN_FULL:
            one, other = np.triu_indices(len(rows), 1)
            first.append(rows[one])
            second.append(rows[other])
    return _exact(np.concatenate(first), np.concatenate(second))


def _exact(first: NDArray[np.int64], second: NDArray[np.int64]) -> Links:
    """Links of pictures that are the same."""
    windows = np.tile(np.array((0, 1, 0, 1), np.float32), (len(first), 1))
    plain, shot = np.zeros(len(first), np.bool_), np.ones(len(first), np.float32)
    return Links(first, second, plain, shot, windows)


def find_between(queries: Pixels, references: Pixels, track: Track = silent) -> Links:
    """Links of queries, first, and references, second, uint8 `[Q, 64, 64, 3]`, `[N, 64, 64, 3]`.

    If pictures with the same pixels are on both sides, each is linked to the first of the others.
    """
    known = Descriptors.of(references, track=track)
    asked = Descriptors.of(queries, known, track)
    forth, back = candidates.across(queries, asked, references, known, track)
    found = _compared(forth, (queries, references), (asked, known), track)
    back_found = _compared(back, (references, queries), (known, asked), track)
    both = _best(_together([found, _swapped(back_found, np.full(len(back_found.first), True))]))
    threshold = threshold_of(both)
    _, query, reference = np.intersect1d(asked.digests, known.digests, return_indices=True)
    same = _exact(asked.original[query], known.original[reference])
    links = _best(_together([same, linked(both, threshold)]))
    of_queries = _of_each(links.first, asked.original)
    of_references = _of_each(links.second, known.original)
    for_all = links.chosen(of_queries.link)._replace(first=of_queries.row)
    again = of_references.row != links.second[of_references.link]
    rows = of_references.row[again]
    others = links.chosen(of_references.link[again])._replace(second=rows)
    return _together([for_all, others])


class _Each(NamedTuple):
    link: NDArray[np.int64]
    row: NDArray[np.int64]


def _of_each(rows: NDArray[np.int64], original: NDArray[np.int64]) -> _Each:
    """All rows with the same pixels as the one of each link, int64 `[M]`: link and row."""
    order = np.argsort(original, kind="stable")
    number = np.bincount(original, minlength=len(original))
    begin = np.cumsum(number) - number
    count = number[rows]
    link = np.repeat(np.arange(len(rows)), count)
    place = np.arange(len(link)) - np.repeat(np.cumsum(count) - count, count)
    return _Each(link, order[begin[rows][link] + place])


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
    descriptors: tuple[Descriptors, Descriptors],
    track: Track,
) -> Links:
    """The candidates that agree at all; a pair may be there plain and mirrored, each once.

    pixels, descriptors: of the first and of the second of each pair.
    """

    def compare(start: int) -> Links:
        batch = slice(start, start + _BATCH)
        first, second = proposed.first[batch], proposed.second[batch]
        mirrored, part = proposed.mirrored[batch], proposed.part[batch]
        windows, alike = alignment.coarse_fit(
            turned(descriptors[0].coarse[first], mirrored),
            descriptors[1].coarse[second],
            PARTS[part],
        )
        fitted = Links(first, second, mirrored, alike, windows).chosen(alike > _CORRELATION)
        if not len(fitted.first):
            return fitted
        roughly = alignment.coarse_agreement(
            turned(descriptors[0].coarse[fitted.first], fitted.mirrored),
            descriptors[1].coarse[fitted.second],
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
    return _best(links)


def _best(links: Links) -> Links:
    """Of each pair, plain and mirrored, the surest; the surest of all first."""
    count = int(links.second.max(initial=0)) + 1
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
