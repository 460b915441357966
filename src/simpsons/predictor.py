"""`Predictor`: who is in a picture, by the whole of it, or by its faces where that says nothing."""

import io
import os
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from simpsons.classifier import SHIPPED, UNKNOWN, Classifier, Failure, Prediction, model_path
from simpsons.detector import FACES, Detection, Detector, Face
from simpsons.pixels import images
from simpsons.pixels.picture_files import each
from simpsons.shares import in_shares

_SHARE = 8  # pictures that a thread answers on its own


@dataclass(frozen=True, kw_only=True)
class ByFaces(Prediction):
    """The answer for a picture that as a whole shows nobody known, and shows known faces.

    It is that of the surest face with a name. faces: all of them, as in a `Detection`.
    """

    faces: tuple[Face, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Everyone who has a name, as people say it, the surest first, each once."""
        return tuple(dict.fromkeys(face.name for face in _named(self.faces)))

    def to_json(self) -> dict[str, Any]:
        """What a `Prediction` gives, and `faces`; of a face see `Face.to_json`."""
        return super().to_json() | {"faces": [face.to_json() for face in self.faces]}


class Predictor:
    """Says who is in a picture, also of several.

        >>> predictor = Predictor()
        >>> predictor.predict("homer_and_marge.jpg").names
        ('Homer Simpson', 'Marge Simpson')

    The answer is the classifier's. Where its verdict is `unknown`, faces are looked for, and if the
    classifier knows one of them the answer is a `ByFaces`.

    model: a Classifier or what one takes. faces: a Detector, or `faces` or the path of a face
    detector's file. None for `faces` if the classifier is one of the shipped networks, which have
    learnt from crops of faces; it is opened at the first picture that needs it. Else None is for no
    detector, and all answers are the classifier's.

    It can be pickled as they can. Raises ModelError as `Classifier` and `Detector` do.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | Classifier = "xception",
        faces: str | os.PathLike[str] | Detector | None = None,
    ) -> None:
        self.classifier = model if isinstance(model, Classifier) else Classifier(model)
        if faces is None or isinstance(faces, Detector):
            self._detector = faces
        else:
            self._detector = Detector(faces, self.classifier)
        self._has_faces = knows_faces(self.classifier) or self._detector is not None
        self._opening = threading.Lock()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.classifier, self._detector)

    def predict(self, source: images.Source, top: int = 5) -> Prediction:
        """Who is in one picture. Raises simpsons.ImageError as `images.decode` does.

        The channels of an array are RGB; turn OpenCV's BGR with `picture[..., ::-1]`.
        """
        source = _again_readable(source)
        prediction = self.classifier.predict(source, top)
        detector = self._detector_for([prediction])
        return by_faces(prediction, detector.detect(source, top).faces) if detector else prediction

    def predict_all(
        self, sources: images.Source | Iterable[images.Source], top: int = 5
    ) -> Iterator[Prediction | Failure]:
        """Who is in any number of pictures, in order and in constant memory.

        sources: several of what `predict` takes, or the path of a folder: all pictures in it and
        below; see `picture_files.each`. Raises DataError for a folder without pictures. Each core
        answers a few at a time. One that can't be read gives a Failure, and the rest go on.
        """
        return in_shares(lambda share: self._answer_share(share, top), each(sources), _SHARE)

    def _answer_share(self, sources: list[images.Source], top: int) -> list[Prediction | Failure]:
        sources = [_again_readable(source) for source in sources]
        answers = self.classifier.answer_share(sources, top)
        detector = self._detector_for(answers)
        if detector is None:
            return answers
        asking = [row for row, answer in enumerate(answers) if _asks(answer)]
        found = detector.answer_share([sources[row] for row in asking], top)
        for row, detection in zip(asking, found, strict=True):
            answer = answers[row]
            if isinstance(answer, Prediction) and isinstance(detection, Detection):
                answers[row] = by_faces(answer, detection.faces)
        return answers

    def _detector_for(self, answers: Iterable[Prediction | Failure]) -> Detector | None:
        """The detector, if there is one and an answer asks for it."""
        if not self._has_faces or not any(map(_asks, answers)):
            return None
        with self._opening:
            if self._detector is None:
                self._detector = Detector(FACES, self.classifier)
            return self._detector


def knows_faces(classifier: Classifier) -> bool:
    """Whether it is one of the shipped networks, which have learnt from crops of faces."""
    return classifier.path in map(model_path, SHIPPED)


def by_faces(answer: Prediction, faces: Iterable[Face]) -> Prediction:
    """The answer for a picture that as a whole is `unknown`, given the faces in it.

    A `ByFaces` where one of them has a name, else the answer itself.
    """
    faces = tuple(faces)
    if not (named := _named(faces)):
        return answer
    surest = named[0].prediction
    return ByFaces(answer.path, surest.top, surest.familiarity, surest.threshold, faces=faces)


def _asks(answer: Prediction | Failure) -> bool:
    return isinstance(answer, Prediction) and answer.verdict == UNKNOWN


def _named(faces: Iterable[Face]) -> list[Face]:
    """The faces with a name, the surest first: sure to be a face, and whose."""
    named = [face for face in faces if face.verdict != UNKNOWN]
    return sorted(named, key=lambda face: -face.probability * face.score)


def _again_readable(source: images.Source) -> images.Source:
    """The same picture; what can be read only once, such as a pipe, is read."""
    read, seekable = getattr(source, "read", None), getattr(source, "seekable", None)
    try:
        if read is None or seekable is None or seekable():
            return source
        file = io.BytesIO(read())
    except Exception:  # closed, or its connection is: decoding it says why
        return source
    file.name = getattr(source, "name", "the file object")
    return file
