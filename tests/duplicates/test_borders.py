"""Bars and borders are taken off; what is drawn on plain ground stays."""

import numpy as np
import pytest
from PIL import Image

from benchmarks import limited_animation as cels
from simpsons.demo.dolls import DOLLS
from simpsons.duplicates import borders

COUNT = 6
WHOLE = (0, 1, 0, 1)


def stretched(picture):
    return np.asarray(picture.resize((64, 64), Image.Resampling.BOX))


@pytest.fixture(scope="module")
def pictures():
    """Dolls in a street, whose edges are not plain."""
    made = []
    for number in range(COUNT):
        rng = np.random.default_rng(number)
        stage = cels.replace(cels.any_background(rng), scene="street")
        made.append(cels.frame(DOLLS[number], cels.any_pose(rng), stage))
    return made


def within(picture, left, top, right, bottom, colour=(0, 0, 0)):
    """The picture in bars, given as shares of the result."""
    width, height = picture.size
    size = round(width / (1 - left - right)), round(height / (1 - top - bottom))
    result = Image.new("RGB", size, colour)
    result.paste(picture, (round(left * size[0]), round(top * size[1])))
    return result


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (40, 90, 160)])
@pytest.mark.parametrize("sides", [(0, 0.125, 0, 0.125), (0.15, 0, 0.15, 0), (0.1, 0.2, 0.1, 0.2)])
def test_bars_and_borders_are_found(pictures, sides, colour):
    left, top, right, bottom = sides
    framed = np.stack([stretched(within(picture, *sides, colour)) for picture in pictures])
    edges = np.array((left, 1 - right, top, 1 - bottom))
    assert borders.inside(framed) == pytest.approx(np.tile(edges, (COUNT, 1)), abs=2.1 / 64)
    plain = np.stack([stretched(picture) for picture in pictures]).astype(int)
    assert np.abs(borders.without(framed) - plain).mean() < 20


def test_a_bar_at_one_side_counts_if_it_is_black_or_white(pictures):
    upper = [within(picture, 0, 0.2, 0, 0) for picture in pictures]
    coloured = [within(picture, 0, 0.2, 0, 0, (40, 90, 160)) for picture in pictures]
    found = borders.inside(np.stack([stretched(picture) for picture in upper]))
    assert found[:, 2] == pytest.approx(0.2, abs=2.1 / 64)
    assert (found[:, [0, 1, 3]] == (0, 1, 1)).all()
    kept = borders.inside(np.stack([stretched(picture) for picture in coloured]))
    assert (kept == WHOLE).all()


def test_a_figure_on_plain_ground_has_no_border():
    pictures = np.full((1, 64, 64, 3), 250, np.uint8)
    rows, columns = np.mgrid[:64, :64]
    pictures[0, (rows - 34) ** 2 + (columns - 32) ** 2 < 400] = (200, 60, 20)
    assert (borders.inside(pictures) == WHOLE).all()
    assert borders.without(pictures) is pictures


def test_pictures_of_one_colour_and_none_stay():
    greys = np.stack([np.full((64, 64, 3), value, np.uint8) for value in (0, 90, 255)])
    assert (borders.inside(greys) == WHOLE).all()
    assert borders.inside(greys[:0]).shape == (0, 4)
