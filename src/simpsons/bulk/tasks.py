"""What is done with a picture, and the rows it gives: `Classify` and `Detect`."""

import io
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
import pyarrow

from simpsons.bulk import errors, manifest
from simpsons.bulk.errors import BulkError, ObjectError
from simpsons.bulk.manifest import Work
from simpsons.classifier import Classifier, Prediction, model_path
from simpsons.detector import Detection, Detector, FoundFaces
from simpsons.network import FACES_TASK, find
from simpsons.pixels import images

CLASSIFY, DETECT = "classify", "detect"

_TOP = pyarrow.list_(
    pyarrow.struct([("label", pyarrow.string()), ("probability", pyarrow.float32())])
)
_NAMED = [
    ("label", pyarrow.string()),
    ("probability", pyarrow.float32()),
    ("verdict", pyarrow.string()),
    ("familiarity", pyarrow.float32()),
    ("top", _TOP),
]
_ERROR = [("error_kind", pyarrow.string()), ("error", pyarrow.string())]
_PICTURE = [("row", pyarrow.int64()), ("path", pyarrow.string())]
_BOX = [(edge, pyarrow.float32()) for edge in ("x1", "y1", "x2", "y2")]

CLASSIFIED = pyarrow.schema([*_PICTURE, *_NAMED, *_ERROR])
"""A row a picture."""

DETECTED = pyarrow.schema(
    [
        *_PICTURE,
        ("faces", pyarrow.int32()),
        ("face", pyarrow.int32()),
        *_BOX,
        ("score", pyarrow.float32()),
        *_NAMED,
        *_ERROR,
    ]
)
"""A row a face, and one for a picture without any, whose `faces` is 0."""

L = TypeVar("L")


class Task(Protocol[L]):
    """schema: of the rows. share: pictures that a thread answers together."""

    schema: Any
    share: int

    def load(self, file: io.BytesIO) -> L:
        """What is kept of a picture until its share is answered. Raises ImageError."""
        ...

    def answer(self, loaded: Sequence[L | None]) -> list[list[dict[str, Any]]]:
        """The rows of each picture of a share; None is one that there is no need to answer.

        The rows do not depend on the other pictures, only on the length and the place.
        """
        ...


class Classify:
    """A `Classifier` on whole pictures, as `Classifier.predict_all`."""

    schema = CLASSIFIED
    share = 8

    def __init__(self, classifier: Classifier, top: int) -> None:
        self._classifier = classifier
        self._top = top

    def load(self, file: io.BytesIO) -> images.Pixels:
        """See `Task`."""
        return images.load_file(file, resize=self._classifier.resize).pixels

    def answer(self, loaded: Sequence[images.Pixels | None]) -> list[list[dict[str, Any]]]:
        """See `Task`: what lacks is black in the batch, so that the other rows stay as they are."""
        if all(pixels is None for pixels in loaded):
            return [[] for _ in loaded]
        black = np.zeros((images.SIZE, images.SIZE, 3), np.uint8)
        batch = np.stack([black if pixels is None else pixels for pixels in loaded])
        named = self._classifier.predict_pixels(batch, self._top, on_one_core=True)
        return [
            [] if pixels is None else [_named(prediction)]
            for pixels, prediction in zip(loaded, named, strict=True)
        ]


class Detect:
    """A `Detector`, as `Detector.detect_all`; each picture's faces are named on their own."""

    schema = DETECTED
    share = 4

    def __init__(self, detector: Detector, top: int) -> None:
        self._detector = detector
        self._top = top

    def load(self, file: io.BytesIO) -> FoundFaces:
        """See `Task`."""
        return self._detector.find(file, on_one_core=True)

    def answer(self, loaded: Sequence[FoundFaces | None]) -> list[list[dict[str, Any]]]:
        """See `Task`."""
        return [[] if found is None else self._rows(found) for found in loaded]

    def _rows(self, found: FoundFaces) -> list[dict[str, Any]]:
        named = self._detector.names.predict_faces(found.crops, self._top, on_one_core=True)
        faces = Detection(None, found.named(named)).faces
        if not faces:
            return [{"faces": 0}]
        return [
            {
                "faces": len(faces),
                "face": number,
                **dict(zip(("x1", "y1", "x2", "y2"), face.box, strict=True)),
                "score": face.score,
                **_named(face.prediction),
            }
            for number, face in enumerate(faces)
        ]


AnyTask = Classify | Detect


def describe(
    task: str, model: str, faces: str = "faces", top: int = 3, minimum: float | None = None
) -> Work:
    """What a run does, with the digests of its files. Raises ModelError."""
    path = model_path(model)
    if task == CLASSIFY:
        return Work(task, _whole(model, path), manifest.sha256_of(path), top=top)
    found = find(faces, [FACES_TASK])
    return Work(
        task,
        _whole(model, path),
        manifest.sha256_of(path),
        _whole(faces, found),
        manifest.sha256_of(found),
        top,
        minimum,
    )


@lru_cache(maxsize=4)
def task_of(work: Work) -> AnyTask:
    """The networks of a run, loaded once a process.

    Raises ModelError, and BulkError if a file is another one on this machine.
    """
    here = describe(work.task, work.model, work.faces or "faces", work.top, work.minimum)
    if not here.same_rows(work):
        raise BulkError(
            f"{work.model}{f' or {work.faces}' if work.faces else ''}: is another file on this "
            "machine than where the run began; install the same version of simpsons, or copy the "
            "same file"
        )
    if work.task == CLASSIFY:
        return Classify(Classifier(work.model), work.top)
    return Detect(Detector(work.faces, work.model, minimum=work.minimum), work.top)


def load_one(task: AnyTask, content: bytes, name: str) -> Any | ObjectError:
    """What is kept of a picture, or what is wrong with it. name: for the error."""
    file = io.BytesIO(content)
    file.name = name
    try:
        return task.load(file)
    except images.ImageError as error:
        return errors.of_picture(error)


def _named(prediction: Prediction) -> dict[str, Any]:
    return {
        "label": prediction.label,
        "probability": prediction.probability,
        "verdict": prediction.verdict,
        "familiarity": prediction.familiarity,
        "top": prediction.top,
    }


def _whole(model: str, path: Path) -> str:
    """A shipped network by its name, another by a path that does not depend on the folder."""
    return model if path.parent == _WEIGHTS else str(path.absolute())


_WEIGHTS = find(FACES_TASK, [FACES_TASK]).parent
