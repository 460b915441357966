"""The page's scripts make of a picture what `simpsons.pixels.images` makes of it."""

import base64
import io
import json
import subprocess
from importlib import resources
from pathlib import Path

import numpy as np
import PIL
import pytest
from PIL import Image

from simpsons.demo.drawings import DOLLS, draw
from simpsons.pixels import images
from simpsons.pixels.margins import content
from simpsons.pixels.plain_resize import WAYS

PAGE = resources.files("simpsons.web") / "page"

SIZES = (
    (64, 64), (1, 1), (5, 70), (63, 65), (90, 64), (96, 128), (193, 193), (256, 257), (385, 390),
    (640, 480), (30, 900), (900, 30),
)  # fmt: skip


@pytest.fixture(scope="module")
def look(node):
    """A function that gives what the scripts make of pictures, uint8 `[64, 64, 3]` each."""

    def see(pictures, resize="antialias", *, jpeg=False):
        asked = [
            {
                "width": pixels.shape[1],
                "height": pixels.shape[0],
                "data": base64.b64encode(np.pad(pixels, ((0, 0), (0, 0), (0, 1)))).decode(),
                "isJpeg": jpeg,
                "resize": resize,
            }
            for pixels in pictures
        ]
        command = [node, str(Path(__file__).with_name("seen.mjs")), str(PAGE)]
        said = subprocess.run(command, input=json.dumps(asked).encode(), capture_output=True)
        assert said.returncode == 0, said.stderr.decode()
        shape = (images.SIZE, images.SIZE, 3)
        return [
            np.frombuffer(base64.b64decode(one), np.uint8).reshape(shape)
            for one in json.loads(said.stdout)
        ]

    return see


def drawing(number, width, height):
    side = max(width, height)
    drawn = draw(DOLLS[number % len(DOLLS)], np.random.default_rng(number), side)
    return np.asarray(drawn.convert("RGB").resize((width, height)))


@pytest.mark.skipif(int(PIL.__version__.split(".")[0]) < 13, reason="older Pillow rounds otherwise")
@pytest.mark.parametrize("resize", WAYS)
def test_every_size_is_resized_bit_for_bit(look, resize):
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 256, (h, w, 3), dtype=np.uint8) for w, h in SIZES]
    pictures += [drawing(number, w, h) for number, (w, h) in enumerate(SIZES)]
    for pixels, seen in zip(pictures, look(pictures, resize), strict=True):
        np.testing.assert_array_equal(seen, images.fit(pixels, resize=resize), str(pixels.shape))


def barred(pixels, across, down, colour):
    pixels = pixels.copy()
    if across:
        pixels[:, :across] = pixels[:, -across:] = colour
    if down:
        pixels[:down] = pixels[-down:] = colour
    return pixels


def test_bars_are_left_out_as_in_python(look):
    bars = ((0, 40, 0), (60, 0, 250), (50, 50, (12, 120, 200)), (0, 7, 0), (1, 1, 255))
    pictures = [
        barred(drawing(number, 320, 300 + 211 * (number % 2)), *bars[number % len(bars)])
        for number in range(10)
    ]
    cut = [content(Image.fromarray(pixels)) != (0, 0, *pixels.shape[1::-1]) for pixels in pictures]
    assert 0 < sum(cut) < len(cut)
    for pixels, seen in zip(pictures, look(pictures), strict=True):
        np.testing.assert_array_equal(seen, images.fit(pixels))


@pytest.mark.parametrize(("width", "height"), [(250, 120), (803, 799), (1600, 1210)])
def test_a_jpeg_file_is_nearly_what_its_decoder_reduces(look, width, height):
    """Python has the decoder leave out high frequencies; the scripts take means."""
    pixels = barred(drawing(0, width, height), 0, height // 8, 0)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=90)
    whole = np.asarray(Image.open(file).convert("RGB"))
    [seen] = look([whole], jpeg=True)
    expected = images.load(file.getvalue())
    assert np.abs(seen.astype(int) - expected).mean() < 1.2
