"""Faces of one shot linked into tracks, a track for each person, and who each track shows."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import compress, pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Box = tuple[float, float, float, float]

MINIMUM = 0.5
"""Mean probability that a character must have in a track to be on screen."""

FAMILIAR = 0.2
"""How far above the threshold of the naming file the familiarity of a track is at least, in the
middle of its frames, if the track has a name. The threshold is for one picture; a track is seen
many times, and whoever is known is well above it in most of them."""

WINDOW = 4.0
"""Seconds of a track, around each frame, over which probabilities are averaged."""

GAP = 1.0
"""Seconds for which a face may not be found and is still the same track."""

_NEAR = 0.3  # affinity from which two boxes are of one face
_ROOM, _ROOM_A_SECOND = 1.6, 2.0  # boxes are so many times as large when compared: faces move
_NOBODY = -1


class Sighting(NamedTuple):
    """One face in one frame, or a whole frame.

    time: seconds from the film's start. probabilities: float64 `[classes]`; what they lack to 1 is
    the probability of nobody. box: x1, y1, x2, y2 as fractions of the frame's width and height;
    None for a whole frame. score: how sure the detector is that this is a face, 0 to 1.
    familiarity: how far it lies above the threshold of the naming file.
    """

    time: float
    probabilities: NDArray[np.float64]
    box: Box | None
    score: float = 1.0
    familiarity: float = math.inf


@dataclass(frozen=True)
class Track:
    """One face for a time within one shot.

    start, end: seconds from the film's start. label: the character, None for a stranger.
    probability: mean of the label's probability over the frames, for a stranger of nobody's.
    times: float64 `[N]`, the seconds at which the face was found. boxes: float64 `[N, 4]`, x1, y1,
    x2, y2 as fractions of the frame's width and height as it is shown; None where the frames were
    named as a whole, since no face was found in them.
    """

    start: float
    end: float
    label: str | None
    probability: float
    times: NDArray[np.float64] = field(repr=False, compare=False)
    boxes: NDArray[np.float64] | None = field(repr=False, compare=False)

    def box(self, time: float) -> Box | None:
        """Where the face is at that second, between two frames on the straight line."""
        if self.boxes is None:
            return None
        x1, y1, x2, y2 = (float(np.interp(time, self.times, side)) for side in self.boxes.T)
        return x1, y1, x2, y2


def linked(frames: Sequence[Sequence[Sighting]]) -> list[list[Sighting]]:
    """The sightings of one shot, a list for each face.

    frames: the sightings of each frame, in the order of time. A face goes on in the nearest box of
    the next frames whose place and name fit, the best fit first.
    """
    done: list[list[Sighting]] = []
    going: list[list[Sighting]] = []
    for frame in frames:
        if not frame:
            continue
        ended = [frame[0].time - one[-1].time > GAP for one in going]
        done += compress(going, ended)
        going = [one for one, is_over in zip(going, ended, strict=True) if not is_over]
        pairs = sorted(
            (-_affinity(one[-1], other), i, j)
            for i, one in enumerate(going)
            for j, other in enumerate(frame)
        )
        free, left = set(range(len(going))), set(range(len(frame)))
        for cost, i, j in pairs:
            if -cost >= _NEAR and i in free and j in left:
                going[i].append(frame[j])
                free.remove(i)
                left.remove(j)
        going += [[frame[j]] for j in sorted(left)]
    return done + going


def _affinity(one: Sighting, other: Sighting) -> float:
    """0 to 1: the overlap (IoU) of both boxes made larger, halved where the names differ."""
    if one.box is None or other.box is None:
        return float(one.box is other.box)
    room = _ROOM + _ROOM_A_SECOND * (other.time - one.time)
    a, b = _enlarged(one.box, room), _enlarged(other.box, room)
    across, down = (min(a[k + 2], b[k + 2]) - max(a[k], b[k]) for k in (0, 1))
    if across <= 0 or down <= 0:
        return 0.0
    shared = across * down
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b))
    p, q = one.probabilities, other.probabilities
    alike = p @ q / max(1e-9, float(np.linalg.norm(p) * np.linalg.norm(q)))
    return float(shared / (areas - shared) * (1 + alike) / 2)


def _enlarged(box: Box, factor: float) -> Box:
    x1, y1, x2, y2 = box
    x, y = (factor - 1) / 2 * (x2 - x1), (factor - 1) / 2 * (y2 - y1)
    return x1 - x, y1 - y, x2 + x, y2 + y


def named(
    sightings: Sequence[Sighting],
    start: float,
    end: float,
    labels: Sequence[str],
    minimum: float = MINIMUM,
) -> list[Track]:
    """Who a track shows from `start` to `end`: one name as a rule.

    Each frame gets the character, or nobody, with the highest average around it. So one odd frame
    changes nothing, and a track that goes on over a cut nobody saw has a name before and another
    one behind it. A character whose mean probability in its part is below `minimum` is nobody, and
    so is one whose median familiarity there is below `FAMILIAR`.
    """
    times = np.array([one.time for one in sightings])
    rows = np.stack([one.probabilities for one in sightings])
    familiarity = np.array([one.familiarity for one in sightings])
    with_nobody = np.column_stack([rows, 1 - rows.sum(axis=1)])
    best = averaged(times, with_nobody).argmax(axis=1)
    best[best == len(labels)] = _NOBODY
    changes = (np.flatnonzero(np.diff(best)) + 1).tolist()
    middles = [float(times[change - 1] + times[change]) / 2 for change in changes]
    bounds = [start, *middles, end]
    result = []
    for place, (first, after) in enumerate(pairwise([0, *changes, len(best)])):
        of_label = with_nobody[first:after, best[first]].mean()
        is_named = (
            best[first] != _NOBODY
            and of_label >= minimum
            and np.median(familiarity[first:after]) >= FAMILIAR
        )
        label = labels[best[first]] if is_named else None
        of_nobody = with_nobody[first:after, _NOBODY].mean()
        boxes = [one.box for one in sightings[first:after] if one.box is not None]
        result.append(
            Track(
                bounds[place],
                bounds[place + 1],
                label,
                float(of_nobody if label is None else of_label),
                times[first:after],
                np.array(boxes) if boxes else None,
            )
        )
    return result


def averaged(times: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean of the rows of `values` that are at most half a `WINDOW` away in time."""
    first = np.searchsorted(times, times - WINDOW / 2, "left")
    after = np.searchsorted(times, times + WINDOW / 2, "right")
    sums = np.concatenate([np.zeros((1, values.shape[1])), values.cumsum(axis=0)])
    means: NDArray[np.float64] = (sums[after] - sums[first]) / (after - first)[:, None]
    return means
