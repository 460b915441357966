import base64
import io

import numpy as np
import pytest
from PIL import Image

from simpsons.evaluation.marked import LONGEST, Mark, jpeg, marked

BLUE, ORANGE = (0, 114, 178), (213, 94, 0)


def count(pixels, colour):
    return int((pixels == np.array(colour)).all(axis=2).sum())


def test_boxes_are_drawn_at_the_size_of_the_report():
    ground = np.full((80, 160, 3), 200, np.uint8)
    drawn = marked(ground, [Mark((40, 20, 80, 60), found=True)])
    assert drawn.shape == (LONGEST // 2, LONGEST, 3)
    rows, columns = np.nonzero((drawn == np.array(BLUE)).all(axis=2))
    scale = LONGEST / 160
    assert (columns.min(), rows.min()) == pytest.approx((40 * scale, 20 * scale), abs=2)
    assert (columns.max(), rows.max()) == pytest.approx((80 * scale, 60 * scale), abs=2)
    assert tuple(drawn[90, 135]) == (200, 200, 200)


def test_a_given_box_is_dashed_in_another_colour():
    ground = np.full((160, 160, 3), 200, np.uint8)
    solid = marked(ground, [Mark((40, 40, 120, 120), found=True)])
    dashed = marked(ground, [Mark((40, 40, 120, 120), found=False)])
    assert count(dashed, BLUE) == 0
    assert 0.3 < count(dashed, ORANGE) / count(solid, BLUE) < 0.7


def test_a_jpeg_that_needs_no_file():
    head, _, data = jpeg(np.zeros((10, 20, 3), np.uint8)).partition(",")
    assert head == "data:image/jpeg;base64"
    with Image.open(io.BytesIO(base64.b64decode(data))) as picture:
        assert picture.size == (20, 10)
