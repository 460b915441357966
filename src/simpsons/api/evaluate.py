"""`evaluate`: a network on a folder of pictures, or on pictures with a box around every face."""

from typing import overload

from simpsons.api import beside_boxes
from simpsons.dataset.folders import Characters
from simpsons.detector import FACES, NAMES
from simpsons.errors import SimpsonsError
from simpsons.evaluation import on_boxes, on_folder
from simpsons.evaluation.on_boxes import BoxesEvaluation
from simpsons.evaluation.on_folder import FolderEvaluation
from simpsons.files import StrPath
from simpsons.progress import Track, silent


@overload
def evaluate(
    folder: StrPath | None = None,
    model: StrPath | None = None,
    *,
    boxes: None = None,
    faces: None = None,
    split: str | None = None,
    part: str | None = None,
    seed: int = 0,
    characters: Characters = None,
    report: StrPath | None = None,
    picture: StrPath | None = None,
    training: StrPath | None = None,
    track: Track = silent,
) -> FolderEvaluation: ...


@overload
def evaluate(
    folder: StrPath | None = None,
    model: StrPath | None = None,
    *,
    boxes: StrPath,
    faces: StrPath | None = None,
    split: str | None = None,
    part: str | None = None,
    seed: int = 0,
    report: StrPath | None = None,
    track: Track = silent,
) -> BoxesEvaluation: ...


def evaluate(
    folder: StrPath | None = None,
    model: StrPath | None = None,
    *,
    boxes: StrPath | None = None,
    faces: StrPath | None = None,
    split: str | None = None,
    part: str | None = None,
    seed: int = 0,
    characters: Characters = None,
    report: StrPath | None = None,
    picture: StrPath | None = None,
    training: StrPath | None = None,
    track: Track = silent,
) -> FolderEvaluation | BoxesEvaluation:
    """Measure a network on the pictures of a folder.

    Args:
        folder: one folder of pictures per character, or a flat test set; None for the installed
            data set.
        model: cnn, xception, cnn-int8, dolls, an ONNX file, or a run folder; None for xception,
            with `boxes` for cnn-int8.
        boxes: a file with a box around every face: CSV, COCO JSON, annotation.txt, or a folder of
            Pascal VOC or YOLO files. How faces are found and named is then measured.
        faces: with `boxes`, what finds them: faces, an ONNX file, or a run folder.
        split: given, leak-free, random, shipped, shots or a split.csv; goes with `part`.
        part: train, validation or test; None for every picture.
        seed: of a split that is drawn.
        characters: their names, "all", or the number with the most pictures; None for those that
            the network knows.
        report: an HTML file to write.
        picture: a PNG or SVG file to write the confusion matrix to.
        training: training pictures to look for copies in, for a flat test set.
        track: shows progress, such as `simpsons.progress.bar`.

    Returns:
        The figures, with notes on what makes them doubtful: copies of training pictures, pictures
        that the network learned from.

    Raises:
        SimpsonsError: for a folder, network, split or file that can't be used; says why.
    """
    if boxes:
        beside_boxes.refuse(characters=characters, picture=picture, training=training)
        return on_boxes.evaluate_boxes(
            boxes,
            folder,
            model or NAMES,
            faces=faces or FACES,
            split=split,
            part=part,
            seed=seed,
            report=report,
            track=track,
        )
    if faces:
        raise SimpsonsError("--faces finds faces by boxes; give the file with --boxes")
    return on_folder.evaluate(
        folder,
        model or "xception",
        split=split,
        part=part,
        seed=seed,
        characters=characters,
        report=report,
        picture=picture,
        training=training,
        track=track,
    )
