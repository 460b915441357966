"""`simpsons timeline`."""

import sys
from pathlib import Path

import click

from simpsons.classifier import Classifier
from simpsons.cli import options
from simpsons.progress import bar


@click.command()
@click.argument("film", type=click.Path(path_type=Path))
@options.model
@click.option(
    "--rate", type=float, default=5.0, show_default=True, help="Frames a second to classify."
)
@click.option(
    "--minimum",
    type=float,
    default=0.5,
    show_default=True,
    help="Mean probability that a character needs to be on screen.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Where to write.  [default: NAME-timeline beside the film]",
)
@click.option(
    "--annotate",
    "annotated",
    type=click.Path(path_type=Path),
    metavar="FILE.mp4",
    help="Also write a copy of the film with the names on it.",
)
@options.as_json
def timeline(
    film: Path,
    model: str,
    rate: float,
    minimum: float,
    out: Path | None,
    annotated: Path | None,
    as_json: bool,
) -> None:
    """Say who is on screen when in FILM.

    \b
    simpsons timeline episode.mp4
    simpsons timeline episode.mp4 --annotate named.mp4 --out results --json

    Writes a CSV of intervals, a JSON, subtitles (SRT and VTT) and a picture of the time line.
    A film that breaks off gives what could be read of it: exit code 1 then, and 2 when nothing
    could be read.
    """
    from simpsons import timeline as timelines
    from simpsons.timeline.annotate import require_target
    from simpsons.timeline.writing import require_folder

    folder = require_folder(out or film.parent / f"{film.stem}-timeline")
    if annotated:
        require_target(annotated, str(film))
    found = timelines.read(film, Classifier(model), rate, minimum, bar)
    written = timelines.write(folder, found)
    if annotated:
        timelines.annotate(annotated, found, bar)
        written.append(annotated)
    if as_json:
        options.print_json(found.to_json())
    else:
        for each in found.intervals:
            click.echo(f"{each.start:9.2f} {each.end:9.2f}  {each.name} {each.probability:.1%}")
        if not found.intervals:
            click.echo("nobody was recognised")
        for path in written:
            click.echo(f"wrote {path}")
    if found.problem:
        click.echo(f"Error: {found.problem}", err=True)
        sys.exit(1)
