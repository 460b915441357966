import json
import subprocess
import sys

import numpy as np
import pytest

from simpsons.project import NOBODY, CollectedFace, Project, ProjectError, Source
from simpsons.project.store import is_project, write_faces, write_project

SOURCE = Source("/films/é.mp4", "é", "film", 7, 1.5, 2.0, 1, 1, 2, {"flat": 1}, None, True)


def face(number, **changes):
    name = f"é_s00000_00h00m01.000_f{number}"
    content = {
        "id": name,
        "crop": f"faces/é/{name}.jpg",
        "frame": "frames/é/é_s00000_00h00m01.000.jpg",
        "box": (1, 2, 30, 40),
        "score": 0.75,
        "film": "é",
        "shot": 0,
        "time": 1.0,
        "label": "homer_simpson",
        "probability": 0.5,
        "verdict": "unknown",
        "group": 3,
    }
    return CollectedFace(**content | changes)


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "project"
    write_project(folder, [SOURCE], "ab12", "cnn-int8", "cd34")
    write_faces(folder, [face(0), face(1)])
    np.save(folder / "embeddings.npy", np.eye(3, 4, dtype=np.float32))
    return folder


def test_what_is_written_is_read(folder):
    project = Project.open(folder)
    assert project.faces == (face(0), face(1))
    assert project.sources == (SOURCE,)
    assert (project.detector, project.names, project.embedding) == ("ab12", "cnn-int8", "cd34")
    assert is_project(folder)


def test_embeddings_have_a_row_for_each_face(folder):
    embeddings = Project.open(folder).embeddings
    np.testing.assert_array_equal(embeddings, np.eye(2, 4, dtype=np.float32))
    with pytest.raises(ValueError, match="read-only"):
        embeddings[0, 0] = 5


def test_labels_are_of_faces_that_are_there(folder):
    project = Project.open(folder)
    project.answers.name([face(1).id, "gone"], "Otto")
    project.answers.name([face(0).id], NOBODY)
    assert project.labels() == {face(0).id: NOBODY, face(1).id: "Otto"}


@pytest.mark.parametrize("name", ["project.json", "faces.csv", "embeddings.npy"])
@pytest.mark.parametrize("damage", ["missing", "empty", "cut"])
def test_what_is_missing_or_damaged_is_said(folder, name, damage):
    path = folder / name
    content = path.read_bytes()
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(content[: 0 if damage == "empty" else -10])
    with pytest.raises(ProjectError, match=name):
        _ = Project.open(folder).embeddings


def test_too_few_embeddings_are_said(folder):
    write_faces(folder, [face(number) for number in range(4)])
    with pytest.raises(ProjectError, match=r"embeddings\.npy"):
        _ = Project.open(folder).embeddings


def test_a_pickle_is_not_loaded(folder):
    np.save(folder / "embeddings.npy", np.array([{}, {}], object), allow_pickle=True)
    with pytest.raises(ProjectError, match=r"embeddings\.npy"):
        _ = Project.open(folder).embeddings


def test_a_later_format_is_refused(folder):
    content = json.loads((folder / "project.json").read_text(encoding="utf-8"))
    (folder / "project.json").write_text(json.dumps(content | {"format": 2}), encoding="utf-8")
    with pytest.raises(ProjectError, match="later version"):
        Project.open(folder)


def test_no_project_is_said(tmp_path):
    with pytest.raises(ProjectError, match="no such project"):
        Project.open(tmp_path / "nowhere")
    with pytest.raises(ProjectError, match=r"no project\.json; make one"):
        Project.open(tmp_path)
    assert not is_project(tmp_path)


def test_projects_are_read_without_heavy_packages():
    code = (
        "import sys, simpsons, simpsons.project, simpsons.project.embedding\n"
        "heavy = {'torch', 'sklearn', 'scipy', 'av', 'onnx', 'filelock', 'pyarrow'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert said.stdout.strip() == "[]"


def test_a_folder_that_can_not_be_looked_into_is_no_project(tmp_path):
    assert not is_project(tmp_path / ("long" * 100))  # the system refuses the name
