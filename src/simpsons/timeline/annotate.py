"""A copy of a film with every face in a box, and the names on it."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from simpsons import images
from simpsons.characters import display_name
from simpsons.drawing import Mark, draw
from simpsons.errors import SimpsonsError
from simpsons.files import whole
from simpsons.progress import Track as Progress
from simpsons.progress import silent
from simpsons.timeline.film import Film
from simpsons.timeline.reading import Timeline
from simpsons.timeline.tracks import Track


def annotate(
    target: str | os.PathLike[str], timeline: Timeline, progress: Progress = silent
) -> None:
    """Write a copy of the time line's film as H.264 in MP4, with boxes and names.

    A box stays on its face, a stranger's has no name, and a frame that was named as a whole has a
    box around it. Frames, their times and the sound are the film's own; an odd width or height
    loses a pixel. The film is decoded once more.

    Raises FilmError if it can't be read, SimpsonsError for a target that `require_target` refuses
    or sound that MP4 can't hold.
    """
    target = require_target(target, timeline.film)
    with Film(timeline.film) as film, whole(target) as temporary:
        try:
            with av.open(f"file:{temporary}", "w", format="mp4") as copy:
                _copy(film, copy, timeline, progress)
        except av.FFmpegError as error:
            raise SimpsonsError(f"{target}: can't be written ({error.strerror})") from None


def require_target(target: str | os.PathLike[str], *films: str | os.PathLike[str]) -> Path:
    """The path to write to. Raises SimpsonsError if it is one of the films or no `.mp4`."""
    target = Path(target)
    if target.suffix.lower() != ".mp4":
        raise SimpsonsError(f"{target}: the annotated film is an MP4; give a name that ends so")
    for film in films:
        if target.exists() and Path(film).exists() and target.samefile(film):
            raise SimpsonsError(f"{target}: is the film itself; give another name for the copy")
    return target


def _copy(
    film: Film, copy: av.container.OutputContainer, timeline: Timeline, progress: Progress
) -> None:
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
    on_screen = _on_screen(timeline)
    total = round(timeline.duration * float(film.frame_rate))
    last = -1
    for frame in progress(film.frames(others), total, "annotating"):
        picture = scaler.reformat(frame.picture, out.width, out.height, "yuv420p", threads=1)
        picture.make_writable()
        if tracks := on_screen(frame.time):
            _draw(picture, tracks, frame.time, scaler)
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


def _on_screen(timeline: Timeline) -> Callable[[float], list[Track]]:
    """The tracks that go on at a second; seconds are asked for in their order."""
    waiting = deque(timeline.tracks)
    now: list[Track] = []

    def tracks(time: float) -> list[Track]:
        while waiting and waiting[0].start <= time:
            now.append(waiting.popleft())
        now[:] = [track for track in now if track.end > time]
        return now.copy()

    return tracks


def _draw(
    picture: av.VideoFrame, tracks: list[Track], time: float, scaler: VideoReformatter
) -> None:
    """Draw boxes and names on a yuv420p picture, upright as it will be shown.

    Only what is drawn is turned into the film's colours, and all else stays as it is.
    """
    turns = round(picture.rotation / 90)
    before = scaler.reformat(picture, format="rgb24", threads=1).to_ndarray()
    upright = images.decode(np.ascontiguousarray(np.rot90(before, turns)))
    after = np.rot90(draw(upright, _marks(tracks, time, upright.shape)), -turns)
    red, green, blue = np.moveaxis(after != before, 2, 0)
    changed = red | green | blue
    rows = changed[::2] | changed[1::2]
    blocks = rows[:, ::2] | rows[:, 1::2]
    drawn = av.VideoFrame.from_ndarray(np.ascontiguousarray(after))
    drawn = scaler.reformat(drawn, format="yuv420p", threads=1)
    masks = changed, blocks, blocks
    for plane, source, mask in zip(picture.planes, drawn.planes, masks, strict=True):
        np.copyto(_plane(plane), _plane(source), where=mask)


def _marks(tracks: list[Track], time: float, shape: Sequence[int]) -> list[Mark]:
    """What to draw on a picture of this height and width, strangers first."""
    height, width, *_ = shape
    marks = []
    for track in tracks:
        x1, y1, x2, y2 = track.box(time) or (0, 0, 1, 1)
        text = "" if track.label is None else display_name(track.label)
        box = x1 * width, y1 * height, x2 * width, y2 * height
        marks.append(Mark(box, text, track.label is not None))
    return sorted(marks, key=lambda mark: mark.is_known)


def _plane(plane: Any) -> images.Pixels:
    rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
    return rows[: plane.height, : plane.width]
