"""What a film of high dynamic range looks like on a usual screen."""

from fractions import Fraction

import av
import numpy as np
import pytest
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc

from simpsons.films.screen import Screen

TO_BT2020 = np.array(
    [
        [0.627404, 0.329283, 0.043313],
        [0.069097, 0.919540, 0.011362],
        [0.016391, 0.088013, 0.895595],
    ]
)


def pq(candelas):
    """ITU-R BT.2100, table 4."""
    power = (candelas / 10_000) ** (2610 / 16384)
    return ((3424 / 4096 + 2413 / 128 * power) / (1 + 2392 / 128 * power)) ** (2523 / 32)


def hlg(candelas):
    """ITU-R BT.2100, table 5, for a screen of 1,000 candelas."""
    light = candelas / 1000
    luminance = light @ np.array([0.2627, 0.6780, 0.0593])
    scene = light * luminance ** (1 / 1.2 - 1)
    bent = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
    return np.where(scene <= 1 / 12, np.sqrt(3 * scene), bent)


def frame(colour, transfer, white=203.0):
    """A frame of 10 bits in BT.2020 that shows an sRGB-like colour, 0 to 255, at this white."""
    light = TO_BT2020 @ (np.array(colour) / 255) ** 2.4 * white
    if transfer == ColorTrc.BT2020_10:
        signal = (light / white) ** (1 / 2.4)
    else:
        signal = (pq if transfer == ColorTrc.SMPTE2084 else hlg)(light)
    filled = np.empty((32, 64, 3), np.uint16)
    filled[:] = np.round(signal * 65535)
    made = av.VideoFrame.from_ndarray(filled, format="rgb48le").reformat(
        format="yuv420p10le", dst_colorspace=Colorspace.BT2020, dst_color_range=ColorRange.MPEG
    )
    made.color_primaries, made.color_trc = ColorPrimaries.BT2020, transfer
    return made


TRANSFERS = [ColorTrc.SMPTE2084, ColorTrc.ARIB_STD_B67, ColorTrc.BT2020_10]
COLOURS = {
    "skin": (230, 195, 14),
    "hair": (40, 90, 200),
    "grey": (110, 110, 110),
    "red": (200, 20, 20),
}


@pytest.mark.parametrize("colour", COLOURS.values(), ids=COLOURS)
@pytest.mark.parametrize("transfer", TRANSFERS)
def test_colours_below_white_are_the_same(colour, transfer):
    made = frame(colour, transfer)
    shown = Screen().pixels(made, Fraction(1), 64)
    assert shown[16, 32].tolist() == pytest.approx(colour, abs=8)
    screen = Screen()
    colours = screen.colours(made)
    assert (colours.matrix, colours.primaries, colours.transfer) == (Colorspace.ITU709, 1, 1)
    copy = screen.frame(made, 64, 32, colours).to_ndarray(format="rgb24")
    assert copy[16, 32].tolist() == pytest.approx(colour, abs=9)


@pytest.mark.parametrize("transfer", TRANSFERS[:2])
def test_what_is_brighter_than_white_keeps_its_hue(transfer):
    skin = Screen().pixels(frame((255, 200, 15), transfer, white=600), Fraction(1), 64)[16, 32]
    red, green, blue = skin.tolist()
    assert red > 250
    assert green / red == pytest.approx(200 / 255, abs=0.05)
    assert blue < 60
    white = Screen().pixels(frame((255, 255, 255), transfer), Fraction(1), 64)[16, 32]
    assert white.min() > 240
