"""A few frames a second out of a film, in the size in which faces are found."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from simpsons import images
from simpsons.timeline.film import Film
from simpsons.timeline.shots import ShotDetector

KEPT = 640
"""Pixels of the longer side that a frame keeps, if it has them: more than the face detector looks
at, since a small face is named from a larger crop than it is found in."""


@dataclass(frozen=True)
class Sample:
    """A frame that is looked at.

    time: in seconds from the film's start. shot: its number, from 0. pixels: uint8 `[H, W, 3]`,
    RGB, as it is shown: upright, with square pixels, at most `KEPT` a side.
    """

    time: float
    shot: int
    pixels: images.Pixels


def samples(film: Film, shots: ShotDetector, rate: float) -> Iterator[Sample]:
    """The first frame at or after each of the instants 0, 1/rate, 2/rate and so on, in seconds.

    `shots` sees every frame, so cuts are exact to the frame. One frame is in memory at a time.
    """
    scaler = VideoReformatter()
    shape = float(film.stream.sample_aspect_ratio or 1)
    due = 0
    for frame in film.frames():
        shot = shots.shot_of(frame)
        passed = math.floor(frame.time * rate + 1e-6)
        if passed < due:
            continue
        due = passed + 1
        yield Sample(frame.time, shot, _shown(frame.picture, shape, scaler))


def _shown(picture: av.VideoFrame, shape: float, scaler: VideoReformatter) -> images.Pixels:
    """The frame as it is shown, reduced by the decoder's scaler; shape: width to height of a pixel.

    What is taken from it is resized as of every picture.
    """
    width, height = picture.width * max(1.0, shape), picture.height / min(1.0, shape)
    scale = min(1.0, KEPT / max(width, height))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    reduced = scaler.reformat(picture, *size, "rgb24", interpolation="AREA", threads=1)
    pixels = images.decode(reduced.to_ndarray())
    return np.ascontiguousarray(np.rot90(pixels, round(picture.rotation / 90)))
