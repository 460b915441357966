"""How well faces are found and named, against pictures in which every face has a box."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from simpsons.classifier import UNKNOWN, Failure
from simpsons.dataset.boxes import Box
from simpsons.dataset.folders import DataError, Problem
from simpsons.detector import STRANGER_THRESHOLD, Detector, Face, counts
from simpsons.evaluation.average_precision import AveragePrecision, Scene, average_precision
from simpsons.evaluation.metrics import wilson_interval
from simpsons.evaluation.overlap import area, covered, iou
from simpsons.progress import Track, silent

FLOOR = 0.05
"""The score from which on faces are taken: average precision needs those too that are not sure."""

SAME = 0.5
"""The IoU from which on a found face is the one that a box is around."""


@dataclass(frozen=True)
class Share:
    """So many of so many."""

    count: int
    of: int

    @property
    def value(self) -> float | None:
        """0 to 1; None of none."""
        return self.count / self.of if self.of else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Wilson 95 % interval; None of none."""
        return wilson_interval(self.count, self.of) if self.of else None

    def to_json(self) -> dict[str, Any]:
        """`{"share", "interval", "count", "of"}`."""
        return {
            "share": self.value,
            "interval": self.interval,
            "count": self.count,
            "of": self.of,
        }


@dataclass(frozen=True)
class Outcome:
    """A box and the face that was found there, at the threshold; None where there is none."""

    path: str
    box: Box | None
    face: Face | None

    def to_json(self) -> dict[str, Any]:
        """`{"path", "box", "name", "found"}`; found: as `Face.to_json`."""
        return {
            "path": self.path,
            "box": self.box and list(self.box.corners),
            "name": self.box and self.box.name,
            "found": self.face and self.face.to_json(),
        }


@dataclass(frozen=True)
class NameScore:
    """One character. faces: its boxes. precision, recall: of its name, at the threshold."""

    name: str
    faces: int
    ap: AveragePrecision
    precision: Share
    recall: Share

    def to_json(self) -> dict[str, Any]:
        """`{"name", "faces", "ap_50", "ap_50_95", "precision", "recall"}`."""
        return {
            "name": self.name,
            "faces": self.faces,
            "ap_50": self.ap.at_50,
            "ap_50_95": self.ap.mean,
            "precision": self.precision.to_json(),
            "recall": self.recall.to_json(),
        }


@dataclass(frozen=True)
class DetectionEvaluation:
    """How well faces were found and named.

    A face is found where it overlaps a box with an IoU of `SAME`, each box once, the surest face
    first; in an ignored region it counts for nothing. Strangers are the boxes named `unknown` and
    those whose name the network that names faces does not know.

    pictures, faces: how many, with a box that is not ignored. threshold, stranger_threshold: the
    score from which on a face counts, and one that is called `unknown`; average precision takes all
    faces. ap: of faces, whoever they are. names: the
    characters that the network knows and that have boxes, sorted; a found face is one of the name
    it is given, with its score times the probability of the name. outcomes: every box and every
    face at the threshold.
    """

    pictures: int
    faces: int
    threshold: float
    stranger_threshold: float
    labels: frozenset[str]
    ap: AveragePrecision
    names: tuple[NameScore, ...]
    outcomes: tuple[Outcome, ...]

    @property
    def mean_ap(self) -> AveragePrecision:
        """The mean over `names`."""
        return AveragePrecision(
            _mean([score.ap.at_50 for score in self.names]),
            _mean([score.ap.mean for score in self.names]),
        )

    @cached_property
    def precision(self) -> Share:
        """Found faces that are one, at the threshold."""
        return self._share(lambda one: one.face, lambda one: one.box)

    @cached_property
    def recall(self) -> Share:
        """Boxes whose face is found, at the threshold."""
        return self._share(lambda one: one.box, lambda one: one.face)

    @cached_property
    def name_precision(self) -> Share:
        """Names given to a face that are right, at the threshold."""
        return self._share(_is_named, _is_right)

    @cached_property
    def name_recall(self) -> Share:
        """Boxes of known characters whose face is found and called so, at the threshold."""
        return self._share(self._is_known, _is_right)

    @cached_property
    def strangers_named(self) -> Share:
        """Found strangers' faces that are given a name."""
        return self._share(lambda one: one.face and self._is_stranger(one), _is_named)

    @cached_property
    def known_kept(self) -> Share:
        """Found faces of known characters that are given a name, not `unknown`."""
        return self._share(lambda one: one.face and self._is_known(one), _is_named)

    @property
    def headline(self) -> str:
        """How well faces are found, in words."""
        figures = (self.ap.at_50, self.precision.value, self.recall.value)
        ap, precision, recall = ("-" if one is None else f"{one:.3f}" for one in figures)
        return (
            f"average precision {ap} at IoU 0.5; at a score of {self.limits} precision "
            f"{precision}, recall {recall} ({self.faces:,} faces in {self.pictures:,} pictures)"
        )

    @property
    def limits(self) -> str:
        """The thresholds, in words."""
        if self.stranger_threshold == self.threshold:
            return f"{self.threshold:.2f}"
        return f"{self.threshold:.2f} ({self.stranger_threshold:.2f} for `unknown`)"

    @property
    def missed(self) -> list[Outcome]:
        """Boxes whose face was not found, the largest first."""
        missed = [one for one in self.outcomes if one.box and not one.face]
        return sorted(missed, key=lambda one: -float(area([one.box.corners])[0]) if one.box else 0)

    @property
    def false(self) -> list[Outcome]:
        """Found faces that are none, the surest first."""
        false = [one for one in self.outcomes if one.face and not one.box]
        return sorted(false, key=lambda one: -one.face.score if one.face else 0)

    @property
    def wrong_names(self) -> list[Outcome]:
        """Found faces with the name of another, the surest first; also strangers with a name."""
        both = (one for one in self.outcomes if one.face and one.box)
        wrong = [one for one in both if _is_named(one) and not _is_right(one)]
        return sorted(wrong, key=lambda one: -sureness(one.face) if one.face else 0)

    def to_json(self) -> dict[str, Any]:
        """Every figure and every error; plain values."""
        return {
            "pictures": self.pictures,
            "faces": self.faces,
            "threshold": self.threshold,
            "stranger_threshold": self.stranger_threshold,
            "ap_50": self.ap.at_50,
            "ap_50_95": self.ap.mean,
            "precision": self.precision.to_json(),
            "recall": self.recall.to_json(),
            "mean_ap_50": self.mean_ap.at_50,
            "mean_ap_50_95": self.mean_ap.mean,
            "name_precision": self.name_precision.to_json(),
            "name_recall": self.name_recall.to_json(),
            "strangers_named": self.strangers_named.to_json(),
            "known_kept": self.known_kept.to_json(),
            "per_name": [score.to_json() for score in self.names],
            "missed": [one.to_json() for one in self.missed],
            "false": [one.to_json() for one in self.false],
            "wrong_names": [one.to_json() for one in self.wrong_names],
        }

    def _share(
        self, of: Callable[[Outcome], object], counted: Callable[[Outcome], object]
    ) -> Share:
        chosen = list(filter(of, self.outcomes))
        return Share(sum(bool(counted(one)) for one in chosen), len(chosen))

    def _is_known(self, one: Outcome) -> bool:
        return one.box is not None and one.box.name in self.labels

    def _is_stranger(self, one: Outcome) -> bool:
        return one.box is not None and one.box.name not in self.labels


@dataclass(frozen=True)
class Measured:
    """What a detector found in pictures whose boxes are known.

    truth, found: by picture. problems: pictures that could not be read, which are in neither.
    """

    truth: dict[str, tuple[Box, ...]]
    found: dict[str, tuple[Face, ...]]
    problems: tuple[Problem, ...]
    evaluation: DetectionEvaluation


def measure(
    detector: Detector,
    root: str | os.PathLike[str],
    truth: Mapping[str, Sequence[Box]],
    track: Track = silent,
) -> Measured:
    """Find and name the faces of pictures, and hold them against their boxes.

    detector: made with `minimum=FLOOR`; its file says the threshold. truth: by picture, relative
    to `root`; every face has a box, as in `Boxes.complete`.

    Raises DataError if there is no picture, or none can be read, ValueError for another minimum.
    """
    if detector.minimum > FLOOR:
        raise ValueError(f"the detector leaves out faces below {detector.minimum}; use {FLOOR}")
    paths = list(truth)
    sources = [Path(root, path) for path in paths]
    answers = detector.detect_all(sources, top=1)
    found: dict[str, tuple[Face, ...]] = {}
    problems: list[Problem] = []
    for path, answer in zip(paths, track(answers, len(paths), "finding faces"), strict=True):
        if isinstance(answer, Failure):
            problems.append(Problem(path, answer.error))
        else:
            found[path] = answer.faces
    if not found:
        reason = f": {problems[0].reason}" if problems else ""
        raise DataError(f"{root}: has no readable picture with all its faces boxed{reason}")
    read = {path: tuple(truth[path]) for path in found}
    threshold = detector.metadata["threshold"]
    of_strangers = detector.metadata.get(STRANGER_THRESHOLD, threshold)
    evaluation = evaluate(read, found, detector.names.labels, threshold, of_strangers)
    return Measured(read, found, tuple(problems), evaluation)


def evaluate(
    truth: Mapping[str, Sequence[Box]],
    found: Mapping[str, Sequence[Face]],
    labels: Sequence[str],
    threshold: float,
    stranger_threshold: float | None = None,
) -> DetectionEvaluation:
    """Figures of faces found in pictures.

    truth, found: by picture, the same ones. labels: the names that the faces were given one of.
    threshold: the score from which on a face counts. stranger_threshold: the same of a face that is
    called `unknown`, None for no other.
    """
    limits = threshold, threshold if stranger_threshold is None else stranger_threshold
    true = [box for boxes in truth.values() for box in boxes if not box.ignored]
    outcomes = tuple(
        outcome
        for path, boxes in truth.items()
        for outcome in match(path, boxes, [face for face in found[path] if counts(face, *limits)])
    )
    known = sorted({box.name for box in true} & set(labels) - {UNKNOWN})
    return DetectionEvaluation(
        pictures=len(truth),
        faces=len(true),
        threshold=limits[0],
        stranger_threshold=limits[1],
        labels=frozenset(labels) - {UNKNOWN},
        ap=average_precision(_scenes(truth, found)),
        names=tuple(_name_score(name, truth, found, outcomes) for name in known),
        outcomes=outcomes,
    )


def match(path: str, boxes: Sequence[Box], faces: Sequence[Face]) -> Iterator[Outcome]:
    """Each box of a picture with the face that was found there, and the other faces.

    The surest face takes the box it overlaps most with, if the IoU is `SAME` or more. A face of
    which an ignored box covers half is left out.
    """
    wanted = [box for box in boxes if not box.ignored]
    ignored = [box.corners for box in boxes if box.ignored]
    ordered = sorted(faces, key=lambda face: -face.score)
    overlaps = iou([face.box for face in ordered], [box.corners for box in wanted])
    hidden = covered([face.box for face in ordered], ignored)
    free = np.ones(len(wanted), bool)
    for face, overlap, share in zip(ordered, overlaps, hidden, strict=True):
        best = int(np.where(free, overlap, -1).argmax()) if free.any() else -1
        if best >= 0 and overlap[best] >= SAME:
            free[best] = False
            yield Outcome(path, wanted[best], face)
        elif not (share >= SAME).any():
            yield Outcome(path, None, face)
    for place in np.flatnonzero(free):
        yield Outcome(path, wanted[place], None)


def sureness(face: Face) -> float:
    """The score times the probability of its name: what a named face is ranked by."""
    return face.score * face.probability


def _scenes(
    truth: Mapping[str, Sequence[Box]],
    found: Mapping[str, Sequence[Face]],
    name: str | None = None,
) -> Iterator[Scene]:
    """The boxes of one character by picture; of all faces, whoever they are, without a name."""
    for path, boxes in truth.items():
        faces = [face for face in found[path] if name is None or face.verdict == name]
        yield Scene(
            [box.corners for box in boxes if not box.ignored and name in (None, box.name)],
            [box.corners for box in boxes if box.ignored],
            [face.box for face in faces],
            [face.score if name is None else sureness(face) for face in faces],
        )


def _name_score(
    name: str,
    truth: Mapping[str, Sequence[Box]],
    found: Mapping[str, Sequence[Face]],
    outcomes: Sequence[Outcome],
) -> NameScore:
    called = [one for one in outcomes if one.face and one.face.verdict == name]
    boxed = [one for one in outcomes if one.box and one.box.name == name]
    right = sum(_is_right(one) for one in boxed)
    return NameScore(
        name,
        len(boxed),
        average_precision(_scenes(truth, found, name)),
        Share(right, len(called)),
        Share(right, len(boxed)),
    )


def _is_named(one: Outcome) -> bool:
    return one.face is not None and one.face.verdict != UNKNOWN


def _is_right(one: Outcome) -> bool:
    return one.face is not None and one.box is not None and one.face.verdict == one.box.name


def _mean(values: Sequence[float | None]) -> float | None:
    given = [value for value in values if value is not None]
    return sum(given) / len(given) if given else None
