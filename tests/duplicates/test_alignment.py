"""A crop is laid where it was cut from; brightness is fitted; another figure is noticed."""

import numpy as np
import pytest

from simpsons.demo.drawings import DOLLS, draw
from simpsons.duplicates import alignment
from simpsons.pixels import images

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


def coarse_fit(one, other):
    return alignment.coarse_fit(one, other, np.repeat(WHOLE, len(one), axis=0))


def agreement(one, other):
    windows, _ = coarse_fit(alignment.coarse(one), alignment.coarse(other))
    return alignment.agreement(one, other, windows).shot


def sameness(one, other):
    whole = np.repeat(WHOLE, len(one), axis=0)
    return alignment.sameness(one, other, whole, whole)


def large(*pictures):
    return np.stack([images.load(picture, 192) for picture in pictures])


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
    windows, alike = coarse_fit(grey_whole, grey_part)
    assert np.abs(np.median(windows, axis=0) - edges).max() < 0.02
    assert np.median(alike) > 0.97
    back, _ = coarse_fit(grey_part, grey_whole)
    assert np.abs(np.median(alignment.turned_round(back), axis=0) - edges).max() < 0.02
    assert np.median(alignment.agreement(whole, part, windows).shot) > 0.9


def test_turned_round_is_its_own_inverse():
    windows = np.array([[0.1, 0.9, 0, 0.95], [-0.05, 1, 0.02, 1.1]], np.float32)
    assert alignment.turned_round(alignment.turned_round(windows)) == pytest.approx(windows)
    assert alignment.turned_round(WHOLE) == pytest.approx(WHOLE)


def test_the_same_picture_agrees_wholly():
    one = pixels(drawing(0, 0))
    assert agreement(one, one) == pytest.approx(1, abs=5e-3)


@pytest.mark.parametrize("gain", [0.7, 0.85, 1.15, 1.3])
def test_brightness_is_fitted(gain):
    one = pixels(*(drawing(number, number) for number in range(6)))
    other = np.clip(np.rint(one * gain), 0, 255).astype(np.uint8)
    assert agreement(one, other).min() > 0.7
    assert agreement(other, one).min() > 0.7


def test_another_doll_in_the_same_take_is_noticed():
    one = pixels(*(drawing(number, number) for number in range(8)))
    other = pixels(*(drawing(number + 8, number) for number in range(8)))
    assert agreement(one, other).max() < 0.65


def test_of_a_shot_the_lower_quarter_does_not_count():
    one = pixels(drawing(2, 2))
    other = one.copy()
    other[:, 52:] = 255 - other[:, 52:]
    assert agreement(one, other).min() > 0.95
    other[:, :, :32] = 255 - other[:, :, :32]
    assert agreement(one, other).max() < 0.5


def test_a_grey_copy_is_compared_by_its_light():
    pictures = [drawing(number, number) for number in range(6)]
    grey = [picture.convert("L").convert("RGB") for picture in pictures]
    assert agreement(pixels(*pictures), pixels(*grey)).min() > 0.9
    assert sameness(large(*pictures), large(*grey)).min() > 0.9


def test_where_a_window_is_begun_a_smaller_part_is_found():
    pictures = [drawing(number, number) for number in range(8)]
    edges = (0.25, 1, 0.25, 1)
    whole, part = pixels(*pictures), pixels(*(cut(picture, *edges) for picture in pictures))
    start = np.repeat(np.array([[0.2, 1, 0.2, 1]], np.float32), 8, axis=0)
    windows, _ = alignment.coarse_fit(alignment.coarse(whole), alignment.coarse(part), start)
    assert np.abs(np.median(windows, axis=0) - edges).max() < 0.03


def test_the_smaller_section_comes_first():
    one, other = pixels(drawing(0, 0)), pixels(drawing(1, 1))
    for window, swapped in (((0.1, 0.9, 0, 1), False), ((-0.2, 1.2, 0, 1), True)):
        windows = np.array([window], np.float32)
        source, target, laid, which = alignment.smaller_first(one, other, windows)
        assert which.tolist() == [swapped]
        assert np.array_equal(source, other if swapped else one)
        assert np.array_equal(target, one if swapped else other)
        assert laid == pytest.approx(alignment.turned_round(windows) if swapped else windows)


def test_a_small_place_that_differs_makes_no_copy():
    one = large(drawing(2, 2))
    assert sameness(one, one) == pytest.approx(1, abs=1e-3)
    other = one.copy()
    other[:, 60:80, 90:110] = 255 - other[:, 60:80, 90:110]
    assert sameness(one, other).max() < 0.4


def test_a_bar_below_is_no_difference_and_lips_there_are():
    one = large(drawing(2, 2))
    bar, lips = one.copy(), one.copy()
    bar[:, 160:] = 9
    lips[:, 160:172, 90:102] = 255 - lips[:, 160:172, 90:102]
    assert sameness(one, bar).min() > 0.9
    assert sameness(one, lips).max() < 0.5


def test_a_blurred_copy_agrees():
    pictures = [drawing(number, number) for number in range(6)]
    small = [picture.resize((48, 48)) for picture in pictures]
    assert sameness(large(*pictures), large(*small)).min() > 0.6


def test_pictures_of_one_grey_are_compared_without_an_error():
    grey = np.full((2, 64, 64, 3), 90, np.uint8)
    with np.errstate(all="raise"):
        score = agreement(grey, grey)
    assert np.isfinite(score).all()
