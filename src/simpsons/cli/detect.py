"""`simpsons detect`."""

import sys
from collections.abc import Mapping
from functools import partial
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import click

from simpsons.api.recognition import drawing_writer
from simpsons.classifier import UNKNOWN, Failure
from simpsons.cli import options, pictures
from simpsons.detector import FACES, NAMES, Detection, Detector, Face
from simpsons.project.pictures import frames


@click.command()
@pictures.argument
@click.option(
    "--model",
    default=NAMES,
    show_default=True,
    metavar="MODEL",
    help="What names the faces: cnn, xception, cnn-int8, dolls (the paper dolls of simpsons demo), "
    "an ONNX file, or a run folder.",
)
@click.option(
    "--faces",
    default=FACES,
    show_default=True,
    metavar="MODEL",
    help="What finds them: faces, an ONNX file, or a run folder.",
)
@click.option(
    "--minimum",
    type=options.Finite(0, 1),
    metavar="SCORE",
    help="Least score of a face, 0 to 1.  [default: the detector's own]",
)
@click.option(
    "--top",
    type=click.IntRange(min=1),
    default=3,
    show_default=True,
    help="How many names to list per face with --json and --csv.",
)
@pictures.as_json
@pictures.as_csv
@pictures.paths_from
@click.option(
    "--draw",
    type=options.OUTPUT,
    metavar="FOLDER",
    help="Also write a copy of each picture with boxes and names: JPEG for a JPEG, else PNG.",
)
def detect(
    named: tuple[str, ...],
    model: str,
    faces: str,
    minimum: float | None,
    top: int,
    as_json: bool,
    as_csv: bool,
    paths_from: BinaryIO | None,
    draw: Path | None,
) -> None:
    """Find every face in PICTURES and say whose it is: files, folders, globs, or - for a picture on
    standard input.

    \b
    simpsons detect family.jpg
    simpsons detect holiday/ "frames/*.png" --json
    simpsons detect holiday/ --draw drawn/

    Prints one line per picture, the most confident face first, with its box: left, top, right and
    bottom in pixels of the picture as it is shown. A face that is none of the characters that the
    network knows is `unknown`. CSV has one row per face, and one with `faces` 0 for a picture
    without any. A project of `simpsons collect` stands for its frames. A picture that can't be read
    is reported and the rest continue: the exit code is then 1, or 2 if no picture could be read.
    """
    pictures.require_pictures(named, paths_from, as_json, as_csv)
    detector = Detector(faces, model, minimum=minimum)
    show: pictures.Show[Detection] = _print_line
    if as_json:
        show = pictures.print_json
    elif as_csv:
        show = _csv_printer(min(top, len(detector.names.labels)))
    writes = {} if draw is None else {"drawing": drawing_writer(draw)}
    detect_all = partial(detector.detect_all, top=top)
    sys.exit(
        pictures.answer(
            named,
            paths_from,
            detect_all,
            show,
            "finding faces",
            writes,
            [draw],
            of_project=frames,
        )
    )


def _print_line(result: Detection | Failure, written: Mapping[str, str]) -> None:
    if isinstance(result, Failure):
        pictures.print_error(result)
        return
    said = ", ".join(map(_said, result.faces)) or "no face"
    pictures.print_line(f"{result.path}  {said}", written)


def _said(face: Face) -> str:
    who = UNKNOWN if face.verdict == UNKNOWN else f"{face.name} {face.probability:.1%}"
    return f"{who} [{' '.join(f'{edge:.0f}' for edge in face.box)}]"


def _csv_printer(top: int) -> pictures.Show[Detection]:
    """A function that prints the rows of a picture; prints the header now."""
    empty = [""] * (5 + 2 * top)  # box, score, labels and probabilities

    def show(result: Detection | Failure, _written: Mapping[str, str]) -> None:
        if isinstance(result, Failure):
            pictures.print_csv([result.path, "", *empty, result.error, ""])
            return
        count = len(result.faces)
        if not count:
            pictures.print_csv([result.path, 0, *empty, "", ""])
        for face in result.faces:
            box = [round(edge, 1) for edge in face.box]
            named = chain.from_iterable(face.prediction.top)
            pictures.print_csv([result.path, count, *box, face.score, *named, "", face.verdict])

    places = ["faces", "x1", "y1", "x2", "y2", "score"]
    pictures.print_csv(["path", *places, *pictures.columns(top), "error", "verdict"])
    return show
