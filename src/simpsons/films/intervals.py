"""From the tracks of faces to the intervals in which a character is on screen."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from simpsons.characters import display_name
from simpsons.films.tracks import GAP, Track

SHORTEST = 0.5
"""Seconds that a character is on screen at least, unless its shot is shorter.

Three frames at 5 a second: what one or two frames say alone is a misread face more often than a
person, and a name shown for less can't be read.
"""


@dataclass(frozen=True)
class Interval:
    """A time in which one character is on screen.

    start, end: seconds from the film's start. label: the class, as the data set names it.
    probability: mean of the label's probability over the frames classified, 0 to 1.
    """

    start: float
    end: float
    label: str
    probability: float

    @property
    def name(self) -> str:
        """The character, as people say it: `Homer Simpson`."""
        return display_name(self.label)

    def to_json(self) -> dict[str, Any]:
        """`{"start", "end", "character", "name", "probability"}`, times to the millisecond."""
        return {
            "start": round(self.start, 3),
            "end": round(self.end, 3),
            "character": self.label,
            "name": self.name,
            "probability": round(self.probability, 4),
        }


def of_shot(tracks: Iterable[Track], shortest: float) -> list[Interval]:
    """The intervals of one shot, as long as `shortest` seconds or longer.

    Tracks of one character are joined where they overlap or less than `GAP` lies between them.
    """
    parts = [
        Interval(track.start, track.end, track.label, track.probability)
        for track in tracks
        if track.label is not None
    ]
    return [each for each in joined(parts, GAP) if each.end - each.start > shortest - 1e-6]


def joined(intervals: Iterable[Interval], gap: float = 0.0) -> list[Interval]:
    """The same intervals in the order of time; those of one character at most `gap` apart are one.

    gap: in seconds; 0 joins those that touch or overlap.
    """
    result: list[Interval] = []
    last: dict[str, int] = {}
    for interval in in_order(intervals):
        place = last.get(interval.label)
        if place is not None and interval.start - result[place].end <= gap + 1e-6:
            result[place] = _union(result[place], interval)
        else:
            last[interval.label] = len(result)
            result.append(interval)
    return result


def in_order(intervals: Iterable[Interval]) -> list[Interval]:
    """By start, and those that start together by label."""
    return sorted(intervals, key=lambda interval: (interval.start, interval.label))


def seconds_of(intervals: Iterable[Interval]) -> dict[str, float]:
    """For how many seconds each character is on screen, the longest first."""
    seconds: dict[str, float] = {}
    for each in intervals:
        seconds[each.label] = seconds.get(each.label, 0.0) + each.end - each.start
    return dict(sorted(seconds.items(), key=lambda item: (-item[1], item[0])))


def _union(one: Interval, other: Interval) -> Interval:
    lengths = one.end - one.start, other.end - other.start
    mean = np.average((one.probability, other.probability), weights=lengths)
    return Interval(one.start, max(one.end, other.end), one.label, float(mean))
