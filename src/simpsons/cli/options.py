"""Options that several commands share."""

import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, TypeVar

import click
from click.core import ParameterSource

from simpsons import urls
from simpsons.errors import SimpsonsError

F = TypeVar("F", bound=Callable[..., Any])


class Finite(click.FloatRange):
    """A range that nan is not in."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The number. Raises BadParameter."""
        number: float = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value} is not a number", param, ctx)
        return number


class LocalPath(click.Path):
    """A path, as `path_type`, str where that is None. what: it is of."""

    def __init__(self, what: urls.What, path_type: type[Path] | None = Path) -> None:
        super().__init__(path_type=path_type)
        self._what = what

    def convert(
        self,
        value: str | os.PathLike[str],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Any:
        """The path. Raises SimpsonsError for a URL, and UsageError for an empty text.

        An empty one is mostly a variable of the shell that is not set, and Path takes it for the
        current folder.
        """
        if not os.fspath(value):
            self.fail("an empty path; give one, or . for the current folder", param, ctx)
        if said := urls.refusal(value, self._what):
            raise SimpsonsError(said)
        return super().convert(value, param, ctx)


class ListFile(click.File):
    """A list that is open for reading as bytes."""

    def __init__(self) -> None:
        super().__init__("rb")

    def convert(
        self,
        value: str | os.PathLike[str] | IO[Any],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> IO[Any]:
        """The file. Raises SimpsonsError for a URL."""
        if isinstance(value, str) and (said := urls.refusal(value, "file")):
            raise SimpsonsError(said)
        return super().convert(value, param, ctx)


FILE = LocalPath("file")
FOLDER = LocalPath("folder", None)
OUTPUT = LocalPath("output")

model = click.option(
    "--model",
    default="xception",
    show_default=True,
    metavar="MODEL",
    help="cnn, xception, cnn-int8, dolls (the paper dolls of simpsons demo), an ONNX file, or a "
    "run folder.",
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
characters = click.option(
    "--characters",
    metavar="WHICH",
    help="Names separated by commas, all, or the N with the most pictures.  [default: the 18 of "
    "the data set where any is there, else all]",
)
split = click.option(
    "--split",
    type=LocalPath("file", None),
    metavar="KIND",
    help="given (by folders train, val, test), leak-free, random (the notebook's, whatever the "
    "seed), shipped (the shipped weights'), shots (a project's, by whole shots), or a split.csv.  "
    "[default: given where there are such folders, shots of a project, else leak-free]",
)
seed = click.option(
    "--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True, metavar="N"
)


def folder(function: F) -> F:
    """An optional folder of pictures."""
    return click.argument("folder", required=False, type=FOLDER)(function)


def given(name: str) -> bool:
    """Whether an option of the running command stands on the command line."""
    source = click.get_current_context().get_parameter_source(name)
    return source is ParameterSource.COMMANDLINE


def print_json(value: object) -> None:
    """One JSON value on one line."""
    click.echo(json.dumps(value))
