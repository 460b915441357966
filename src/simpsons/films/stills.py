"""A picture of each interval of a time line, in a folder a character."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import inf
from pathlib import Path

from simpsons.files import write_bytes
from simpsons.films.film import Film, Frame
from simpsons.films.intervals import Interval
from simpsons.films.reading import Timeline
from simpsons.films.screen import Screen
from simpsons.films.tracks import Track
from simpsons.pixels import jpeg
from simpsons.progress import Track as Progress
from simpsons.progress import silent
from simpsons.sorting import folder_name

_LONGEST = 4096  # pixels of the longer side, at most


def write_stills(
    folder: str | os.PathLike[str],
    timeline: Timeline,
    name: str | None = None,
    progress: Progress = silent,
) -> list[Path]:
    """Write the frames that show who is in each interval, one for each shot that it goes through.

    Of the frames in which the character was seen it is the one nearest to the middle, as large as
    the film, a JPEG file `<folder>/<character>/<name>_00h03m21.400.jpg`. Two characters who are in
    one frame have a copy each. name: None for the film's. The film is decoded once more. Returns
    the paths.

    Raises FilmError if the film can't be read, OSError if a picture can't be written.
    """
    folder, name = Path(folder), name or Path(timeline.film).stem
    wanted = _wanted(timeline)
    written = []
    with Film(timeline.film) as film:
        screen = Screen()
        shown = _shown_at(film, sorted(wanted))
        for time, frame in progress(shown, len(wanted), "writing pictures"):
            pixels = screen.pixels(frame.picture, film.pixel_shape, _LONGEST)
            content = jpeg.encoded(pixels)
            for label in wanted[time]:
                path = folder / folder_name(label) / f"{name}_{time_in_name(time)}.jpg"
                write_bytes(path, content)
                written.append(path)
    return written


def time_in_name(seconds: float) -> str:
    """`00h03m21.400`."""
    thousandths = round(seconds * 1000)
    minutes, rest = divmod(thousandths, 60_000)
    return f"{minutes // 60:02d}h{minutes % 60:02d}m{rest // 1000:02d}.{rest % 1000:03d}"


def _wanted(timeline: Timeline) -> dict[float, list[str]]:
    """The labels by the second of the frame that shows them."""
    seen: dict[str, list[Track]] = defaultdict(list)
    for track in timeline.tracks:
        if track.label is not None:
            seen[track.label].append(track)
    wanted: dict[float, list[str]] = defaultdict(list)
    for interval in timeline.intervals:
        for start, end in _parts(interval, timeline.cuts):
            times = [
                float(time)
                for track in seen[interval.label]
                for time in track.times
                if start - 1e-6 <= time < end
            ]
            if times:
                best = min(times, key=lambda time: abs(time - (start + end) / 2))
                wanted[best].append(interval.label)
    return wanted


def _parts(interval: Interval, cuts: Sequence[float]) -> Iterator[tuple[float, float]]:
    """The interval, parted where a shot ends."""
    inside = [cut for cut in cuts if interval.start < cut < interval.end]
    return pairwise([interval.start, *inside, interval.end])


def _shown_at(film: Film, times: Sequence[float]) -> Iterator[tuple[float, Frame]]:
    """The frame that is on screen at each of these seconds, which ascend."""
    waiting = iter(times)
    due = next(waiting, inf)
    last: Frame | None = None
    for frame in film.frames():
        while last and due < frame.time - 1e-6:
            yield due, last
            due = next(waiting, inf)
        if due == inf:
            return
        last = frame
    while last and due < inf:
        yield due, last
        due = next(waiting, inf)
