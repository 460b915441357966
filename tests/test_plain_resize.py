"""The figures are those of OpenCV and Pillow, by tests/fixtures/make_keras_home.py."""

import json
from pathlib import Path

import numpy as np
import pytest

from simpsons import images
from simpsons.plain_resize import resized

FIGURES = json.loads(
    (Path(__file__).parent / "fixtures" / "keras_home.json").read_text(encoding="utf-8")
)["resized"]


def picture(height: int, width: int) -> np.ndarray:
    """The same as in make_keras_home.py."""
    y, x, channel = np.ogrid[:height, :width, :3]
    values = (x * x * (channel + 1) // 7 + y * y // 5 + 60 * ((x + y * (channel + 2)) % 3)) % 256
    return np.asarray(values, np.uint8)


@pytest.mark.parametrize("figures", FIGURES, ids=lambda figures: str(figures["shape"]))
def test_pixels_are_those_of_opencv_and_pillow(figures: dict[str, list[int]]) -> None:
    pixels = picture(*figures["shape"])
    assert resized(pixels, 8, "bilinear").ravel().tolist() == figures["bilinear"]
    assert resized(pixels, 8, "nearest").ravel().tolist() == figures["nearest"]


def test_between_four_pixels() -> None:
    """By hand: at a fourth of the size a point lies in the middle of pixels 1 and 2."""
    pixels = np.zeros((8, 8, 3), np.uint8)
    pixels[1, 2], pixels[5, 5] = 200, 100
    halved = resized(pixels, 2, "bilinear")
    assert halved[..., 0].tolist() == [[50, 0], [0, 25]]
    assert resized(pixels, 2, "nearest")[..., 0].tolist() == [[0, 0], [0, 0]]
    pixels[2, 6] = 7
    assert resized(pixels, 2, "nearest")[..., 0].tolist() == [[0, 7], [0, 0]]


@pytest.mark.parametrize("how", ["bilinear", "nearest"])
@pytest.mark.parametrize("shape", [(1, 1), (1, 90), (64, 64), (63, 5)])
def test_any_size(how: images.Resize, shape: tuple[int, int]) -> None:
    pixels = picture(*shape)
    made = resized(pixels, 64, how)
    assert made.shape == (64, 64, 3)
    assert made.dtype == np.uint8
    if shape == (64, 64):
        assert np.array_equal(made, pixels)
    if shape == (1, 1):
        assert (made == pixels).all()


def test_one_colour_stays_as_it_is() -> None:
    pixels = np.full((300, 411, 3), (255, 128, 3), np.uint8)
    for how in ("bilinear", "nearest"):
        assert (images.fit(pixels, resize=how) == (255, 128, 3)).all()
