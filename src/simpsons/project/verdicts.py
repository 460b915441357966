"""What a network of one's own says of the faces of a project.

    verdicts.csv      face,label,probability,verdict

What the network that ships said stays in faces.csv, and answers are never touched. Faces of which
that network is least sure are the next ones to be named.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable
from dataclasses import replace

from simpsons.classifier import UNKNOWN, Classifier, Failure
from simpsons.files import csv_line, read_table, write_text
from simpsons.progress import Track, silent
from simpsons.project.errors import ProjectError
from simpsons.project.store import CollectedFace, Project

VERDICTS = "verdicts.csv"

COLUMNS = ("face", "label", "probability", "verdict")

_HERE = "a network of your own"
_AT_ONCE = 256


def read_again(
    project: Project, model: str | os.PathLike[str], track: Track = silent
) -> list[Failure]:
    """Let a network say of each face whom it is of, into verdicts.csv, whole or not at all.

    model: as Classifier takes it. Returns the crops that can't be read; of those the verdicts that
    were there stay. Raises ModelError as Classifier does.
    """
    classifier = Classifier(model)
    failures: list[Failure] = []
    text = io.StringIO()
    text.write(f"{csv_line(COLUMNS)}\n")
    starts = range(0, len(project.faces), _AT_ONCE)
    for start in track(starts, len(starts), "reading faces again"):
        faces = project.faces[start : start + _AT_ONCE]
        said = classifier.predict_all([project.root / face.crop for face in faces], top=1)
        for face, one in zip(faces, said, strict=True):
            if isinstance(one, Failure):
                failures.append(one)
                continue
            values = face.id, one.label, f"{one.probability:.4f}", one.verdict
            text.write(f"{csv_line(values)}\n")
    write_text(project.root / VERDICTS, text.getvalue(), flush=True)
    return failures


def applied(project: Project) -> Project:
    """The project with what verdicts.csv says of its faces; as it is if there is no such file.

    Faces that the file does not have, as they were collected later, stay as they are. Raises
    ProjectError for a file that is damaged.
    """
    path = project.root / VERDICTS
    try:
        columns, rows = read_table(path)
        if not set(COLUMNS) <= set(columns):
            raise ValueError
        said = {
            str(row["face"]): (str(row["label"]), float(row["probability"] or ""), row["verdict"])
            for row in rows
        }
    except FileNotFoundError:
        return project
    except (OSError, csv.Error, ValueError):
        raise ProjectError(
            f"{path}: is damaged; remove it, or make it anew with `simpsons label "
            f"{project.root} --model RUN`"
        ) from None
    return replace(project, faces=tuple(_with(face, said) for face in project.faces), names=_HERE)


def _with(face: CollectedFace, said: dict[str, tuple[str, float, str | None]]) -> CollectedFace:
    if face.id not in said:
        return face
    label, probability, verdict = said[face.id]
    return replace(face, label=label, probability=probability, verdict=verdict or UNKNOWN)


def is_own(project: Project) -> bool:
    """Whether its faces have the verdicts of a network of one's own; see `applied`."""
    return project.names == _HERE


def sureness(face: CollectedFace) -> float:
    """How sure the network is whom a face is of, 0 to 1; 0 for the verdict `unknown`."""
    return 0.0 if face.verdict == UNKNOWN else face.probability


def least_sure(faces: Iterable[CollectedFace]) -> list[CollectedFace]:
    """The faces by how sure the network is of them, the least sure first."""
    return sorted(faces, key=lambda face: (sureness(face), face.probability))


def opened_with(
    project: str | os.PathLike[str],
    model: str | os.PathLike[str] | None = None,
    track: Track = silent,
) -> tuple[Project, list[Failure]]:
    """The project with what its network says of the faces, and the faces that can't be read.

    model: a network that reads them again; see `simpsons.label`. Raises SimpsonsError for a
    project or network that can't be used.
    """
    found = Project.open(project)
    failures = list(read_again(found, model, track)) if model else []
    return applied(found), failures
