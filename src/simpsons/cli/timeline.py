"""`simpsons timeline`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from simpsons.cli import options
from simpsons.cli.terminal import counted, say
from simpsons.detector import FACES, NAMES
from simpsons.progress import bar

if TYPE_CHECKING:
    from simpsons.api.timeline import Answer
    from simpsons.films import Timeline


@click.command()
@click.argument("films", nargs=-1, required=True)
@click.option(
    "--model",
    default=NAMES,
    show_default=True,
    metavar="MODEL",
    help="Who names faces: cnn-int8, cnn, xception, dolls, an ONNX file, or a run folder.",
)
@click.option(
    "--faces",
    default=FACES,
    show_default=True,
    metavar="DETECTOR",
    help="Who finds faces: faces, an ONNX file, or a run folder.",
)
@click.option(
    "--rate", type=float, default=5.0, show_default=True, help="Frames per second to look at."
)
@click.option(
    "--minimum",
    type=float,
    default=0.5,
    show_default=True,
    help="Mean probability that a character needs to be on screen.",
)
@click.option(
    "--shortest",
    type=float,
    default=0.5,
    show_default=True,
    metavar="SECONDS",
    help="How long a character must be on screen, unless the shot is shorter.",
)
@click.option(
    "--out",
    type=options.OUTPUT,
    metavar="FOLDER",
    help="Where to write.  [default: NAME-timeline beside each film]",
)
@click.option(
    "--annotate",
    type=options.OUTPUT,
    metavar="FILE.mp4",
    help="Also write a copy of the film with boxes and names; of several films, into this folder.",
)
@click.option(
    "--frames",
    type=options.OUTPUT,
    metavar="FOLDER",
    help="Also write a picture of each interval there, in a folder per character.",
)
@options.as_json
def timeline(
    films: tuple[str, ...],
    model: str,
    faces: str,
    rate: float,
    minimum: float,
    shortest: float,
    out: Path | None,
    annotate: Path | None,
    frames: Path | None,
    as_json: bool,
) -> None:
    """Say who is on screen when in FILMS.

    \b
    simpsons timeline episode.mp4
    simpsons timeline episode.mp4 --annotate named.mp4 --out results --json
    simpsons timeline season/*.mkv --out results
    simpsons timeline episode.mp4 --frames pictures
    simpsons timeline springfield --model runs/mine --out results

    Writes a CSV of intervals, a JSON, subtitles (SRT and VTT) and a picture of the time line.
    Characters are on screen together, and strangers have no name. Of several films, each has a
    folder NAME-timeline in the folder given or beside it, the totals by character are printed, and
    also written to totals.csv and totals.json in the folder given. A project of `simpsons collect`
    stands for the films that it was made of.

    A truncated film yields results up to the break, and one of several that can't be read
    is reported, as is a copy that can't be written, once the time line is: exit code 1 then, and
    2 when nothing could be read.
    """
    from simpsons.api import timeline as timelines

    given = timelines.expanded(films)
    show = _Shown(len(given) == 1, frames, as_json)
    found = timelines.timeline(
        given,
        model=model,
        faces=faces,
        rate=rate,
        minimum=minimum,
        shortest=shortest,
        out=out,
        annotate=annotate,
        frames=frames,
        watch=show,
        track=bar,
    )
    if len(given) > 1 and as_json:
        options.print_json(found.to_json())
    elif len(given) > 1:
        for row in found.totals.rows():
            say(f"{row.seconds:9.1f} s {row.share:7.1%} {row.films:5}  {row.name}")
    if not any(answer.timeline for answer in found.answers):
        sys.exit(2)
    sys.exit(int(any(answer.problems for answer in found.answers)))


class _Shown:
    """Prints what was made of a film, in full if it is the only one."""

    def __init__(self, is_alone: bool, frames: Path | None, as_json: bool) -> None:
        self._is_alone, self._frames, self._as_json = is_alone, frames, as_json

    def __call__(self, answer: "Answer") -> None:
        if answer.timeline:
            if self._is_alone and self._as_json:
                options.print_json(answer.timeline.to_json())
            elif self._is_alone:
                self._print_all(answer, answer.timeline)
            elif not self._as_json:
                characters = {each.label for each in answer.timeline.intervals}
                said = counted(len(characters), "character")
                say(f"{answer.film}: {said}, wrote {answer.folder}")
        for problem in answer.problems:
            say(f"Error: {problem}", err=True)
        for note in answer.notes:
            say(f"Note: {note}", err=True)

    def _print_all(self, answer: "Answer", timeline: "Timeline") -> None:
        for each in timeline.intervals:
            say(f"{each.start:9.2f} {each.end:9.2f}  {each.name} {each.probability:.1%}")
        if not timeline.intervals:
            say("nobody was recognised")
        for path in answer.files:
            say(f"wrote {path}")
        if self._frames:
            say(f"wrote {len(answer.stills):,} pictures into {self._frames}")
        if answer.copy:
            say(f"wrote {answer.copy}")
