"""A time line as subtitles: the names of all who are on screen."""

from collections.abc import Sequence
from dataclasses import dataclass

from simpsons.films.intervals import Interval
from simpsons.films.reading import Timeline


@dataclass(frozen=True)
class Cue:
    """A time with one text. start, end: in seconds. names: in the order of their appearance."""

    start: float
    end: float
    names: tuple[str, ...]

    @property
    def length(self) -> float:
        """In seconds."""
        return self.end - self.start


def to_srt(timeline: Timeline) -> str:
    """SubRip subtitles with the characters' names."""
    found = [
        f"{number}\n{_clock(each.start, ',')} --> {_clock(each.end, ',')}\n"
        f"{', '.join(each.names)}\n"
        for number, each in enumerate(_of(timeline), start=1)
    ]
    return "\n".join(found)


def to_vtt(timeline: Timeline) -> str:
    """WebVTT subtitles with the characters' names (https://www.w3.org/TR/webvtt1/)."""
    found = [
        f"{_clock(each.start, '.')} --> {_clock(each.end, '.')}\n"
        f"{_escaped(', '.join(each.names))}\n"
        for each in _of(timeline)
    ]
    return "\n".join(["WEBVTT\n", *found])


def cues(intervals: Sequence[Interval], shortest: float, end: float) -> list[Cue]:
    """What stands on screen when, each cue for `shortest` seconds or longer.

    Whenever somebody comes or goes a new cue begins. One that would be too short is part of the
    cue beside it that is most like it; where none is, it lasts for longer, up to `end`, the film's.
    """
    parts = _parts(intervals)
    while short := [part for part in parts if part.length < shortest - 1e-6]:
        part = min(short, key=lambda one: one.length)
        place = parts.index(part)
        before = parts[place - 1] if place else Cue(0.0, 0.0, ())
        after = parts[place + 1] if place + 1 < len(parts) else Cue(end, end, ())
        beside = [
            other
            for other, gap in ((before, part.start - before.end), (after, after.start - part.end))
            if other.names and gap <= 1e-6
        ]
        if beside:
            like = max(beside, key=lambda other: (_likeness(part, other), other.length))
            first = min(place, parts.index(like))
            parts[first : first + 2] = [_merged(parts[first], parts[first + 1], shortest)]
            continue
        until = min(part.start + shortest, after.start)
        longer = Cue(max(until - shortest, before.end), until, part.names)
        if longer.length <= part.length:  # the film is shorter than that
            break
        parts[place] = longer
    return _together(parts)


def _parts(intervals: Sequence[Interval]) -> list[Cue]:
    """The times between two changes in which somebody is on screen."""
    parts: list[Cue] = []
    now: list[Interval] = []
    waiting = list(reversed(intervals))
    time = 0.0
    while now or waiting:
        time = min([each.end for each in now] + [each.start for each in waiting[-1:]])
        now = [each for each in now if each.end > time]
        while waiting and waiting[-1].start <= time:
            now.append(waiting.pop())
        if now:
            until = min([each.end for each in now] + [each.start for each in waiting[-1:]])
            parts.append(Cue(time, until, tuple(each.name for each in now)))
    return parts


def _together(parts: Sequence[Cue]) -> list[Cue]:
    """The same, with cues that touch and have the same names as one."""
    result: list[Cue] = []
    for part in parts:
        last = result[-1] if result else None
        if last and part.start - last.end <= 1e-6 and set(part.names) == set(last.names):
            part = Cue(last.start, part.end, result.pop().names)
        result.append(part)
    return result


def _likeness(one: Cue, other: Cue) -> float:
    names, others = set(one.names), set(other.names)
    return len(names & others) / len(names | others)


def _merged(one: Cue, other: Cue, shortest: float) -> Cue:
    """Both as one, with the names of the longer, or of both where both are too short."""
    longer = max(one, other, key=lambda cue: cue.length)
    both = tuple(dict.fromkeys(one.names + other.names))
    names = longer.names if longer.length >= shortest - 1e-6 else both
    return Cue(one.start, other.end, names)


def _of(timeline: Timeline) -> list[Cue]:
    return cues(timeline.intervals, timeline.shortest, timeline.duration)


def _clock(seconds: float, point: str) -> str:
    whole, milliseconds = divmod(round(seconds * 1000), 1000)
    minutes, seconds = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}{point}{milliseconds:03d}"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
