"""Options that several commands share."""

import json
import math
from collections.abc import Callable
from typing import Any, TypeVar

import click
from click.core import ParameterSource

F = TypeVar("F", bound=Callable[..., Any])


class Finite(click.FloatRange):
    """A range that nan is not in."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The number. Raises BadParameter."""
        number: float = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value} is no number", param, ctx)
        return number


model = click.option(
    "--model",
    default="xception",
    show_default=True,
    metavar="MODEL",
    help="cnn, xception, cnn-int8, an ONNX file, or a run folder.",
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
characters = click.option(
    "--characters",
    metavar="WHICH",
    help="Names with commas between, all, or the N with most pictures.  [default: the 18 of "
    "the data set where any is there, else all]",
)
split = click.option(
    "--split",
    metavar="KIND",
    help="given (by folders train, val, test), leak-free, random (the notebook's, whatever the "
    "seed), shipped (the shipped weights'), or a split.csv.  [default: given where there are such "
    "folders, else leak-free]",
)
seed = click.option(
    "--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True, metavar="N"
)


def folder(function: F) -> F:
    """An optional folder of pictures."""
    return click.argument("folder", required=False, type=click.Path())(function)


def given(name: str) -> bool:
    """Whether an option of the running command stands on the command line."""
    source = click.get_current_context().get_parameter_source(name)
    return source is ParameterSource.COMMANDLINE


def print_json(value: object) -> None:
    """One JSON value on one line."""
    click.echo(json.dumps(value))
