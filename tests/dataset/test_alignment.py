"""A crop is laid where it was cut from; brightness is fitted; another figure is noticed."""

import numpy as np
import pytest
from PIL import Image

from simpsons import images
from simpsons.dataset import alignment
from simpsons.demo.drawings import DOLLS, draw

WHOLE = np.array([[0, 1, 0, 1]], np.float32)


def drawing(doll, seed):
    return draw(DOLLS[doll], np.random.default_rng(seed), 128)


def pixels(*pictures):
    return np.stack([images.load(picture) for picture in pictures])


def cut(picture, left, right, top, bottom):
    width, height = picture.size
    return picture.crop(
        (round(left * width), round(top * height), round(right * width), round(bottom * height))
    )


def agreement(one, other):
    windows, _ = alignment.coarse_fit(alignment.coarse(one), alignment.coarse(other))
    return alignment.agreement(one, other, windows)


def test_reduced_is_the_mean_of_each_cell():
    noise = np.random.default_rng(0).integers(0, 256, (2, 64, 48, 3), np.uint8)
    cells = alignment.reduced(noise, 16, 8)
    assert cells.dtype == np.float32
    assert cells.shape == (2, 3, 16, 8)
    assert cells[1, 2, 3, 5] == pytest.approx(noise[1, 12:16, 30:36, 2].mean())
    white = np.full((1, 64, 64, 3), 255, np.uint8)
    assert (alignment.reduced(white, 4, 4) == 255).all()


@pytest.mark.parametrize("edges", [(0, 0.9, 0, 0.9), (0.1, 1, 0.05, 1), (0.04, 0.96, 0.1, 1)])
def test_the_window_of_a_crop_is_found_from_either_side(edges):
    pictures = [drawing(number, number) for number in range(8)]
    whole, part = pixels(*pictures), pixels(*(cut(picture, *edges) for picture in pictures))
    grey_whole, grey_part = alignment.coarse(whole), alignment.coarse(part)
    windows, alike = alignment.coarse_fit(grey_whole, grey_part)
    assert np.abs(np.median(windows, axis=0) - edges).max() < 0.02
    assert np.median(alike) > 0.97
    back, _ = alignment.coarse_fit(grey_part, grey_whole)
    assert np.abs(np.median(alignment.turned_round(back), axis=0) - edges).max() < 0.02
    assert np.median(alignment.agreement(whole, part, windows)) > 0.6


def test_turned_round_is_its_own_inverse():
    windows = np.array([[0.1, 0.9, 0, 0.95], [-0.05, 1, 0.02, 1.1]], np.float32)
    assert alignment.turned_round(alignment.turned_round(windows)) == pytest.approx(windows)
    assert alignment.turned_round(WHOLE) == pytest.approx(WHOLE)


def test_the_same_picture_agrees_wholly():
    one = pixels(drawing(0, 0))
    assert agreement(one, one) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("gain", [0.7, 0.85, 1.15, 1.3])
def test_brightness_is_fitted(gain):
    one = pixels(*(drawing(number, number) for number in range(6)))
    other = np.clip(np.rint(one * gain), 0, 255).astype(np.uint8)
    assert agreement(one, other).min() > 0.7
    assert agreement(other, one).min() > 0.7


def test_another_doll_in_the_same_take_is_noticed():
    one = pixels(*(drawing(number, number) for number in range(8)))
    other = pixels(*(drawing(number + 8, number) for number in range(8)))
    assert agreement(one, other).max() < 0.5


def test_what_is_in_the_lower_quarter_does_not_count():
    one = pixels(drawing(2, 2))
    other = one.copy()
    other[:, 52:] = 255 - other[:, 52:]
    assert agreement(one, other).min() > 0.95
    other[:, 24:32, 24:32] = 255 - other[:, 24:32, 24:32]
    assert agreement(one, other).max() < 0.5


def test_two_colours_that_differ_in_a_figure_do_not_agree_by_their_colour():
    red = np.zeros((1, 64, 64, 3), np.uint8)
    red[:] = (200, 20, 10)
    figure = Image.fromarray(red[0])
    figure.paste((230, 60, 10), (26, 8, 38, 40))
    assert agreement(red, pixels(figure)).max() < 0.5


def test_pictures_of_one_grey_are_compared_without_an_error():
    grey = np.full((2, 64, 64, 3), 90, np.uint8)
    with np.errstate(all="raise"):
        score = agreement(grey, grey)
    assert np.isfinite(score).all()
