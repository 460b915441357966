"""The command group, and how its errors are said: one line, exit code 2, no traceback."""

import importlib
from typing import Any

import click

from simpsons import __version__, extras
from simpsons.cli.terminal import shown
from simpsons.errors import SimpsonsError
from simpsons.pixels.quiet import silence_pillow

COMMANDS = {
    "predict": ("simpsons.cli.predict:predict", "Say who is in pictures."),
    "detect": ("simpsons.cli.detect:detect", "Find every face in pictures and say whose it is."),
    "timeline": ("simpsons.cli.timeline:timeline", "Say who is on screen when in a film."),
    "collect": ("simpsons.cli.collect:collect", "Collect the faces of films into a project."),
    "embed": ("simpsons.cli.embed:embed", "Write pictures as vectors."),
    "similar": ("simpsons.cli.embed:similar", "Show the pictures that are most like one."),
    "bulk": ("simpsons.cli.bulk:bulk", "Say who is in millions of pictures, on many machines."),
    "label": ("simpsons.cli.label:label", "Name the faces of a project on a page."),
    "evaluate": ("simpsons.cli.evaluate:evaluate", "Measure a network on a folder of pictures."),
    "compare": ("simpsons.cli.evaluate:compare", "Say whether two networks differ."),
    "train": ("simpsons.cli.train:train", "Train a network on a folder of pictures."),
    "export": ("simpsons.cli.export:export", "Write a network as one ONNX file, or a web page."),
    "import": ("simpsons.cli.import_keras:import_keras", "Turn a Keras file into an ONNX file."),
    "serve": ("simpsons.cli.serve:serve", "Serve a page and an API on this machine."),
    "models": ("simpsons.cli.models:models", "Show the networks layer by layer."),
    "data": ("simpsons.cli.data:data", "Fetch, look at, audit and split pictures."),
    "demo": ("simpsons.cli.demo:demo", "Run the whole path without any data."),
}
"""Where each command is, and what it does; its module is imported when it is used."""


class _UserError(click.ClickException):
    exit_code = 2

    def __init__(self, message: str) -> None:
        super().__init__(shown(message))


class _Commands(click.Group):
    """Imports a command when it is needed, so that `predict` never pays for PyTorch."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:  # noqa: ARG002
        if name not in COMMANDS:
            return None
        place, summary = COMMANDS[name]
        module, attribute = place.split(":")
        try:
            command: click.Command = getattr(importlib.import_module(module), attribute)
        except ModuleNotFoundError as error:
            return _lacking(name, summary, _remedy(error))
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except SimpsonsError as error:
            raise _UserError(str(error)) from None
        except click.exceptions.NoArgsIsHelpError:
            raise
        except click.UsageError as error:
            raise click.UsageError(shown(error.format_message()), error.ctx) from None
        except ModuleNotFoundError as error:
            raise _UserError(_remedy(error)) from None
        except BrokenPipeError:
            raise
        except OSError as error:
            if error.strerror is None:
                raise
            name = error.filename2 or error.filename or "the output"
            raise _UserError(f"{name}: {error.strerror}; check the path and its disk") from None


def _remedy(error: ModuleNotFoundError) -> str:
    """How to get a package of an extra. Raises the error again if it is of none."""
    remedy = extras.remedy("this command", error)
    if remedy is None:
        raise error
    return remedy


def _lacking(name: str, summary: str, remedy: str) -> click.Command:
    """What stands for a command whose packages are not installed: its help, and the remedy."""

    def refuse() -> None:
        raise _UserError(remedy)

    settings = {"ignore_unknown_options": True, "allow_extra_args": True}
    text = f"{summary}\n\n{remedy[0].upper()}{remedy[1:]}"
    return click.Command(name, context_settings=settings, callback=refuse, help=text)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="simpsons")
def main() -> None:
    """Recognise characters of The Simpsons with two small convolutional networks.

    \b
    Who is this?              simpsons predict picture.jpg
    Who is where?             simpsons detect picture.jpg
    How good is the network?  simpsons evaluate FOLDER
    Train one:                simpsons train FOLDER --model xception
    See it all without data:  simpsons demo
    """
    silence_pillow()  # `images.decode` says it better
