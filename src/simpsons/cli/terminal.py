"""What commands say: names that others have chosen do nothing to the terminal that shows them."""

import re

import click

_CONTROL = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # escape sequences, line ends, bells
    "\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"  # what turns the direction of writing
    "\ud800-\udfff]"  # bytes of a file name that are no Unicode
)


def shown(text: str) -> str:
    """The text on one line, each control character as an escape: `\\\\x1b`, `\\\\n`."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def say(text: str = "", *, err: bool = False) -> None:
    """Print a line, `shown`; empty lines before and after it are kept. err: on standard error."""
    before = len(text) - len(text.lstrip("\n"))
    after = len(text.lstrip("\n")) - len(text.strip("\n"))
    click.echo("\n" * before + shown(text.strip("\n")) + "\n" * after, err=err)


def counted(number: int, what: str) -> str:
    """`1 face`, `2,345 faces`, `2 boxes`. what: the singular."""
    ending = "es" if what.endswith("x") else "s"
    return f"{number:,} {what}{'' if number == 1 else ending}"
