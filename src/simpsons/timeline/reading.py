"""`read`: a film and a classifier in, its time line out, in constant memory."""

import os
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import numpy as np

from simpsons import images
from simpsons.classifier import Classifier, Prediction
from simpsons.errors import SimpsonsError
from simpsons.progress import Track, silent
from simpsons.timeline.film import Film
from simpsons.timeline.intervals import MINIMUM, Interval, joined, of_shot
from simpsons.timeline.sampling import Sample, samples
from simpsons.timeline.shots import ShotDetector

RATE = 5.0
"""Frames a second that are classified."""


@dataclass(frozen=True)
class Timeline:
    """Who is on screen when.

    film: its path. duration: seconds up to which it was read. rate: frames classified a second.
    minimum: the mean probability that an interval needed. cuts: the seconds at which a shot
    ends and the next begins. thumbnails: for each label with an interval, its surest frame as
    the network saw it, uint8 `[64, 64, 3]`. aspect: width to height of the film as it is shown.
    problem: what could not be read, in words; None if nothing.
    """

    film: str
    duration: float
    rate: float
    minimum: float
    intervals: tuple[Interval, ...]
    cuts: tuple[float, ...]
    thumbnails: dict[str, images.Pixels] = field(repr=False)
    aspect: float
    problem: str | None

    def to_json(self) -> dict[str, Any]:
        """Everything but the pixels; plain values."""
        return {
            "film": self.film,
            "duration": round(self.duration, 3),
            "rate": self.rate,
            "minimum": self.minimum,
            "problem": self.problem,
            "cuts": [round(cut, 3) for cut in self.cuts],
            "intervals": [interval.to_json() for interval in self.intervals],
        }


def read(
    film: str | os.PathLike[str],
    classifier: Classifier,
    rate: float = RATE,
    minimum: float = MINIMUM,
    track: Track = silent,
) -> Timeline:
    """Who is on screen when.

    rate: frames a second to classify, above 0. minimum: the mean probability, 0 to 1, that a
    character must have in an interval. A film that breaks off gives what was read of it, with
    `problem` set.

    Raises FilmError for a film without a frame that can be read, SimpsonsError for a rate or
    minimum out of its range.
    """
    if not 0 < rate <= 1000:
        raise SimpsonsError(f"the rate is {rate:g}; give one above 0 and up to 1000 a second")
    if not 0 <= minimum <= 1:
        raise SimpsonsError(f"the minimum is {minimum:g}; give a probability from 0 to 1")
    labels = classifier.labels
    intervals: list[Interval] = []
    thumbnails: dict[str, _Surest] = {}
    aspect = 1.0
    with Film(film) as source:
        shots = ShotDetector()
        answers = _classified(samples(source, shots, rate), classifier)
        total = None if source.duration is None else max(1, round(source.duration * rate))
        for number, answered in groupby(track(answers, total, "reading"), _shot):
            times, rows = [], []
            candidates: dict[str, _Surest] = {}
            for sample, prediction in answered:
                times.append(sample.time)
                top = dict(prediction.top)
                rows.append([top[label] for label in labels])
                _keep(candidates, prediction.label, (prediction.probability, sample))
                aspect = sample.aspect
            start, end, *_ = *shots.starts[number : number + 2], source.end
            found = of_shot(start, end, times, np.array(rows), labels, rate, minimum)
            for label in candidates.keys() & {interval.label for interval in found}:
                _keep(thumbnails, label, candidates[label])
            intervals += found
        return Timeline(
            film=os.fspath(film),
            duration=source.end,
            rate=rate,
            minimum=minimum,
            intervals=tuple(joined(intervals)),
            cuts=tuple(shots.starts[1:]),
            thumbnails={label: sample.pixels for label, (_, sample) in thumbnails.items()},
            aspect=aspect,
            problem=source.problem,
        )


_Surest = tuple[float, Sample]


def _classified(
    taken: Iterator[Sample], classifier: Classifier
) -> Iterator[tuple[Sample, Prediction]]:
    """Each sample with its prediction; `predict_all` bounds how many wait between the two."""
    waiting: deque[Sample] = deque()

    def pixels() -> Iterator[images.Pixels]:
        for sample in taken:
            waiting.append(sample)
            yield sample.pixels

    for answer in classifier.predict_all(pixels(), top=len(classifier.labels)):
        if isinstance(answer, Prediction):
            yield waiting.popleft(), answer


def _shot(classified: tuple[Sample, Prediction]) -> int:
    return classified[0].shot


def _keep(surest: dict[str, _Surest], label: str, candidate: _Surest) -> None:
    if label not in surest or surest[label][0] < candidate[0]:
        surest[label] = candidate
