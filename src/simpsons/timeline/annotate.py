"""A copy of a film with the names on it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import VideoReformatter
from PIL import Image, ImageDraw, ImageFont

from simpsons import images
from simpsons.errors import SimpsonsError
from simpsons.files import whole
from simpsons.progress import Track, silent
from simpsons.timeline.film import Film, Frame
from simpsons.timeline.reading import Timeline

_NEUTRAL = 128  # the value of both colour planes for grey


def annotate(target: str | os.PathLike[str], timeline: Timeline, track: Track = silent) -> None:
    """Write a copy of the time line's film as H.264 in MP4, with the names on it.

    Frames, their times and the sound are the film's own; an odd width or height loses a pixel.
    The film is decoded once more. Raises FilmError if it can't be read, SimpsonsError for a
    target that `require_target` refuses or sound that MP4 can't hold.
    """
    target = require_target(target, timeline.film)
    with Film(timeline.film) as film, whole(target) as temporary:
        try:
            with av.open(f"file:{temporary}", "w", format="mp4") as copy:
                _copy(film, copy, timeline, track)
        except av.FFmpegError as error:
            raise SimpsonsError(f"{target}: can't be written ({error.strerror})") from None


def require_target(target: str | os.PathLike[str], film: str) -> Path:
    """The path to write to. Raises SimpsonsError if it is the film itself or no `.mp4`."""
    target = Path(target)
    if target.suffix.lower() != ".mp4":
        raise SimpsonsError(f"{target}: the annotated film is an MP4; give a name that ends so")
    if target.exists() and target.samefile(film):
        raise SimpsonsError(f"{target}: is the film itself; give another name for the copy")
    return target


def _copy(film: Film, copy: av.container.OutputContainer, timeline: Timeline, track: Track) -> None:
    source = film.stream
    out = copy.add_stream("libx264", rate=film.frame_rate, options={"preset": "veryfast"})
    out.width, out.height = source.width // 2 * 2, source.height // 2 * 2
    out.pix_fmt = "yuv420p"
    out.codec_context.time_base = out.time_base = film.time_base
    out.sample_aspect_ratio = source.sample_aspect_ratio or Fraction(1)
    with Film(film.path) as ahead:  # sound may come before the first picture, and ends the header
        rotation = next(ahead.frames()).picture.rotation
    if rotation:
        out.set_display_rotation(rotation)
    for tag in ("colorspace", "color_primaries", "color_trc"):
        setattr(out.codec_context, tag, getattr(source.codec_context, tag))
    others = _sound(film, copy)
    scaler = VideoReformatter()
    names = _names(timeline)
    total = round(timeline.duration * float(film.frame_rate))
    last = -1
    for frame in track(film.frames(others), total, "annotating"):
        picture = scaler.reformat(frame.picture, out.width, out.height, "yuv420p")
        picture.make_writable()
        name = names(frame)
        if name is not None:
            _put(picture, name)
        last = max(last + 1, round(frame.time / film.time_base))
        picture.pts, picture.time_base = last, film.time_base
        picture.pict_type = 0
        copy.mux(out.encode(picture))
    copy.mux(out.encode())


def _sound(film: Film, copy: av.container.OutputContainer) -> Callable[[av.Packet[Any]], object]:
    """A function that copies packets of sound and drops others."""
    streams = {
        stream.index: copy.add_stream_from_template(stream)
        for stream in film.container.streams.audio
    }

    def put(packet: av.Packet[Any]) -> None:
        if packet.stream.index in streams and packet.pts is not None and packet.dts is not None:
            shift = round(film.start / packet.time_base)
            packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
            packet.stream = streams[packet.stream.index]
            copy.mux(packet)

    return put


def _names(timeline: Timeline) -> Callable[[Frame], str | None]:
    """The name to put on a frame; frames are asked for in the order of time."""
    remaining: Iterator[Any] = iter(timeline.intervals)
    current = next(remaining, None)

    def name(frame: Frame) -> str | None:
        nonlocal current
        while current is not None and current.end <= frame.time:
            current = next(remaining, None)
        return current.name if current is not None and current.start <= frame.time else None

    return name


def _put(picture: av.VideoFrame, name: str) -> None:
    """Put a name into the lower left corner of a yuv420p picture, upright as it will be shown."""
    turns = round(picture.rotation / 90)
    luma, *colour = (np.rot90(_plane(plane), turns) for plane in picture.planes)
    height, width = luma.shape
    label = _label(name, max(8, height // 14))[:height, :width]
    label = label[: label.shape[0] // 2 * 2, : label.shape[1] // 2 * 2]
    gap = height // 40 * 2
    bottom, left = height - min(gap, height - label.shape[0]), min(gap, width - label.shape[1])
    top, right = bottom - label.shape[0], left + label.shape[1]
    luma[top:bottom, left:right] = label
    for plane in colour:
        plane[top // 2 : bottom // 2, left // 2 : right // 2] = _NEUTRAL


def _plane(plane: Any) -> images.Pixels:
    rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
    return rows[: plane.height, : plane.width]


@lru_cache(maxsize=64)
def _label(name: str, size: int) -> images.Pixels:
    """White text on black, uint8 `[H, W]`, in the range of video: 16 to 235."""
    font = ImageFont.load_default(size)
    left, top, right, bottom = font.getbbox(name)
    border = size // 2
    box = (round(right - left) + 2 * border, round(bottom - top) + 2 * border)
    image = Image.new("L", box, 16)
    ImageDraw.Draw(image).text((border - left, border - top), name, 235, font)
    return np.asarray(image)
