"""A few frames a second out of a film, in the size in which faces are found."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from simpsons.films.bars import Bars
from simpsons.films.film import Film, Frame
from simpsons.films.screen import Screen
from simpsons.films.shots import ShotDetector
from simpsons.pixels import images
from simpsons.pixels.margins import Rectangle

CLOSER = 3
"""Of so many frames that are looked at in a shot one is larger, the first of them: a small face
that is found in it may be missed until the next."""

HELD = 6
"""How far a channel of a frame, of 255, is from that of another one at most that shows the same.
Compression changes less, and in cartoons pictures are often held."""


@dataclass(frozen=True)
class Sample:
    """A frame that is looked at.

    time: in seconds from the film's start. shot: its number, from 0. pixels: uint8 `[H, W, 3]`,
    RGB, as it is shown: upright and with square pixels. inside: the part without plain bars.
    """

    time: float
    shot: int
    pixels: images.Pixels
    inside: Rectangle

    @property
    def content(self) -> images.Pixels:
        """The pixels inside the bars."""
        left, top, right, bottom = self.inside
        return self.pixels[top:bottom, left:right]


def samples(
    film: Film, shots: ShotDetector, rate: float, longest: int, closer: int | None = None
) -> Iterator[Sample]:
    """The first frame at or after each of the instants 0, 1/rate, 2/rate and so on, in seconds.

    A frame that stays on screen for longer is given again, at each instant. So is the last one,
    with its own pixels, in place of one that differs from it by no more than compression makes.

    longest: pixels of the longer side that a larger frame is reduced to; with plain bars, that of
    what is inside them. closer: the same of the first frame of each shot, and of every `CLOSER`-th;
    None for `longest`. `shots` sees every frame, so cuts are exact to the frame. One frame is in
    memory at a time.
    """
    reduce = _Reduce(film)
    due, looks = 0, 0
    last: Sample | None = None
    seen = None
    for frame in film.frames():
        shot = shots.shot_of(frame)
        passed = math.floor(frame.time * rate + 1e-6)
        if passed < due:
            continue
        if last:
            yield from (replace(last, time=step / rate) for step in range(due, passed))
        due = passed + 1
        if last and shot == last.shot and _is_held(shots.small, seen):
            last = replace(last, time=frame.time)
        else:
            looks = looks + 1 if last and shot == last.shot else 0
            side = longest if looks % CLOSER or closer is None else closer
            last = Sample(frame.time, shot, *reduce(frame, side))
            seen = shots.small
        yield last


class _Reduce:
    """Makes frames of one film smaller."""

    def __init__(self, film: Film) -> None:
        self._film = film
        self._screen, self._bars = Screen(), Bars()
        self._enlarged = 1.0

    def __call__(self, frame: Frame, longest: int) -> tuple[images.Pixels, Rectangle]:
        """The frame with at most `longest` pixels a side inside its bars, and what is inside."""
        while True:
            side = round(longest * self._enlarged)
            pixels = self._screen.pixels(frame.picture, self._film.pixel_shape, side)
            inside = self._bars.inside(pixels)
            needed = max(pixels.shape) / max(inside.width, inside.height)
            is_enough, self._enlarged = needed <= 1.05 * self._enlarged, needed
            if is_enough:
                return pixels, inside


def _is_held(small: images.Pixels, seen: images.Pixels | None) -> bool:
    """Whether a frame shows what the one that was seen does; both as a `ShotDetector` sees them."""
    return seen is not None and int(np.abs(small.astype(np.int16) - seen).max()) <= HELD
