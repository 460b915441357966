"""Where a shot ends: at a change of the whole picture, not at a movement or a change of light."""

import av
import numpy as np
import pytest

from simpsons.films.film import Frame
from simpsons.films.shots import SHORTEST, ShotDetector

RATE = 25


def greys(*values):
    """Plain frames of these greys, a second of each."""
    for number, value in enumerate(np.repeat(values, RATE)):
        pixels = np.full((54, 96, 3), value, np.uint8)
        yield Frame(number / RATE, av.VideoFrame.from_ndarray(pixels, format="rgb24"))


def starts(frames):
    shots = ShotDetector()
    for frame in frames:
        shots.shot_of(frame)
    return shots.starts


@pytest.mark.parametrize(("brighter", "found"), [(54, [0]), (66, [0, 1]), (75, [0, 1])])
def test_a_cut_changes_hue_saturation_and_value_by_20_of_256_on_average(brighter, found):
    """Grey differs in its value alone, by a third of that on average."""
    assert starts(greys(100, 100 + brighter)) == pytest.approx(found)


def test_a_flash_makes_one_cut_at_most():
    frames = list(greys(60, 60))
    flash = next(greys(250))
    flash_at = round(RATE * 1)
    frames[flash_at] = Frame(frames[flash_at].time, flash.picture)
    found = starts(frames)
    assert len(found) <= 2
    assert np.diff([*found, 2]).min() >= SHORTEST
