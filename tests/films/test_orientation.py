"""A picture whose corners tell which way up it is shown."""

import gc

import av
import numpy as np
import pytest

from simpsons.films.film import Film
from simpsons.films.orientation import Orientation
from simpsons.films.screen import Screen

ONE = 1 << 16


def corners():
    """Red above left, green above right, blue below left, white below right; 64 x 32 pixels."""
    pixels = np.zeros((32, 64, 3), np.uint8)
    pixels[:16, :32, 0] = pixels[:16, 32:, 1] = pixels[16:, :32, 2] = 255
    pixels[16:, 32:] = 255
    return pixels


def film(path, matrix):
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "1"})
        stream.width, stream.height, stream.pix_fmt = 64, 32, "yuv420p"
        stream.set_display_matrix(matrix)
        for _ in range(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(corners())))
        container.mux(stream.encode())
    return path


SHOWN = {  # a, b, c, d of the matrix, and what is where
    (1, 0, 0, 1): lambda pixels: pixels,
    (-1, 0, 0, 1): np.fliplr,
    (1, 0, 0, -1): np.flipud,
    (-1, 0, 0, -1): lambda pixels: np.rot90(pixels, 2),
    (0, 1, -1, 0): lambda pixels: np.rot90(pixels, -1),  # a phone held upright
    (0, -1, 1, 0): lambda pixels: np.rot90(pixels, 1),
    (0, 1, 1, 0): lambda pixels: pixels.swapaxes(0, 1),
    (0, -1, -1, 0): lambda pixels: np.rot90(pixels, 2).swapaxes(0, 1),
}


@pytest.mark.parametrize("numbers", SHOWN)
def test_all_eight_orientations(tmp_path, numbers):
    a, b, c, d = (ONE * number for number in numbers)
    path = film(tmp_path / "film.mp4", [a, b, 0, c, d, 0, 0, 0, 1 << 30])
    with Film(path) as opened:
        frame = next(opened.frames()).picture
        seen = Screen().pixels(frame, opened.pixel_shape, 64)
        expected = SHOWN[numbers](corners())
        assert seen.shape == expected.shape
        off = np.abs(seen.astype(int) - expected).max(axis=2) > 60
        assert off.mean() < 0.2  # colours run into one another where quarters meet
        copied = Screen()
        copy = copied.frame(frame, *seen.shape[1::-1], copied.colours(frame))
        assert np.abs(copy.to_ndarray(format="rgb24").astype(int) - seen).mean() < 6


def test_no_matrix(hues, tmp_path):
    with Film(hues(tmp_path / "film.ts")) as opened:
        assert Orientation.of(next(opened.frames()).picture) == Orientation()


def test_a_frame_is_freed_when_it_is_let_go(tmp_path):
    """Not first when Python collects garbage, which it does when many small objects are there."""

    def alive():
        return sum(isinstance(each, av.VideoFrame) for each in gc.get_objects())

    path = film(tmp_path / "film.mp4", [0, ONE, 0, -ONE, 0, 0, 0, 0, 1 << 30])
    gc.collect()
    gc.disable()
    try:
        with Film(path) as opened:
            frame = next(opened.frames()).picture
            before = alive()
            assert Orientation.of(frame) != Orientation()
            del frame
            assert alive() == before - 1
    finally:
        gc.enable()
