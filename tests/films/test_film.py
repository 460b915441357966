"""Films that can't be read, or not to their end."""

import wave
from fractions import Fraction

import av
import numpy as np
import pytest
from av.stream import Disposition
from PIL import Image

from simpsons import films
from simpsons.films.film import Film, FilmError


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
    found = films.read(short, doll_detector)
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


def covered_sound(path):
    """A tone with the cover of its record."""
    cover = path.with_suffix(".png")
    Image.new("RGB", (8, 8)).save(cover)
    with av.open(path, "w", format="mp4") as container, av.open(cover) as picture:
        stream = container.add_stream_from_template(picture.streams.video[0])
        stream.disposition = Disposition.attached_pic
        beside = container.add_stream("aac", rate=8000, layout="mono")
        for packet in picture.demux():
            if packet.size:
                packet.stream = stream
                container.mux(packet)
        samples = np.zeros((1, 8000), np.float32)
        block = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
        block.sample_rate = 8000
        container.mux(beside.encode(block))
        container.mux(beside.encode())


NO_FILMS = {
    "missing": (lambda path: None, "no such file"),
    "folder": (lambda path: path.mkdir(), "is a folder, not a film"),
    "empty": (lambda path: path.write_bytes(b""), "is not a film that can be read"),
    "text": (
        lambda path: path.write_text("Once upon a time.\n" * 50),
        "is not a film that can be read",
    ),
    "sound": (sound, "has no pictures"),
    "cover": (covered_sound, "has only sound and a still picture"),
    "picture": (lambda path: Image.new("RGB", (8, 8)).save(path, "PNG"), "is a picture"),
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
        films.read(hollow, doll_detector)


LATE = {"mkv": "libx264", "webm": "libvpx-vp9", "mp4": "libx264", "flv": "libx264", "wmv": "wmv2"}
TRUNCATED = {**LATE, "mov": "libx264", "avi": "mpeg4", "3gp": "mpeg4"}


@pytest.mark.parametrize("kind", LATE)
def test_a_film_that_starts_late_is_whole(hues, changes, tmp_path, kind):
    film = hues(tmp_path / f"film.{kind}", codec=LATE[kind], stamps=range(250, 300))
    assert changes(film) == [(0, "red"), (1, "blue"), (2, "end")]


@pytest.mark.parametrize("kind", TRUNCATED)
def test_a_film_is_truncated_whatever_its_format(hues, tmp_path, kind):
    options = {"movflags": "faststart"} if kind in ("mp4", "mov", "3gp") else None
    four = ("red", "blue", "green", "white")
    stamps = range(0 if kind == "avi" else 250, 350)
    film = hues(
        tmp_path / f"film.{kind}",
        four,
        codec=TRUNCATED[kind],
        stamps=stamps,
        noise=60,
        coding={"b": "2000000"} if TRUNCATED[kind] == "mpeg4" else None,
        size=(64, 48),
        options=options,
    )
    short = cut_off(film, tmp_path / f"short.{kind}", 0.6)
    with Film(short) as opened:
        assert 5 < len(list(opened.frames())) < 90
        assert opened.end < 3.5
        assert opened.problem is not None
        assert f"is truncated; read up to second {opened.end:.1f} of 4.0" in opened.problem


def test_an_avi_without_its_index_is_whole(hues, changes, tmp_path):
    film = hues(tmp_path / "film.avi", codec="mpeg4")
    data = film.read_bytes()
    film.write_bytes(data[: data.rindex(b"idx1")])
    assert changes(film) == [(0, "red"), (1, "blue"), (2, "end")]


def test_a_fragmented_mp4_and_one_with_an_edit_list(hues, changes, tmp_path):
    options = {"movflags": "frag_keyframe+empty_moov"}
    fragmented = hues(tmp_path / "film.mp4", options=options, coding={"bf": "2"})
    assert changes(fragmented) == [(0, "red"), (1, "blue"), (2, "end")]
    edited = hues(tmp_path / "film.mov", stamps=range(-10, 40))  # the edit starts at frame 10
    assert changes(edited) == [(0, "red"), (0.6, "blue"), (1.6, "end")]


def two_streams(path, default):
    """Red first and larger, blue second; default: which of them players show."""
    with av.open(path, "w") as container:
        streams = []
        for number, side in enumerate((64, 32)):
            stream = container.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
            stream.width = stream.height = side
            stream.pix_fmt = "yuv420p"
            stream.disposition = Disposition.default if number == default else Disposition(0)
            streams.append(stream)
        for _ in range(10):
            for stream, colour in zip(streams, ((255, 0, 0), (0, 0, 255)), strict=True):
                filled = np.full((stream.height, stream.width, 3), colour, np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(filled)))
        for stream in streams:
            container.mux(stream.encode())
    return path


@pytest.mark.parametrize(("default", "hue"), [(0, "red"), (1, "blue")])
def test_the_default_stream_is_the_film(changes, tmp_path, default, hue):
    assert changes(two_streams(tmp_path / "film.mkv", default))[0][1] == hue


def test_without_a_default_the_largest_stream_is_the_film(changes, tmp_path):
    assert changes(two_streams(tmp_path / "film.ts", None))[0][1] == "red"


def test_a_film_without_a_frame(hues, tmp_path):
    with (
        pytest.raises(FilmError, match=r"film\.mkv: "),
        Film(hues(tmp_path / "film.mkv", ())) as film,
    ):
        list(film.frames())


def test_pixels_have_the_shape_of_their_part(hues, tmp_path):
    """A broadcast that goes from 4:3 to 16:9."""
    parts = [
        hues(tmp_path / f"{wide[0]}.ts", ("red",), coding={"bf": "0", "x264-params": f"sar={wide}"})
        for wide in ("1/1", "4/3")
    ]
    film = tmp_path / "film.ts"
    film.write_bytes(b"".join(part.read_bytes() for part in parts))
    with Film(film) as opened:
        shapes = [opened.pixel_shape for _ in opened.frames()]
    assert (shapes[0], shapes[-1]) == (1, Fraction(4, 3))
