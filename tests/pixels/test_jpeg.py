"""What is decoded without Pillow has the pixels that Pillow gives, and the rest is left to it."""

import io
import struct

import numpy as np
import pytest
from PIL import Image, ImageFile

from simpsons.pixels import images, jpeg

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
    assert (original.width, original.height, original.format) == (*sides, "JPEG")


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


# What takes too long is not decoded


def with_scans(data, count):
    """A progressive file with its last scan, a few bytes long, so many times more."""
    at = data.rfind(b"\xff\xda")
    tables = data.rfind(b"\xff\xc4", 0, at)
    return data[:-2] + (data[tables:at] + data[at : at + 20]) * count + data[-2:]


@pytest.fixture(scope="module")
def progressive():
    return saved(drawing(320, 240), progressive=True)


WAYS = [images.load, images.decode, lambda source: images.decode_reduced(source, 40)]


@pytest.mark.parametrize("way", WAYS)
def test_a_file_of_many_scans_is_refused_before_it_is_decoded(progressive, way, monkeypatch):
    usual = progressive.count(b"\xff\xda")
    assert usual == 10
    way(progressive)
    monkeypatch.setattr(ImageFile.ImageFile, "load", None)
    with pytest.raises(images.ImageError, match="bytes given: has 110 scans, more than can be"):
        way(with_scans(progressive, 100))


def test_a_large_picture_may_have_fewer_scans():
    assert not jpeg.has_too_many_scans(12, 80_000_000)
    assert jpeg.has_too_many_scans(13, 80_000_000)
    assert not jpeg.has_too_many_scans(100, 1_000_000)
    assert jpeg.has_too_many_scans(101, 1)


def test_scans_are_counted_wherever_they_begin():
    data = b"\xff\xd8" + bytes(2**20 - 3) + b"\xff\xda" + bytes(9) + b"\xff\xda"
    assert jpeg.scans(io.BytesIO(data)) == 2


@pytest.mark.parametrize("way", WAYS)
def test_a_file_of_many_segments_is_refused(way):
    data = saved(drawing(64, 64))
    way(data[:2] + b"\xff\xfe\0\2" * 900 + data[2:])
    with pytest.raises(images.ImageError, match="more than 1,000 segments before its first scan"):
        way(data[:2] + b"\xff\xfe\0\2" * 1001 + data[2:])


@pytest.mark.parametrize("start", [b"Exif\0\0", b"MPF\0"])
def test_exif_values_that_lie_over_one_another_are_not_read(start):
    """Pillow makes a copy of each: 300 MB of 64 KB."""
    count = 4000
    tags = b"".join(struct.pack("<HHLL", tag, 7, 60_000, 8) for tag in range(count))
    block = b"II*\0\x08\0\0\0" + struct.pack("<H", count) + tags + bytes(15_000)
    content = start + block
    marker = b"\xff\xe1" if start.startswith(b"E") else b"\xff\xe2"
    segment = marker + struct.pack(">H", len(content) + 2) + content
    data = saved(drawing(64, 64))
    for way in WAYS:
        with pytest.raises(
            images.ImageError, match="values of its EXIF block lie over one another"
        ):
            way(data[:2] + segment + data[2:])


@pytest.mark.parametrize("marker", [(0xE0, b"JFIF\0\1"), (0xEE, b"Adobe")])
def test_a_segment_that_pillow_refuses_is_refused_for_all(marker):
    number, content = marker
    segment = struct.pack(">BBH", 0xFF, number, len(content) + 2) + content
    data = saved(drawing(64, 64))
    data = data[:2] + segment + data[2:]
    assert jpeg.decode(io.BytesIO(data), LEAST, MOST) is None
    for read in (images.load, images.decode):
        with pytest.raises(images.ImageError, match="damaged"):
            read(data)
