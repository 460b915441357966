"""`simpsons predict`."""

import sys
from collections.abc import Callable
from functools import partial
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import click

from simpsons.characters import display_name
from simpsons.classifier import UNKNOWN, Failure, Prediction
from simpsons.cli import explanations, options, pictures
from simpsons.predictor import ByFaces, Predictor

_NEAREST = f"{UNKNOWN}, nearest "


@click.command()
@pictures.argument
@options.model
@click.option(
    "--faces",
    metavar="MODEL",
    help="Where to look for faces in a picture that is unknown as a whole: faces, an ONNX file, or "
    "a run folder.  [default: faces for cnn, xception and cnn-int8, else nowhere]",
)
@click.option(
    "--top", type=click.IntRange(min=1), default=3, show_default=True, help="How many to name."
)
@pictures.as_json
@pictures.as_csv
@pictures.paths_from
@click.option(
    "--explain",
    type=options.OUTPUT,
    metavar="FOLDER",
    help="Also write a PNG a picture: what in it speaks for the answer.",
)
def predict(
    named: tuple[str, ...],
    model: str,
    faces: str | None,
    top: int,
    as_json: bool,
    as_csv: bool,
    paths_from: BinaryIO | None,
    explain: Path | None,
) -> None:
    """Say who is in PICTURES: files, folders, globs, or - for a picture on standard input.

    \b
    simpsons predict picture.jpg
    simpsons predict holiday/ "frames/*.png" --json
    curl -s https://example.org/picture.jpg | simpsons predict -
    simpsons predict holiday/ --explain why/

    Prints one line a picture; `unknown, nearest Homer Simpson` where it seems to show nobody that
    the network knows. Before it says so it looks at each face on its own, as a picture of several
    is like none of one; `simpsons detect` does that for every picture, and says where the faces
    are. A picture that can't be read is reported and the rest go on: exit code 1 then, and 2 when
    no picture could be read.
    """
    pictures.require_pictures(named, paths_from, as_json, as_csv)
    predictor = Predictor(model, faces)
    show: pictures.Show[Prediction] = _print_line
    if as_json:
        show = pictures.json_printer("explanation")
    elif as_csv:
        show = _csv_printer(min(top, len(predictor.classifier.labels)))
    write = None if explain is None else explanations.writer(predictor.classifier, explain)
    predict_all = partial(predictor.predict_all, top=top)
    sys.exit(pictures.answer(named, paths_from, predict_all, show, "classifying", write))


def _print_line(result: Prediction | Failure, explanation: str | None) -> None:
    if isinstance(result, Failure):
        pictures.print_error(result)
        return
    said = _by_faces(result) if isinstance(result, ByFaces) else _as_a_whole(result)
    line = f"{result.path}  {said}"
    click.echo(line if explanation is None else f"{line}  -> {explanation}")


def _as_a_whole(result: Prediction) -> str:
    (_, probability), *others = result.top
    said = f"{_NEAREST if result.verdict == UNKNOWN else ''}{result.name} {probability:.1%}"
    if others:
        shown = ", ".join(f"{display_name(label)} {other:.1%}" for label, other in others)
        said += f"  ({shown})"
    return said


def _by_faces(result: ByFaces) -> str:
    *names, last = result.names
    people = f"{', '.join(names)} and {last}" if names else last
    return f"{people}, by {'their faces' if names else 'the face'}; `simpsons detect` shows where"


def _csv_printer(top: int) -> Callable[[Prediction | Failure, str | None], None]:
    """A function that prints one row; prints the header now."""

    def show(result: Prediction | Failure, _explanation: str | None) -> None:
        if isinstance(result, Failure):
            pictures.print_csv([result.path, *[""] * (2 * top), result.error, ""])
        else:
            named = chain.from_iterable(result.top)
            pictures.print_csv([result.path, *named, "", result.verdict])

    pictures.print_csv(["path", *pictures.columns(top), "error", "verdict"])
    return show
