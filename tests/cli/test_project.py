"""Commands that take a folder of pictures take a project: they read the faces that have names."""

import json

import numpy as np
import pytest
from PIL import Image

from simpsons.demo.drawings import DOLLS, draw
from simpsons.project import NOBODY, CollectedFace, Project
from simpsons.project.store import write_faces, write_project

SHOTS, IN_SHOT = 12, 3
NAMES = tuple(doll.slug for doll in DOLLS[:2])


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """Faces of two dolls by name, of a stranger, and of one who has no answer; a frame of each."""
    root = tmp_path_factory.mktemp("projects") / "springfield"
    rng = np.random.default_rng(0)
    for folder in ("faces/film", "frames/film"):
        (root / folder).mkdir(parents=True)
    faces = []
    for shot in range(4 * SHOTS):
        drawn = np.asarray(draw(DOLLS[shot % 4], rng, 64, difficulty=0)).astype(np.int16)
        for number in range(IN_SHOT):
            name = f"film_s{shot:05d}_00h00m{shot:02d}.00{number}"
            crop, frame = f"faces/film/{name}_f0.jpg", f"frames/film/{name}.jpg"
            noisy = (drawn + rng.integers(-2, 3, drawn.shape)).clip(0, 255).astype(np.uint8)
            for path in (crop, frame):
                Image.fromarray(noisy).save(root / path, quality=95)
            place = (0, 0, 64, 64), 0.9, "film", shot, float(shot), "ada_thimble", 0.4, "unknown"
            faces.append(CollectedFace(f"{name}_f0", crop, frame, *place, shot))
    write_project(root, [], "0" * 64, "cnn")
    write_faces(root, faces)
    made = Project.open(root)
    for doll, label in enumerate((*NAMES, NOBODY)):
        made.answers.name([face.id for face in faces if face.shot % 4 == doll], label)
    return made


def crops(project, *labels):
    known = project.labels()
    return {face.crop for face in project.faces if known.get(face.id) in labels}


def test_evaluate(cli, project):
    result = cli("evaluate", project.root, "--model", "dolls", "--json")
    assert result.exit_code == 0, result.output
    said = json.loads(result.stdout)
    assert said["n"] == len(crops(project, *NAMES))
    assert said["accuracy"] > 0.9


def test_data_audit_looks_at_the_named_faces_alone(cli, project, tmp_path):
    report = tmp_path / "audit.html"
    result = cli("data", "audit", project.root, "--report", report, "--json")
    assert result.exit_code == 0, result.output
    text = report.read_text(encoding="utf-8")
    assert "frames/film" not in text
    assert "faces/film" in text


def test_data_clean_lists_faces_that_training_then_leaves_out(cli, project, tmp_path):
    out = tmp_path / "exclude.csv"
    result = cli("data", "clean", project.root, "--copies", "--out", out)
    assert result.exit_code == 0, result.output
    _, *lines = out.read_text(encoding="utf-8").splitlines()
    listed = {line.partition(",")[0] for line in lines}
    assert listed
    assert listed <= crops(project, *NAMES)


def test_a_random_split_says_how_many_leak_and_one_by_shot_that_none_does(cli, project, tmp_path):
    out = tmp_path / "split.csv"
    arguments = "data", "split", project.root, "--out", out
    result = cli(*arguments, "--split", "random", "--json")
    assert result.exit_code == 0, result.output
    said = json.loads(result.stdout)
    leaks = said["near_duplicates_of_training_pictures"]
    assert leaks["validation"] > said["parts"]["validation"] / 2
    result = cli(*arguments, "--split", "random")
    told = f"{said['parts']['validation']:>7,}, {leaks['validation']:,} with a near-duplicate"
    assert f"validation {told} in training" in result.stdout
    result = cli(*arguments)
    assert result.stdout.count(", 0 with a near-duplicate in training") == 2
