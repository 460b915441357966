"""A few frames a second out of a film, in the size in which faces are found."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from simpsons import images
from simpsons.margins import Rectangle
from simpsons.timeline.bars import Bars
from simpsons.timeline.film import Film
from simpsons.timeline.screen import Screen
from simpsons.timeline.shots import ShotDetector


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


def samples(film: Film, shots: ShotDetector, rate: float, longest: int) -> Iterator[Sample]:
    """The first frame at or after each of the instants 0, 1/rate, 2/rate and so on, in seconds.

    A frame that stays on screen for longer is given again, at each instant.

    longest: pixels of the longer side that a larger frame is reduced to; with plain bars, that of
    what is inside them. `shots` sees every frame, so cuts are exact to the frame. One frame is in
    memory at a time.
    """
    screen, bars = Screen(), Bars()
    enlarged = 1.0
    due = 0
    last: Sample | None = None
    for frame in film.frames():
        shot = shots.shot_of(frame)
        passed = math.floor(frame.time * rate + 1e-6)
        if passed < due:
            continue
        if last:
            yield from (replace(last, time=step / rate) for step in range(due, passed))
        due = passed + 1
        while True:
            side = round(longest * enlarged)
            pixels = screen.pixels(frame.picture, film.pixel_shape, side)
            inside = bars.inside(pixels)
            needed = max(pixels.shape) / max(inside.width, inside.height)
            is_enough, enlarged = needed <= 1.05 * enlarged, needed
            if is_enough:
                break
        last = Sample(frame.time, shot, pixels, inside)
        yield last
