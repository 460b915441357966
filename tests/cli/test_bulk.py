import json
import os
import signal
import subprocess
import sys
import time

import pyarrow.parquet
import pytest

from simpsons.bulk import engine
from simpsons.cli import bulk as command


@pytest.fixture
def pictures(tmp_path, drawings):
    """Ten pictures of paper dolls, and one file that is none."""
    folder = tmp_path / "pics"
    folder.mkdir()
    for number, path in enumerate(sorted(drawings.rglob("*.jpg"))[:10]):
        (folder / f"{number}.jpg").write_bytes(path.read_bytes())
    (folder / "notes.txt").touch()
    return folder


@pytest.fixture
def run(cli, tmp_path):
    def run(*arguments, out="out", model="cnn-int8", part_size=4):
        options = ["--model", model, "--part-size", part_size] if model else []
        return cli("bulk", *arguments, "--out", tmp_path / out, *options)

    return run


def rows(folder) -> list[dict]:
    return [
        row
        for path in sorted(folder.glob("part-*.parquet"))
        for row in pyarrow.parquet.read_table(path).to_pylist()
    ]


def test_a_folder(run, pictures, tmp_path):
    result = run(pictures)

    assert result.exit_code == 0
    assert result.stdout.startswith("3 of 3 parts, 10 of 10 pictures\n")
    assert "Note: left out 1: not a picture file" in result.stderr
    paths = [row["path"] for row in rows(tmp_path / "out")]
    assert paths == [f"{pictures}/{number}.jpg" for number in range(10)]


def test_goes_on_with_the_frozen_list(run, pictures, tmp_path, cli):
    assert run(pictures, "--plan").stdout.startswith("10 pictures in 3 parts, frozen in ")
    assert not rows(tmp_path / "out")
    (pictures / "99.jpg").touch()

    changed = run(pictures)
    resumed = cli("bulk", "--out", tmp_path / "out")

    assert changed.exit_code == 2
    assert "number 11 was not there, and is" in changed.stderr
    assert resumed.exit_code == 0
    assert len(rows(tmp_path / "out")) == 10
    assert run(out="out").stdout == resumed.stdout


def test_another_model_is_refused(run, pictures, cli, tmp_path):
    run(pictures)

    result = run(pictures, model="cnn")

    assert result.exit_code == 2
    assert "its parts are made with model sha256" in result.stderr
    assert "write to another target by --out" in result.stderr
    assert run(pictures, part_size=5).exit_code == 2


def test_bad_pictures_are_rows_and_are_tried_again(run, pictures, tmp_path):
    (pictures / "4.jpg").unlink()
    (pictures / "5.jpg").write_text("no picture")
    listed = tmp_path / "list.csv"
    listed.write_text("path\n" + "".join(f"pics/{number}.jpg\n" for number in range(10)))

    result = run(listed, "--base", tmp_path)

    assert result.exit_code == 1
    assert "not answered: 1 damaged, 1 missing" in result.stdout
    assert "--retry-errors" in result.stderr
    (pictures / "4.jpg").write_bytes((pictures / "3.jpg").read_bytes())
    result = run("--retry-errors")
    assert "not answered: 1 damaged\n" in result.stdout
    assert [row["error_kind"] for row in rows(tmp_path / "out")] == [None] * 5 + ["damaged"] + [
        None
    ] * 4


def test_processes_without_a_scheduler(run, pictures, tmp_path):
    early = run(pictures, "--part", 0, "--of", 2)
    run(pictures, "--plan")
    first = run(pictures, "--part", 0, "--of", 2)
    made = sorted(path.name for path in (tmp_path / "out").glob("part-*.parquet"))
    second = run("--part", 1, "--of", 2)

    assert early.exit_code == 2
    assert "--plan" in early.stderr
    assert made == ["part-00000.parquet", "part-00002.parquet"]
    assert first.stdout.startswith("2 of 3 parts")
    assert second.stdout.startswith("3 of 3 parts")
    assert len(rows(tmp_path / "out")) == 10


def test_faces(run, pictures, tmp_path, doll_faces):
    result = run(pictures, "--task", "detect", "--faces", doll_faces)

    assert result.exit_code == 0
    assert [(row["row"], row["faces"], row["face"]) for row in rows(tmp_path / "out")] == [
        (number, 1, 0) for number in range(10)
    ]


def test_status(run, pictures, cli, tmp_path):
    target = tmp_path / "out"
    nothing = cli("bulk", "status", target)
    run(pictures, "--plan")
    run(pictures, "--part", 1, "--of", 2)
    result = cli("bulk", "status", target, "--json", "--page", tmp_path / "page.html")

    assert nothing.exit_code == 2
    assert "no run has begun there" in nothing.stderr
    said = json.loads(result.stdout)
    assert said["parts"] == {"finished": 1, "all": 3}
    assert sum(said["verdicts"].values()) == 4
    assert "<table>" in (tmp_path / "page.html").read_text()
    assert cli("bulk", "status", target).stdout.startswith("1 of 3 parts, 4 of 10 pictures")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--part", 1], "--part and --of go together"),
        (["--part", 4, "--of", 4], "parts are counted from 0; give 0 to 3"),
        (["--workers", 1, "--scheduler", "tcp://a:1"], "can't be combined"),
        ([], "name what it is to read"),
        (["nowhere/"], "can't be listed"),
    ],
)
def test_mistakes(run, arguments, said):
    result = run(*arguments)

    assert result.exit_code == 2
    assert said in result.stderr


def test_ctrl_c_says_how_to_go_on(run, pictures, tmp_path, monkeypatch):
    real = engine.run_part

    def interrupted(manifest, part, *given, **options):
        if part == 1:
            raise KeyboardInterrupt
        return real(manifest, part, *given, **options)

    monkeypatch.setattr(engine, "run_part", interrupted)
    result = run(pictures)

    assert result.exit_code == 130
    assert "Stopped: 1 of 3 parts are finished, what was under way is dropped" in result.stderr
    assert f"go on with `simpsons bulk --out {tmp_path}/out`" in result.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="sends a signal")
def test_a_real_ctrl_c_while_a_read_hangs(tmp_path, pictures):
    """The read never ends, and the process does."""
    target = tmp_path / "out"
    hang = (
        "import signal, time; from simpsons.bulk import locations; real = locations.read\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in the background\n"
        "def read(entry, **given):\n"
        "    time.sleep(600 if '9.jpg' in entry.path else 0)\n"
        "    return real(entry, **given)\n"
        "locations.read = read\n"
        "from simpsons.cli import main; main()\n"
    )
    words = ["bulk", str(pictures), "--out", str(target), "--model", "cnn-int8"]
    started = [sys.executable, "-c", hang, *words, "--part-size", "4"]
    with subprocess.Popen(started, stderr=subprocess.PIPE, text=True) as process:
        end = time.monotonic() + 60
        while not (target / "part-00001.json").exists() and time.monotonic() < end:
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=60)

    assert process.returncode == 130
    assert "Stopped: 2 of 3 parts are finished" in said
    assert not [path for path in target.iterdir() if path.name.startswith(".")]


def test_without_the_extra(cli, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("simpsons.bulk")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, command.__name__)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    result = cli("bulk", "x", "--out", "y")

    assert result.exit_code == 2
    assert "pip install '.[bulk]'" in result.stderr
