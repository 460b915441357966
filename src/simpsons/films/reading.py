"""`read`: a film and a detector in, its time line out, in constant memory."""

import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simpsons.classifier import UNKNOWN, Failure, Prediction
from simpsons.detector import Detection, Detector
from simpsons.errors import SimpsonsError
from simpsons.films.film import Film
from simpsons.films.intervals import SHORTEST, Interval, joined, of_shot
from simpsons.films.sampling import Sample, samples
from simpsons.films.shots import ShotDetector
from simpsons.films.tracks import MINIMUM, Box, Sighting, Track, linked, named
from simpsons.pixels import images
from simpsons.progress import Track as Progress
from simpsons.progress import silent
from simpsons.shares import beside

RATE = 5.0
"""Frames a second that are looked at."""

SEEN = 0.05
"""How far above the detector's threshold, as a share of what is left to 1, the score of a track's
surest frame is at least. A face less sure goes on with a track but makes none."""

SURE, FAMILIAR_WHOLE = 0.9, 1.0
"""Probability, and familiarity above the threshold of whole pictures, from which a frame without a
face is named as a whole: for backs and profiles. Titles have no face either."""


@dataclass(frozen=True)
class Timeline:
    """Who is on screen when.

    film: its path. duration: seconds up to which it was read. rate: frames looked at a second.
    minimum: the mean probability that a track needed for a name. shortest: the seconds that an
    interval lasts at least, unless its shot is shorter. intervals: by start; those of different
    characters overlap. cuts: the seconds at which a shot ends and the next begins. tracks: every
    face, strangers' too, that is long enough, by
    start. thumbnails: for each label with an interval,
    its surest face as the network saw it, or the middle of a frame that was named as a whole, uint8
    `[64, 64, 3]`. problem: what could not be read, in
    words; None if nothing.
    """

    film: str
    duration: float
    rate: float
    minimum: float
    shortest: float
    intervals: tuple[Interval, ...]
    cuts: tuple[float, ...]
    tracks: tuple[Track, ...] = field(repr=False)
    thumbnails: dict[str, images.Pixels] = field(repr=False)
    problem: str | None

    def to_json(self) -> dict[str, Any]:
        """Everything but the tracks and pixels; plain values."""
        return {
            "film": self.film,
            "duration": round(self.duration, 3),
            "rate": self.rate,
            "minimum": self.minimum,
            "shortest": self.shortest,
            "problem": self.problem,
            "cuts": [round(cut, 3) for cut in self.cuts],
            "intervals": [interval.to_json() for interval in self.intervals],
        }


def read(
    film: str | os.PathLike[str],
    detector: Detector,
    rate: float = RATE,
    minimum: float = MINIMUM,
    shortest: float = SHORTEST,
    progress: Progress = silent,
) -> Timeline:
    """Who is on screen when.

    rate: frames a second to look at, above 0. minimum: the mean probability, 0 to 1, that a
    character must have in a track. shortest: the seconds that a character must be on screen,
    unless its shot is shorter. A truncated film yields what was read before the break, with
    `problem` set. The detector looks at each frame once, at the smallest or largest of its sides.

    Raises FilmError for a film without a frame that can be read, SimpsonsError for a rate, minimum
    or shortest length out of its range.
    """
    require_settings(rate, minimum, shortest)
    detector = detector.once()
    intervals: list[Interval] = []
    tracks: list[Track] = []
    thumbnails: dict[str, _Surest] = {}
    with Film(film) as source:
        shots = ShotDetector()
        sides = detector.sides[0], detector.sides[-1]
        seen = _seen(samples(source, shots, rate, *sides), detector)
        total = None if source.duration is None else max(1, round(source.duration * rate))
        for number, frames in groupby(progress(seen, total, "reading"), _shot):
            shot = _Shot(detector.names.labels, detector.minimum + SEEN * (1 - detector.minimum))
            for sample, detection in frames:
                shot.add(sample, detection)
            start, end, *_ = *shots.starts[number : number + 2], source.end
            found = shot.tracks(start, end, rate, minimum)
            least = min(shortest, end - start)
            on_screen = of_shot(found, least)
            names = {interval.label for interval in on_screen}
            intervals += on_screen
            tracks += [
                track
                for track in found
                if track.label in names
                or (track.label is None and track.end - track.start > least - 1e-6)
            ]
            for label in shot.surest.keys() & names:
                _keep(thumbnails, label, shot.surest[label])
        return Timeline(
            film=os.fspath(film),
            duration=source.end,
            rate=rate,
            minimum=minimum,
            shortest=shortest,
            intervals=tuple(joined(intervals)),
            cuts=tuple(shots.starts[1:]),
            tracks=tuple(sorted(tracks, key=lambda track: track.start)),
            thumbnails={label: pixels for label, (_, pixels) in thumbnails.items()},
            problem=source.problem,
        )


def require_settings(rate: float, minimum: float, shortest: float) -> None:
    """Raise SimpsonsError unless these can be settings of `read`."""
    if not 0 < rate <= 1000:
        raise SimpsonsError(f"the rate is {rate:g}; give one above 0 and up to 1000 a second")
    if not 0 <= minimum <= 1:
        raise SimpsonsError(f"the minimum is {minimum:g}; give a probability from 0 to 1")
    if not 0 <= shortest < float("inf"):
        raise SimpsonsError(f"the shortest length is {shortest:g}; give seconds, 0 or more")


_Surest = tuple[float, images.Pixels]


class _Shot:
    """What was seen in one shot.

    least: the score that the surest frame of a track has at least. surest: for each label the
    highest probability of a frame, and the picture that had it.
    """

    def __init__(self, labels: Sequence[str], least: float) -> None:
        self.surest: dict[str, _Surest] = {}
        self._labels = labels
        self._least = least
        self._times: list[float] = []
        self._frames: list[list[Sighting]] = []

    def add(self, sample: Sample, detection: Detection | Prediction) -> None:
        """The next frame, with its faces, or with the answer for the whole of it."""
        height, width = sample.pixels.shape[:2]
        sightings = []
        if isinstance(detection, Prediction):
            if detection.probability >= SURE and _familiarity(detection) >= FAMILIAR_WHOLE:
                sightings.append(Sighting(sample.time, self._row(detection), None))
                self._note(detection, sample.pixels, _middle(width, height))
        else:
            for face in detection.faces:
                x1, y1, x2, y2 = face.box
                box = x1 / width, y1 / height, x2 / width, y2 / height
                row, familiarity = self._row(face.prediction), _familiarity(face.prediction)
                sightings.append(Sighting(sample.time, row, box, face.score, familiarity))
                self._note(face.prediction, sample.pixels, face.box)
        self._times.append(sample.time)
        self._frames.append(sightings)

    def tracks(self, start: float, end: float, rate: float, minimum: float) -> list[Track]:
        """Who was seen from when to when in the shot, which lasts from `start` to `end`.

        A track begins half a step before the frame in which it is first seen, or with the shot.
        """
        result = []
        for one in linked(self._frames):
            if max(sighting.score for sighting in one) < self._least:
                continue
            first, last = one[0].time, one[-1].time
            begins = start if first == self._times[0] else first - 0.5 / rate
            ends = end if last == self._times[-1] else last + 0.5 / rate
            limits = max(start, begins), min(end, ends)
            result += named(one, *limits, self._labels, minimum)
        return result

    def _row(self, prediction: Prediction) -> NDArray[np.float64]:
        """The probability of each label; of a stranger, none."""
        if prediction.verdict == UNKNOWN:
            return np.zeros(len(self._labels))
        top = dict(prediction.top)
        return np.array([top[label] for label in self._labels])

    def _note(self, prediction: Prediction, pixels: images.Pixels, box: Box) -> None:
        if prediction.verdict == UNKNOWN:
            return
        kept = self.surest.get(prediction.label)
        if kept is None or kept[0] < prediction.probability:
            crop = images.crop_around(pixels, box)
            self.surest[prediction.label] = prediction.probability, crop


def _familiarity(prediction: Prediction) -> float:
    """How far it lies above the threshold; infinite where the file has none."""
    if prediction.familiarity is None or prediction.threshold is None:
        return math.inf
    return prediction.familiarity - prediction.threshold


def _seen(
    taken: Iterator[Sample], detector: Detector
) -> Iterator[tuple[Sample, Detection | Prediction]]:
    """Each sample with its faces; one without a face with the name of the whole frame.

    Both are looked for inside its bars. The faces' boxes are in pixels of the whole frame. Samples
    that have their pixels in common are looked at once.
    """
    top = len(detector.names.labels)
    held = (list(some) for _, some in groupby(taken, lambda sample: id(sample.pixels)))

    def detect(some: Iterator[list[Sample]]) -> Iterator[Detection | Failure]:
        return detector.detect_all((first.content for first, *_ in some), top)

    for alike, answer in beside(detect, held):
        if isinstance(answer, Failure):
            raise SimpsonsError(answer.error)
        if answer.faces:
            yield from ((sample, _in_frame(answer, sample)) for sample in alike)
        else:
            fitted = images.fit(alike[0].content, resize=detector.names.resize)
            [whole] = detector.names.predict_pixels(fitted[None], top)
            yield from ((sample, whole) for sample in alike)


def _in_frame(found: Detection, sample: Sample) -> Detection:
    left, top = sample.inside[:2]
    faces = (
        replace(
            face, box=(face.box[0] + left, face.box[1] + top, face.box[2] + left, face.box[3] + top)
        )
        for face in found.faces
    )
    return replace(found, faces=tuple(faces))


def _middle(width: int, height: int) -> Box:
    """The box whose surroundings are the largest square in the middle of a frame."""
    half = min(width, height) / images.CONTEXT / 2
    return width / 2 - half, height / 2 - half, width / 2 + half, height / 2 + half


def _shot(seen: tuple[Sample, Detection | Prediction]) -> int:
    return seen[0].shot


def _keep(surest: dict[str, _Surest], label: str, candidate: _Surest) -> None:
    if label not in surest or surest[label][0] < candidate[0]:
        surest[label] = candidate
