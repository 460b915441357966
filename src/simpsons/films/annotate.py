"""A copy of a film with every face in a box, and the names on it."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np

from simpsons.characters import display_name
from simpsons.drawing import Mark, draw
from simpsons.errors import SimpsonsError
from simpsons.files import require_replaceable, whole
from simpsons.films.film import Film, FilmError
from simpsons.films.orientation import Orientation
from simpsons.films.reading import Timeline
from simpsons.films.screen import MATRIX_NUMBERS, Colours, Screen, plane
from simpsons.films.sound import prepared
from simpsons.films.tracks import Track
from simpsons.pixels import images
from simpsons.progress import Track as Progress
from simpsons.progress import silent

_COMMENT = "annotated by simpsons timeline"


def annotate(
    target: str | os.PathLike[str], timeline: Timeline, progress: Progress = silent
) -> tuple[str, ...]:
    """Write a copy of the time line's film as H.264 in MP4, with boxes and names.

    A box stays on its face, a stranger's has no name, and a frame that was named as a whole has a
    box around it. Frames and their times are the film's own, turned upright; an odd width or height
    loses a pixel, and a high dynamic range becomes a usual one. The sound is the film's own too, as
    AAC where MP4 can't hold it. The film is decoded once more.

    Returns what is not in the copy, in words: sound that can't be read. Raises FilmError if the
    film can't be read, SimpsonsError for a target that `require_target` refuses or a copy that
    can't be written; then nothing is there.
    """
    target = require_target(target, timeline.film)
    with whole(target) as temporary:
        try:
            with prepared(Path(timeline.film), temporary.parent) as sound:
                with Film(timeline.film) as film:
                    _write(film, temporary, sound.streams, timeline, progress)
                return sound.left_out
        except FilmError:
            raise
        except (av.FFmpegError, OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise SimpsonsError(
                f"{target}: can't be written ({reason}); check its disk and its folder"
            ) from None


def require_target(target: str | os.PathLike[str], *films: str | os.PathLike[str]) -> Path:
    """The path to write to.

    Raises SimpsonsError if it is one of the films, no `.mp4`, or there and no copy that `annotate`
    wrote.
    """
    target = Path(target)
    if target.suffix.lower() != ".mp4":
        raise SimpsonsError(f"{target}: the annotated film is an MP4; give a name that ends so")
    for film in films:
        if target.exists() and Path(film).exists() and target.samefile(film):
            raise SimpsonsError(f"{target}: is the film itself; give another name for the copy")
    require_replaceable(target, "an annotated film", _COMMENT.encode())
    return target


def _write(
    film: Film,
    target: Path,
    sounds: Sequence[av.AudioStream],
    timeline: Timeline,
    progress: Progress,
) -> None:
    with Film(film.path) as ahead:
        first = next(ahead.frames()).picture
        shape = ahead.pixel_shape
    screen = Screen()
    colours = screen.colours(first)
    orientation = Orientation.of(first)
    with av.open(f"file:{target}", "w", format="mp4") as copy:
        copy.metadata["comment"] = _COMMENT
        options = {"preset": "veryfast", "bf": "0"}  # with B-frames an MP4's length is not exact
        out = copy.add_stream("libx264", rate=film.frame_rate, options=options)
        width, height = orientation.size(first.width, first.height)
        out.width, out.height = max(2, width // 2 * 2), max(2, height // 2 * 2)
        out.pix_fmt = "yuv420p"
        out.codec_context.time_base = out.time_base = film.time_base
        out.sample_aspect_ratio = 1 / shape if orientation.transposed else shape
        out.codec_context.colorspace = MATRIX_NUMBERS[colours.matrix]
        out.codec_context.color_primaries = colours.primaries
        out.codec_context.color_trc = colours.transfer
        out.codec_context.color_range = colours.range
        beside = [_Beside(sound, copy) for sound in sounds]
        on_screen = _on_screen(timeline)
        total = round(timeline.duration * float(film.frame_rate))
        lengths: deque[int] = deque()

        def put(packets: list[av.Packet[Any]], time: float) -> None:
            for packet in packets:
                packet.duration = lengths.popleft()
                copy.mux(packet)
            for each in beside:
                each.write_until(time)

        last = -1
        for frame in progress(film.frames(), total, "annotating"):
            picture = screen.frame(frame.picture, out.width, out.height, colours)
            if tracks := on_screen(frame.time):
                _draw(picture, tracks, frame.time, colours)
            last = max(last + 1, round(frame.time / film.time_base))
            picture.pts, picture.time_base = last, film.time_base
            picture.pict_type = 0
            lengths.append(round((film.end - frame.time) / film.time_base))
            put(out.encode(picture), frame.time)
        put(out.encode(), float("inf"))


class _Beside:
    """Writes a stream of sound that was prepared as far as the pictures have come."""

    def __init__(self, sound: av.AudioStream, copy: av.container.OutputContainer) -> None:
        self._copy = copy
        container = sound.container
        assert isinstance(container, av.container.InputContainer)
        self._stream = copy.add_stream_from_template(sound)
        self._packets = container.demux(sound)
        self._next = next(self._packets, None)

    def write_until(self, time: float) -> None:
        while self._next is not None and self._next.dts is not None:
            if float(self._next.dts * self._next.time_base) > time:
                return
            self._next.stream = self._stream
            self._copy.mux(self._next)
            self._next = next(self._packets, None)


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


def _draw(picture: av.VideoFrame, tracks: list[Track], time: float, colours: Colours) -> None:
    """Draw boxes and names on a yuv420p picture.

    Only what is drawn is turned into the film's colours, and all else stays as it is.
    """
    before = images.decode(picture.reformat(format="rgb24", threads=1).to_ndarray())
    after = draw(before, _marks(tracks, time, before.shape))
    red, green, blue = np.moveaxis(after != before, 2, 0)
    changed = red | green | blue
    rows = changed[::2] | changed[1::2]
    blocks = rows[:, ::2] | rows[:, 1::2]
    drawn = av.VideoFrame.from_ndarray(np.ascontiguousarray(after)).reformat(
        format="yuv420p",
        dst_colorspace=colours.matrix,
        dst_color_range=colours.range,
        threads=1,
    )
    masks = changed, blocks, blocks
    for target, source, mask in zip(picture.planes, drawn.planes, masks, strict=True):
        np.copyto(plane(target), plane(source), where=mask)


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
