"""The copy of a film with the names on it."""

from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import ImageColor

from simpsons import films
from simpsons.drawing import KNOWN
from simpsons.errors import SimpsonsError
from simpsons.films.film import Film


def frames(path):
    with Film(path) as film:
        return [(frame.time, frame.picture.to_ndarray(format="rgb24")) for frame in film.frames()]


def add_sound(source, target):
    """The film with 11 s of a tone."""
    with av.open(source) as film, av.open(target, "w") as container:
        pictures = container.add_stream_from_template(film.streams.video[0])
        tone = container.add_stream("aac", rate=8000, layout="mono")
        for packet in film.demux(video=0):
            if packet.dts is not None:
                packet.stream = pictures
                container.mux(packet)
        for second in range(11):
            wave = np.sin(np.arange(8000) / 3, dtype=np.float32)[None]
            block = av.AudioFrame.from_ndarray(wave, format="fltp", layout="mono")
            block.sample_rate, block.pts, block.time_base = 8000, 8000 * second, Fraction(1, 8000)
            container.mux(tone.encode(block))
        container.mux(tone.encode())
    return target


@pytest.fixture(scope="module")
def copies(film, doll_detector, tmp_path_factory):
    """A film with sound and its annotated copy."""
    folder = tmp_path_factory.mktemp("annotated")
    original = add_sound(film.path, folder / "original.mp4")
    found = films.read(original, doll_detector, minimum=0.9)
    films.annotate(folder / "copy.mp4", found)
    assert sorted(path.name for path in folder.iterdir()) == ["copy.mp4", "original.mp4"]
    return original, folder / "copy.mp4"


def test_same_frames_duration_and_sound(copies):
    original, copy = (frames(path) for path in copies)
    assert [time for time, _ in copy] == pytest.approx([time for time, _ in original], abs=1e-3)
    with av.open(copies[0]) as one, av.open(copies[1]) as other:
        assert other.duration == pytest.approx(one.duration, abs=0.05 * av.time_base)
        sound = [[packet.size for packet in each.demux(audio=0)] for each in (one, other)]
        assert sound[0] == sound[1]
        assert len(sound[0]) > 50


def test_a_turned_film_has_its_name_upright(film, doll_detector, tmp_path):
    lying = type(film)(film.path, np.rot90(film.frames, -1, (1, 2)).copy(), film.truth)
    turned = lying.write(tmp_path / "turned.mp4", rotation=90)
    found = films.read(turned, doll_detector)
    films.annotate(tmp_path / "copy.mp4", found)
    with Film(tmp_path / "copy.mp4") as copy:
        picture = next(copy.frames()).picture
        assert picture.rotation == 0
        upright = picture.to_ndarray(format="rgb24")
    assert upright.shape == film.frames[0].shape
    drawn = changed(film.frames[0], upright)
    assert drawn[:16, :40].mean() > 0.5
    assert drawn[30:110, 10:150].mean() < 0.02


def changed(before, after):
    """bool `[H, W]`: where something is drawn."""
    return np.abs(before.astype(int) - after).max(axis=2) > 60


def is_near(pixels, colour):
    """bool `[H, W]`."""
    return (np.abs(pixels.astype(int) - ImageColor.getrgb(colour)) < 70).all(axis=2)


def test_a_box_stays_on_its_face_between_the_frames_looked_at(read, seconds, tmp_path):
    places = [20 + step // 2 * 2 for step in range(100)]
    film = [seconds(0.04, homer_simpson=(x, 56))[0] for x in places]
    film[20:40] = [seconds(0.04)[0]] * 20  # the face is missed four times
    found = read(film)
    films.annotate(tmp_path / "copy.mp4", found)
    copied = zip(places, frames(found.film), frames(tmp_path / "copy.mp4"), strict=True)
    for x, (_, before), (_, after) in copied:
        below_the_name = changed(before, after)[50:]
        columns = np.flatnonzero(below_the_name.any(axis=0))
        assert (columns[0], columns[-1]) == pytest.approx((x - 12, x + 11), abs=5)


def test_a_strangers_box_is_plain_and_all_else_as_it_was(read, seconds, tmp_path):
    found = read(seconds(1, homer_simpson=(40, 56), stranger=(120, 56)))
    films.annotate(tmp_path / "copy.mp4", found)
    copied = zip(frames(found.film), frames(tmp_path / "copy.mp4"), strict=True)
    for (_, before), (_, after) in copied:
        rows, columns = np.nonzero(changed(before, after)[:, 90:])
        assert rows.min() > 40
        assert (rows.max(), columns.min(), columns.max()) == pytest.approx((67, 18, 41), abs=2)
        assert not is_near(after, KNOWN)[:, 90:].any()
        assert is_near(after, KNOWN)[30:44, 28:60].any()
        assert np.abs(before.astype(int) - after)[72:].mean() < 4


def copied(path, length):
    """The annotated copy of a film in which nobody is, and the notes on it."""
    nobody = films.Timeline(str(path), length, 5, 0.5, 0.5, (), (), (), {}, None)
    target = path.with_name("copy.mp4")
    notes = films.annotate(target, nobody)
    return target, notes


def heard(path, number=0):
    """The codec, and the seconds at which a tone begins and ends."""
    with av.open(path) as container:
        stream = container.streams.audio[number]
        loud = []
        for block in container.decode(stream):
            samples = block.to_ndarray().astype(float).ravel()
            if np.abs(samples).max() > 0.05 * (1 if block.format.name == "fltp" else 32768):
                loud.append((block.time, block.time + block.samples / block.sample_rate))
        return stream.codec_context.name, loud[0][0], loud[-1][1]


SOUNDS = {
    "aac": ("mp4", "libx264", "aac"),
    "ac3": ("mkv", "libx264", "ac3"),
    "flac": ("mkv", "libx264", "flac"),
    "pcm_s16le": ("avi", "mpeg4", "aac"),
    "pcm_s16be": ("mov", "libx264", "aac"),
    "adpcm_ms": ("avi", "mpeg4", "aac"),
    "adpcm_ima_qt": ("mov", "libx264", "aac"),
    "wmav2": ("wmv", "wmv2", "aac"),
    "mp2": ("mpg", "mpeg2video", "aac"),
    "wavpack": ("mkv", "libx264", "aac"),
}


@pytest.mark.parametrize("sound", SOUNDS)
def test_the_sound_is_in_the_copy_whatever_it_is(hues, changes, tmp_path, sound):
    kind, codec, expected = SOUNDS[sound]
    film = hues(tmp_path / f"film.{kind}", codec=codec, sound=sound)
    copy, notes = copied(film, 2)
    assert notes == ()
    name, start, end = heard(copy)
    assert name == expected
    assert (start, end) == pytest.approx((0, 2), abs=0.08)
    assert [hue for _, hue in changes(copy)] == ["red", "blue", "end"]


@pytest.mark.parametrize(
    ("kind", "codec", "sound"), [("mkv", "libx264", "pcm_s16le"), ("mp4",) * 3]
)
def test_sound_that_starts_late_stays_late(hues, tmp_path, kind, codec, sound):
    if kind == "mp4":
        codec, sound = "libx264", "aac"
    copy, _ = copied(hues(tmp_path / f"film.{kind}", codec=codec, sound=sound, late=0.5), 2)
    _, start, end = heard(copy)
    assert (start, end) == pytest.approx((0.5, 2.5), abs=0.08)


def test_packets_of_sound_that_overlap(hues, changes, tmp_path):
    """The second part, pictures and sound, begins 40 ms before the first has ended."""
    first = hues(tmp_path / "first.ts", ("red",), sound="ac3")
    second = hues(
        tmp_path / "second.ts", ("blue",), sound="ac3", stamps=range(24, 49), late=24 / 25
    )
    film = tmp_path / "film.ts"
    film.write_bytes(first.read_bytes() + second.read_bytes())
    copy, notes = copied(film, 2)
    assert notes == ()
    name, start, end = heard(copy)
    assert name == "ac3"
    assert (start, end) == pytest.approx((0, 1.96), abs=0.08)
    assert [hue for _, hue in changes(copy)] == ["red", "blue", "end"]


def test_every_stream_of_sound_is_in_the_copy(hues, tmp_path):
    parts = [
        hues(tmp_path / "a.mkv", sound="pcm_s16le", late=0.5),
        hues(tmp_path / "b.mkv", sound="flac"),
    ]
    with (
        av.open(parts[0]) as first,
        av.open(parts[1]) as second,
        av.open(tmp_path / "film.mkv", "w") as film,
    ):
        streams = {each: film.add_stream_from_template(each) for each in first.streams}
        sound = film.add_stream_from_template(second.streams.audio[0])
        for packet in [*first.demux(), *second.demux(audio=0)]:
            if packet.dts is not None:
                packet.stream = streams.get(packet.stream, sound)
                film.mux(packet)
    copy, notes = copied(tmp_path / "film.mkv", 2)
    assert notes == ()
    assert heard(copy, 0) == ("aac", *(pytest.approx(end, abs=0.08) for end in (0.5, 2.5)))
    assert heard(copy, 1) == ("flac", *(pytest.approx(end, abs=0.08) for end in (0, 2)))


def test_parts_with_other_sound(hues, changes, tmp_path):
    parts = [hues(tmp_path / f"{name}.ts", sound=name) for name in ("aac", "mp2")]
    film = tmp_path / "film.ts"
    film.write_bytes(b"".join(part.read_bytes() for part in [*parts, parts[0]]))
    copy, _ = copied(film, 6)
    name, start, end = heard(copy)
    assert name == "aac"
    assert (start, end) == pytest.approx((0, 6), abs=0.1)
    assert [hue for _, hue in changes(copy)] == ["red", "blue"] * 3 + ["end"]


@pytest.mark.parametrize(
    ("rate", "layout", "expected"),
    [(44100, "5.1", (44100, 6)), (37800, "mono", (48000, 1)), (48000, "7.1", (48000, 2))],
)
def test_sound_that_aac_has_no_place_for_is_made_to_fit(tmp_path, rate, layout, expected):
    film = tmp_path / "film.mkv"
    with av.open(film, "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 32, 16, "yuv420p"
        sound = container.add_stream("pcm_s16le", rate=rate, layout=layout)
        for _ in range(25):
            container.mux(stream.encode(av.VideoFrame(32, 16)))
        samples = np.full((1, rate * sound.layout.nb_channels), 8000, np.int16)
        block = av.AudioFrame.from_ndarray(samples, format="s16", layout=layout)
        block.sample_rate = rate
        container.mux(sound.encode(block))
        container.mux([*stream.encode(), *sound.encode()])
    copy, notes = copied(film, 1)
    assert notes == ()
    with av.open(copy) as container:
        stream = container.streams.audio[0]
        assert (stream.rate, stream.channels) == expected
    assert heard(copy)[1:] == pytest.approx((0, 1), abs=0.08)


def test_sound_that_cannot_be_read_is_left_out_with_a_note(hues, changes, tmp_path):
    film = hues(tmp_path / "film.mkv", sound="pcm_s16le")
    film.write_bytes(film.read_bytes().replace(b"A_PCM/INT/LIT", b"A_PCM/INT/XXX"))
    copy, notes = copied(film, 2)
    assert len(notes) == 1
    assert notes[0].startswith(f"{film}: sound 1 (")
    assert "the copy is without it" in notes[0]
    with av.open(copy) as container:
        assert not container.streams.audio
    assert [hue for _, hue in changes(copy)] == ["red", "blue", "end"]


def test_frames_of_an_odd_size_and_varying_length(hues, changes, tmp_path):
    stamps = [*range(0, 100, 4), *range(100, 125)]
    film = hues(tmp_path / "film.mkv", codec="ffv1", size=(33, 17), stamps=stamps)
    copy, _ = copied(film, 5)
    assert changes(copy) == [(0, "red"), (4, "blue"), (5, "end")]
    with av.open(copy) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height) == (32, 16)
        assert container.duration == 5 * av.time_base


def test_a_joined_film_has_a_copy_of_its_running_time(hues, changes, tmp_path):
    part = hues(tmp_path / "part.ts", sound="aac")
    film = tmp_path / "film.ts"
    film.write_bytes(part.read_bytes() * 3)
    copy, _ = copied(film, 6)
    assert changes(copy)[-1] == (6.02, "end")
    assert heard(copy)[1:] == pytest.approx((0, 6), abs=0.1)


def test_a_full_disk_leaves_nothing_and_says_so(hues, tmp_path):
    resource = pytest.importorskip("resource")
    film = hues(tmp_path / "film.mkv", size=(160, 96))
    before = sorted(tmp_path.iterdir())
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, hard))
    try:
        with pytest.raises(SimpsonsError, match=r"copy.mp4: can't be written \(File too large\)"):
            copied(film, 2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(("name", "reason"), [("film.mp4", "is the film"), ("a.avi", "is an MP4")])
def test_targets_that_are_refused(film, doll_detector, tmp_path, name, reason):
    path = tmp_path / "film.mp4"
    path.write_bytes(film.path.read_bytes())
    found = films.read(path, doll_detector, rate=0.5)
    with pytest.raises(SimpsonsError, match=reason):
        films.annotate(tmp_path / name, found)
    assert path.read_bytes() == film.path.read_bytes()


def test_another_film_is_not_replaced(film, copies, doll_detector, tmp_path):
    other = tmp_path / "other.mp4"
    other.write_bytes(copies[0].read_bytes())
    found = films.read(film.path, doll_detector, rate=0.5)
    with pytest.raises(SimpsonsError, match="is not an annotated film of simpsons"):
        films.annotate(other, found)
    assert other.read_bytes() == copies[0].read_bytes()
    other.write_bytes(copies[1].read_bytes())
    films.annotate(other, found)
    assert other.read_bytes() != copies[1].read_bytes()
