"""The frames of a film that are worth keeping: of each shot the sharpest that differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, floor

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from simpsons.films.bars import Bars
from simpsons.films.film import Film, Frame
from simpsons.films.screen import Screen
from simpsons.films.shots import ShotDetector
from simpsons.films.stills import time_in_name
from simpsons.pixels import images
from simpsons.pixels.margins import Rectangle
from simpsons.progress import Track, silent

PER_SHOT = 3
"""Frames of a shot that are kept at most."""

RATE = 5.0
"""Frames a second that are looked at, counted from the start of each shot: so a shot that is there
twice, as an intro is, gives the same frames."""

SEEN = 512
"""Pixels of the longer side in which frames are compared."""

LONGEST = 4096
"""Pixels of the longer side that a frame has at most; a larger one is made smaller."""

FLAT = 24
"""Grey levels between the second and the last but one percentile, below which a frame shows next to
nothing: it is black, white, or plain."""

ALIKE = 10.0
"""Mean difference in grey levels, in the eighth of width and height where it is largest, up to
which two frames of a shot show the same drawing. Compression changes less, a pose more."""

BLURRED = 0.25
"""Share of the sharpness of a shot's sharpest frame, below which a frame is not kept: it is of a
fast movement, or two pictures that are dissolving."""

MIXED = 0.12
"""How far a frame is from a mixture of its neighbours at most, as a share of what is between those,
to be taken for one."""

_APART, _SHARES = 5.0, (0.05, 0.95)
"""Grey levels between its neighbours at least, and the share of the second of them in a mixture."""

_UNLIKE = 0.7
"""Correlation of what is before a dissolve and after it, below which they are two shots."""

_CELLS = 8
_REC_601 = np.array((0.299, 0.587, 0.114), np.float32)


@dataclass(frozen=True)
class Picture:
    """A frame, or a picture of a folder, that faces are looked for in.

    name: what its files are called after the film and the shot. time: in seconds from the film's
    start. pixels: uint8 `[H, W, 3]`, RGB, upright. inside: the part without plain bars.
    """

    name: str
    time: float
    pixels: images.Pixels
    inside: Rectangle

    @property
    def content(self) -> images.Pixels:
        """The pixels inside the bars."""
        left, top, right, bottom = self.inside
        return self.pixels[top:bottom, left:right]


@dataclass(frozen=True)
class Shot:
    """A shot, or a picture of a folder on its own.

    number: from 0. pictures: in the order of time. left_out: how many others there were, by reason.
    """

    number: int
    pictures: tuple[Picture, ...]
    left_out: Counter[str] = field(default_factory=Counter)


def shots(
    film: Film, per_shot: int = PER_SHOT, done: int = 0, progress: Track = silent
) -> Iterator[Shot]:
    """The shots of a film, each when it is over, with up to `per_shot` of its frames.

    done: so many shots at the start are passed over. One shot is in memory at a time.

    Left out are frames that show next to nothing (`flat`), in which one shot dissolves into another
    (`dissolving`), and that are less sharp by far than others of the shot (`blurred`).
    """
    reduce = _Reduce(film)
    pool = _Pool(per_shot)
    number = 0
    for shot, sample, is_mixed in _numbered(_without_mixed(_samples(film, reduce, progress))):
        if shot != number:
            if number >= done:
                yield pool.taken(number, reduce)
            number, pool = shot, _Pool(per_shot)
        pool.add(sample, is_mixed)
    if number >= done:
        yield pool.taken(number, reduce)


def _samples(film: Film, reduce: _Reduce, progress: Track) -> Iterator[_Sample]:
    """`RATE` frames a second of each shot, the first of it among them."""
    cuts = ShotDetector()
    total = None if film.duration is None else max(1, ceil(film.duration * film.frame_rate))
    number, due = -1, 0
    for frame in progress(film.frames(), total, f"reading {film.path.name}"):
        shot = cuts.shot_of(frame)
        if shot != number:
            number, due = shot, 0
        passed = floor((frame.time - cuts.starts[shot]) * RATE + 1e-6)
        if passed >= due:
            due = passed + 1
            yield reduce(frame, shot)


def _without_mixed(samples: Iterator[_Sample]) -> Iterator[tuple[_Sample, bool]]:
    """Each sample, and whether it is a mixture of those before and after it."""
    before = now = None
    for after in samples:
        if now:
            yield now, before is not None and is_mixture(before.light, now.light, after.light)
        before, now = now, after
    if now:
        yield now, False


def _numbered(
    samples: Iterator[tuple[_Sample, bool]],
) -> Iterator[tuple[int, _Sample, bool]]:
    """Each with the number of its shot: a slow dissolve, which is no cut, ends a shot too."""
    dissolved, after_mixed = 0, False
    last: _Sample | None = None
    for sample, is_mixed in samples:
        if is_mixed:
            after_mixed = True
        elif not sample.flat:
            is_same_shot = last is not None and last.shot == sample.shot
            if after_mixed and last and is_same_shot and _are_unlike(last.grey, sample.grey):
                dissolved += 1
            after_mixed, last = False, sample
        yield sample.shot + dissolved, sample, is_mixed


def _are_unlike(one: NDArray[np.float32], other: NDArray[np.float32]) -> bool:
    first, second = (grey - grey.mean() for grey in (one, other))
    lengths = float(np.linalg.norm(first) * np.linalg.norm(second))
    return float((first * second).sum()) < _UNLIKE * max(lengths, 1e-6)


def is_flat(pixels: images.Pixels) -> bool:
    """Whether uint8 `[H, W, 3]` is nearly all of one brightness."""
    low, high = np.percentile(pixels[::2, ::2] @ _REC_601, (2, 98))
    return bool(high - low < FLAT)


def sharpness(pixels: images.Pixels) -> float:
    """The variance of the Laplacian of the light of uint8 `[H, W, 3]`.

    Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy", 2000.
    """
    light = pixels @ _REC_601
    if min(light.shape) < 3:
        return 0.0
    middle = light[1:-1, 1:-1]
    beside = light[1:-1, :-2] + light[1:-1, 2:] + light[:-2, 1:-1] + light[2:, 1:-1]
    return float((beside - 4 * middle).var())


def difference(one: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:
    """How far a picture is from others where it differs most, in grey levels, float32 `[M]`.

    one, others: float32 `[64, 64]` and `[M, 64, 64]`, as `grey` gives them.
    """
    side = images.SIZE // _CELLS
    apart = np.abs(others - one).reshape(len(others), _CELLS, side, _CELLS, side)
    largest: NDArray[np.float32] = apart.mean(axis=(2, 4)).max(axis=(1, 2))
    return largest


def is_mixture(
    before: NDArray[np.float32], now: NDArray[np.float32], after: NDArray[np.float32]
) -> bool:
    """Whether a frame is between two others as when one dissolves into the other.

    Each float32 `[H, W]`. It is if it is nearly a weighted sum of them; where things move it is
    none.
    """
    if not before.shape == now.shape == after.shape:
        return False
    way, gone = (after - before).ravel(), (now - before).ravel()
    if np.abs(way).mean() < _APART:
        return False
    share = float(way @ gone / (way @ way))
    rest = np.square(gone - share * way).mean() / np.square(way).mean()
    return _SHARES[0] < share < _SHARES[1] and bool(rest < MIXED**2)


def grey(pixels: images.Pixels) -> NDArray[np.float32]:
    """The light of uint8 `[H, W, 3]` as means of cells, float32 `[64, 64]`."""
    small = Image.fromarray(pixels).resize((images.SIZE, images.SIZE), Image.Resampling.BOX)
    return np.asarray(np.asarray(small) @ _REC_601, np.float32)


@dataclass(frozen=True)
class _Sample:
    """A frame as it is compared.

    light: float32 `[H, W]`, small, with what bars there are. grey: what is inside them, as `grey`
    gives it. inside: shares of the frame. shape: width to height of its pixels.
    """

    frame: Frame
    shot: int
    flat: bool
    sharpness: float
    light: NDArray[np.float32]
    grey: NDArray[np.float32]
    inside: images.Shares
    shape: Fraction


class _Reduce:
    """Looks at frames of one film, and gives all their pixels."""

    def __init__(self, film: Film) -> None:
        self._film = film
        self._small, self._large = Screen(), Screen()
        self._bars = Bars()

    def __call__(self, frame: Frame, shot: int) -> _Sample:
        shape = self._film.pixel_shape
        pixels = self._small.pixels(frame.picture, shape, SEEN)
        left, top, right, bottom = self._bars.inside(pixels)
        content = pixels[top:bottom, left:right]
        height, width = pixels.shape[:2]
        inside = left / width, top / height, right / width, bottom / height
        light = np.asarray(pixels[::2, ::2] @ _REC_601, np.float32)
        measured = is_flat(content), sharpness(content), light, grey(content)
        return _Sample(frame, shot, *measured, inside, shape)

    def whole(self, sample: _Sample) -> Picture:
        """The frame as large as it is."""
        frame = sample.frame
        pixels = self._large.pixels(frame.picture, sample.shape, LONGEST)
        height, width = pixels.shape[:2]
        left, top, right, bottom = sample.inside
        part = Rectangle(
            ceil(left * width - 1e-6),
            ceil(top * height - 1e-6),
            floor(right * width + 1e-6),
            floor(bottom * height + 1e-6),
        )
        return Picture(time_in_name(frame.time), frame.time, pixels, part)


class _Pool:
    """The best frames of a shot so far. size: how many at most."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._samples: list[_Sample] = []
        self._apart = np.full((size + 1, size + 1), np.inf, np.float32)
        self._left_out: Counter[str] = Counter()

    def add(self, sample: _Sample, is_mixed: bool) -> None:
        if sample.flat or is_mixed:
            self._left_out["flat" if sample.flat else "dissolving"] += 1
            return
        greys = [other.grey for other in self._samples]
        apart = difference(sample.grey, np.stack(greys)) if greys else np.empty(0, np.float32)
        place = len(self._samples)
        if len(apart) and apart.min() < ALIKE:
            place = int(apart.argmin())
            if sample.sharpness <= self._samples[place].sharpness:
                return
            apart[place] = np.inf
        self._samples[place : place + 1] = [sample]
        self._set(place, apart)
        if len(self._samples) > self._size:
            self._remove()

    def taken(self, number: int, reduce: _Reduce) -> Shot:
        """The shot with the frames that are in the pool now."""
        samples = sorted(self._samples, key=lambda sample: sample.frame.time)
        least = BLURRED * max((sample.sharpness for sample in samples), default=0.0)
        sharp = [sample for sample in samples if sample.sharpness >= least]
        left_out = self._left_out.copy()
        if blurred := len(samples) - len(sharp):
            left_out["blurred"] = blurred
        return Shot(number, tuple(map(reduce.whole, sharp)), left_out)

    def _set(self, place: int, apart: NDArray[np.float32]) -> None:
        self._apart[place, : len(apart)] = self._apart[: len(apart), place] = apart

    def _remove(self) -> None:
        """Take out the less sharp of the two that are most alike."""
        one, other = divmod(int(self._apart.argmin()), len(self._apart))
        first, second = sorted((one, other))
        first_is_sharper = self._samples[first].sharpness >= self._samples[second].sharpness
        less, last = second if first_is_sharper else first, len(self._samples) - 1
        self._samples[less] = self._samples[last]
        self._samples.pop()
        row = self._apart[last].copy()
        row[less] = np.inf
        self._set(less, row)
        self._apart[last] = self._apart[:, last] = np.inf
