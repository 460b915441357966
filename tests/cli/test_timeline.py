"""`simpsons timeline`."""

import inspect
import json
import re
import subprocess
import sys
from dataclasses import replace

import av
import pytest

from simpsons import Detector, films
from simpsons.cli.timeline import timeline as command
from simpsons.errors import SimpsonsError
from simpsons.project.store import Source, write_faces, write_project

FILES = {"timeline.csv", "timeline.json", "timeline.srt", "timeline.vtt", "timeline.png"}


@pytest.fixture
def run(cli, doll_model, doll_faces):
    networks = "--model", doll_model, "--faces", doll_faces
    return lambda *arguments: cli("timeline", *arguments, *networks)


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
    assert re.fullmatch(r" +0\.00 +2\.\d\d  Ada Thimble \d+\.\d%", lines[0])
    assert f"wrote {folder / 'timeline.csv'}" in lines


def test_json_is_what_the_api_says(run, copy, doll_model, doll_faces, tmp_path):
    named = tmp_path / "named.mp4"
    result = run(copy, "--json", "--out", tmp_path / "results", "--annotate", named)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout) == films.read(copy, Detector(doll_faces, doll_model)).to_json()
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
    api = inspect.signature(films.read).parameters
    options = {option.name: option.default for option in command.params}
    for name in ("rate", "minimum", "shortest"):
        assert options[name] == api[name].default
    networks = inspect.signature(Detector).parameters
    assert (options["model"], options["faces"]) == (
        networks["names"].default,
        networks["model"].default,
    )


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
    assert result.stderr.startswith(f"Error: {path}: is not a film that can be read")
    assert result.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--rate", "0"), "the rate is 0"),
        (("--minimum", "1.5"), "the minimum is 1.5"),
        (("--shortest", "-1"), "the shortest length is -1"),
        (("--annotate", "copy.avi"), "is an MP4"),
        (("--out", __file__), "is a file"),
    ],
)
def test_options_that_are_refused_before_anything_is_written(run, copy, options, reason):
    result = run(copy, *options)
    assert result.exit_code == 2
    assert reason in result.stderr
    assert list(copy.parent.iterdir()) == [copy]


def test_says_which_extra_is_missing(copy):
    script = (
        "import sys; sys.modules['av'] = None; from simpsons.cli import main; "
        f"main(['timeline', {str(copy)!r}])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("Error: this command needs av: run pip install '.[video]' in ")


@pytest.fixture
def season(film, tmp_path):
    """Four films of 5 s and two characters, two of one stem, two of one name."""
    short = replace(film, frames=film.frames[:120]).write(tmp_path / "short.mp4")
    paths = [tmp_path / name for name in ("a.mp4", "a.m4v", "one/b.mp4", "two/b.mp4")]
    for path in paths:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(short.read_bytes())
    short.unlink()
    return paths


def test_several_films_have_folders_of_their_own_and_totals(run, season, film, tmp_path):
    out = tmp_path / "results"
    result = run(*season, season[0], "--out", out, "--rate", 2)
    assert result.exit_code == 0, result.output
    folders = ["a.m4v-timeline", "a.mp4-timeline", "b.mp4-3-timeline", "b.mp4-4-timeline"]
    assert sorted(path.name for path in out.iterdir()) == [*folders, "totals.csv", "totals.json"]
    films = [json.loads((out / name / "timeline.json").read_text("utf-8")) for name in folders]
    assert {each["film"] for each in films} == {str(path) for path in season}

    written = json.loads((out / "totals.json").read_text("utf-8"))
    assert [each["film"] for each in written["films"]] == [str(path) for path in season]
    ada = next(row for row in written["characters"] if row["name"] == "Ada Thimble")
    seen = [each for each in films[0]["intervals"] if each["name"] == "Ada Thimble"]
    once = sum(each["end"] - each["start"] for each in seen)
    assert ada["films"] == 4
    assert ada["seconds"] == pytest.approx(4 * once, abs=0.01)
    assert ada["share"] == pytest.approx(once / films[0]["duration"], abs=1e-3)
    assert (out / "totals.csv").read_text("utf-8").count("\n") == 1 + len(written["characters"])
    lines = result.stdout.splitlines()
    assert lines[0] == f"{season[0]}: 2 characters, wrote {out / 'a.mp4-timeline'}"
    assert re.fullmatch(r" +\d+\.\d s +\d+\.\d% +4  .+", lines[4])
    assert len(lines) == 6


def test_of_several_films_one_that_fails_is_reported_and_the_rest_go_on(
    run, season, film, tmp_path
):
    season[0].write_text("words")
    season[1].write_bytes(film.path.read_bytes()[:60000])
    result = run(season[0], tmp_path / "none.mp4", *season[1:3], "--json", "--rate", 2)
    assert result.exit_code == 1
    errors = result.stderr.splitlines()
    assert errors[0].startswith(f"Error: {season[0]}: is not a film that can be read")
    assert errors[1].startswith(f"Error: {tmp_path / 'none.mp4'}: no such file")
    assert "is truncated" in errors[2]
    printed = json.loads(result.stdout)
    assert ["error" in each for each in printed["films"]] == [True, True, False, False]
    assert printed["films"][2]["problem"] == errors[2].removeprefix("Error: ")
    assert printed["duration"] == pytest.approx(
        sum(each["duration"] for each in printed["films"][2:]), abs=0.01
    )
    assert (tmp_path / "a.m4v-timeline" / "timeline.csv").is_file()
    assert not (tmp_path / "a.mp4-timeline").exists()


def test_several_films_of_which_none_can_be_read(run, tmp_path):
    result = run(tmp_path / "a.mp4", tmp_path / "b.mp4", "--out", tmp_path / "out", "--json")
    assert result.exit_code == 2
    assert result.stderr.count("no such file") == 2
    assert ["error" in each for each in json.loads(result.stdout)["films"]] == [True, True]
    assert list(tmp_path.iterdir()) == []


def test_copies_of_several_films_go_into_a_folder(run, season, tmp_path):
    result = run(*season[:2], "--annotate", tmp_path / "named", "--rate", 2)
    assert result.exit_code == 0, result.output
    names = [path.name for path in sorted((tmp_path / "named").iterdir())]
    assert names == ["a.m4v.mp4", "a.mp4.mp4"]


@pytest.mark.parametrize(
    ("target", "reason"),
    [("named.mp4", "several films need a folder"), ("", "a.mp4: is the film itself")],
)
def test_copies_that_are_refused(run, season, tmp_path, target, reason):
    before = sorted(tmp_path.rglob("*"))
    result = run(season[0], season[2], "--annotate", tmp_path / target)
    assert result.exit_code == 2
    assert reason in result.stderr
    assert sorted(tmp_path.rglob("*")) == before


def test_a_url_among_films_is_reported_and_the_rest_go_on(run, copy):
    url = "https://example.org/a//episode.mp4?part=2"
    result = run(url, copy, "--json")
    assert result.exit_code == 1
    said = (
        f"{url}: is a URL, and nothing is fetched; download it, `curl -Lo film.mp4 '{url}'`, and "
        "give the file"
    )
    assert result.stderr == f"Error: {said}\n"
    refused, read = json.loads(result.stdout)["films"]
    assert refused == {"film": url, "error": said}
    assert read["film"] == str(copy)


@pytest.mark.parametrize("count", [1, 2])
def test_a_copy_that_fails_leaves_the_time_line(run, season, tmp_path, monkeypatch, count):
    def full(*_):
        raise SimpsonsError("named.mp4: can't be written (No space left on device)")

    monkeypatch.setattr("simpsons.api.timeline.write_copy", full)
    target = tmp_path / ("named.mp4" if count == 1 else "named")
    out = tmp_path / "results"
    result = run(*season[:count], "--annotate", target, "--out", out, "--rate", 1, "--json")
    assert result.exit_code == 1
    error = "Error: named.mp4: can't be written (No space left on device)\n"
    assert result.stderr == error * count
    printed = json.loads(result.stdout)
    assert printed["intervals"] if count == 1 else len(printed["films"]) == 2
    written = "timeline.json" if count == 1 else "totals.json"
    assert json.loads((out / written).read_text("utf-8")) == printed
    assert not target.exists()


def test_what_a_copy_lacks_is_noted(run, copy, tmp_path, monkeypatch):
    monkeypatch.setattr("simpsons.api.timeline.write_copy", lambda *_: ("sound 1 is left out",))
    result = run(copy, "--annotate", tmp_path / "named.mp4", "--rate", 1)
    assert result.exit_code == 0
    assert result.stderr == "Note: sound 1 is left out\n"


def test_pictures_of_each_interval_by_character(run, copy, tmp_path):
    twin = tmp_path / "other" / copy.name
    twin.parent.mkdir()
    twin.write_bytes(copy.read_bytes())
    out, pictures = tmp_path / "results", tmp_path / "pictures"
    result = run(copy, "--out", out, "--frames", pictures)
    assert result.exit_code == 0, result.output
    written = sorted(path.relative_to(pictures).as_posix() for path in pictures.rglob("*.jpg"))
    assert f"wrote {len(written)} pictures into {pictures}" in result.stdout
    assert {name.partition("/")[0] for name in written} == {
        interval["character"]
        for interval in json.loads((out / "timeline.json").read_text("utf-8"))["intervals"]
    }
    several = tmp_path / "several"
    result = run(copy, twin, "--out", out, "--frames", several)
    assert result.exit_code == 0, result.output
    assert len(list(several.rglob("*.jpg"))) == 2 * len(written)


def test_a_project_stands_for_its_films(run, copy, tmp_path):
    project = tmp_path / "project"
    about = (5, 1.5, 2.0, 1, 1, 2, {}, None, True)
    film = Source(str(copy), "episode", "film", *about)
    write_project(project, [film, Source(str(tmp_path), "x", "folder", *about)], "", "")
    write_faces(project, [])
    result = run(project, "--out", tmp_path / "results", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["film"] == str(copy)
    write_project(project, [], "", "")
    result = run(project)
    assert result.exit_code == 2
    assert "a project without films" in result.stderr


def test_films_of_a_project_that_have_moved_are_said(run, copy, tmp_path):
    project, gone = tmp_path / "project", tmp_path / "gone.mp4"
    about = (5, 1.5, 2.0, 1, 1, 2, {}, None, True)
    films = [Source(str(path), path.stem, "film", *about) for path in (gone, copy)]
    write_project(project, films[:1], "", "")
    write_faces(project, [])
    result = run(project)
    assert result.exit_code == 2
    assert f"{project}: its film {gone} is not there any more; give the films" in result.stderr
    write_project(project, films, "", "")
    result = run(project, "--out", tmp_path / "results")
    assert result.exit_code == 1
    assert f"{gone}: no such file" in result.stderr
    assert f"{copy}: " in result.stdout
