"""`simpsons predict`."""

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import click

from simpsons.api.recognition import explanation_writer
from simpsons.characters import display_name
from simpsons.classifier import UNKNOWN, Failure, Prediction
from simpsons.cli import options, pictures
from simpsons.cli.terminal import say
from simpsons.errors import SimpsonsError
from simpsons.pixels import images
from simpsons.predictor import ByFaces, Predictor
from simpsons.sorting import SortedFolder

_SORTED = "sorted"
_NEAREST = f"{UNKNOWN}, nearest "


@click.command()
@pictures.argument
@options.model
@click.option(
    "--faces",
    metavar="MODEL",
    help="Where to look for faces in a picture that is unknown as a whole: faces, an ONNX file, or "
    "a run folder.  [default: faces for the shipped networks, else nowhere]",
)
@click.option(
    "--top",
    type=click.IntRange(min=1),
    default=3,
    show_default=True,
    help="How many characters to list.",
)
@pictures.as_json
@pictures.as_csv
@pictures.paths_from
@click.option(
    "--explain",
    type=options.OUTPUT,
    metavar="FOLDER",
    help="Also write a heat map per picture, a PNG: which parts of it led to the answer.",
)
@click.option(
    "--sort-into",
    type=options.OUTPUT,
    metavar="FOLDER",
    help="Also copy each picture into the folder of its character there, or into unknown.",
)
@click.option("--link", is_flag=True, help="With --sort-into: put links there, not copies.")
def predict(
    named: tuple[str, ...],
    model: str,
    faces: str | None,
    top: int,
    as_json: bool,
    as_csv: bool,
    paths_from: BinaryIO | None,
    explain: Path | None,
    sort_into: Path | None,
    link: bool,
) -> None:
    """Say who is in PICTURES: files, folders, globs, or - for a picture on standard input.

    \b
    simpsons predict picture.jpg
    simpsons predict holiday/ "frames/*.png" --json
    curl -s https://example.org/picture.jpg | simpsons predict -
    simpsons predict holiday/ --explain why/
    simpsons predict holiday/ --sort-into sorted/

    Prints one line per picture: `unknown, nearest Homer Simpson` where it seems to show nobody that
    the network knows. Before it says so it looks at each face on its own, as a picture of several
    is like none of one; `simpsons detect` does that for every picture, and says where the faces
    are. A picture that can't be read is reported and the rest go on: exit code 1 then, and 2 when
    no picture could be read.

    A project of `simpsons collect` stands for its faces: behind the project's, each path is that in
    the column `crop` of its faces.csv.

    --sort-into never moves and never overwrites: of two pictures of one name, one has a digest in
    its own, and a file that is already there is not copied again. CSV has a column for its path.
    """
    pictures.require_pictures(named, paths_from, as_json, as_csv)
    if link and sort_into is None:
        raise SimpsonsError("--link says how to sort; give --sort-into FOLDER too")
    predictor = Predictor(model, faces)
    show: pictures.Show[Prediction] = _print_line
    if as_json:
        show = pictures.print_json
    elif as_csv:
        top_there = min(top, len(predictor.classifier.labels))
        show = _csv_printer(top_there, [] if sort_into is None else [_SORTED])
    writes: dict[str, pictures.Write[Prediction]] = {}
    if explain is not None:
        writes["explanation"] = explanation_writer(predictor.classifier, explain)
    if sort_into is not None:
        writes[_SORTED] = sorter = _Sorter(sort_into, link)
    predict_all = partial(predictor.predict_all, top=top)
    outputs = [explain, sort_into]
    code = pictures.answer(named, paths_from, predict_all, show, "classifying", writes, outputs)
    if sort_into is not None:
        sorter.tell()
    sys.exit(code)


class _Sorter:
    """Puts the pictures into their folders, and counts them."""

    def __init__(self, folder: Path, link: bool) -> None:
        self._folder = SortedFolder(folder, link=link)
        self._counts: Counter[str] = Counter()
        self._known = 0

    def __call__(self, source: images.Source, answer: Prediction) -> str:
        content = source if isinstance(source, bytes) else None
        path, is_new = self._folder.add(answer, content)
        self._counts[path.parent.name] += 1
        self._known += not is_new
        return str(path)

    def tell(self) -> None:
        """Say on standard error what is where."""
        if not self._counts:
            return
        there = f", {self._known:,} of them were there before" if self._known else ""
        said = ", ".join(f"{name} {count:,}" for name, count in sorted(self._counts.items()))
        total = self._counts.total()
        say(f"Note: sorted {total:,} into {self._folder.folder}{there}: {said}", err=True)


def _print_line(result: Prediction | Failure, written: Mapping[str, str]) -> None:
    if isinstance(result, Failure):
        pictures.print_error(result)
        return
    said = _by_faces(result) if isinstance(result, ByFaces) else _as_a_whole(result)
    pictures.print_line(f"{result.path}  {said}", written)


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


def _csv_printer(top: int, written: Sequence[str]) -> pictures.Show[Prediction]:
    """A function that prints one row; prints the header now. written: columns for paths."""

    def show(result: Prediction | Failure, paths: Mapping[str, str]) -> None:
        places = [paths.get(kind, "") for kind in written]
        if isinstance(result, Failure):
            pictures.print_csv([result.path, *[""] * (2 * top), result.error, "", *places])
        else:
            named = chain.from_iterable(result.top)
            pictures.print_csv([result.path, *named, "", result.verdict, *places])

    pictures.print_csv(["path", *pictures.columns(top), "error", "verdict", *written])
    return show
