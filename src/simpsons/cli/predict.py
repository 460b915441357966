"""`simpsons predict`."""

import csv
import glob
import io
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TextIO

import click

from simpsons import images
from simpsons.characters import display_name
from simpsons.classifier import UNKNOWN, Classifier, Failure, Prediction
from simpsons.cli import options
from simpsons.cli.explanations import Explained, explained
from simpsons.errors import SimpsonsError
from simpsons.progress import bar

STDIN = "-"
_NEAREST = f"{UNKNOWN}, nearest "


@click.command()
@click.argument("pictures", nargs=-1)
@options.model
@click.option(
    "--top", type=click.IntRange(min=1), default=3, show_default=True, help="How many to name."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object a line.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV with a header.")
@click.option(
    "--paths-from",
    type=click.File("r", encoding="utf-8", errors="surrogateescape"),
    metavar="FILE",
    help="Read picture paths from a file, one a line; - for standard input.",
)
@click.option(
    "--explain",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Also write a PNG a picture: what in it speaks for the answer.",
)
def predict(
    pictures: tuple[str, ...],
    model: str,
    top: int,
    as_json: bool,
    as_csv: bool,
    paths_from: TextIO | None,
    explain: Path | None,
) -> None:
    """Say who is in PICTURES: files, folders, globs, or - for a picture on standard input.

    \b
    simpsons predict picture.jpg
    simpsons predict holiday/ "frames/*.png" --json
    curl -s https://example.org/picture.jpg | simpsons predict -
    simpsons predict holiday/ --explain why/

    Prints one line a picture; `unknown, nearest Homer Simpson` where it seems to show nobody that
    the network knows. A picture that can't be read is reported and the rest go on:
    exit code 1 then, and 2 when no picture could be read.
    """
    if as_json and as_csv:
        raise SimpsonsError("--json and --csv exclude each other; choose one")
    if not pictures and paths_from is None:
        raise SimpsonsError("no pictures given; try `simpsons predict picture.jpg`")
    listed = (line.rstrip("\r\n") for line in paths_from or () if line.strip())
    classifier = Classifier(model)
    unread: list[Failure] = []
    sources = _expand(chain(pictures, listed), unread)
    if explain is None:
        predicted = classifier.predict_all(sources, top)
    else:
        predicted = explained(classifier, sources, top, explain)
    answers: Iterable[Prediction | Failure] = chain(predicted, unread)
    if sys.stdout is None or not sys.stdout.isatty():
        answers = bar(answers, None, "classifying")
    if isinstance(sys.stdout, io.TextIOWrapper):  # any file name can be printed
        sys.stdout.reconfigure(errors="backslashreplace")
    results = (replace(answer, path=answer.path or STDIN) for answer in answers)
    write: Callable[[Prediction | Failure], None] = _print_json if as_json else _print_line
    if as_csv:
        write = _csv_writer(min(top, len(classifier.labels)))
    read = failed = 0
    for result in results:
        write(result)
        read += isinstance(result, Prediction)
        failed += isinstance(result, Failure)
    if not read and not failed:
        raise SimpsonsError("--paths-from: the list is empty; write one path a line")
    sys.exit(2 if not read else 1 if failed else 0)


def _expand(named: Iterable[str], unread: list[Failure]) -> Iterator[images.Source]:
    """The pictures that files, folders, globs and - stand for; folders without go to `unread`."""
    for name in named:
        if name == STDIN:
            yield sys.stdin.buffer.read()
        elif glob.has_magic(name) and not os.path.exists(name):  # noqa: PTH110
            for match in sorted(glob.glob(name, recursive=True)) or [name]:  # noqa: PTH207
                yield from _file_or_folder(match, unread)
        else:
            yield from _file_or_folder(name, unread)


def _file_or_folder(name: str, unread: list[Failure]) -> Iterator[str]:
    if not os.path.isdir(name):  # noqa: PTH112 (unlike Path's, it never raises)
        yield name
        return
    before = len(unread)
    below = _pictures_below(name, unread)
    first = next(below, None)
    if first is not None:
        yield from chain([first], below)
    elif len(unread) == before:
        unread.append(Failure(name, f"{name}: the folder has no pictures"))


def _pictures_below(folder: str, unread: list[Failure]) -> Iterator[str]:
    def note(error: OSError) -> None:
        reason = f"{error.filename}: can't be read ({error.strerror}); change its permissions"
        unread.append(Failure(error.filename, reason))

    for parent, folders, files in os.walk(folder, onerror=note):
        folders.sort()
        for file in sorted(files):
            if Path(file).suffix.lower() in images.SUFFIXES:
                yield os.path.join(parent, file)  # noqa: PTH118 (keeps the path as it was given)


def _print_json(result: Prediction | Failure) -> None:
    options.print_json(result.to_json())


def _print_line(result: Prediction | Failure) -> None:
    if isinstance(result, Failure):
        click.echo(f"Error: {result.error}", err=True)
        return
    (_, probability), *others = result.top
    line = f"{result.path}  {_NEAREST if result.verdict == UNKNOWN else ''}"
    line += f"{result.name} {probability:.1%}"
    if others:
        shown = ", ".join(f"{display_name(label)} {other:.1%}" for label, other in others)
        line += f"  ({shown})"
    if isinstance(result, Explained):
        line += f"  -> {result.explanation}"
    click.echo(line)


def _csv_writer(top: int) -> Callable[[Prediction | Failure], None]:
    """A function that prints one row; prints the header now."""

    def write(row: list[object]) -> None:
        text = io.StringIO()
        csv.writer(text, lineterminator="").writerow(row)
        click.echo(text.getvalue())

    def write_result(result: Prediction | Failure) -> None:
        if isinstance(result, Failure):
            write([result.path, *[""] * (2 * top), result.error, ""])
        else:
            write([result.path, *chain.from_iterable(result.top), "", result.verdict])

    numbers = ["", *(f"_{place}" for place in range(2, top + 1))]
    labels = (f"{kind}{number}" for number in numbers for kind in ("label", "probability"))
    write(["path", *labels, "error", "verdict"])
    return write_result
