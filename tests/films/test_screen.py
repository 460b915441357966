"""Colours and shapes as players show them."""

from fractions import Fraction

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Colorspace

from simpsons.films.screen import Screen, matrix_of

YELLOW = (255, 217, 15)


def picture(matrix, full, width=64, height=36, layout="yuv420p"):
    """A yellow frame; matrix: as the scaler numbers it."""
    filled = np.full((height, width, 3), YELLOW, np.uint8)
    span = ColorRange.JPEG if full else ColorRange.MPEG
    return av.VideoFrame.from_ndarray(filled).reformat(
        format=layout, dst_colorspace=matrix, dst_color_range=span
    )


def middle(pixels):
    return pixels[pixels.shape[0] // 2, pixels.shape[1] // 2].tolist()


@pytest.mark.parametrize("layout", ["yuv420p", "yuv444p10le"])
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("matrix", [Colorspace.ITU601, Colorspace.ITU709])
def test_the_matrix_and_range_that_a_frame_states(matrix, full, layout):
    frame = picture(matrix, full, layout=layout)
    assert middle(Screen().pixels(frame, Fraction(1), 64)) == pytest.approx(YELLOW, abs=4)
    screen = Screen()
    copy = screen.frame(frame, 64, 36, screen.colours(frame))
    assert middle(copy.to_ndarray(format="rgb24")) == pytest.approx(YELLOW, abs=5)
    assert copy.color_range == (ColorRange.JPEG if full else ColorRange.MPEG)


@pytest.mark.parametrize(
    ("size", "matrix"), [((64, 36), Colorspace.ITU601), ((1280, 32), Colorspace.ITU709)]
)
def test_a_frame_that_states_no_matrix_has_that_of_its_size(size, matrix):
    frame = picture(matrix, False, *size)
    frame.colorspace = 2
    assert matrix_of(frame) == matrix
    assert middle(Screen().pixels(frame, Fraction(1), 64)) == pytest.approx(YELLOW, abs=4)


@pytest.mark.parametrize(
    ("shape", "size"),
    [(Fraction(1), (64, 36)), (Fraction(2), (64, 18)), (Fraction(1, 2), (57, 64))],
)
def test_pixels_are_square(shape, size):
    width, height = size
    shown = Screen().pixels(picture(Colorspace.ITU601, False), shape, 64)
    assert shown.shape[:2] == pytest.approx((height, width), abs=1)
