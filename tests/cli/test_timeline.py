"""`simpsons timeline`."""

import inspect
import json
import re
import sys

import av
import pytest

from simpsons import Classifier, timeline
from simpsons.cli.timeline import timeline as command

FILES = {"timeline.csv", "timeline.json", "timeline.srt", "timeline.vtt", "timeline.png"}


@pytest.fixture
def run(cli, doll_model):
    return lambda *arguments: cli("timeline", *arguments, "--model", doll_model)


@pytest.fixture
def copy(film, tmp_path):
    """The film in a folder of its own."""
    path = tmp_path / "episode.mp4"
    path.write_bytes(film.path.read_bytes())
    return path


def test_writes_beside_the_film_and_prints_who_is_seen_when(run, copy):
    result = run(copy)
    assert result.exit_code == 0, result.output
    folder = copy.with_name("episode-timeline")
    assert {path.name for path in folder.iterdir()} == FILES
    lines = result.stdout.splitlines()
    assert re.fullmatch(r" +0\.00 +2\.\d\d  ada thimble \d+\.\d%", lines[0])
    assert f"wrote {folder / 'timeline.csv'}" in lines


def test_json_is_what_the_api_says(run, copy, doll_model, tmp_path):
    named = tmp_path / "named.mp4"
    result = run(copy, "--json", "--out", tmp_path / "results", "--annotate", named)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout) == timeline.read(copy, Classifier(doll_model)).to_json()
    assert json.loads((tmp_path / "results" / "timeline.json").read_text("utf-8")) == json.loads(
        result.stdout
    )
    with av.open(named) as container:
        assert container.streams.video[0].frames > 250


def test_a_folder_is_no_film(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run(".")
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: .: ")
    assert list(tmp_path.iterdir()) == []


def test_the_defaults_are_the_apis():
    api = inspect.signature(timeline.read).parameters
    options = {option.name: option.default for option in command.params}
    assert (options["rate"], options["minimum"]) == (api["rate"].default, api["minimum"].default)


def test_a_truncated_film_gives_what_could_be_read(run, copy):
    data = copy.read_bytes()
    copy.write_bytes(data[: int(0.6 * len(data))])
    result = run(copy, "--json")
    assert result.exit_code == 1
    printed = json.loads(result.stdout)
    assert result.stderr == f"Error: {printed['problem']}\n"
    assert f"is truncated; read up to second {printed['duration']:.1f} of 11.3" in result.stderr
    assert printed["intervals"]
    written = copy.with_name("episode-timeline") / "timeline.json"
    assert json.loads(written.read_text("utf-8")) == printed


@pytest.mark.parametrize("content", [b"", b"only words, not a film\n" * 40])
def test_no_film(run, tmp_path, content):
    path = tmp_path / "words.mp4"
    path.write_bytes(content)
    result = run(path)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"Error: {path}: is no film that can be read")
    assert result.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--rate", "0"), "the rate is 0"),
        (("--minimum", "1.5"), "the minimum is 1.5"),
        (("--annotate", "copy.avi"), "is an MP4"),
        (("--out", __file__), "is a file"),
    ],
)
def test_options_that_are_refused_before_anything_is_written(run, copy, options, reason):
    result = run(copy, *options)
    assert result.exit_code == 2
    assert reason in result.stderr
    assert list(copy.parent.iterdir()) == [copy]


def test_says_which_extra_is_missing(run, copy, monkeypatch):
    for module in [name for name in sys.modules if name.startswith("simpsons.timeline")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "av", None)
    result = run(copy)
    assert result.exit_code == 2
    assert result.stderr == "Error: this command needs av: pip install 'simpsons[video]'\n"
