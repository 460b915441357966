import csv
import json

import av
import numpy as np
import pytest

from simpsons.demo.film import CAST, COLUMNS, HEIGHT, RATE, WIDTH, write_film
from simpsons.detector import Detector
from simpsons.errors import SimpsonsError
from simpsons.evaluation.overlap import iou

MINUTES = 0.15
NAMES = {doll.slug for doll in CAST} | {"unknown"}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return write_film(tmp_path_factory.mktemp("film") / "episode.mp4", minutes=MINUTES, seed=3)


@pytest.fixture(scope="module")
def frames(made):
    """The film's frames, uint8 `[HEIGHT, WIDTH, 3]`."""
    with av.open(made.path) as film:
        assert film.streams.video[0].average_rate == RATE
        return [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]


@pytest.fixture(scope="module")
def rows(made):
    with made.faces.open(encoding="utf-8") as lines:
        table = csv.reader(lines)
        assert tuple(next(table)) == COLUMNS
        return [(*map(float, row[:6]), row[6]) for row in table]


def at(rows, frame):
    """The boxes of that frame."""
    time = (frame + 0.5) / RATE
    return [row[2:6] for row in rows if row[0] <= time < row[1]]


def test_it_is_as_long_as_it_should_be_and_ends_and_begins_in_black(made, frames):
    assert len(frames) == round(60 * MINUTES * RATE)
    assert made.seconds == pytest.approx(60 * MINUTES)
    assert {frame.shape for frame in frames} == {(HEIGHT, WIDTH, 3)}
    assert frames[0].max() < 10
    assert frames[-1].max() < 10


def test_who_is_where_is_written_down(made, rows):
    assert made.faces.name == "episode-faces.csv"
    assert {name for *_, name in rows} <= NAMES
    assert set(made.names) == {name for *_, name in rows} - {"unknown"}
    for start, end, x1, y1, x2, y2, _ in rows:
        assert 0 < start < end < 60 * MINUTES
        assert 0 <= x1 < x2 <= WIDTH
        assert 0 <= y1 < y2 <= HEIGHT
    assert 0 < made.scenes <= made.shots


def test_the_faces_are_where_it_says_and_nowhere_else(frames, rows):
    detector = Detector()
    shown = found = named = 0
    for number in range(5, len(frames), 12):
        boxes = at(rows, number)
        faces = [face.box for face in detector.detect(frames[number]).faces]
        near = iou(boxes, faces) > 0.5
        shown, found = shown + len(boxes), found + len(faces)
        named += int(near.any(axis=1).sum()) if len(faces) else 0
    assert shown >= 10
    assert named >= 0.9 * shown
    assert named >= 0.9 * found


def test_a_pose_is_held_while_the_lips_move(frames, rows):
    start, end = rows[0][:2]
    first, last = round(start * RATE), round(end * RATE) - 1
    changed = [
        (np.abs(frames[number].astype(int) - frames[first]).max(axis=2) > 60).mean()
        for number in range(first, last + 1)
    ]
    assert max(changed) < 0.01


def test_a_seed_is_a_film(made, tmp_path):
    again = write_film(tmp_path / "again.mp4", minutes=MINUTES, seed=3)
    other = write_film(tmp_path / "other.mp4", minutes=MINUTES, seed=4)
    assert again.faces.read_bytes() == made.faces.read_bytes()
    assert other.faces.read_bytes() != made.faces.read_bytes()


def test_nothing_is_overwritten(tmp_path):
    for name in ("film.mp4", "film-faces.csv"):
        (tmp_path / name).write_text("mine")
        with pytest.raises(SimpsonsError, match=f"{name}: already exists; remove it or choose"):
            write_film(tmp_path / "film.mp4", minutes=0.1)
        assert (tmp_path / name).read_text() == "mine"
        (tmp_path / name).unlink()
    assert not list(tmp_path.iterdir())


def test_another_kind_of_file_and_length_are_refused(tmp_path):
    with pytest.raises(SimpsonsError, match=r"film.avi: the film is an MP4; give a name that ends"):
        write_film(tmp_path / "film.avi")
    for minutes in (0.05, 241, float("nan"), float("inf")):
        with pytest.raises(ValueError, match=r"it must be from 0\.1 to 240"):
            write_film(tmp_path / "film.mp4", minutes=minutes)
    assert not list(tmp_path.iterdir())


def test_the_command_writes_it_and_says_how_to_go_on(cli, tmp_path):
    film = tmp_path / "episode.mp4"
    done = cli("demo", "--film", film, "--minutes", "0.1", "--json")
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert said["path"] == str(film)
    assert said["seconds"] == pytest.approx(6)
    assert film.is_file()
    again = cli("demo", "--film", film)
    assert again.exit_code == 2
    assert "already exists" in again.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--minutes", "2"), "--minutes goes with --film"),
        (("--film", "a.mp4", "--out", "demo"), "--out is the folder of the whole path"),
        (("--film", "a.mp4", "--minutes", "0"), "0.1<=x<=240"),
    ],
)
def test_what_does_not_go_together_is_refused(cli, words, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = cli("demo", *words)
    assert done.exit_code == 2
    assert said in done.stderr
    assert not list(tmp_path.iterdir())
