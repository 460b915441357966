"""`Detector`: a picture in, every face in it out, each with a box and a name.

Two networks: a face detector finds the faces, a `Classifier` says who each one is from a crop
around it. Both are ONNX files; the pixels come through `images`.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple, TypeGuard

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from simpsons.classifier import UNKNOWN, Classifier, Failure, Prediction, path_of, set_fields
from simpsons.errors import SimpsonsError
from simpsons.network import FACES_TASK, ModelError, Network, find
from simpsons.pixels import images, margins
from simpsons.pixels.picture_files import each
from simpsons.shares import in_shares
from simpsons.suppression import suppress

FACES = "faces"
"""The face detector whose weights are in the package."""

NAMES = "cnn-int8"
"""The network that names faces, unless another one is given."""

STRANGER_THRESHOLD = "stranger_threshold"
"""What a file's metadata calls the score from which on a face that is called `unknown` counts."""

LEAST_SIDE = 32
"""Pixels that a side has at least when the detector looks at a picture; the rest is grey."""

GAP = 2.5
"""How many times larger than the detector looks at it a picture is decoded at least: a face of 20
pixels there is then cropped from more pixels than the network that names it sees."""

INSIDE, LESS_SURE = 0.8, 0.5
"""Of boxes found at several sizes of a picture, one is part of another's face if more than this
share of it lies inside, and its score is below this share of the other's."""

MOST_SIDE = 4096
"""Pixels of the longer side that a detector looks at, at most."""

_REMEDY = f"use {FACES}, or train a detector with `simpsons train --model faces`"
_OUTPUTS = ("boxes", "scores", "picture")
_SHARE = 4  # pictures that a thread looks at on its own
_STEP = 32  # pixels: how many become one in the network
_NEARLY = 0.1  # how far a picture looked at once may be from the sides: resizing takes time
_GREY = 128  # what training puts beside a picture


@dataclass(frozen=True)
class Face:
    """One face of a picture.

    box: x1, y1, x2, y2 in pixels of the picture as people see it, x to the right and y down; within
    the picture. score: how sure the detector is that this is a face, 0 to 1. prediction: who it is.

    Made of these: label, name, probability, verdict: those of the prediction. They are fields too,
    so that `dataclasses.asdict` and a pandas DataFrame have them.
    """

    box: tuple[float, float, float, float]
    score: float
    prediction: Prediction
    label: str = field(init=False, compare=False)
    name: str = field(init=False, compare=False)
    probability: float = field(init=False, compare=False)
    verdict: str = field(init=False, compare=False)

    def __post_init__(self) -> None:
        named = self.prediction
        set_fields(
            self,
            label=named.label,
            name=named.name,
            probability=named.probability,
            verdict=named.verdict,
        )

    def to_json(self) -> dict[str, Any]:
        """`{"box", "score", "label", "probability", "verdict", "top"}`."""
        named = self.prediction.to_json()
        return {
            "box": [round(value, 1) for value in self.box],
            "score": self.score,
            **{key: named[key] for key in ("label", "probability", "verdict", "top")},
        }


@dataclass(frozen=True)
class Detection:
    """Everyone in a picture.

    path: the file, or None for a picture that has none. faces: the surest first; empty where the
    picture shows no face.
    """

    path: str | None
    faces: tuple[Face, ...]

    def to_json(self) -> dict[str, Any]:
        """`{"path", "faces"}`; of a face see `Face.to_json`."""
        return {"path": self.path, "faces": [face.to_json() for face in self.faces]}


class FoundFaces(NamedTuple):
    """The faces of one picture before they are named, the surest first.

    width, height: of the picture in pixels, as people see it. boxes: float32 `[M, 4]`, x1, y1, x2,
    y2 in pixels of the picture, within it. scores: float32 `[M]`, 0 to 1. crops: uint8
    `[M, 64, 64, 3]`, RGB: what the network that names a face sees.
    """

    width: int
    height: int
    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    crops: images.Pixels

    def named(self, predictions: Sequence[Prediction]) -> tuple[Face, ...]:
        """The faces with what a classifier says of their crops."""
        return tuple(
            Face((*box,), score, prediction)
            for box, score, prediction in zip(
                self.boxes.tolist(), self.scores.tolist(), predictions, strict=True
            )
        )


class Detector:
    """Finds every face in a picture and says whose it is.

        >>> detector = Detector()
        >>> [face.verdict for face in detector.detect("family.jpg").faces]
        ['homer_simpson', 'marge_simpson', 'unknown']

    model: `faces`, the path of a face detector's ONNX file that this package exported, or of a run
    folder with one. names: the network that names the faces, a Classifier or what one takes.
    threads: of the networks, None for one per core; `detect_all` gives each core pictures of its
    own instead. minimum: the score, 0 to 1, from which on a face counts; None for the thresholds of
    the detector's file, which may ask more of a face that is nobody's: a hand is one at times.

    metadata: what the detector's file says of itself: recipe, split, figures, licence. names: the
    Classifier. minimum, stranger_minimum: as in use, of any face and of one that is called
    `unknown`. sides: pixels of the longer side at which pictures are looked
    at, ascending.

    It can be pickled, and so be given to another process: there the same files are opened again.

    Raises ModelError for a file that is missing, no ONNX, or no face detector, SimpsonsError for a
    minimum that is no score.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] = FACES,
        names: str | os.PathLike[str] | Classifier = NAMES,
        threads: int | None = None,
        minimum: float | None = None,
    ) -> None:
        if minimum is not None and not _is_score(minimum):
            raise SimpsonsError(f"the minimum is {minimum!r}; give a score from 0 to 1")
        self.path = find(model, [FACES])
        self._opened = model if model == FACES else self.path.absolute(), threads, minimum
        self._network = Network(self.path, threads, _REMEDY)
        self.metadata = self._read_metadata()
        self._require_shape()
        self.sides = self._read_sides()
        self._looks_once = False
        thresholds = self._read_thresholds()
        self.minimum, self.stranger_minimum = thresholds if minimum is None else (minimum, minimum)
        if model != FACES:
            self._look(
                self._network.on_one_core, np.zeros((LEAST_SIDE, LEAST_SIDE, 3), np.uint8), _STEP
            )
        self.names = names if isinstance(names, Classifier) else Classifier(names, threads)

    def __reduce__(self) -> tuple[Any, ...]:
        model, threads, minimum = self._opened
        kept = {
            name: getattr(self, name) for name in ("minimum", "stranger_minimum", "_looks_once")
        }
        return type(self), (model, self.names, threads, minimum), kept

    def once(self) -> "Detector":
        """The same detector looking at each picture once, in the picture's own size.

        One much smaller than the first of `sides`, or much larger than the last, is resized. For
        films, whose frames come in the size asked for: a face that is missed in one is found in the
        next, and one that can't be named is named in another.
        """
        other = object.__new__(type(self))
        vars(other).update(vars(self))  # the same networks
        other.stranger_minimum = other.minimum
        other._looks_once = True
        return other

    def boxes(self, pixels: images.Pixels) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The faces of one picture before they are named, the surest first.

        pixels: uint8 `[H, W, 3]`, RGB. Returns boxes, float32 `[M, 4]`, x1, y1, x2, y2 in pixels of
        the picture, x to the right and y down, within it; and scores, float32 `[M]`, at least
        `minimum`. Raises simpsons.ImageError for pixels of another shape or type.
        """
        pixels = np.asarray(pixels)
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.size:
            raise images.ImageError(
                f"the pixels are {pixels.dtype} {list(pixels.shape)}; give uint8 [H, W, 3] of one "
                "picture, as simpsons.pixels.images.decode does, or let `detect` take the picture"
            )
        return self._boxes(self._network.on_all_cores, pixels)

    @property
    def least_kept(self) -> int:
        """Pixels that the longer side of a picture keeps, if it has them, when it is decoded."""
        return round(GAP * self.sides[-1])

    def find(
        self, source: images.Source | images.Reduced, *, on_one_core: bool = False
    ) -> FoundFaces:
        """The faces of one picture, not named, with the crops to name them by.

        source: also what `images.decode_reduced` gives for `least_kept`. Plain bars and margins are
        left out before it is looked at, as faces are larger then. on_one_core: for a thread of
        several that each have pictures of their own. Raises simpsons.ImageError as `images.decode`
        does.
        """
        session = self._network.on_one_core if on_one_core else self._network.on_all_cores
        if not isinstance(source, images.Reduced):
            source = images.decode_reduced(source, self.least_kept)
        pixels, width, height = source
        left, top, right, bottom = margins.content(Image.fromarray(pixels))
        inside = pixels[top:bottom, left:right]
        boxes, scores = self._boxes(session, inside)
        crops = np.empty((len(boxes), images.SIZE, images.SIZE, 3), np.uint8)
        for crop, box in zip(crops, boxes.tolist(), strict=True):
            crop[:] = images.crop_around(inside, box)
        shown = boxes + np.array([left, top] * 2, np.float32)
        return FoundFaces(
            width, height, _scaled(shown, pixels.shape, (height, width)), scores, crops
        )

    def detect(self, source: images.Source, top: int = 5) -> Detection:
        """Everyone in one picture: a path, bytes, a file object, a PIL image or an array.

        The channels of an array are RGB; turn OpenCV's BGR with `picture[..., ::-1]`. top: how many
        labels each face has at most. Raises simpsons.ImageError as `images.decode` does.
        """
        found = self.find(source)
        named = self.names.predict_faces(found.crops, top)
        return self._detection(source, found, named)

    def detect_all(
        self, sources: images.Source | Iterable[images.Source], top: int = 5
    ) -> Iterator[Detection | Failure]:
        """Everyone in any number of pictures, in order and in constant memory.

        sources: several of what `detect` takes, or the path of a folder: all pictures in it and
        below; see `picture_files.each`. Raises DataError for a folder without pictures. Each core
        looks at a few at a time. One that can't be read gives a Failure, and the rest go on.
        """
        return in_shares(lambda share: self.answer_share(share, top), each(sources), _SHARE)

    def answer_share(self, sources: list[images.Source], top: int) -> list[Detection | Failure]:
        """`detect` on one core, for a thread of several; a Failure for what can't be read."""
        found = [self._find_or_say_why(source) for source in images.read_ahead(sources)]
        crops = [one.crops for one in found if not isinstance(one, str)]
        together = (
            np.concatenate(crops) if crops else np.empty((0, images.SIZE, images.SIZE, 3), np.uint8)
        )
        named = iter(self.names.predict_faces(together, top, on_one_core=True))
        return [
            Failure(path_of(source), one)
            if isinstance(one, str)
            else self._detection(source, one, list(islice(named, len(one.boxes))))
            for source, one in zip(sources, found, strict=True)
        ]

    def counts(self, face: Face) -> bool:
        """Whether its score is high enough, `minimum` or for a stranger `stranger_minimum`."""
        return counts(face, self.minimum, self.stranger_minimum)

    def _detection(
        self, source: images.Source, found: FoundFaces, predictions: Sequence[Prediction]
    ) -> Detection:
        return Detection(path_of(source), tuple(filter(self.counts, found.named(predictions))))

    def _find_or_say_why(self, source: images.Source) -> FoundFaces | str:
        try:
            return self.find(source, on_one_core=True)
        except images.ImageError as error:
            return str(error)

    def _boxes(
        self, session: Any, pixels: images.Pixels
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        longest = max(pixels.shape[:2])
        first, *others = self.sides
        sides = [first, *(side for side in others if side <= longest)]
        if self._looks_once:
            least, most = (1 - _NEARLY) * first, (1 + _NEARLY) * self.sides[-1]
            sides = [round(min(max(longest, least), most))]
        looks = [self._look(session, pixels, side) for side in sides]
        boxes, scores = (np.concatenate(parts) for parts in zip(*looks, strict=True))
        order = np.argsort(-scores, kind="stable")
        if len(sides) == 1:  # the network has suppressed the others
            return boxes[order], scores[order]
        kept = suppress(boxes, scores)
        boxes, scores = boxes[kept], scores[kept]
        whole = ~_is_part(boxes, scores)
        return boxes[whole], scores[whole]

    def _look(
        self, session: Any, pixels: images.Pixels, side: int
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Boxes in pixels of the picture and scores, looked at with a longer side of `side`."""
        smaller, _ = images.fit_within(pixels, side)
        height, width = smaller.shape[:2]
        lacking = [(0, max(0, LEAST_SIDE - length)) for length in (height, width)]
        seen = np.pad(smaller, [*lacking, (0, 0)], constant_values=_GREY)[None]
        boxes, scores, _ = self._network.run(session, _OUTPUTS, {self._input: seen})
        if boxes.shape != (len(scores), 4) or scores.ndim != 1:
            raise self._network.error(
                f"gives boxes {list(boxes.shape)} and scores {list(scores.shape)}"
            )
        if not ((scores >= 0) & (scores <= 1)).all():
            raise self._network.error("its scores are not from 0 to 1")
        within = np.clip(boxes, 0, np.array([width, height] * 2, np.float32))
        counts = (scores >= self.minimum) & (within[:, :2] < within[:, 2:]).all(axis=1)
        return _scaled(within[counts], smaller.shape, pixels.shape), scores[counts]

    def _read_metadata(self) -> dict[str, Any]:
        try:
            metadata = self._network.metadata()
        except ValueError:
            metadata = {}
        if metadata.get("task") == FACES_TASK:
            return metadata
        if "labels" in metadata:
            raise ModelError(
                f"{self.path}: names pictures and finds no faces; use {FACES} or another detector "
                "here, and this file for `simpsons detect --model`"
            )
        raise ModelError(f"{self.path}: does not say that it finds faces; {_REMEDY}")

    def _require_shape(self) -> None:
        session = self._network.on_one_core
        inputs, outputs = session.get_inputs(), [each.name for each in session.get_outputs()]
        takes = [(each.type, len(each.shape), each.shape[3:]) for each in inputs]
        if takes != [("tensor(uint8)", 4, [3])] or not set(_OUTPUTS) <= set(outputs):
            raise ModelError(
                f"{self.path}: takes {inputs[0].type} {inputs[0].shape} and gives "
                f"{', '.join(outputs)}; needed are uint8 [N, H, W, 3] and {', '.join(_OUTPUTS)}; "
                f"{_REMEDY}"
            )
        self._input = inputs[0].name

    def _read_thresholds(self) -> tuple[float, float]:
        threshold = self.metadata.get("threshold")
        of_strangers = self.metadata.get(STRANGER_THRESHOLD, threshold)
        read = []
        for what, value in (("threshold", threshold), ("threshold of strangers", of_strangers)):
            if not _is_score(value):
                raise ModelError(
                    f"{self.path}: its {what} is {value!r}, no score from 0 to 1; {_REMEDY}"
                )
            read.append(float(value))
        return read[0], read[1]

    def _read_sides(self) -> tuple[int, ...]:
        sides = self.metadata.get("longest_sides", [self.metadata.get("longest_side")])
        if not isinstance(sides, list) or not sides or not all(map(_is_side, sides)):
            raise ModelError(
                f"{self.path}: the longest sides of its pictures are {sides!r}, not whole numbers "
                f"from {LEAST_SIDE} to {MOST_SIDE}; {_REMEDY}"
            )
        return tuple(sorted(set(sides)))


def counts(face: Face, minimum: float, stranger_minimum: float) -> bool:
    """Whether a face has a score of `minimum` or more, or of `stranger_minimum` where its verdict
    is `unknown`."""
    return face.score >= (stranger_minimum if face.verdict == UNKNOWN else minimum)


def _is_score(value: object) -> TypeGuard[float]:
    if isinstance(value, bool) or not isinstance(value, int | float | np.floating):
        return False
    return bool(0 <= value <= 1)


def _is_side(value: object) -> bool:
    return type(value) is int and LEAST_SIDE <= value <= MOST_SIDE


def _scaled(
    boxes: NDArray[np.float32], before: Sequence[int], after: Sequence[int]
) -> NDArray[np.float32]:
    """Boxes in a picture of another size, and within it. before, after: height and width first."""
    limits = np.array([after[1], after[0]] * 2, np.float32)
    sides = np.array([before[1], before[0]] * 2, np.float32)
    return np.minimum(boxes * (limits / sides), limits)


def _is_part(boxes: NDArray[np.float32], scores: NDArray[np.float32]) -> NDArray[np.bool_]:
    """bool `[M]`: whether a box, float32 `[M, 4]`, is of a part of another one's face."""
    low = np.maximum(boxes[:, None, :2], boxes[:, :2])
    high = np.minimum(boxes[:, None, 2:], boxes[:, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=2)
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    inside = shared > INSIDE * areas[:, None]
    part: NDArray[np.bool_] = (inside & (scores[:, None] < LESS_SURE * scores)).any(axis=1)
    return part
