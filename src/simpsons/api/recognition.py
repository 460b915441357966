"""`predict` and `detect`: any number of pictures, and what is written for each."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TypeVar

from PIL import Image

from simpsons.classifier import Classifier, Failure, Prediction
from simpsons.detector import FACES, NAMES, Detection, Detector
from simpsons.drawing import draw_faces
from simpsons.errors import SimpsonsError
from simpsons.explain import heat_map, overlay
from simpsons.files import StrPath
from simpsons.picture_folder import PictureFolder
from simpsons.pixels import images
from simpsons.pixels.picture_files import each
from simpsons.pixels.plain_resize import ANTIALIAS
from simpsons.predictor import Predictor
from simpsons.project import pictures as of_project
from simpsons.shares import beside
from simpsons.sorting import SortedFolder, SortingError

Sources = images.Source | Iterable[images.Source]
A = TypeVar("A", Prediction, Detection)

_JPEG = frozenset({".jfif", ".jpe", ".jpeg", ".jpg"})
_QUALITY = 92


def predict(
    pictures: Sources,
    *,
    model: StrPath | Classifier = "xception",
    faces: StrPath | Detector | None = None,
    top: int = 3,
    explain: StrPath | None = None,
    sort_into: StrPath | None = None,
    link: bool = False,
) -> Iterator[Prediction | Failure]:
    """Say who is in pictures, one after the other, in constant memory.

        >>> for answer in simpsons.predict("holiday/"):
        ...     print(answer.path, answer.verdict)

    Args:
        pictures: a file, a folder, a pattern, or several of what `images.decode` takes. A project
            of `collect` stands for its faces: the path of each is the project's and the face's
            `crop`.
        model: cnn, xception, cnn-int8, dolls (the paper dolls of simpsons.demo), an ONNX file, or
            a run folder; or a Classifier.
        faces: what finds faces in a picture that is unknown as a whole; None for faces where the
            network is a shipped one, else for nothing.
        top: how many characters to list.
        explain: a folder for a heat map of each picture, a PNG.
        sort_into: a folder to copy each picture into the folder of its character there.
        link: with `sort_into`, put links there instead of copies.

    Returns:
        An answer per picture, in order: a Failure for one that can't be read.

    Raises:
        SimpsonsError: for a network, folder or output that can't be used; says why.
    """
    if link and sort_into is None:
        raise SimpsonsError("--link says how to sort; give --sort-into FOLDER too")
    predictor = Predictor(model, faces)
    writes: list[Callable[[images.Source, Prediction], object]] = []
    if explain is not None:
        writes.append(explanation_writer(predictor.classifier, Path(explain)))
    if sort_into is not None:
        folder = SortedFolder(sort_into, link=link)
        writes.append(
            lambda source, answer: folder.add(answer, source if isinstance(source, bytes) else None)
        )
    predict_all = partial(predictor.predict_all, top=top)
    return _answers(predict_all, each(pictures, of_project.crops), writes)


def detect(
    pictures: Sources,
    *,
    model: StrPath | Classifier = NAMES,
    faces: StrPath = FACES,
    minimum: float | None = None,
    top: int = 3,
    draw: StrPath | None = None,
) -> Iterator[Detection | Failure]:
    """Find every face in pictures and say whose it is, one picture after the other.

    Args:
        pictures: a file, a folder, a pattern, or several of what `images.decode` takes. A project
            of `collect` stands for its frames that have a face.
        model: what names the faces: cnn, xception, cnn-int8, dolls, an ONNX file, or a run folder.
        faces: what finds them: faces, an ONNX file, or a run folder.
        minimum: least score of a face, 0 to 1; None for the detector's own.
        top: how many names to list per face.
        draw: a folder for a copy of each picture with boxes and names.

    Returns:
        An answer per picture, in order: a Failure for one that can't be read.

    Raises:
        SimpsonsError: for a network, folder or output that can't be used; says why.
    """
    detector = Detector(faces, model, minimum=minimum)
    writes = [] if draw is None else [drawing_writer(Path(draw))]
    detect_all = partial(detector.detect_all, top=top)
    return _answers(detect_all, each(pictures, of_project.frames), writes)


def explanation_writer(
    classifier: Classifier, folder: Path
) -> Callable[[images.Source, Prediction], str]:
    """A function that writes a picture with the heat map of its answer over it, and says where.

    It is a PNG, written whole or not at all. A missing folder is made. The function raises
    ImageError for a picture that can't be read. Raises SimpsonsError if the folder can't be
    written to.
    """
    explanations = PictureFolder(folder, "--explain", "explanations")

    def write(source: images.Source, answer: Prediction) -> str:
        picture = images.decode(source)
        fitted = images.fit(picture, resize=classifier.resize)
        heat = heat_map(classifier, fitted, answer.label)
        shown = images.content(picture) if classifier.resize == ANTIALIAS else images.WHOLE
        drawn = overlay(picture, heat, shown)
        return explanations.write(drawn, answer.path, ".png")

    return write


def drawing_writer(folder: Path) -> Callable[[images.Source, Detection], str]:
    """A function that writes a picture with its faces, and says where: JPEG for a JPEG, else PNG.

    It raises ImageError for a picture that can't be read. Raises SimpsonsError if the folder can't
    be written to.
    """
    drawings = PictureFolder(folder, "--draw", "drawings")

    def write(source: images.Source, detection: Detection) -> str:
        drawn = Image.fromarray(draw_faces(images.decode(source), detection.faces))
        if detection.path and Path(detection.path).suffix.lower() in _JPEG:
            return drawings.write(drawn, detection.path, ".jpg", quality=_QUALITY)
        return drawings.write(drawn, detection.path, ".png")

    return write


def _answers(
    answer_all: Callable[[Iterable[images.Source]], Iterable[A | Failure]],
    pictures: Iterable[images.Source],
    writes: Iterable[Callable[[images.Source, A], object]],
) -> Iterator[A | Failure]:
    for source, answer in beside(answer_all, pictures):
        if isinstance(answer, Failure):
            yield answer
            continue
        try:
            for write in writes:
                write(source, answer)
        except (images.ImageError, SortingError) as error:  # it could be read a moment ago
            yield Failure(answer.path, str(error))
        else:
            yield answer
