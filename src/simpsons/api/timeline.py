"""`timeline`: films in, their time lines written to files."""

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simpsons import files, urls
from simpsons.detector import FACES, NAMES, Detector
from simpsons.errors import SimpsonsError
from simpsons.files import StrPath, write_text
from simpsons.films.annotate import annotate as write_copy
from simpsons.films.annotate import require_target
from simpsons.films.intervals import SHORTEST
from simpsons.films.reading import RATE, Timeline, read, require_settings
from simpsons.films.stills import write_stills
from simpsons.films.totals import Totals
from simpsons.films.tracks import MINIMUM
from simpsons.films.writing import require_folder, require_replaceable, write
from simpsons.progress import Track as Progress
from simpsons.progress import silent
from simpsons.project.store import Project, is_project


@dataclass(frozen=True)
class Answer:
    """What was made of one film.

    timeline: None if the film can't be read. files: that were written into the folder. stills: the
    pictures of intervals. copy: of the film, with boxes and names. problems: what could not be read
    or written, in sentences. notes: what is not in the copy.
    """

    film: str
    folder: Path
    timeline: Timeline | None
    files: tuple[Path, ...] = ()
    stills: tuple[Path, ...] = ()
    copy: Path | None = None
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The time line, or the film and its error."""
        if self.timeline is None:
            return {"film": self.film, "error": self.problems[0]}
        return self.timeline.to_json()


@dataclass(frozen=True)
class Timelines:
    """What `timeline` made of its films: an answer for each, and for how long each one is seen."""

    answers: tuple[Answer, ...]
    totals: Totals

    def to_json(self) -> dict[str, Any]:
        """As `totals.json` has it."""
        return {"films": [answer.to_json() for answer in self.answers], **self.totals.to_json()}


def timeline(
    films: StrPath | Sequence[StrPath],
    *,
    model: StrPath = NAMES,
    faces: StrPath = FACES,
    rate: float = RATE,
    minimum: float = MINIMUM,
    shortest: float = SHORTEST,
    out: StrPath | None = None,
    annotate: StrPath | None = None,
    frames: StrPath | None = None,
    watch: Callable[[Answer], None] | None = None,
    track: Progress = silent,
) -> Timelines:
    """Say who is on screen when, and write it: CSV, JSON, subtitles and a picture of each film.

    `simpsons.films.read` gives a time line without writing anything.

    Args:
        films: one or several; a project of `collect` stands for the films that it was made of.
        model: what names faces: cnn-int8, cnn, xception, dolls, an ONNX file, or a run folder.
        faces: what finds faces: faces, an ONNX file, or a run folder.
        rate: frames per second to look at.
        minimum: mean probability that a character needs to be on screen, 0 to 1.
        shortest: seconds that a character must be on screen, unless the shot is shorter.
        out: the folder to write to; of several films each has a folder NAME-timeline there, and
            totals.csv and totals.json are beside them. None for NAME-timeline beside each film.
        annotate: an MP4 file for a copy of the film with boxes and names; of several, a folder.
        frames: a folder for a picture of each interval, in a folder per character.
        watch: is told of each film when it is done.
        track: shows progress, such as `simpsons.progress.bar`.

    Returns:
        An answer for each film. One that can't be read has no time line, and the rest continue; a
        truncated one has a time line up to the break.

    Raises:
        SimpsonsError: for settings out of their range, or outputs that can't be written; nothing
            is read then.
        FilmError: if the only film can't be read.
    """
    require_settings(rate, minimum, shortest)
    given = expanded(films)
    target = Path(out) if out else None
    if target:
        require_folder(target)
    is_alone = len(given) == 1
    folders = [target] if target and is_alone else _unique(given, target, "-timeline")
    for place in folders:
        require_replaceable(place)
    if frames:
        require_folder(frames)
    if target and not is_alone:
        files.require_replaceable(target / "totals.json", "totals", rb'\A\{\s*"films": ')
        signs = [b""] if (target / "totals.json").is_file() else []
        files.require_replaceable(target / "totals.csv", "totals", *signs)
    copies: Sequence[Path | None] = [None] * len(given)
    if annotate:
        copies = [Path(annotate)]
        if not is_alone:
            copies = _unique(given, _folder_for_copies(Path(annotate)), ".mp4")
        for path in filter(None, copies):
            require_target(path, *given)
    stills = _unique(given, Path(frames), "") if frames else [None] * len(given)
    detector = Detector(faces, model)
    totals, answers = Totals(), []
    for film, folder, copy, still in zip(given, folders, copies, stills, strict=True):
        settings = rate, minimum, shortest
        try:
            answer = _answer(film, detector, settings, folder, copy, still, track)
        except (SimpsonsError, OSError) as error:
            if is_alone:
                raise
            answer = Answer(str(film), folder, None, problems=(_said(error),))
        if answer.timeline:
            totals.add(answer.timeline)
        answers.append(answer)
        if watch:
            watch(answer)
    found = Timelines(tuple(answers), totals)
    if target and not is_alone and any(answer.timeline for answer in answers):
        write_text(target / "totals.csv", totals.to_csv())
        text = json.dumps(found.to_json(), indent=1, ensure_ascii=False)
        write_text(target / "totals.json", f"{text}\n")
    return found


def expanded(films: StrPath | Sequence[StrPath]) -> tuple[StrPath, ...]:
    """The films, each once; of a project all of its films.

    Raises SimpsonsError for a project without films, or none of whose films is where it was.
    """
    named = [films] if isinstance(films, str | os.PathLike) else films
    listed = [film for name in named for film in _films_of(os.fspath(name))]
    return tuple({Path(film).resolve(): _path(film) for film in listed}.values())


def _unique(given: Sequence[StrPath], folder: Path | None, ending: str) -> list[Path]:
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


def _answer(
    film: StrPath,
    detector: Detector,
    settings: tuple[float, float, float],
    folder: Path,
    copy: Path | None,
    still: Path | None,
    track: Progress,
) -> Answer:
    found = read(film, detector, *settings, track)
    files = write(folder, found)
    stills = write_stills(still.parent, found, still.name, track) if still else []
    problems = [found.problem] if found.problem else []
    notes: tuple[str, ...] = ()
    if copy:
        try:
            notes = write_copy(copy, found, track)
        except (SimpsonsError, OSError) as error:
            problems.append(_said(error))
            copy = None
    return Answer(
        str(film), folder, found, tuple(files), tuple(stills), copy, tuple(problems), notes
    )


def _films_of(named: str) -> list[str]:
    if urls.refusal(named, "film") or not is_project(named):
        return [named]
    found = [source.path for source in Project.open(named).sources if source.kind == "film"]
    if not found:
        raise SimpsonsError(f"{named}: is a project without films; give a film")
    if not any(Path(film).is_file() for film in found):
        others = f", nor are the {len(found) - 1:,} others" if len(found) > 1 else ""
        raise SimpsonsError(
            f"{named}: its film {found[0]} is not there any more{others}; give the films, or "
            "collect them again from where they are: they are known by their content, and not read "
            "again"
        )
    return found


def _path(film: str) -> str | Path:
    """Its path; a URL as it was given, which reading it refuses."""
    return film if urls.refusal(film, "film") else Path(film)


def _folder_for_copies(folder: Path) -> Path:
    if folder.suffix.lower() == ".mp4" or folder.is_file():
        raise SimpsonsError(f"--annotate {folder}: several films need a folder for their copies")
    return folder


def _said(error: SimpsonsError | OSError) -> str:
    if isinstance(error, SimpsonsError) or error.strerror is None:
        return str(error)
    return f"{error.filename}: {error.strerror}; check the path and its disk"
