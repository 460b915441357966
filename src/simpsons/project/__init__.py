"""From films to a data set: a folder of frames and faces, and what a person said of them.

>>> from simpsons.project import Project
>>> project = Project.open("springfield")
>>> project.faces[0].film, project.faces[0].time
('episode', 3.4)
"""

from simpsons.project.answers import LATER, NO_FACE, NOBODY, SPECIAL, Answer, Answers
from simpsons.project.errors import ProjectError
from simpsons.project.store import CollectedFace, Project, Source

__all__ = [
    "LATER",
    "NOBODY",
    "NO_FACE",
    "SPECIAL",
    "Answer",
    "Answers",
    "CollectedFace",
    "Project",
    "ProjectError",
    "Source",
]
