import numpy as np
import pytest

from simpsons import Face, Prediction
from simpsons.drawing import KNOWN, Mark, draw, draw_faces

YELLOW = np.array([int(KNOWN[place : place + 2], 16) for place in (1, 3, 5)])
GREY = 90


def blank(width, height):
    return np.full((height, width, 3), GREY, np.uint8)


def face(label, box, familiarity=1.0):
    return Face(box, 0.9, Prediction(None, ((label, 0.9),), familiarity, 0.5))


def changed(pixels):
    return (pixels != GREY).any(axis=2)


def yellow(pixels):
    return (pixels == YELLOW).all(axis=2)


def extent(mask):
    """x1, y1, x2, y2 of what is true."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return columns[0], rows[0], columns[-1] + 1, rows[-1] + 1


def test_a_box_is_where_the_face_is_and_the_picture_stays_as_it_was():
    pixels = blank(300, 200)
    drawn = draw(pixels, [Mark((50, 60, 120, 150), "", True)])
    assert extent(changed(drawn)) == (50, 60, 120, 150)
    assert not changed(drawn)[66:144, 56:114].any()
    assert yellow(drawn)[61, 51:119].all()
    assert not changed(pixels).any()
    assert (drawn.dtype, drawn.shape) == (np.uint8, pixels.shape)


def test_the_name_stands_above_the_box():
    plain = draw(blank(400, 300), [Mark((50, 100, 150, 200), "", True)])
    named = draw_faces(blank(400, 300), [face("homer_simpson", (50, 100, 150, 200))])
    x1, y1, x2, y2 = extent((named != plain).any(axis=2))
    assert 75 <= y1 < y2 == 100
    assert 45 <= x1 <= 55
    assert 60 < x2 - x1 < 160


def test_a_stranger_looks_otherwise():
    box = (50, 100, 150, 200)
    known = draw_faces(blank(400, 300), [face("homer_simpson", box)])
    stranger = draw_faces(blank(400, 300), [face("homer_simpson", box, familiarity=0.1)])
    assert yellow(known).sum() > 500
    assert yellow(stranger).sum() == 0
    text = draw(blank(400, 300), [Mark(box, "unknown", False)])
    assert np.array_equal(stranger, text)


@pytest.mark.parametrize(
    "box",
    [(0, 0, 40, 40), (360, 0, 400, 40), (360, 260, 400, 300), (0, 260, 40, 300), (0, 0, 400, 300)],
)
def test_a_name_at_the_border_stays_inside_and_can_be_read(box):
    plain = draw(blank(400, 300), [Mark(box, "", True)])
    named = draw(blank(400, 300), [Mark(box, "Apu Nahasapeemapetilon", True)])
    x1, y1, x2, y2 = extent((named != plain).any(axis=2))
    assert x2 - x1 > 90  # the whole name
    assert y2 - y1 >= 8


@pytest.mark.parametrize("size", [(160, 120), (640, 480), (4000, 3000)])
def test_names_grow_with_the_picture(size):
    width, height = size
    box = (width // 4, height // 2, width // 2, height)
    plain = draw(blank(*size), [Mark(box, "", True)])
    named = draw(blank(*size), [Mark(box, "Homer Simpson", True)])
    x1, y1, x2, y2 = extent((named != plain).any(axis=2))
    assert y2 - y1 >= height / 50
    assert x2 - x1 <= width


@pytest.mark.parametrize("size", [(1, 1), (3, 20), (20, 3), (10_000, 10), (24, 24)])
def test_a_picture_without_room_for_letters_has_the_box_alone(size):
    whole = (0.0, 0.0, *map(float, size))
    drawn = draw(blank(*size), [Mark(whole, "Apu Nahasapeemapetilon", True)])
    assert np.array_equal(drawn, draw(blank(*size), [Mark(whole, "", True)]))
    assert changed(drawn)[0, 0]


def test_boxes_that_reach_outside_are_cut():
    drawn = draw(
        blank(100, 80),
        [Mark((-20, -20, 300, 200), "", True), Mark((99.7, 79.7, 100, 80), "", False)],
    )
    assert extent(changed(drawn)) == (0, 0, 100, 80)


def test_nothing_to_draw():
    assert not changed(draw_faces(blank(50, 40), [])).any()


def test_the_surest_is_drawn_over_the_others():
    first, second = (20, 20, 60, 60), (40, 20, 80, 60)
    drawn = draw_faces(
        blank(200, 100), [face("marge_simpson", first), face("homer_simpson", second, 0.1)]
    )
    assert yellow(drawn)[30:50, 57:60].any(axis=1).all()
