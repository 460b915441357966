"""A few frames a second out of a film, as the networks see them."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from simpsons import images
from simpsons.timeline.film import Film
from simpsons.timeline.shots import ShotDetector

KEPT = 3 * images.SIZE
"""Pixels a side that the decoder's scaler leaves at least.

`images.fit` averages blocks of pixels down to three times the target before it filters
(Pillow's `reducing_gap`), and the scaler does the same to larger frames at once.
"""


@dataclass(frozen=True)
class Sample:
    """A frame that is classified.

    time: in seconds from the film's start. shot: its number, from 0. pixels: uint8
    `[64, 64, 3]`, RGB. aspect: width to height of the frame as it is shown.
    """

    time: float
    shot: int
    pixels: images.Pixels
    aspect: float


def samples(film: Film, shots: ShotDetector, rate: float) -> Iterator[Sample]:
    """The first frame at or after each of the instants 0, 1/rate, 2/rate and so on, in seconds.

    `shots` sees every frame, so cuts are exact to the frame. One frame is in memory at a time.
    """
    scaler = VideoReformatter()
    shape = film.stream.sample_aspect_ratio or 1
    due = 0
    for frame in film.frames():
        shot = shots.shot_of(frame)
        passed = math.floor(frame.time * rate + 1e-6)
        if passed < due:
            continue
        due = passed + 1
        pixels = _upright(frame.picture, scaler)
        height, width = pixels.shape[:2]
        sideways = frame.picture.rotation % 180 != 0
        aspect = width / height * float(1 / shape if sideways else shape)
        yield Sample(frame.time, shot, images.fit(pixels), aspect)


def _upright(picture: av.VideoFrame, scaler: VideoReformatter) -> images.Pixels:
    """RGB uint8 `[H, W, 3]`, reduced and turned as the film says it is to be shown."""
    factor = max(1, min(picture.width, picture.height) // KEPT)
    width, height = picture.width // factor, picture.height // factor
    reduced = scaler.reformat(picture, width, height, "rgb24", interpolation="AREA")
    pixels = images.decode(reduced.to_ndarray())
    return np.ascontiguousarray(np.rot90(pixels, round(picture.rotation / 90)))
