import av
import numpy as np
import pytest

from simpsons.films.bars import Bars
from simpsons.films.film import Film
from simpsons.films.sampling import samples
from simpsons.films.shots import ShotDetector
from simpsons.pixels import images

WIDTH, HEIGHT, BAR = 320, 240, 40


def frame(number, light=1.0):
    """A picture that has something at every edge, between black bars of 40 rows."""
    generator = np.random.default_rng(number)
    colours = generator.integers(80, 220, (4, 8, 3)) * light
    shown = colours.astype(np.uint8).repeat(40, axis=0).repeat(40, axis=1)
    pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    pixels[BAR:-BAR] = shown
    return pixels


def test_a_dark_frame_has_the_bars_of_those_before():
    bars = Bars()
    dark = frame(1, 0.1)
    assert bars.inside(dark) == (0, 0, WIDTH, HEIGHT)
    assert bars.inside(frame(0)) == (0, BAR, WIDTH, HEIGHT - BAR)
    assert bars.inside(dark) == (0, BAR, WIDTH, HEIGHT - BAR)
    assert bars.inside(np.zeros_like(dark)) == (0, BAR, WIDTH, HEIGHT - BAR)


def test_the_bars_are_known_in_another_size():
    bars = Bars()
    bars.inside(frame(0))
    larger = frame(1, 0.1).repeat(2, axis=0).repeat(2, axis=1)
    assert bars.inside(larger) == (0, 2 * BAR, 2 * WIDTH, 2 * HEIGHT - 2 * BAR)


def test_a_frame_without_bars_is_shown_whole():
    bars = Bars()
    bars.inside(frame(0))
    full = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    full[5:30, 20:200] = 200
    assert bars.inside(full) == (0, 0, WIDTH, HEIGHT)


@pytest.fixture
def letterboxed(tmp_path):
    path = tmp_path / "film.mp4"
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=5, options={"crf": "12"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number in range(4):
            pixels = frame(number, 0.1 if number == 2 else 1)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels)))
        container.mux(stream.encode())
    return path


def test_the_size_asked_for_is_that_of_what_is_inside(letterboxed):
    with Film(letterboxed) as film:
        taken = list(samples(film, ShotDetector(), 5, 240))
    assert [max(sample.content.shape) for sample in taken] == pytest.approx([240] * 4, abs=3)
    for sample in taken:
        shares = np.divide(sample.inside, [*sample.pixels.shape[1::-1]] * 2)
        assert shares[1] == pytest.approx(BAR / HEIGHT, abs=0.03)


def test_pillarbox_is_enlarged(tmp_path):
    path = tmp_path / "film.mp4"
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=5, options={"crf": "12"})
        stream.width, stream.height, stream.pix_fmt = HEIGHT, WIDTH, "yuv420p"
        for number in range(3):
            pixels = np.ascontiguousarray(np.rot90(frame(number)))
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels)))
        container.mux(stream.encode())
    with Film(path) as film:
        taken = list(samples(film, ShotDetector(), 5, 160))
    for sample in taken:
        assert sample.content.shape[:2] == pytest.approx((160, 80), abs=3)
        assert images.content(sample.pixels) != images.WHOLE
