"""The copy of a film with the names on it."""

from fractions import Fraction

import av
import numpy as np
import pytest

from simpsons import Classifier, timeline
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
def copies(film, doll_model, tmp_path_factory):
    """A film with sound and its annotated copy."""
    folder = tmp_path_factory.mktemp("annotated")
    original = add_sound(film.path, folder / "original.mp4")
    found = timeline.read(original, Classifier(doll_model, threads=1), minimum=0.9)
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


def test_the_name_is_in_the_corner_and_nowhere_else(copies):
    for (_, before), (_, after) in zip(*(frames(path) for path in copies), strict=True):
        changed = np.abs(before.astype(int) - after).mean(axis=2)
        assert changed[:90].mean() < 6
        assert changed[104:116, 8:60].mean() > 20


def test_a_turned_film_has_its_name_upright(film, doll_model, tmp_path):
    lying = type(film)(film.path, np.rot90(film.frames, -1, (1, 2)).copy(), film.truth)
    turned = lying.write(tmp_path / "turned.mp4", rotation=90)
    found = timeline.read(turned, Classifier(doll_model, threads=1))
    timeline.annotate(tmp_path / "copy.mp4", found)
    with Film(tmp_path / "copy.mp4") as copy:
        picture = next(copy.frames()).picture
        assert picture.rotation == 90
        upright = np.rot90(picture.to_ndarray(format="rgb24"))
    changed = np.abs(upright.astype(int) - film.frames[0]).mean(axis=2)
    assert upright.shape == film.frames[0].shape
    assert changed[104:116, 8:60].mean() > 20
    assert changed[:90].mean() < 6


@pytest.mark.parametrize(("name", "reason"), [("film.mp4", "is the film"), ("a.avi", "is an MP4")])
def test_targets_that_are_refused(film, doll_model, tmp_path, name, reason):
    path = tmp_path / "film.mp4"
    path.write_bytes(film.path.read_bytes())
    found = timeline.read(path, Classifier(doll_model, threads=1), rate=0.5)
    with pytest.raises(SimpsonsError, match=reason):
        timeline.annotate(tmp_path / name, found)
    assert path.read_bytes() == film.path.read_bytes()
