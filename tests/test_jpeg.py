"""What is decoded without Pillow has the pixels that Pillow gives, and the rest is left to it."""

import io

import numpy as np
import pytest
from PIL import Image

from simpsons import images, jpeg

LEAST, MOST = 96, 10**6


def drawing(width, height, mode="RGB"):
    rng = np.random.default_rng(width)
    coarse = rng.integers(0, 256, (height // 16 + 1, width // 16 + 1, 3), np.uint8)
    return Image.fromarray(coarse).resize((width, height)).convert(mode)


def saved(image, kind="JPEG", **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def by_pillow(data):
    with Image.open(io.BytesIO(data)) as image:
        drafted = image.draft(None, (LEAST, LEAST))
        image = image.convert("RGB")
    return image, image.resize((64, 64), Image.Resampling.BICUBIC, drafted[1], 3.0)


@pytest.mark.parametrize(
    "sides", [(64, 64), (20, 300), (191, 192), (193, 250), (431, 437), (1200, 801)]
)
@pytest.mark.parametrize(
    ("mode", "options"),
    [
        ("RGB", {}),
        ("RGB", {"subsampling": "4:4:4", "quality": 95}),
        ("RGB", {"subsampling": "4:2:2", "progressive": True}),
        ("RGB", {"icc_profile": b"a profile", "comment": b"a comment", "optimize": True}),
        ("L", {}),
    ],
)
def test_pixels_are_those_of_pillow(sides, mode, options):
    data = saved(drawing(*sides, mode), **options)
    decoded = jpeg.decode(io.BytesIO(data), LEAST, MOST)
    image, small = by_pillow(data)
    assert (decoded.width, decoded.height) == sides
    np.testing.assert_array_equal(np.asarray(decoded.image)[:, :, :3], np.asarray(image))
    original = images.load_file(data)
    np.testing.assert_array_equal(original.pixels, np.asarray(small))
    assert original[1:] == (*sides, "JPEG")


def turned():
    exif = Image.Exif()
    exif[0x0112] = 6
    return saved(drawing(200, 100), exif=exif)


LEFT_TO_PILLOW = {
    "turned by EXIF": turned(),
    "turned by XMP": saved(drawing(200, 100), xmp=b'<x tiff:Orientation="6"/>'),
    "two pictures": saved(
        drawing(200, 100), "MPO", save_all=True, append_images=[drawing(200, 100)]
    ),
    "CMYK": saved(drawing(200, 100, "CMYK")),
    "RGB inside": saved(drawing(200, 100), keep_rgb=True),
    "truncated": saved(drawing(200, 100))[:-200],
    "no scan": saved(drawing(200, 100))[:100],
    "too many pixels": saved(drawing(1001, 1000)),
    "a PNG": saved(drawing(200, 100), "PNG"),
    "nothing": b"",
}


@pytest.mark.parametrize("name", LEFT_TO_PILLOW)
def test_what_is_not_ordinary_is_left_to_pillow(name):
    assert jpeg.decode(io.BytesIO(LEFT_TO_PILLOW[name]), LEAST, MOST) is None


def test_a_file_that_is_not_in_memory_is_left_to_pillow():
    assert jpeg.decode(io.BufferedReader(io.BytesIO(saved(drawing(200, 100)))), LEAST, MOST) is None
