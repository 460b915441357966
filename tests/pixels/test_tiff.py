import io
import struct

import numpy as np
import pytest
from PIL import Image

from simpsons.pixels import images, tiff
from tests.pixels.test_images import tiff as tiff_file

RGBA = np.random.default_rng(0).integers(0, 256, (5, 7, 4), np.uint8)


def test_planes_with_plain_alpha_are_read():
    expected = images.decode(tiff_file(RGBA, 2, extra=[2]))
    assert np.array_equal(images.decode(tiff_file(RGBA, 2, extra=[2], planes=2)), expected)


@pytest.mark.parametrize(
    ("values", "photometric", "extra"),
    [(RGBA, 2, [1]), (RGBA[..., :2], 1, [1]), (RGBA[..., :2], 1, [2])],
    ids=["associated alpha", "grey, associated alpha", "grey, alpha"],
)
def test_other_planes_with_alpha_are_refused_for_what_they_are(values, photometric, extra):
    data = tiff_file(values, photometric, extra=extra, planes=2)
    with pytest.raises(images.ImageError, match=r"stores each channel by itself|damaged or of"):
        images.decode(data)


def overlapping(order, is_big, count=500, size=20_000):
    """A directory whose tags all name the same bytes."""
    entry, start = ("HHQQ", 16) if is_big else ("HHLL", 8)
    tags = b"".join(struct.pack(order + entry, 1000 + tag, 7, size, start) for tag in range(count))
    head = b"II" if order == "<" else b"MM"
    if is_big:
        head += struct.pack(f"{order}HHHQ", 43, 8, 0, 16) + struct.pack(f"{order}Q", count)
    else:
        head += struct.pack(f"{order}HL", 42, 8) + struct.pack(f"{order}H", count)
    return head + tags + bytes(size)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("is_big", [False, True])
def test_values_that_lie_over_one_another_are_not_read(order, is_big, monkeypatch):
    data = overlapping(order, is_big)
    assert not tiff.is_bounded(io.BytesIO(data))
    monkeypatch.setattr(Image, "open", None)
    with pytest.raises(images.ImageError, match="the values of its tags lie over one another"):
        images.decode(data)


@pytest.mark.parametrize(
    "data",
    [b"", b"II", b"II*\0", b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff", b"GIF89a" * 9]
    + [tiff_file(RGBA, 2, extra=[2], order=order) for order in "<>"],
)
def test_everything_else_is_bounded(data):
    assert tiff.is_bounded(io.BytesIO(data))


def test_a_tile_larger_than_any_picture_is_refused():
    image = Image.open(io.BytesIO(tiff_file(RGBA, 2, extra=[2])))
    image.tag_v2[322] = image.tag_v2[323] = 60_000
    with pytest.raises(images.ImageError, match="has tiles of too many pixels"):
        images.decode(image)
