"""Pictures that a command is given, and its answers one after the other: `predict`, `detect`."""

import io
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeVar

import click

from simpsons import urls
from simpsons.classifier import Failure, Prediction
from simpsons.cli import options
from simpsons.cli.terminal import say, shown
from simpsons.detector import Detection
from simpsons.errors import SimpsonsError
from simpsons.files import csv_line, utf16
from simpsons.pixels import images
from simpsons.pixels.picture_files import Expansion, Instead
from simpsons.progress import bar
from simpsons.project.pictures import crops
from simpsons.shares import beside
from simpsons.sorting import SortingError

if TYPE_CHECKING:
    from simpsons.project.embedding import Embedding

STDIN = "-"

A = TypeVar("A", Prediction, Detection, "Embedding")
Show = Callable[[A | Failure, Mapping[str, str]], None]
"""Prints an answer, and the paths of what was written for it, by kind."""
Write = Callable[[images.Source, A], str]
"""Makes a file for an answer and returns its path."""

argument = click.argument("named", metavar="[PICTURES]...", nargs=-1)
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, one object per line.")
as_csv = click.option("--csv", "as_csv", is_flag=True, help="Print CSV with a header.")
paths_from = click.option(
    "--paths-from",
    type=options.ListFile(),
    metavar="FILE",
    help="Read picture paths from a file, one per line; - for standard input.",
)


def require_pictures(
    named: Sequence[str], paths_from: BinaryIO | None, as_json: bool, as_csv: bool
) -> None:
    """Raise SimpsonsError where nothing was given, or two forms of output."""
    if as_json and as_csv:
        raise SimpsonsError("--json and --csv can't be combined; choose one")
    if not named and paths_from is None:
        command = click.get_current_context().info_name
        raise SimpsonsError(f"no pictures given; try `simpsons {command} picture.jpg`")


def answer(
    named: Iterable[str],
    paths_from: BinaryIO | None,
    answer_all: Callable[[Iterator[images.Source]], Iterable[A | Failure]],
    show: Show[A],
    description: str,
    writes: Mapping[str, Write[A]] | None = None,
    outputs: Iterable[Path | None] = (),
    prints: bool = True,
    of_project: Instead = crops,
) -> int:
    """Show the answers for files, folders, globs and -, as they come; returns the exit code.

    That is 1 if some pictures could not be read, 2 if none could. description: of the progress bar.
    writes: by kind; they may raise ImageError if the picture has gone, and SortingError. outputs:
    folders that they write to; pictures there are none of those in a folder around them. prints:
    whether `show` prints, so that a bar would be among its lines on a terminal. of_project: the
    pictures that a project stands for.
    """
    listed = (line.rstrip("\r\n") for line in _lines(paths_from) if line.strip())
    unread: list[Failure] = []
    left_out = _LeftOut()
    written_to = {os.path.realpath(folder) for folder in outputs if folder is not None}
    expansion = Expansion(
        lambda path, reason: unread.append(Failure(path, reason)),
        left_out.add,
        written_to,
        of_project,
    )
    expanded = _expanded(chain(named, listed), expansion)
    pairs = beside(answer_all, expanded)
    missing = ((one.path or STDIN, one) for one in unread)
    answers: Iterable[tuple[images.Source, A | Failure]] = chain(pairs, missing)
    if not prints or sys.stdout is None or not sys.stdout.isatty():
        answers = bar(answers, None, description)
    if isinstance(sys.stdout, io.TextIOWrapper):  # any file name can be printed
        sys.stdout.reconfigure(errors="backslashreplace")
    read = failed = 0
    for source, given in answers:
        result, written = _with_path(given), {}
        if writes and not isinstance(result, Failure):
            try:
                written = {kind: write(source, result) for kind, write in writes.items()}
            except (images.ImageError, SortingError) as error:  # it was there a moment ago
                result = Failure(result.path, str(error))
        show(result, written)
        if isinstance(result, Failure):
            failed += 1
        else:
            read += 1
    if read and sys.stdout is not None:
        left_out.tell()
    if not read and not failed:
        raise SimpsonsError("--paths-from: the list is empty; write one path a line")
    return 2 if not read else 1 if failed else 0


def _with_path(given: A | Failure) -> A | Failure:
    """The answer with a path, and what is wrong with a URL as the running command mends it."""
    answer = replace(given, path=given.path or STDIN)
    if isinstance(answer, Failure) and answer.path:
        command = str(click.get_current_context().info_name)
        return replace(answer, error=urls.refusal(answer.path, "picture", command) or answer.error)
    return answer


def print_error(failure: Failure) -> None:
    """One line on standard error."""
    say(f"Error: {failure.error}", err=True)


def print_csv(row: Iterable[object]) -> None:
    """One row; its text is as it is, but `shown` on a terminal."""
    is_seen = sys.stdout is not None and sys.stdout.isatty()
    cells = [shown(cell) if is_seen and isinstance(cell, str) else cell for cell in row]
    click.echo(csv_line(cells), color=True)  # else escape sequences in a path would be left out


def columns(top: int) -> list[str]:
    """The names of CSV columns for so many labels with their probabilities."""
    numbers = ["", *(f"_{place}" for place in range(2, top + 1))]
    return [f"{kind}{number}" for number in numbers for kind in ("label", "probability")]


def print_json(result: Prediction | Detection | Failure, written: Mapping[str, str]) -> None:
    """One object, with the paths of what was written for it."""
    options.print_json({**result.to_json(), **written})


def print_line(line: str, written: Mapping[str, str]) -> None:
    """One line, and what was written for it."""
    say("  -> ".join([line, *written.values()]))


class _LeftOut:
    """What is passed over in folders, by reason: how much, and the first of it."""

    def __init__(self) -> None:
        self._count: Counter[str] = Counter()
        self._first: dict[str, str] = {}

    def add(self, path: str, reason: str) -> None:
        self._count[reason] += 1
        self._first.setdefault(reason, path)

    def tell(self) -> None:
        """Say it on standard error."""
        for reason, count in self._count.items():
            say(f"Note: left out {count:,}: {reason}; the first: {self._first[reason]}", err=True)


def _expanded(named: Iterable[str], expansion: Expansion) -> Iterator[images.Source]:
    """The pictures that files, folders, globs and - stand for."""
    for name in named:
        if name == STDIN:
            yield sys.stdin.buffer.read()
        else:
            yield from expansion.pictures([name])


def _lines(file: BinaryIO | None) -> Iterator[str]:
    """The lines of a list as they come: UTF-8, or UTF-16 as Windows writes it."""
    if file is None:
        return
    head = file.read(2)
    encoding = utf16(head)
    if encoding:
        yield from (
            (head + file.read()).decode(encoding, "replace").removeprefix("\ufeff").split("\n")
        )
        return
    first = head if head.endswith(b"\n") else head + file.readline()
    for line in chain(first.removeprefix(b"\xef\xbb\xbf").split(b"\n"), file):
        yield line.decode("utf-8", "surrogateescape")
