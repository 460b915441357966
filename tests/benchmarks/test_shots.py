"""What splits give that keep shots together, and one that tears them apart."""

import av
import numpy as np
import pytest
from PIL import Image

from benchmarks import shots
from simpsons.dataset.boxes import Box
from simpsons.demo.drawings import DOLLS, draw
from simpsons.project import CollectedFace, Project
from simpsons.project.store import EMBEDDINGS, write_faces, write_project

SHOTS, IN_SHOT = 36, 3


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """Three dolls, 12 shots each; embeddings that tell shots apart, and dolls not at all."""
    root = tmp_path_factory.mktemp("project")
    rng = np.random.default_rng(0)
    (root / "faces").mkdir()
    faces, vectors = [], []
    for shot in range(SHOTS):
        drawn = np.asarray(draw(DOLLS[shot % 3], rng, 64)).astype(np.int16)
        vector = rng.normal(size=16)
        for number in range(IN_SHOT):
            name = f"s{shot:05d}_f{number}"
            noisy = (drawn + rng.integers(-2, 3, drawn.shape)).clip(0, 255).astype(np.uint8)
            Image.fromarray(noisy).save(root / f"faces/{name}.jpg", quality=95)
            place = (0, 0, 9, 9), 0.9, "film", shot, float(shot), "lisa", 0.4, "unknown", shot
            faces.append(CollectedFace(name, f"faces/{name}.jpg", f"frames/{shot}.jpg", *place))
            near = vector + rng.normal(size=16) / 100
            vectors.append(near / np.linalg.norm(near))
    write_project(root, [], "0" * 64, "cnn")
    write_faces(root, faces)
    np.save(root / EMBEDDINGS, np.array(vectors, np.float32))
    made = Project.open(root)
    for doll in range(3):
        made.answers.name([face.id for face in faces if face.shot % 3 == doll], DOLLS[doll].slug)
    return made


def test_a_torn_shot_is_counted_and_flatters(project):
    by_shot, leak_free, random = shots.compare(
        project.root, ("shots", "leak-free", "random"), seeds=2
    )
    assert (by_shot.torn, by_shot.leaking) == (0, 0)
    assert leak_free.leaking == 0
    assert random.held_out == pytest.approx(0.2 * SHOTS * IN_SHOT, abs=1)
    assert by_shot.held_out == pytest.approx(2 * 0.2 * SHOTS * IN_SHOT, abs=12)
    assert random.torn > 0.9 * random.held_out
    assert random.leaking > 0.9 * random.held_out
    assert random.nearest > 0.9 * random.held_out
    assert by_shot.nearest < 0.7 * by_shot.held_out
    said = shots.report(project, [by_shot, random])
    assert f"| `random` | {random.held_out} | {random.leaking} (" in said


def test_the_film_has_a_shot_of_each_picture_and_shows_its_face(tmp_path):
    pixels = np.full((100, 120, 3), 90, np.uint8)
    pixels[10:30, 90:110] = (255, 0, 255)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    box = Box("a.png", 90, 10, 110, 30, "dexter")
    shots.write_film(tmp_path / "film.mp4", tmp_path, [box, box])
    with av.open(tmp_path / "film.mp4") as film:
        frames = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
    assert len(frames) == 2 * shots.FRAMES
    larger = 1 / shots.WINDOW**2
    for frame in frames:
        face = (frame[..., 1] < 45).mean() * 100 * 120
        assert face == pytest.approx(20 * 20 * larger, rel=0.25)
