"""`simpsons collect`, `embed`, `similar` and `data crop`."""

import json

import numpy as np
import pytest
from PIL import Image

from simpsons.project import Project


@pytest.fixture
def run(cli, doll_model, doll_faces, monkeypatch):
    networks = "--model", doll_model, "--faces", doll_faces
    return lambda *arguments: cli("collect", *arguments, *networks)


@pytest.fixture
def short_film(film, tmp_path):
    """The first seconds of `film`."""
    path = tmp_path / "episode.mp4"
    film.write(path, movflags="+faststart")
    return path


def test_says_what_was_collected(run, short_film, tmp_path):
    result = run(short_film, "--out", tmp_path / "project", "--per-shot", 1)
    assert result.exit_code == 0, result.output
    first, total, hint = result.stdout.splitlines()
    assert first.startswith("episode: ")
    assert " faces in " in first
    assert total.endswith("faces in all")
    assert hint == f"Name them: simpsons label {tmp_path / 'project'}"
    project = Project.open(tmp_path / "project")
    assert f"{len(project.faces)} faces in all" in total
    assert {face.label for face in project.faces} >= {"ada_thimble"}


def test_json_has_each_source_and_problem(run, short_film, tmp_path):
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(short_film.read_bytes()[: short_film.stat().st_size * 2 // 3])
    out = tmp_path / "project"
    result = run(cut, tmp_path / "nix.mp4", "--out", out, "--per-shot", 1, "--json")
    assert result.exit_code == 1
    said = json.loads(result.stdout)
    assert [source["name"] for source in said["sources"]] == ["cut"]
    assert said["faces"] == said["sources"][0]["faces"] > 0
    truncated, missing = said["problems"]
    assert "is truncated" in truncated
    assert "no such file" in missing
    assert "Error: " in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nix.mp4",), "no such file"),
        (("https://example.org/a.mp4",), "https://example.org/a.mp4"),
        ((".",), "has no pictures and no films"),
        (("../a.png",), "give the folder that it is in"),
    ],
)
def test_nothing_that_can_be_read(run, tmp_path, monkeypatch, arguments, said):
    (tmp_path / "empty").mkdir()
    Image.new("RGB", (9, 9)).save(tmp_path / "a.png")
    monkeypatch.chdir(tmp_path / "empty")
    result = run(*arguments, "--out", tmp_path / "project")
    assert result.exit_code == 2
    assert said in result.stderr


def test_a_folder_of_something_else_is_refused(run, short_film, tmp_path):
    result = run(short_film, "--out", tmp_path)
    assert result.exit_code == 2
    assert "is not a project and not empty" in result.stderr


def test_embed_and_similar(cli, drawings, tmp_path):
    some = sorted(path for path in drawings.iterdir() if path.is_dir())[:2]
    out = tmp_path / "v.npy"
    (tmp_path / "broken.png").write_bytes(b"nothing")
    result = cli("embed", *some, tmp_path / "broken.png", "--out", out, "--json")
    assert result.exit_code == 1
    said = json.loads(result.stdout)
    assert (said["rows"], said["numbers"]) == (8, 512)
    assert [problem["path"] for problem in said["problems"]] == [str(tmp_path / "broken.png")]
    assert np.load(out).shape == (8, 512)
    picture = sorted(some[0].iterdir())[0]
    result = cli("similar", picture, out, "--top", 3, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert len(found) == 3
    assert str(picture) not in [one["path"] for one in found]
    lines = cli("similar", picture, some[0]).stdout.splitlines()
    assert len(lines) == 3


def test_embed_refuses_what_it_can_not_do(cli, drawings, tmp_path):
    result = cli("embed", drawings, "--out", tmp_path / "v.csv")
    assert result.exit_code == 2
    assert "no .npy or .parquet file" in result.stderr
    result = cli("embed", drawings, "--out", tmp_path / "v.npy", "--model", "cnn")
    assert result.exit_code == 2
    assert "blocks of xception" in result.stderr
    assert cli("embed", tmp_path / "nix.png", "--out", tmp_path / "v.npy").exit_code == 2
    assert list(tmp_path.iterdir()) == []


def test_data_crop(cli, tmp_path):
    folder = tmp_path / "frames"
    folder.mkdir()
    noise = np.random.default_rng(0).integers(0, 255, (60, 80, 3), np.uint8)
    Image.fromarray(noise).save(folder / "a.png")
    boxes = tmp_path / "faces.csv"
    rows = ["path,x1,y1,x2,y2,name", "a.png,10,10,30,30,Maggie", "a.png,40,10,60,30,unknown"]
    boxes.write_text("\n".join(rows), encoding="utf-8")
    arguments = "data", "crop", folder, "--boxes", boxes, "--out", tmp_path / "faces"
    result = cli(*arguments)
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[:2] == ["      1  Maggie", "      1  unknown"]
    assert "faces of strangers" in result.stderr
    assert cli(*arguments).exit_code == 2
    boxes.write_text("\n".join([*rows, "a.png,9,9,2,2,Otto"]), encoding="utf-8")
    result = cli(*arguments[:-1], tmp_path / "again", "--margin", 0, "--json")
    assert result.exit_code == 1
    said = json.loads(result.stdout)
    assert said["crops"] == {"Maggie": 1, "unknown": 1}
    assert "is no box" in said["problems"][0]["reason"]
    [crop] = (tmp_path / "again" / "Maggie").iterdir()
    assert Image.open(crop).size == (20, 20)
