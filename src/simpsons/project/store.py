"""A project: a folder with the frames and faces of films, and what a person said of them.

    project.json      where everything comes from: films, folders, networks
    frames/FILM/      whole frames, JPEG
    faces/FILM/       a square around each face, JPEG
    faces.csv         a row for each face
    embeddings.npy    float32 `[N, D]`, a row for each row of faces.csv
    answers.jsonl     what a person said, see `simpsons.project.answers`
    collected.jsonl   what `simpsons.project.collecting` has done so far

Nothing in frames/ and faces/ is ever moved or changed, and rows of faces.csv keep their place.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simpsons.files import csv_line, read_table, write_text
from simpsons.project.answers import Answers
from simpsons.project.errors import ProjectError

FORMAT = 1
"""Of the folder; a project of a later one is refused."""

PROJECT, FACES, EMBEDDINGS = "project.json", "faces.csv", "embeddings.npy"
ANSWERS, COLLECTED = "answers.jsonl", "collected.jsonl"
FRAME_FOLDER, FACE_FOLDER = "frames", "faces"

COLUMNS = (
    "frame",
    "crop",
    "x1",
    "y1",
    "x2",
    "y2",
    "score",
    "film",
    "shot",
    "time",
    "label",
    "probability",
    "verdict",
    "group",
)
"""Of faces.csv."""


@dataclass(frozen=True)
class Source:
    """A film or a folder of pictures that faces were collected from.

    name: in the project, unique. kind: `film` or `folder`. size: in bytes, of a folder of all its
    pictures. modified: the time of the last change, in seconds since 1970. duration: seconds read,
    0 for a folder. shots, frames, faces: how many; frames are those that were kept. left_out: how
    many candidates were not kept, by reason. problem: what could not be read, in words; None if
    nothing. is_finished: whether it was read to its end, or as far as it can be.
    """

    path: str
    name: str
    kind: str
    size: int
    modified: float
    duration: float
    shots: int
    frames: int
    faces: int
    left_out: dict[str, int]
    problem: str | None
    is_finished: bool

    def to_json(self) -> dict[str, Any]:
        """All of it, by name."""
        return asdict(self)


@dataclass(frozen=True)
class CollectedFace:
    """A face of a project.

    id: unique in the project, stable; the name of the crop without `.jpg`. crop, frame: paths below
    the project, with forward slashes. box: x1, y1, x2, y2 in pixels of the frame. score: how sure
    the detector is, 0 to 1. film: the name of its source. shot: of the film, from 0. time: in
    seconds from the film's start; 0 for a picture whose name does not say it. label, probability,
    verdict: what the network that names faces says, as `simpsons.Prediction`. group: faces of one
    shot, and of shots that show nearly the same, have the same; a split keeps a group together.
    """

    id: str
    crop: str
    frame: str
    box: tuple[int, int, int, int]
    score: float
    film: str
    shot: int
    time: float
    label: str
    probability: float
    verdict: str
    group: int


@dataclass(frozen=True)
class Project:
    """What `simpsons collect` made, opened to read.

    root: the folder. sources: films and folders, in the order in which they were collected. faces:
    in the order in which they were found; more may be there when it is opened again. detector: the
    SHA-256 of the file of the network that found them. names: the network that named them, by name
    if it is in the package, else by path. embedding: the fingerprint of what embedded them, see
    `embedding.Embedder`.
    """

    root: Path
    sources: tuple[Source, ...]
    faces: tuple[CollectedFace, ...]
    detector: str
    names: str
    embedding: str

    @classmethod
    def open(cls, folder: str | os.PathLike[str]) -> Project:
        """Open a project. Raises ProjectError with the reason and the remedy if it is none."""
        root = Path(folder)
        content = _read_json(root)
        try:
            sources = tuple(map(_source, content["sources"]))
            networks = [str(content[key]) for key in ("detector", "names", "embedding")]
        except (KeyError, TypeError, ValueError):
            raise _damaged(root / PROJECT) from None
        return cls(root, sources, tuple(_read_faces(root)), *networks)

    @cached_property
    def answers(self) -> Answers:
        """What a person said of its faces."""
        return Answers(self.root / ANSWERS)

    def labels(self) -> dict[str, str]:
        """The label of each face that has one, by id: a character or one of `answers.SPECIAL`.

        Labels that differ in capitals alone are one, in the spelling that is there most often.
        """
        known = {face.id for face in self.faces}
        found = {face: label for face, label in self.answers.labels().items() if face in known}
        spelling: dict[str, str] = {}
        for label, _ in sorted(Counter(found.values()).items(), key=lambda each: (-each[1], each)):
            spelling.setdefault(label.casefold(), label)
        return {face: spelling[label.casefold()] for face, label in found.items()}

    @cached_property
    def embeddings(self) -> NDArray[np.float32]:
        """float32 `[N, D]`, memory-mapped, read-only: a row for each of `faces`.

        Raises ProjectError if the file is missing or too short.
        """
        path = self.root / EMBEDDINGS
        try:
            found: NDArray[np.float32] = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, EOFError, ValueError):
            raise _damaged(path) from None
        if found.ndim != 2 or found.dtype != np.float32 or len(found) < len(self.faces):
            raise _damaged(path)
        return found[: len(self.faces)]


def require_readable(root: Path) -> None:
    """Raise ProjectError if project.json is damaged, or of a later version."""
    _read_json(root)


def is_project(folder: str | os.PathLike[str]) -> bool:
    """Whether a folder says that it is a project; it may still be damaged.

    Other programs have a file of that name too, so one more of a project's must be there. A folder
    that can't be looked into is none: whoever lists its pictures says why.
    """
    is_file = os.path.isfile  # `Path.is_file` raises PermissionError
    return is_file(Path(folder, PROJECT)) and any(
        is_file(Path(folder, name)) for name in (FACES, COLLECTED)
    )


def write_faces(root: Path, faces: Iterable[CollectedFace]) -> None:
    """Write faces.csv, whole or not at all."""
    text = io.StringIO()
    text.write(f"{csv_line(COLUMNS)}\n")
    for face in faces:
        box = dict(zip(("x1", "y1", "x2", "y2"), face.box, strict=True))
        row = {**asdict(face), **box, "score": f"{face.score:.4f}", "time": f"{face.time:.3f}"}
        row["probability"] = f"{face.probability:.4f}"
        text.write(f"{csv_line(row[column] for column in COLUMNS)}\n")
    write_text(root / FACES, text.getvalue(), flush=True)


def write_project(
    root: Path, sources: Iterable[Source], detector: str, names: str, embedding: str = ""
) -> None:
    """Write project.json, whole or not at all. detector, names, embedding: see `Project`."""
    from simpsons import __version__

    content = {
        "format": FORMAT,
        "made_by": __version__,
        "sources": [source.to_json() for source in sources],
        "detector": detector,
        "names": names,
        "embedding": embedding,
    }
    text = json.dumps(content, indent=1, ensure_ascii=False)
    write_text(root / PROJECT, f"{text}\n", flush=True)


def _read_json(root: Path) -> dict[str, Any]:
    path = root / PROJECT
    if not root.is_dir():
        raise ProjectError(f"{root}: no such project; make one with `simpsons collect`")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ProjectError(
            f"{root}: is not a project: it has no {PROJECT}; make one with `simpsons collect`"
        ) from None
    except OSError as error:
        raise ProjectError(f"{path}: can't be read ({error.strerror}); check the disk") from None
    except ValueError:
        raise _damaged(path) from None
    if not isinstance(content, dict) or not isinstance(content.get("format"), int):
        raise _damaged(path)
    if content["format"] > FORMAT:
        raise ProjectError(
            f"{root}: is of a later version of this package ({content.get('made_by')}); install it"
        )
    return content


def _source(content: Any) -> Source:
    return Source(**{field.name: content[field.name] for field in fields(Source)})


def _read_faces(root: Path) -> Iterable[CollectedFace]:
    path = root / FACES
    try:
        columns, rows = read_table(path)
        if not set(COLUMNS) <= set(columns):
            raise _damaged(path)
        for row in rows:
            crop = str(row["crop"])
            x1, y1, x2, y2 = (int(row[side] or "") for side in ("x1", "y1", "x2", "y2"))
            yield CollectedFace(
                id=crop.rpartition("/")[2].removesuffix(".jpg"),
                crop=crop,
                frame=str(row["frame"]),
                box=(x1, y1, x2, y2),
                score=float(row["score"] or ""),
                film=str(row["film"]),
                shot=int(row["shot"] or ""),
                time=float(row["time"] or ""),
                label=str(row["label"]),
                probability=float(row["probability"] or ""),
                verdict=str(row["verdict"]),
                group=int(row["group"] or ""),
            )
    except ProjectError:
        raise
    except (OSError, csv.Error, ValueError):
        raise _damaged(path) from None


def _damaged(path: Path) -> ProjectError:
    remedy = "collect into a new folder"
    if path.name in (FACES, EMBEDDINGS) and path.with_name(COLLECTED).is_file():
        remedy = "give `simpsons collect` one of the project's films again, which makes it anew"
    return ProjectError(
        f"{path}: is missing, damaged or of another program; take it from a copy, or {remedy}"
    )
