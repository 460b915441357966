"""Films that can't be read, or not to their end."""

import wave

import numpy as np
import pytest

from simpsons import timeline
from simpsons.timeline.film import Film, FilmError


@pytest.fixture(scope="module")
def mkv(film, tmp_path_factory):
    return film.write(tmp_path_factory.mktemp("film") / "dolls.mkv")


def cut_off(source, target, share):
    data = source.read_bytes()
    target.write_bytes(data[: int(share * len(data))])
    return target


def test_frames_in_order_with_their_times(film):
    with Film(film.path) as opened:
        times = [frame.time for frame in opened.frames()]
        assert times == pytest.approx(np.arange(len(film.frames)) / 24, abs=1e-3)
        assert opened.end == pytest.approx(opened.duration, abs=1e-3)
        assert opened.problem is None


@pytest.mark.parametrize("kind", ["mp4", "mkv"])
def test_truncated(film, mkv, doll_detector, tmp_path, kind):
    short = cut_off(film.path if kind == "mp4" else mkv, tmp_path / f"short.{kind}", 0.6)
    found = timeline.read(short, doll_detector)
    assert 3 < found.duration < 9
    assert found.problem == (
        f"{short}: is truncated; read up to second {found.duration:.1f} of 11.3; fetch it again"
    )
    start, _, label = film.truth[0]
    assert (found.intervals[0].start, found.intervals[0].label) == (start, label)
    assert found.intervals[-1].end <= found.duration


def test_damaged_in_the_middle(film, mkv, tmp_path):
    data = bytearray(mkv.read_bytes())
    middle = len(data) // 2
    data[middle : middle + len(data) // 10] = bytes(len(data) // 10)
    damaged = tmp_path / "damaged.mkv"
    damaged.write_bytes(data)
    with Film(damaged) as opened:
        assert sum(1 for _ in opened.frames()) > 0.4 * len(film.frames)
        assert opened.problem is not None
        assert "fetch it again" in opened.problem


def sound(path):
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(16000))


NO_FILMS = {
    "missing": (lambda path: None, "no such file"),
    "folder": (lambda path: path.mkdir(), "is a folder, not a film"),
    "empty": (lambda path: path.write_bytes(b""), "no film that can be read"),
    "text": (lambda path: path.write_text("Once upon a time.\n" * 50), "no film that can be read"),
    "sound": (sound, "has no pictures"),
}


@pytest.mark.parametrize(("make", "reason"), NO_FILMS.values(), ids=NO_FILMS)
def test_no_film(tmp_path, make, reason):
    path = tmp_path / "film.mp4"
    make(path)
    with pytest.raises(FilmError, match=reason) as error:
        Film(path)
    assert str(error.value).startswith(f"{path}: ")
    assert "\n" not in str(error.value)


def test_no_frame_can_be_decoded(film, doll_detector, tmp_path):
    data = film.path.read_bytes()
    start = data.index(b"mdat") + 4
    hollow = tmp_path / "hollow.mp4"
    hollow.write_bytes(data[:start] + bytes(len(data) - start))
    with pytest.raises(FilmError, match="none of its frames can be decoded"):
        timeline.read(hollow, doll_detector)
