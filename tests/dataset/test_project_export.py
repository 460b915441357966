import json
import os

import numpy as np
import pytest
from PIL import Image

from simpsons.dataset import boxes, cache, split
from simpsons.dataset import project_export as exports
from simpsons.errors import SimpsonsError
from simpsons.project import LATER, NO_FACE, NOBODY, CollectedFace, Project
from simpsons.project.store import write_faces, write_project
from tests.project.conftest import room


@pytest.fixture
def make_project(tmp_path):
    """A project of so many shots of two frames of two faces; `groups` by shot."""

    def make(shots=2, groups=None):
        root = tmp_path / "project"
        faces = []
        for shot in range(shots):
            for second in range(2):
                name = f"film_s{shot:05d}_00h00m{second:02d}.000"
                frame = root / "frames" / "film" / f"{name}.jpg"
                frame.parent.mkdir(parents=True, exist_ok=True)
                (root / "faces" / "film").mkdir(parents=True, exist_ok=True)
                pixels = room(shot * 2 + second)
                Image.fromarray(pixels).save(frame)
                for number in range(2):
                    identity = f"{name}_f{number}"
                    crop = f"faces/film/{identity}.jpg"
                    Image.fromarray(pixels[:64, 64 * number : 64 * number + 64]).save(root / crop)
                    box = (64 * number + 10, 10, 64 * number + 50, 50)
                    group = groups[shot] if groups else shot
                    where = ("film", shot, float(second))
                    said = ("homer_simpson", 0.5, "unknown")
                    path = frame.relative_to(root).as_posix()
                    faces.append(
                        CollectedFace(identity, crop, path, box, 0.7, *where, *said, group)
                    )
        write_project(root, [], "", "")
        write_faces(root, faces)
        np.save(root / "embeddings.npy", np.zeros((len(faces), 4), np.float32))
        return Project.open(root)

    return make


def name(project, **labels):
    """Answers: the label of the faces of a number, `f0` or `f1`."""
    for number, label in labels.items():
        project.answers.name([one.id for one in project.faces if one.id.endswith(number)], label)


def content(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_a_character_of_crops(make_project, tmp_path):
    project = make_project()
    name(project, f0="Maggie", f1=NOBODY)
    before = content(project.root)
    written = exports.write(project, tmp_path / "out")
    assert content(project.root) == before
    assert written.pictures == {"Maggie": 4}
    assert written.left_out == {"strangers": 4}
    found = sorted((tmp_path / "out" / "Maggie").iterdir())
    assert [path.name for path in found] == [
        f"{face.id}.jpg" for face in project.faces if face.id.endswith("f0")
    ]
    assert found[0].samefile(project.root / project.faces[0].crop)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "Maggie",
        "faces.csv",
        "faces.json",
    }
    assert written.parts is None
    assert "too few" in written.note


def test_frames_are_of_those_who_are_alone(make_project, tmp_path):
    project = make_project(shots=3)
    ids = [face.id for face in project.faces]
    project.answers.name([ids[0], ids[4], ids[8]], "Maggie")
    project.answers.name([ids[1]], NOBODY)
    project.answers.name([ids[5]], "Otto")
    written = exports.write(project, tmp_path / "out", frames=True)
    assert written.pictures == {"Maggie": 2}
    assert written.left_out == {"nobody with a name": 3, "several characters": 1}
    listed = boxes.read(tmp_path / "out" / "faces.csv", tmp_path / "out")
    assert not listed.bad
    assert [len(found) for found in listed.pictures.values()] == [2, 2]


@pytest.mark.parametrize("file", ["faces.csv", "faces.json"])
def test_boxes_say_what_was_answered(make_project, tmp_path, file):
    project = make_project(shots=3)
    ids = [face.id for face in project.faces]
    project.answers.name([ids[0]], "Maggie")
    project.answers.name([ids[1], ids[4]], NOBODY)
    project.answers.name([ids[2]], LATER)
    project.answers.name([ids[3]], "Otto")
    project.answers.name([ids[5]], NO_FACE)
    written = exports.write(project, tmp_path / "out")
    found = boxes.read(tmp_path / "out" / file, project.root)
    assert not found.bad
    said = [
        [(box.name, box.ignored) for box in listed] for _, listed in sorted(found.pictures.items())
    ]
    assert said == [
        [("Maggie", False), ("unknown", False)],
        [("unknown", True), ("Otto", False)],
        [("unknown", False)],
    ]
    assert written.boxes == 4
    first = found.pictures[project.faces[0].frame][0]
    assert first.corners == project.faces[0].box


def test_the_split_keeps_groups_together(make_project, tmp_path):
    project = make_project(shots=24, groups=[number // 2 for number in range(24)])
    name(project, f0="Maggie", f1="Otto")
    written = exports.write(project, tmp_path / "out", seed=3)
    assert written.parts is not None
    assert min(written.parts.values()) > 0
    dataset = cache.load(tmp_path / "out")
    chosen = split.read(tmp_path / "out" / "split.csv", dataset)
    group = {face.id: face.group for face in project.faces}
    parts = {}
    for path, part in zip(dataset.paths, chosen.part.tolist(), strict=True):
        parts.setdefault(group[path.split("/")[1].removesuffix(".jpg")], set()).add(part)
    assert len(parts) == 12
    assert all(len(found) == 1 for found in parts.values())
    for part in split.PARTS:
        assert len(np.unique(dataset.labels[chosen.rows(part)])) == 2
    again = exports.write(project, tmp_path / "again", seed=3)
    assert again.parts == written.parts
    first, second = ((tmp_path / name / "split.csv").read_bytes() for name in ("out", "again"))
    assert first == second


def test_names_that_differ_in_capitals_are_one(make_project, tmp_path):
    project = make_project()
    name(project, f0="Maggie", f1="maggie")
    project.answers.name([project.faces[1].id], "Maggie")
    assert exports.write(project, tmp_path / "out").pictures == {"Maggie": 8}


def test_without_a_name_nothing_is_written(make_project, tmp_path):
    project = make_project()
    name(project, f0=NOBODY, f1=LATER)
    with pytest.raises(SimpsonsError, match="no face has a name yet"):
        exports.write(project, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_is_there_is_not_touched(make_project, tmp_path):
    project = make_project()
    name(project, f0="Maggie")
    (tmp_path / "out").mkdir()
    exports.write(project, tmp_path / "out")
    with pytest.raises(SimpsonsError, match="is not empty"):
        exports.write(project, tmp_path / "out")
    with pytest.raises(SimpsonsError, match="is a file"):
        exports.write(project, tmp_path / "out" / "faces.csv")
    with pytest.raises(SimpsonsError, match="lies in the project"):
        exports.write(project, project.root / "out")


def test_a_crop_that_is_missing_is_said_and_nothing_is_left(make_project, tmp_path):
    project = make_project()
    name(project, f0="Maggie")
    missing = project.root / project.faces[2].crop
    missing.unlink()
    with pytest.raises(FileNotFoundError) as raised:
        exports.write(project, tmp_path / "out")
    assert raised.value.filename == str(missing)
    assert [path.name for path in tmp_path.iterdir()] == ["project"]


def test_without_hard_links_pictures_are_copied(make_project, tmp_path, monkeypatch):
    project = make_project()
    name(project, f0="Maggie")

    def link(source, target):
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", link)
    exports.write(project, tmp_path / "out")
    face = project.faces[0]
    copy = tmp_path / "out" / "Maggie" / f"{face.id}.jpg"
    assert copy.read_bytes() == (project.root / face.crop).read_bytes()
    assert not copy.samefile(project.root / face.crop)


def test_json_says_all(make_project, tmp_path):
    project = make_project()
    name(project, f0="Maggie")
    said = exports.write(project, tmp_path / "out").to_json()
    assert json.loads(json.dumps(said))["folder"] == str(tmp_path / "out")
