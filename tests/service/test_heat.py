import base64
import io

import numpy as np
import pytest
from PIL import Image

from simpsons.service.heat import layer


def alpha(heat, *content):
    data = base64.b64decode(layer(heat, *content).partition(",")[2])
    return np.asarray(Image.open(io.BytesIO(data)))[..., 3]


def test_a_layer_is_opaque_where_there_is_heat():
    heat = np.zeros((64, 64), np.float32)
    heat[40:, 40:] = 1
    opaque = alpha(heat)
    assert opaque.shape == (64, 64)
    assert opaque[56, 56] > 190
    assert opaque[8, 8] == 0


def test_the_layer_of_a_picture_in_bars_is_for_all_of_it():
    opaque = alpha(np.ones((64, 64), np.float32), (0.0, 0.25, 1.0, 0.75))
    assert opaque.shape == (128, 64)
    assert opaque[64, 32] > 190
    assert opaque[:16].max() == opaque[-16:].max() == 0
    rows = np.flatnonzero(opaque[:, 32] > 100)
    assert (rows[0], rows[-1]) == pytest.approx((32, 95), abs=2)
