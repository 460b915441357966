"""`simpsons timeline`."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from simpsons import urls
from simpsons.cli import options
from simpsons.cli.terminal import say
from simpsons.detector import FACES, NAMES, Detector
from simpsons.errors import SimpsonsError
from simpsons.files import require_writable, write_text
from simpsons.progress import bar

if TYPE_CHECKING:
    from simpsons.films import Timeline


@click.command()
@click.argument("films", nargs=-1, required=True)
@click.option(
    "--model",
    default=NAMES,
    show_default=True,
    metavar="MODEL",
    help="Who names faces: cnn-int8, cnn, xception, an ONNX file, or a run folder.",
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
    "annotated",
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
    annotated: Path | None,
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
    from simpsons.films.annotate import require_target
    from simpsons.films.reading import require_settings
    from simpsons.films.writing import require_folder

    require_settings(rate, minimum, shortest)
    listed = [film for named in films for film in _films(named)]
    given = tuple({Path(film).resolve(): _path(film) for film in listed}.values())
    if out:
        require_folder(out)
    folders = [out] if out and len(given) == 1 else _unique(given, out, "-timeline")
    for folder in [*folders, *([frames] if frames else [])]:
        require_folder(folder)
    copies: list[Path] | list[None] = [None] * len(given)
    if annotated:
        copies = [annotated]
        if len(given) > 1:
            copies = _unique(given, _folder_for_copies(annotated), ".mp4")
        for copy in copies:
            require_target(copy, *given)
            require_writable(copy)
    names = _unique(given, frames, "") if frames else [None] * len(given)
    stills = dict(zip(folders, names, strict=True))
    reader = _Reader(Detector(faces, model), rate, minimum, shortest, stills)
    if len(given) == 1:
        code = reader.one(given[0], folders[0], copies[0], as_json)
    else:
        code = reader.several(list(zip(given, folders, copies, strict=True)), out, as_json)
    sys.exit(code)


class _Reader:
    """Reads films and writes what was found; both methods return the exit code.

    stills: by the folder of each film, where its pictures are and what they are called; or None.
    """

    def __init__(
        self,
        detector: Detector,
        rate: float,
        minimum: float,
        shortest: float,
        stills: Mapping[Path, Path | None],
    ) -> None:
        self._detector = detector
        self._settings = rate, minimum, shortest
        self._stills = stills

    def one(self, film: str | Path, folder: Path, copy: Path | None, as_json: bool) -> int:
        found, written = self._read(film, folder)
        if as_json:
            options.print_json(found.to_json())
        else:
            for each in found.intervals:
                say(f"{each.start:9.2f} {each.end:9.2f}  {each.name} {each.probability:.1%}")
            if not found.intervals:
                say("nobody was recognised")
            pictures = [path for path in written if path.suffix == ".jpg"]
            for path in written:
                if path.suffix != ".jpg":
                    say(f"wrote {path}")
            if stills := self._stills[folder]:
                say(f"wrote {len(pictures):,} pictures into {stills.parent}")
        if found.problem:
            _report(found.problem)
        is_missing = copy is not None and not self._annotate(copy, found)
        if copy and not is_missing and not as_json:
            say(f"wrote {copy}")
        return int(found.problem is not None or is_missing)

    def several(
        self, films: list[tuple[str | Path, Path, Path | None]], out: Path | None, as_json: bool
    ) -> int:
        from simpsons.films.totals import Totals

        totals = Totals()
        results: list[dict[str, Any]] = []
        failed, problems = 0, 0
        for film, folder, copy in films:
            try:
                found, _ = self._read(film, folder)
            except (SimpsonsError, OSError) as error:
                _report(_said(error))
                results.append({"film": str(film), "error": _said(error)})
                failed += 1
                continue
            totals.add(found)
            results.append(found.to_json())
            if not as_json:
                characters = len({each.label for each in found.intervals})
                plural = "" if characters == 1 else "s"
                say(f"{film}: {characters} character{plural}, wrote {folder}")
            if found.problem:
                _report(found.problem)
                problems += 1
            if copy and not self._annotate(copy, found):
                problems += 1
        result = {"films": results, **totals.to_json()}
        if out and failed < len(films):
            write_text(out / "totals.csv", totals.to_csv())
            text = json.dumps(result, indent=1, ensure_ascii=False)
            write_text(out / "totals.json", f"{text}\n")
        if as_json:
            options.print_json(result)
        else:
            for row in totals.rows():
                say(f"{row.seconds:9.1f} s {row.share:7.1%} {row.films:5}  {row.name}")
        return 2 if failed == len(films) else int(failed + problems > 0)

    def _read(self, film: str | Path, folder: Path) -> tuple["Timeline", list[Path]]:
        from simpsons import films as timelines

        found = timelines.read(film, self._detector, *self._settings, bar)
        written = timelines.write(folder, found)
        if stills := self._stills[folder]:
            written += timelines.write_stills(stills.parent, found, stills.name, bar)
        return found, written

    def _annotate(self, copy: Path, found: "Timeline") -> bool:
        """Whether there is a copy; else why not was reported."""
        from simpsons import films as timelines

        try:
            notes = timelines.annotate(copy, found, bar)
        except (SimpsonsError, OSError) as error:
            _report(_said(error))
            return False
        for note in notes:
            say(f"Note: {note}", err=True)
        return True


def _films(named: str) -> list[str]:
    """The film of this name; of a project, all its films."""
    from simpsons.project.store import Project, is_project

    if urls.refusal(named, "film") or not is_project(named):
        return [named]
    found = [source.path for source in Project.open(named).sources if source.kind == "film"]
    if not found:
        raise SimpsonsError(f"{named}: is a project without films; give a film")
    return found


def _path(film: str) -> str | Path:
    """Its path; a URL as it was given, which reading it refuses."""
    return film if urls.refusal(film, "film") else Path(film)


def _unique(given: tuple[str | Path, ...], folder: Path | None, ending: str) -> list[Path]:
    """A path for each film, in the folder or beside it: `NAME` and the ending.

    NAME has the film's suffix where films share a stem, and a number where they share a name.
    """
    films = list(map(Path, given))
    places = [folder or film.parent for film in films]
    names = [film.stem for film in films]
    longer = [film.name for film in films], [f"{film.name}-{n}" for n, film in enumerate(films, 1)]
    for others in longer:
        keys = [
            str(place.resolve() / name).casefold()
            for place, name in zip(places, names, strict=True)
        ]
        names = [
            other if keys.count(key) > 1 else name
            for key, name, other in zip(keys, names, others, strict=True)
        ]
    return [place / f"{name}{ending}" for place, name in zip(places, names, strict=True)]


def _folder_for_copies(folder: Path) -> Path:
    if folder.suffix.lower() == ".mp4" or folder.is_file():
        raise SimpsonsError(f"--annotate {folder}: several films need a folder for their copies")
    return folder


def _said(error: SimpsonsError | OSError) -> str:
    if isinstance(error, SimpsonsError) or error.strerror is None:
        return str(error)
    return f"{error.filename}: {error.strerror}; check the path and its disk"


def _report(problem: str) -> None:
    say(f"Error: {problem}", err=True)
