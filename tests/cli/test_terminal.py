"""Names that others have chosen do nothing to a terminal; programs get them as they are."""

import csv
import io
import json
import shutil
import sys

import pytest

from simpsons.cli.terminal import counted, say, shown

EVIL = "a\x1b[31m\x9b2J\r\n\u202egnp.b"
SHOWN = r"a\x1b[31m\x9b2J\r\n\u202egnp.b"

posix = pytest.mark.skipif(sys.platform == "win32", reason="has no such names")


def test_control_characters_are_escapes():
    assert shown(EVIL) == SHOWN
    assert shown("Ünïcode ✓ 写 \U0001f468‍\U0001f469") == "Ünïcode ✓ 写 \U0001f468‍\U0001f469"
    assert shown("\udce9\x7f\u2028") == r"\udce9\x7f\u2028"


def test_empty_lines_around_a_line_are_kept(capsys):
    say(f"\n{EVIL}\n")
    assert capsys.readouterr().out == f"\n{SHOWN}\n\n"


@pytest.fixture
def evil(tmp_path, drawings):
    """A picture, a file that is none, and a class, each of such a name."""
    folder = tmp_path / "pictures"
    (folder / "cl\x1b[1mass").mkdir(parents=True)
    (folder / "other").mkdir()
    first, second = sorted(drawings.glob("*/*.jpg"))[:2]
    shutil.copy(first, folder / "cl\x1b[1mass" / f"{EVIL}.jpg")
    shutil.copy(second, folder / "other" / "plain.jpg")
    (folder / "other" / f"bad{EVIL}.jpg").write_bytes(b"no picture")
    return folder


@posix
def test_lines_and_errors_show_them_escaped(evil, cli, onnx_model):
    result = cli("predict", evil, "--model", onnx_model)
    assert result.exit_code == 1
    assert f"{SHOWN}.jpg  " in result.stdout
    assert rf"bad{SHOWN}.jpg: " in result.stderr
    assert not any(mark in result.output for mark in ("\x1b", "\x9b", "\u202e", "\r"))
    assert len(result.stdout.splitlines()) == 2


@posix
def test_tables_and_messages_show_them_escaped(evil, cli):
    result = cli("data", "stats", evil)
    assert r"cl\x1b[1mass" in result.stdout
    assert f"other/bad{SHOWN}.jpg: " in result.stdout
    missing = cli("data", "stats", evil / EVIL)
    assert missing.exit_code == 2
    assert SHOWN in missing.stderr
    wrong = cli("data", "stats", evil, f"--{EVIL}")
    assert wrong.exit_code == 2
    assert "\x1b" not in result.output + missing.output + wrong.output


@posix
def test_csv_and_json_have_them_as_they_are(evil, cli, onnx_model):
    paths = {str(evil / "cl\x1b[1mass" / f"{EVIL}.jpg"), str(evil / "other" / "plain.jpg")}
    bad = str(evil / "other" / f"bad{EVIL}.jpg")
    table = cli("predict", evil, "--model", onnx_model, "--csv").stdout_bytes.decode()
    rows = list(csv.DictReader(io.StringIO(table, newline="")))
    assert {row["path"] for row in rows} == {*paths, bad}
    lines = cli("predict", evil, "--model", onnx_model, "--json").stdout.splitlines()
    assert {json.loads(line)["path"] for line in lines} == {*paths, bad}


@posix
def test_a_terminal_is_shown_a_table_with_escapes(monkeypatch, capsys):
    from simpsons.cli import pictures

    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    pictures.print_csv([EVIL, 0.5])
    assert capsys.readouterr().out == f"{SHOWN},0.5\n"


def test_a_wrong_option_is_said_as_ever(cli):
    for words in (["data"], ["predict", "--nothing"], ["train", "--epochs", "x"], ["nothing"]):
        result = cli(*words)
        assert result.exit_code == 2, words
        assert "Usage: " in result.output, words


@pytest.mark.parametrize(
    "words",
    [
        ["data", "stats", ""],
        ["train", "", "--out", "runs"],
        ["predict", "a.jpg", "--explain", ""],
        ["collect", "a.mp4", "--out", ""],
    ],
    ids=lambda words: words[0],
)
def test_an_empty_path_is_not_the_current_folder(cli, tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    result = cli(*words)
    assert result.exit_code == 2
    assert "an empty path; give one, or . for the current folder" in result.output
    assert list(tmp_path.iterdir()) == []


def test_counts_are_words_of_their_number():
    said = [counted(1, "face"), counted(2345, "face"), counted(0, "box"), counted(1, "box")]
    assert said == ["1 face", "2,345 faces", "0 boxes", "1 box"]
