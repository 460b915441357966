"""The copy of a film with the names on it."""

from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import ImageColor

from simpsons import timeline
from simpsons.drawing import KNOWN
from simpsons.errors import SimpsonsError
from simpsons.timeline.film import Film


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
    found = timeline.read(original, doll_detector, minimum=0.9)
    timeline.annotate(folder / "copy.mp4", found)
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
    found = timeline.read(turned, doll_detector)
    timeline.annotate(tmp_path / "copy.mp4", found)
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
    timeline.annotate(tmp_path / "copy.mp4", found)
    copied = zip(places, frames(found.film), frames(tmp_path / "copy.mp4"), strict=True)
    for x, (_, before), (_, after) in copied:
        below_the_name = changed(before, after)[50:]
        columns = np.flatnonzero(below_the_name.any(axis=0))
        assert (columns[0], columns[-1]) == pytest.approx((x - 12, x + 11), abs=5)


def test_a_strangers_box_is_plain_and_all_else_as_it_was(read, seconds, tmp_path):
    found = read(seconds(1, homer_simpson=(40, 56), stranger=(120, 56)))
    timeline.annotate(tmp_path / "copy.mp4", found)
    copied = zip(frames(found.film), frames(tmp_path / "copy.mp4"), strict=True)
    for (_, before), (_, after) in copied:
        rows, columns = np.nonzero(changed(before, after)[:, 90:])
        assert rows.min() > 40
        assert (rows.max(), columns.min(), columns.max()) == pytest.approx((67, 18, 41), abs=2)
        assert not is_near(after, KNOWN)[:, 90:].any()
        assert is_near(after, KNOWN)[30:44, 28:60].any()
        assert np.abs(before.astype(int) - after)[72:].mean() < 4


@pytest.mark.parametrize(("name", "reason"), [("film.mp4", "is the film"), ("a.avi", "is an MP4")])
def test_targets_that_are_refused(film, doll_detector, tmp_path, name, reason):
    path = tmp_path / "film.mp4"
    path.write_bytes(film.path.read_bytes())
    found = timeline.read(path, doll_detector, rate=0.5)
    with pytest.raises(SimpsonsError, match=reason):
        timeline.annotate(tmp_path / name, found)
    assert path.read_bytes() == film.path.read_bytes()
