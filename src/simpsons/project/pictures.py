"""Which pictures a project stands for where pictures are asked for: its faces, or its frames."""

import os

from simpsons.project.errors import ProjectError
from simpsons.project.store import CollectedFace, Project, is_project


def crops(folder: str) -> list[str] | None:
    """The paths of the faces of a project, in the order of its faces.csv; None if it is none.

    Behind the folder's path each is the face's `crop`. Raises ProjectError for a project that is
    damaged, or has no faces.
    """
    faces = _faces(folder)
    return None if faces is None else [os.path.join(folder, face.crop) for face in faces]  # noqa: PTH118


def frames(folder: str) -> list[str] | None:
    """The same of the frames that its faces are in, each once."""
    faces = _faces(folder)
    if faces is None:
        return None
    return [os.path.join(folder, frame) for frame in dict.fromkeys(face.frame for face in faces)]  # noqa: PTH118


def _faces(folder: str) -> tuple[CollectedFace, ...] | None:
    if not is_project(folder):
        return None
    project = Project.open(folder)
    if not project.faces:
        raise ProjectError(f"{folder}: is a project without faces; collect another film into it")
    return project.faces
