"""Boxes that are likely wrong: a face detector looks where the faces are.

What a right box is depends on the file: tight around the face, or head and shoulders. So it is
learnt from the boxes of the file itself that hold a face, by medians, which a few wrong ones do not
move.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simpsons.dataset.boxes import Box, Boxes
from simpsons.dataset.folders import Problem
from simpsons.detector import Detector
from simpsons.evaluation.overlap import area, as_boxes, covered, iou
from simpsons.pixels import images
from simpsons.progress import Track, silent

HOLDS = 0.6
"""The share of a face that a box covers at least if it is the face's box."""

INSIDE = 0.8
"""The share of a box that a face covers at least if the box lies inside the face."""

FITS = 0.4
"""The IoU from which on a box at another scale is taken to fit a face."""

FACTOR = 6.0
"""How many times larger or smaller, by area, a box is than others of the file, for such a face."""

SCALES = np.geomspace(0.25, 4, 161)
"""The factors by which a box may be drawn at another scale."""

SLIVER, NARROW = 3.0, 6.0
"""A box is degenerate with a side below so many pixels, or sides that differ by such a factor."""

_PAIRS = 5  # with fewer, a right box is one that is as large as the face
_SAME_SCALE = 1.1  # a factor nearer to 1 is no other scale


class Kind(NamedTuple):
    """A kind of finding, and what it means."""

    name: str
    says: str


KINDS = (
    Kind("bad row", "a row that says no box"),
    Kind("degenerate", "a box that is a sliver"),
    Kind("another scale", "a box that fits a face when it is drawn larger or smaller"),
    Kind("misses", "a box that holds no face, while one lies elsewhere"),
    Kind("size", "a box that is far larger or smaller than such boxes are for the face in it"),
    Kind("no box", "a face without a box"),
)

Corners = tuple[float, float, float, float]


class Faces(NamedTuple):
    """What a detector found in a picture. boxes: `[M, 4]`, in pixels. scores: `[M]`, 0 to 1."""

    boxes: NDArray[np.floating]
    scores: NDArray[np.floating]


@dataclass(frozen=True)
class Finding:
    """A box that is likely wrong, or lacks.

    kind: the name of one of `KINDS`. sureness: 0 to 1, to rank by. box: None where there is none.
    face: what was found for it, x1, y1, x2, y2 in pixels. reason: what is wrong, in words.
    """

    path: str
    kind: str
    sureness: float
    box: Box | None
    face: Corners | None
    reason: str

    def to_json(self) -> dict[str, Any]:
        """`{"path", "kind", "sureness", "box", "name", "face", "reason"}`."""
        return {
            "path": self.path,
            "kind": self.kind,
            "sureness": round(self.sureness, 4),
            "box": self.box and list(self.box.corners),
            "name": self.box and self.box.name,
            "face": self.face and [round(value, 1) for value in self.face],
            "reason": self.reason,
        }


@dataclass(frozen=True)
class BoxFindings:
    """What is wrong with the boxes of a file. found: the surest first. problems: unreadable."""

    root: Path
    listed: Boxes
    found: tuple[Finding, ...]
    problems: tuple[Problem, ...]

    def counts(self) -> dict[str, int]:
        """The number of each kind of finding."""
        kinds = [finding.kind for finding in self.found]
        return {kind.name: kinds.count(kind.name) for kind in KINDS}

    def to_json(self) -> dict[str, Any]:
        """Counts and every finding; plain values."""
        return {
            "folder": str(self.root),
            "boxes_file": str(self.listed.file),
            "pictures": len(self.listed.pictures),
            "boxes": sum(map(len, self.listed.pictures.values())),
            "unlisted": self.listed.unlisted,
            "counts": self.counts(),
            "findings": [finding.to_json() for finding in self.found],
            "bad_rows": [row.to_json() for row in self.listed.bad],
            "problems": [problem._asdict() for problem in self.problems],
        }


def find(
    detector: Detector,
    root: str | os.PathLike[str],
    listed: Boxes,
    track: Track = silent,
) -> BoxFindings:
    """Look for wrong boxes in the pictures that a file lists, relative to `root`."""
    faces: dict[str, Faces] = {}
    problems: list[Problem] = []
    for path in track(listed.pictures, len(listed.pictures), "finding faces"):
        try:
            faces[path] = Faces(*detector.boxes(images.decode(Path(root, path))))
        except images.ImageError as error:
            problems.append(Problem(path, str(error)))
    found = judge(listed, faces, detector.minimum)
    return BoxFindings(Path(root), listed, tuple(found), tuple(problems))


def judge(listed: Boxes, faces: Mapping[str, Faces], threshold: float) -> list[Finding]:
    """The boxes that are likely wrong, the surest first.

    faces: of the pictures that could be read. threshold: the detector's; a face has no box only if
    its score lies in the upper half above it.
    """
    scenes = [
        _Scene(path, [box for box in boxes if not box.ignored], boxes, faces[path])
        for path, boxes in listed.pictures.items()
        if path in faces
    ]
    usual = _Usual.of(scenes)
    sure = (1 + threshold) / 2
    found = [
        Finding(row.path, "bad row", 1.0, None, None, f"{row.where}: {row.reason}")
        for row in listed.bad
        if row.path
    ]
    for scene in scenes:
        found += scene.slivers()
        found += scene.wrong_sizes(usual)
        found += scene.without_face(usual)
        if scene.path not in listed.incomplete:
            found += scene.without_box(sure)
    return sorted(found, key=lambda one: (-one.sureness, one.path))


class _Scene:
    """One picture: which box is which face's, and what is left."""

    def __init__(
        self, path: str, boxes: Sequence[Box], with_ignored: Sequence[Box], faces: Faces
    ) -> None:
        self.path = path
        self.faces, self.scores = as_boxes(faces.boxes), np.asarray(faces.scores)
        self.boxes = [box for box in boxes if not _is_sliver(box)]
        self.corners = as_boxes([box.corners for box in self.boxes])
        self._slivers = [box for box in boxes if _is_sliver(box)]
        self.holds = covered(self.faces, self.corners).T  # [boxes, faces]
        self.pairs = self._pairs()
        self._free_boxes = sorted(set(range(len(self.boxes))) - {box for box, _ in self.pairs})
        ignored = [box.corners for box in with_ignored if box.ignored]
        hidden = (covered(self.faces, ignored) >= 0.5).any(axis=1)
        taken = {face for _, face in self.pairs} | set(np.flatnonzero(hidden).tolist())
        self._free_faces = sorted(set(range(len(self.faces))) - taken)

    def _pairs(self) -> list[tuple[int, int]]:
        """A box with the face that it is around, each once, those that overlap most first."""
        lies_in = covered(self.corners, self.faces)
        overlap = iou(self.corners, self.faces)
        overlap[(self.holds < HOLDS) & (lies_in < INSIDE)] = 0
        pairs = []
        while overlap.size and overlap.max() > 0:
            box, face = np.unravel_index(int(overlap.argmax()), overlap.shape)
            pairs.append((int(box), int(face)))
            overlap[box], overlap[:, face] = 0, 0
        return pairs

    def slivers(self) -> Iterator[Finding]:
        for box in self._slivers:
            width, height = box.x2 - box.x1, box.y2 - box.y1
            reason = f"is {width:.1f} x {height:.1f} pixels"
            yield Finding(self.path, "degenerate", 1.0, box, None, reason)

    def wrong_sizes(self, usual: "_Usual") -> Iterator[Finding]:
        for box, face in self.pairs:
            ratio = _ratio(self.corners[box], self.faces[face]) / usual.ratio
            times = max(ratio, 1 / ratio)
            if times > FACTOR:
                size = "larger" if ratio > 1 else "smaller"
                reason = f"is {times:.0f} times {size} than such boxes are for the face in it"
                yield self._finding("size", 1 - FACTOR / times / 2, box, face, reason)

    def without_face(self, usual: "_Usual") -> Iterator[Finding]:
        """Free boxes while there are free faces, each face for one of them."""
        boxes, faces = self._free_boxes.copy(), self._free_faces
        fits = {(box, face): usual.scale(*self._both(box, face)) for box in boxes for face in faces}
        for (box, face), (factor, fit) in sorted(fits.items(), key=lambda item: -item[1][1]):
            if fit >= FITS and box in boxes and face in faces:
                boxes.remove(box)
                faces.remove(face)
                reason = f"fits the face when it is drawn {factor:.2f} times as large"
                yield self._finding("another scale", 0.5 + fit / 2, box, face, reason)
        for box in boxes:
            if not faces:
                return
            face = faces.pop(int(self._distances(box, faces).argmin()))
            share = self.holds[box, face]
            reason = f"covers {share:.0%} of the face" if share else "holds no face"
            yield self._finding("misses", 0.8 * (1 - share), box, face, reason)

    def without_box(self, sure: float) -> Iterator[Finding]:
        for face in self._free_faces:
            if self.scores[face] >= sure and not (self.holds[:, face] >= 0.5).any():
                yield self._finding("no box", 0.7, None, face, "a face has no box")

    def _both(self, box: int, face: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return self.corners[box], self.faces[face]

    def _distances(self, box: int, faces: Sequence[int]) -> NDArray[np.float64]:
        middles = (self.faces[faces][:, :2] + self.faces[faces][:, 2:]) / 2
        middle = (self.corners[box][:2] + self.corners[box][2:]) / 2
        distances: NDArray[np.float64] = np.hypot(*(middles - middle).T)
        return distances

    def _finding(self, kind: str, weight: float, box: int | None, face: int, why: str) -> Finding:
        x1, y1, x2, y2 = self.faces[face].tolist()
        sureness = float(self.scores[face]) * weight
        boxed = None if box is None else self.boxes[box]
        return Finding(self.path, kind, sureness, boxed, (x1, y1, x2, y2), why)


@dataclass(frozen=True)
class _Usual:
    """How the boxes of a file lie around faces.

    place: x1, y1, x2, y2 of the face in parts of its box. ratio: area of the box over the face's.
    """

    place: NDArray[np.float64]
    ratio: float

    @staticmethod
    def of(scenes: Sequence[_Scene]) -> "_Usual":
        pairs = [
            (scene.corners[box], scene.faces[face])
            for scene in scenes
            for box, face in scene.pairs
            if scene.holds[box, face] >= HOLDS
        ]
        if len(pairs) < _PAIRS:
            return _Usual(np.array([0.0, 0, 1, 1]), 1.0)
        boxes, faces = (as_boxes(side) for side in zip(*pairs, strict=True))
        sides = np.tile(boxes[:, 2:] - boxes[:, :2], 2)
        places = (faces - np.tile(boxes[:, :2], 2)) / sides
        return _Usual(np.median(places, axis=0), float(np.median(area(boxes) / area(faces))))

    def scale(self, box: NDArray[np.float64], face: NDArray[np.float64]) -> tuple[float, float]:
        """By which factor a box must be enlarged about the origin to fit a face, and the IoU."""
        expected = np.tile(box[:2], 2) + self.place * np.tile(box[2:] - box[:2], 2)
        factors = SCALES[np.maximum(SCALES, 1 / SCALES) >= _SAME_SCALE]
        fits = iou(expected * factors[:, None], face)[:, 0]
        best = int(fits.argmax())
        return float(factors[best]), float(fits[best])


def _ratio(box: NDArray[np.float64], face: NDArray[np.float64]) -> float:
    return float(area(box)[0] / max(area(face)[0], 1e-9))


def _is_sliver(box: Box) -> bool:
    short, long = sorted((box.x2 - box.x1, box.y2 - box.y1))
    return short < SLIVER or long > NARROW * short
