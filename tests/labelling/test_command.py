import json
import subprocess
import sys

import pytest

from simpsons.project import LATER, NO_FACE, NOBODY


@pytest.fixture
def project(make_project):
    project = make_project(12, 8, 4, known=(0,))
    ids = [face.id for face in project.faces]
    project.answers.name(ids[:10], "Homer Simpson")
    project.answers.name(ids[12:15], "Maggie")
    project.answers.name(ids[15:16], NOBODY)
    project.answers.name(ids[16:18], NO_FACE)
    project.answers.name(ids[18:19], LATER)
    return project


def test_the_status(cli, project):
    result = cli("label", project.root, "--status")
    assert result.exit_code == 0
    assert result.output.split("\n")[:-1] == [
        "      10  Homer Simpson",
        "       3  Maggie",
        "       1  nobody",
        "       2  no face",
        "       1  later",
        "       7  left",
        "      24  faces in all",
    ]


def test_the_status_for_programs(cli, project):
    assert json.loads(cli("label", project.root, "--status", "--json").output) == {
        "faces": 24,
        "characters": {"homer_simpson": 10, "Maggie": 3},
        "nobody": 1,
        "no_face": 2,
        "later": 1,
        "left": 7,
        "answers": 5,
    }


def test_the_data_set(cli, make_project, tmp_path):
    project = make_project(12, 8, crops=True)
    project.answers.name([face.id for face in project.faces[:12]], "Otto")
    project.answers.name([face.id for face in project.faces[12:]], "Maggie")
    result = cli("label", project.root, "--write", tmp_path / "set", "--json")
    assert result.exit_code == 0
    assert json.loads(result.output)["pictures"] == {"Maggie": 8, "Otto": 12}
    assert len(list((tmp_path / "set/Otto").iterdir())) == 12
    said = cli("label", project.root, "--write", tmp_path / "again").output
    assert "20 pictures of 2 characters" in said
    assert "       8  Maggie" in said


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--status", "--write", "x"), "give one of them"),
        (("--json",), "--json goes with --status or --write"),
        (("--frames",), "--frames goes with --write"),
        (("--model", "missing.onnx", "--status"), "missing.onnx"),
        (("--host", "256.0.0.1"), "choose another address"),
    ],
)
def test_what_can_t_be_asked(cli, project, options, said):
    result = cli("label", project.root, *options)
    assert result.exit_code == 2
    assert said in result.output


def test_what_is_no_project(cli, tmp_path):
    for folder in (tmp_path, tmp_path / "missing"):
        result = cli("label", folder, "--status")
        assert result.exit_code == 2
        assert "make one with `simpsons collect`" in result.output


def test_it_imports_no_torch(project):
    code = (
        "import sys; from simpsons.cli import main\n"
        f"main(['label', {str(project.root)!r}, '--status'], standalone_mode=False)\n"
        "print(sorted({'torch', 'matplotlib', 'av', 'fastapi'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
