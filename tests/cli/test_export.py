"""`simpsons export --web`, and the JSON file beside an ONNX file."""

import json
import shutil
import subprocess
import sys

import pytest

from simpsons.demo.drawings import DOLLS
from simpsons.runs import exporting
from simpsons.web import page, runtime


@pytest.fixture
def no_runtime(monkeypatch):
    """Three files that stand for the runtime, and nothing is fetched."""
    stand_in = runtime.Runtime(b"script", b"loader", b"engine")
    asked = []
    monkeypatch.setattr(page.runtime, "read", lambda place: asked.append(place) or stand_in)
    return asked


def test_a_page_of_the_usual_network(cli, no_runtime, tmp_path):
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    result = cli("export", "--web", folder, "--runtime", tmp_path / "npm")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(f"wrote {folder / 'index.html'}, with all beside it ")
    assert no_runtime == [tmp_path / "npm"]
    assert (folder / "notes.txt").read_text() == "mine"
    assert (folder / "ort.wasm.min.js").read_bytes() == b"script"
    first = (folder / "model.js").read_text("utf-8").splitlines()[0]
    said = json.loads(first.removeprefix("const FACTS = ").removesuffix(";"))
    assert said["file"] == "xception.onnx"
    licences = (folder / "LICENCES.txt").read_text("utf-8")
    assert "onnxruntime-web 1.30.0" in licences
    assert "CC BY-NC-SA 4.0" in licences
    assert all(
        (folder / name.split('"')[0]).is_file()
        for attribute in ('src="', 'href="')
        for name in (folder / "index.html").read_text("utf-8").split(attribute)[1:]
    )


@pytest.mark.parametrize("name", ["index.html", "page.css", "model.js"])
def test_a_page_replaces_no_other(cli, no_runtime, tmp_path, name):
    (tmp_path / name).write_text("<!doctype html>mine")
    result = cli("export", "--web", tmp_path)
    assert result.exit_code == 2, result.output
    assert f"{tmp_path / name}: already exists and is not of such a page" in result.stderr
    assert list(tmp_path.iterdir()) == [tmp_path / name]
    assert (tmp_path / name).read_text() == "<!doctype html>mine"
    (tmp_path / name).unlink()
    for model in ("xception", "cnn-int8"):
        result = cli("export", model, "--web", tmp_path)
        assert result.exit_code == 0, result.output
    assert b"cnn-int8" in (tmp_path / "model.js").read_bytes()


def test_a_page_of_a_network_of_ones_own(cli, no_runtime, doll_model, tmp_path):
    assert cli("export", doll_model, "--web", tmp_path / "site").exit_code == 0
    assert '"file": "dolls.onnx"' in (tmp_path / "site" / "model.js").read_text("utf-8")
    assert "learnt from" not in (tmp_path / "site" / "LICENCES.txt").read_text("utf-8")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["xception", "out.onnx", "--web", "site"], "--web writes a page instead of a file"),
        (["--web", "site", "--int8"], "--int8 is of an ONNX file; export one with it"),
        (["nothing.onnx", "--web", "site"], "no such weights; use cnn"),
        (["runs/mine", "out.onnx", "--runtime", "npm"], "--runtime is of --web; omit it"),
        (["runs/mine"], "Missing argument 'OUT'"),
        ([], "Missing argument 'RUN'"),
        (["runs/mine", "out.json"], "choose another suffix, as .onnx"),
        (["--web", "notes.txt"], "notes.txt: is a file, not a folder"),
    ],
)
def test_what_does_not_go_together(cli, no_runtime, tmp_path, monkeypatch, arguments, reason):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    result = cli("export", *arguments)
    assert result.exit_code == 2
    assert reason in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_face_detector_has_no_page(cli, no_runtime, doll_faces, tmp_path):
    result = cli("export", doll_faces, "--web", tmp_path / "site")
    assert result.exit_code == 2
    assert "finds faces and names nobody; give cnn" in result.stderr


def test_labels_stand_beside_a_file(cli, drawings, doll_model, monkeypatch, tmp_path):
    def copied(source, out, *_):
        shutil.copy(source, out)

    monkeypatch.setattr(exporting, "export_again", copied)
    out = tmp_path / "own.onnx"
    out.write_text("no network")
    result = cli("export", doll_model, out, "--data", drawings, "--split", "random")
    assert result.exit_code == 2
    assert f"{out}: already exists and is not an exported network" in result.stderr
    assert out.read_text() == "no network"
    shutil.copy(doll_model, out)
    result = cli("export", doll_model, out, "--data", drawings, "--split", "random")
    assert result.exit_code == 0, result.output
    assert f"wrote {tmp_path / 'own.json'}" in result.stdout
    said = json.loads((tmp_path / "own.json").read_text("utf-8"))
    assert said["file"] == "own.onnx"
    assert said["labels"] == [doll.slug for doll in DOLLS]


def test_a_run_has_its_own_split(cli, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    (run / "config.json").write_text("{}")
    result = cli("export", run, tmp_path / "model.onnx", "--split", "random")
    assert result.exit_code == 2
    assert "is a run, which has its own split; omit --split" in result.stderr
    assert not (tmp_path / "model.onnx").exists()


def test_a_page_needs_no_pytorch():
    """Who only wants a page has not installed what trains."""
    code = (
        "import sys, simpsons.cli.export; print(*{'torch', 'onnx', 'scipy'} & sys.modules.keys())"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == ""
