"""`simpsons label`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from simpsons.characters import display_name
from simpsons.cli.options import FOLDER, OUTPUT, as_json, print_json
from simpsons.cli.serve import allow_host, announced, host, open_page, port
from simpsons.cli.terminal import counted, say
from simpsons.progress import bar

if TYPE_CHECKING:
    from simpsons.project import Project


@click.command()
@click.argument("project", type=FOLDER)
@host
@port
@allow_host
@open_page
@click.option(
    "--model",
    metavar="RUN",
    help="A network of your own: it reads all faces again, and the wall begins with those of which "
    "it is least sure. Remembered in the project.",
)
@click.option("--status", is_flag=True, help="Print the progress, without a page.")
@click.option(
    "--write",
    type=OUTPUT,
    metavar="FOLDER",
    help="Write what is named so far as a data set: a folder per character, boxes, a split.",
)
@click.option("--frames", is_flag=True, help="With --write: whole frames instead of crops.")
@as_json
def label(
    project: str,
    host: str,
    port: int,
    names: tuple[str, ...],
    is_opened: bool,
    model: str | None,
    status: bool,
    write: Path | None,
    frames: bool,
    as_json: bool,
) -> None:
    """Name the faces of a project on a page, many at a time, until Ctrl+C.

    \b
    simpsons label springfield --open
    simpsons label springfield --host 0.0.0.0    on a phone in the same network
    simpsons label springfield --status --json
    simpsons label springfield --write dataset
    simpsons label springfield --model runs/springfield

    PROJECT is a folder that `simpsons collect` made. Every answer is on the disk when it is given:
    stop at any time, and go on later. Nothing leaves this machine.
    """
    if status and write:
        raise click.UsageError("--status and --write are two things to ask for; give one of them")
    if as_json and not (status or write):
        raise click.UsageError("--json goes with --status or --write; the page has none")
    if frames and not write:
        raise click.UsageError("--frames goes with --write")
    from simpsons.project.verdicts import opened_with

    opened, failures = opened_with(project, model, bar)
    for failure in failures:
        say(f"Error: {failure.error}", err=True)
    if write:
        _write(opened, write, frames, as_json)
    elif status:
        _show_status(opened, as_json)
    else:
        from simpsons.labelling.server import serve

        serve(opened, host, port, names, announced(host, is_opened))


def _show_status(project: "Project", as_json: bool) -> None:
    from simpsons.labelling.session import Session

    status = Session(project).status()
    if as_json:
        print_json(status.to_json())
        return
    rows = [(display_name(label), count) for label, count in status.characters.items()]
    rows += [("nobody", status.nobody), ("no face", status.no_face), ("later", status.later)]
    for name, count in [*rows, ("left", status.left), ("faces in all", status.faces)]:
        say(f"{count:8,}  {name}")


def _write(project: "Project", folder: Path, frames: bool, as_json: bool) -> None:
    from simpsons.dataset.project_export import write

    written = write(project, folder, frames=frames, progress=bar)
    if as_json:
        print_json(written.to_json())
        return
    count, characters = sum(written.pictures.values()), len(written.pictures)
    pictures = f"{counted(count, 'picture')} of {counted(characters, 'character')}"
    say(f"{written.folder}: {pictures}, {counted(written.boxes, 'box')}")
    for label, of_character in written.pictures.items():
        say(f"{of_character:8,}  {display_name(label)}")
    for reason, left_out in written.left_out.items():
        say(f"{left_out:8,}  left out: {reason}")
    if written.parts:
        parts = ", ".join(f"{pictures:,} {part}" for part, pictures in written.parts.items())
        say(f"split: {parts}")
    if written.note:
        say(written.note)
