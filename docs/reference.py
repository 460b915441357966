"""Writes docs/commands.md from the commands' help and docs/library.md from the docstrings.

python docs/reference.py
"""

import inspect
from collections.abc import Iterator
from pathlib import Path
from textwrap import wrap

import click

import simpsons
from simpsons.api import data
from simpsons.cli import main
from simpsons.files import write_text

FOLDER = Path(__file__).parent
_WIDTH = 96


def commands() -> str:
    """The text of commands.md."""
    parts = [
        "# Commands\n",
        "What `simpsons COMMAND --help` prints. Made by `python docs/reference.py`.\n",
    ]
    for words, command, context in _commands(
        main, click.Context(main, info_name="simpsons", **main.context_settings)
    ):
        parts.append(
            f"## {words.removeprefix('simpsons ')}\n\n```\n{command.get_help(context)}\n```\n"
        )
    return "\n".join(_with_contents(parts))


def library() -> str:
    """The text of library.md."""
    parts = [
        "# Library\n",
        "What the package promises: everything else may change. Functions are imported when they "
        "are asked for, so `import simpsons` costs neither PyTorch nor another extra. Options have "
        "the commands' names, but `--from` is `initial`, as `from` is a word of Python, and "
        "`--teacher` is `teachers`. Made by `python docs/reference.py`.\n",
    ]
    rooms = [("simpsons", simpsons, simpsons.__all__), ("simpsons.data", data, data.__all__)]
    for room, module, names in rooms:
        for name in sorted(names, key=str.casefold):
            value = getattr(module, name)
            if inspect.isfunction(value):
                parts.append(f"## {room}.{name}\n\n{_function(f'{room}.{name}', value)}")
            elif inspect.isclass(value):
                parts.append(f"## {room}.{name}\n\n{_class(name, value)}")
    return "\n".join(_with_contents(parts))


def _with_contents(parts: list[str]) -> list[str]:
    """The parts of a page, with links to its sections behind the first two."""
    titles = [part.partition("\n")[0].removeprefix("## ") for part in parts[2:]]
    links = [f"[{title}](#{title.replace('.', '').replace(' ', '-').lower()})" for title in titles]
    return [*parts[:2], f"{', '.join(links)}\n", *parts[2:]]


def _commands(
    group: click.Group, context: click.Context
) -> Iterator[tuple[str, click.Command, click.Context]]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        below = click.Context(
            command, context, name, terminal_width=_WIDTH, max_content_width=_WIDTH
        )
        yield below.command_path, command, below
        if isinstance(command, click.Group):
            yield from _commands(command, below)


def _function(name: str, function: object) -> str:
    return f"```\n{_signature(name, function)}\n\n{_indented(function)}\n```\n"


def _class(name: str, cls: type) -> str:
    text = f"```\n{inspect.getdoc(cls)}\n"
    for attribute, value in vars(cls).items():
        if attribute.startswith("_"):
            continue
        if inspect.isfunction(value):
            text += f"\n{_signature(f'{name}.{attribute}', value)}\n{_indented(value)}\n"
        elif isinstance(value, property) and value.fget:
            text += f"\n{name}.{attribute}\n{_indented(value.fget)}\n"
    return f"{text}```\n"


def _signature(name: str, function: object) -> str:
    """Parameters with their defaults, without types, which the text says in words."""
    names, keyword_only = [], False
    for parameter in inspect.signature(function).parameters.values():  # type: ignore[arg-type]
        if parameter.name == "self":
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and not keyword_only:
            names.append("*")
            keyword_only = True
        default = parameter.default
        shown = getattr(default, "__name__", repr(default))
        names.append(parameter.name + ("" if default is parameter.empty else f"={shown}"))
    line = f"{name}({', '.join(names)})"
    return "\n".join(wrap(line, _WIDTH, subsequent_indent=" " * 8, break_long_words=False))


def _indented(described: object) -> str:
    text = inspect.getdoc(described) or ""
    return "\n".join(f"    {line}" if line else "" for line in text.splitlines())


if __name__ == "__main__":
    write_text(FOLDER / "commands.md", commands())
    write_text(FOLDER / "library.md", library())
