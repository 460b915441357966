"""Projects of paper dolls, as `simpsons collect` would have made them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from simpsons.demo.drawings import DOLLS, draw
from simpsons.project import CollectedFace, Project, Source
from simpsons.project.store import EMBEDDINGS, write_faces, write_project

SHOT = 4
"""Faces of one doll in a row that are of one shot."""


@pytest.fixture(scope="session")
def make_project(tmp_path_factory) -> Callable[..., Project]:
    """Make a project whose faces are of some dolls, so many of each.

    A face's embedding is that of its doll and a little noise. Ids say the doll: `film_0_f12`.
    known: the numbers of the dolls that the network which ships names, Homer for 0, Bart for 1.
    crops: whether their pictures are there.
    """

    def make(
        *counts: int, noise: float = 0.25, known: tuple[int, ...] = (), crops: bool = False
    ) -> Project:
        root = tmp_path_factory.mktemp("project")
        rng = np.random.default_rng(3)
        dolls = np.repeat(np.arange(len(counts)), counts)
        means = np.random.default_rng(1).normal(size=(len(counts), 24))
        embeddings = means[dolls] + noise * rng.normal(size=(len(dolls), 24))
        faces = [_face(number, int(doll), doll in known) for number, doll in enumerate(dolls)]
        if crops:
            _draw(root, faces, dolls)
        source = Source("film.mp4", "film", "film", 1, 0.0, 60.0, 9, 9, len(faces), {}, None, True)
        write_project(root, [source], "0" * 64, "cnn")
        write_faces(root, faces)
        np.save(root / EMBEDDINGS, embeddings.astype(np.float32))
        return Project.open(root)

    return make


def _draw(root: Path, faces: list[CollectedFace], dolls: np.ndarray) -> None:
    """Crops and frames are the same drawing; the faces of one doll are on one frame."""
    pictures = [draw(DOLLS[doll], np.random.default_rng(doll), 64) for doll in np.unique(dolls)]
    for folder in ("faces/film", "frames/film"):
        (root / folder).mkdir(parents=True)
    for face, doll in zip(faces, dolls, strict=True):
        pictures[doll].save(root / face.crop)
        pictures[doll].save(root / face.frame)


def _face(number: int, doll: int, is_known: bool) -> CollectedFace:
    name = ("homer_simpson", "bart_simpson")[doll % 2]
    return CollectedFace(
        id=f"film_{doll}_f{number}",
        crop=f"faces/film/film_{doll}_f{number}.jpg",
        frame=f"frames/film/film_{doll}.jpg",
        box=(1, 2, 30, 40),
        score=0.9,
        film="film",
        shot=number // SHOT,
        time=float(number),
        label=name,
        probability=0.9 if is_known else 0.3,
        verdict=name if is_known else "unknown",
        group=number // SHOT,
    )
