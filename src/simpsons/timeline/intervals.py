"""From the probabilities of single frames to the intervals in which a character is on screen."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simpsons.characters import display_name

WINDOW = 4.0
"""Seconds, around each frame and inside its shot, over which probabilities are averaged."""

MINIMUM = 0.5
"""Mean probability that a character must have in an interval to be on screen."""


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


def of_shot(
    start: float,
    end: float,
    times: Sequence[float],
    probabilities: NDArray[np.float64],
    labels: Sequence[str],
    rate: float,
    minimum: float = MINIMUM,
) -> list[Interval]:
    """The intervals of one shot, which lasts from `start` to `end`.

    times: the seconds of the N frames classified, ascending. probabilities: `[N, classes]`; what
    a row lacks to 1 is the probability of nobody. rate: frames classified a second.

    Each frame gets the character with the highest average around it. A run of frames with one
    character is an interval if that character's mean probability in it is at least `minimum`.
    """
    nobody = 1 - probabilities.sum(axis=1, keepdims=True)
    best = averaged(times, np.hstack([probabilities, nobody])).argmax(axis=1)
    changes = np.flatnonzero(np.diff(best)) + 1
    # somewhere between two frames classified: half a step before the later one
    bounds = [start, *(float(times[int(change)]) - 0.5 / rate for change in changes), end]
    result = []
    for place, run in enumerate(np.split(np.arange(len(best)), changes)):
        label = best[run[0]]
        if label < len(labels) and (mean := float(probabilities[run, label].mean())) >= minimum:
            result.append(Interval(bounds[place], bounds[place + 1], labels[label], mean))
    return result


def averaged(times: Sequence[float], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean of the rows of `values` that are at most half a `WINDOW` away in time."""
    first = np.searchsorted(times, np.subtract(times, WINDOW / 2), "left")
    after = np.searchsorted(times, np.add(times, WINDOW / 2), "right")
    sums = np.concatenate([np.zeros((1, values.shape[1])), values.cumsum(axis=0)])
    means: NDArray[np.float64] = (sums[after] - sums[first]) / (after - first)[:, None]
    return means


def joined(intervals: Sequence[Interval]) -> list[Interval]:
    """The same intervals in time; those of one character that touch become one."""
    result: list[Interval] = []
    for interval in intervals:
        last = result[-1] if result else None
        if last and last.label == interval.label and last.end == interval.start:
            lengths = last.end - last.start, interval.end - interval.start
            mean = np.average((last.probability, interval.probability), weights=lengths)
            result[-1] = Interval(last.start, interval.end, last.label, float(mean))
        else:
            result.append(interval)
    return result
