"""Each kind of odd picture is found by its own measure; a good drawing is not odd."""

import numpy as np
import pytest
from PIL import Image, ImageFilter

from simpsons.auditing import image_properties
from simpsons.dataset import cache
from simpsons.demo.dolls import DOLLS
from simpsons.demo.drawings import draw


@pytest.fixture(scope="module")
def doll():
    """A paper doll of 128 pixels."""
    return draw(DOLLS[0], np.random.default_rng(0)).convert("RGB")


SPOILT = {
    "small": lambda image: image.resize((24, 30)),
    "stretched": lambda image: image.resize((300, 120)),
    "dark": lambda image: image.point(lambda value: value * 0.25),
    "bright": lambda image: image.point(lambda value: 225 + value * 0.1),
    "uniform": lambda image: image.point(lambda value: 100 + value * 0.1),
    "blurred": lambda image: image.filter(ImageFilter.GaussianBlur(6)),
}


@pytest.mark.parametrize("kind", SPOILT)
def test_a_spoilt_picture_is_found(kind, doll, tmp_path):
    (tmp_path / "class").mkdir()
    doll.save(tmp_path / "class" / "good.png")
    SPOILT[kind](doll).save(tmp_path / "class" / "spoilt.png")
    dataset = cache.load(tmp_path)
    found = [(dataset.paths[each.row], each.kind) for each in image_properties.find(dataset)]
    assert ("class/spoilt.png", kind) in found
    assert "class/good.png" not in [path for path, _ in found]


def test_the_oddest_comes_first_and_the_value_is_the_measure(doll, tmp_path):
    (tmp_path / "class").mkdir()
    for side in (20, 30, 10):
        doll.resize((side, side)).save(tmp_path / "class" / f"{side}.png")
    small = [each for each in image_properties.find(cache.load(tmp_path)) if each.kind == "small"]
    assert [each.value for each in small] == [10, 20, 30]


def test_measures_do_not_depend_on_the_block(drawings, monkeypatch):
    dataset = cache.load(drawings)
    whole = image_properties.measure(dataset)
    monkeypatch.setattr(image_properties, "_BLOCK", 7)
    parts = image_properties.measure(dataset)
    for name, values in whole.items():
        np.testing.assert_allclose(parts[name], values, rtol=1e-5)


def test_of_the_real_pictures_few_are_odd_and_blurred_ones_are(real_dataset):
    found = {each.row for each in image_properties.find(real_dataset)}
    assert len(found) < 0.01 * len(real_dataset)
    few = np.asarray(real_dataset.images[::100])
    blurred = [
        np.asarray(Image.fromarray(pixels).resize((24, 24), 3).resize((64, 64), 3))
        for pixels in few
    ]
    limit = next(kind.limit for kind in image_properties.KINDS if kind.name == "blurred")
    sharpness = image_properties._of_pixels(np.stack(blurred))[3]
    assert np.mean(sharpness < limit) > 0.9
