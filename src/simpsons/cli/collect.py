"""`simpsons collect`."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from simpsons.cli import options
from simpsons.cli.terminal import counted, say
from simpsons.detector import FACES, NAMES, Detector
from simpsons.errors import DataError
from simpsons.progress import bar

if TYPE_CHECKING:
    from simpsons.project.store import Source


@click.command()
@click.argument("films", nargs=-1, required=True)
@click.option(
    "--out",
    type=options.OUTPUT,
    required=True,
    metavar="PROJECT",
    help="The project's folder: a new one, or one to add to.",
)
@click.option(
    "--per-shot",
    type=click.IntRange(1, 100),
    default=3,
    show_default=True,
    metavar="N",
    help="How many frames of a shot to keep at most.",
)
@click.option(
    "--faces",
    default=FACES,
    show_default=True,
    metavar="DETECTOR",
    help="Who finds faces: faces, an ONNX file, or a run folder.",
)
@click.option(
    "--model",
    default=NAMES,
    show_default=True,
    metavar="MODEL",
    help="Who names them: cnn-int8, cnn, xception, dolls, an ONNX file, or a run folder.",
)
@options.as_json
def collect(
    films: tuple[str, ...], out: Path, per_shot: int, faces: str, model: str, as_json: bool
) -> None:
    """Collect the faces of FILMS, and of folders of pictures or films, into a project.

    \b
    simpsons collect season1/*.mkv --out springfield
    simpsons collect episode.mp4 drawings/ --out springfield --per-shot 5

    Of each shot the sharpest frames that differ are kept; left out are plain and dissolving ones,
    those without a face, as titles are, and copies of what is there already: an intro, a recap.
    Each face is cut out with room around it. Then name them: `simpsons label springfield`.

    The same command resumes after an interrupt or a kill, and films that were collected before
    are not read again. A truncated film yields what comes before the break, and one that can't be
    read is reported: exit code 1 then, and 2 when nothing could be read.
    """
    from simpsons.films.film import FilmError
    from simpsons.project.collecting import Collector

    sources: list[Source] = []
    problems: list[str] = []
    with Collector(out, per_shot, Detector(faces, model), bar) as collector:
        for film in collector.expanded(films):
            try:
                source = collector.add(film)
            except (FilmError, DataError) as error:
                problems.append(str(error))
                say(f"Error: {error}", err=True)
                continue
            sources.append(source)
            if not as_json:
                say(_line(source))
            if source.problem:
                problems.append(source.problem)
                say(f"Error: {source.problem}", err=True)
        total = collector.count
    if as_json:
        options.print_json(
            {
                "project": str(out),
                "faces": total,
                "sources": [source.to_json() for source in sources],
                "problems": problems,
            }
        )
    elif sources:
        say(f"{out}: {counted(total, 'face')} in all")
        if total:
            say(f"Name them: simpsons label {shlex.quote(str(out))}")
    sys.exit(2 if not sources else int(bool(problems)))


def _line(source: "Source") -> str:
    """`episode: 512 faces in 410 frames of 180 shots; left out 31 without a face, 2 copies`."""
    said = {
        "no_face": "without a face",
        "near_duplicate": "that repeat others",
        "flat": "plain",
        "dissolving": "dissolving",
        "blurred": "blurred",
    }
    counts = ", ".join(
        f"{source.left_out[reason]:,} {words}"
        for reason, words in said.items()
        if source.left_out.get(reason)
    )
    line = f"{source.name}: {counted(source.faces, 'face')} in {counted(source.frames, 'frame')}"
    if source.kind == "film":
        line += f", {counted(source.shots, 'shot')}"
    return f"{line}; left out {counts}" if counts else line
