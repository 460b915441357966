"""A project where pictures are asked for: `predict`, `detect`, `embed`, `similar`."""

import csv
import io
import json
import shutil

import numpy as np
import pytest

import simpsons
from simpsons import SimpsonsError
from simpsons.project import Project

from .conftest import held, room, write_film


@pytest.fixture
def project(collect, tmp_path):
    """Three faces in two frames, and a crop that a kill left behind, which is no face of it."""
    frames = held(room(1, (40, 40)), room(2, (40, 50), (110, 40)))
    made = collect(write_film(tmp_path / "episode.mp4", frames)).project
    assert len(made.faces) == 3
    first = made.root / made.faces[0].crop
    shutil.copy(first, first.with_name("episode_s00009_00h00m09.000_f0.jpg"))
    return made


def crops(project):
    return [str(project.root / face.crop) for face in project.faces]


def test_predict_answers_for_its_faces_in_the_order_of_its_rows(project):
    answers = list(simpsons.predict(project.root, model="cnn"))
    assert [answer.path for answer in answers] == crops(project)


def test_detect_looks_at_its_frames_once_each(project):
    found = list(simpsons.detect(project.root))
    frames = dict.fromkeys(face.frame for face in project.faces)
    assert [one.path for one in found] == [str(project.root / frame) for frame in frames]
    assert len(frames) == 2


def test_embed_gives_a_row_for_each_of_its_rows(project):
    found = simpsons.embed(project.root)
    assert list(found.paths) == crops(project)
    cosines = (found.vectors * project.embeddings).sum(axis=1)
    assert (cosines > 0.9).all()
    assert simpsons.embed(project.root.parent / "proj*").paths == found.paths


def test_the_commands_say_the_same(project, cli, tmp_path):
    rows = csv.DictReader(io.StringIO((project.root / "faces.csv").read_text(encoding="utf-8")))
    known = {row["crop"] for row in rows}
    result = cli("predict", project.root, "--model", "cnn", "--json")
    assert result.exit_code == 0, result.output
    paths = [json.loads(line)["path"] for line in result.stdout.splitlines()]
    assert paths == crops(project)
    assert {path.removeprefix(f"{project.root}/") for path in paths} == known
    result = cli("detect", project.root, "--json")
    assert result.exit_code == 0, result.output
    assert len(result.stdout.splitlines()) == 2
    result = cli("embed", project.root, "--out", tmp_path / "v.npy")
    assert result.exit_code == 0, result.output
    assert np.load(tmp_path / "v.npy").shape == (3, 512)


def test_a_folder_with_another_programs_project_file_is_a_folder(project, tmp_path):
    folder = tmp_path / "another"
    folder.mkdir()
    (folder / "project.json").write_text('{"name": "shop"}', encoding="utf-8")
    shutil.copy(project.root / project.faces[0].crop, folder / "picture.jpg")
    [answer] = simpsons.predict(folder, model="cnn")
    assert answer.path == str(folder / "picture.jpg")


def test_embed_does_not_write_over_the_projects_own_vectors(project, cli):
    own = project.root / "embeddings.npy"
    before = own.read_bytes()
    result = cli("embed", project.root, "--out", own)
    assert result.exit_code == 2
    assert f"{own}: belongs to the project; give another name" in result.stderr
    with pytest.raises(SimpsonsError, match="belongs to the project"):
        simpsons.embed(project.root, out=own)
    assert own.read_bytes() == before


def test_a_project_among_other_pictures(project, tmp_path, cli):
    shutil.copy(project.root / project.faces[0].crop, tmp_path / "picture.jpg")
    answers = simpsons.predict(tmp_path, model="cnn")
    assert [answer.path for answer in answers] == [str(tmp_path / "picture.jpg"), *crops(project)]
    (project.root / "faces.csv").write_text("nothing", encoding="utf-8")
    result = cli("predict", tmp_path, "--model", "cnn")
    assert result.exit_code == 1
    assert f"Error: {project.root / 'faces.csv'}: is missing, damaged" in result.stderr
    assert len(result.stdout.splitlines()) == 1


def test_one_of_its_faces_that_is_gone_is_said(project, cli):
    (project.root / project.faces[1].crop).unlink()
    result = cli("predict", project.root, "--model", "cnn")
    assert result.exit_code == 1
    assert f"Error: {project.root / project.faces[1].crop}: " in result.stderr
    assert len(result.stdout.splitlines()) == 2


@pytest.mark.parametrize("command", ["predict", "detect", "embed"])
def test_a_project_that_can_not_be_read_is_said(project, cli, tmp_path, command):
    out = ("--out", tmp_path / "v.npy") if command == "embed" else ()
    content = json.loads((project.root / "project.json").read_text(encoding="utf-8"))
    later = json.dumps(content | {"format": 99, "made_by": "9.0"})
    (project.root / "project.json").write_text(later, encoding="utf-8")
    result = cli(command, project.root, *out)
    assert result.exit_code == 2
    assert f"{project.root}: is of a later version of this package (9.0)" in result.stderr
    with pytest.raises(SimpsonsError, match="later version"):
        list(getattr(simpsons, command)(project.root))


def test_a_project_without_faces_is_said(collect, cli, tmp_path):
    made = collect(write_film(tmp_path / "empty.mp4", held(room(1)))).project
    assert Project.open(made.root).faces == ()
    for command in ("predict", "detect"):
        result = cli(command, made.root)
        assert result.exit_code == 2
        assert f"{made.root}: is a project without faces; collect another film" in result.stderr
    with pytest.raises(SimpsonsError, match="a project without faces"):
        simpsons.similar(np.zeros((64, 64, 3), np.uint8), made.root)
