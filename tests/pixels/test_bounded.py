import io
import struct
import time

import numpy as np
import PIL
import pytest
from PIL import Image

from simpsons.pixels import bounded, file_kinds, images


@pytest.fixture
def ticking(monkeypatch):
    """A processor whose clock goes on a little each time it is looked at."""
    now = 0.0

    def tick(step=0.01):
        nonlocal now
        now += step
        return now

    monkeypatch.setattr(time, "thread_time", tick)


def encoded(pixels, kind):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


@pytest.mark.usefixtures("ticking")
def test_a_file_is_read_until_the_time_is_over():
    file = bounded.Bounded(io.BytesIO(bytes(1000)))
    for _ in range(195):
        assert file.read(1) == b"\0"
    time.thread_time(1)
    with pytest.raises(bounded.TooLongError):
        file.read(1)


@pytest.mark.usefixtures("ticking")
def test_a_large_picture_has_more_time():
    file = bounded.Bounded(io.BytesIO(bytes(1000)))
    file.allow(20_000_000)
    for _ in range(295):
        assert file.read(1) == b"\0"
    time.thread_time(1)
    with pytest.raises(bounded.TooLongError):
        file.read(1)


def test_it_is_the_file_otherwise():
    file = bounded.Bounded(io.BytesIO(b"abc"))
    assert (file.read(2), file.tell(), file.seek(1), file.read()) == (b"ab", 2, 1, b"bc")
    assert file.getvalue() == b"abc"
    assert not hasattr(file, "nonsense")


@pytest.mark.usefixtures("ticking")
def test_a_gif_of_endless_comments_ends_by_itself():
    data = encoded(np.zeros((4, 4, 3), np.uint8), "GIF")
    at = data.index(b"\x2c", 13 + 3 * 256 if data[10] & 7 == 7 else 13)
    comment = b"\x21\xfe" + b"\x01a" * 500 + b"\0"
    assert images.decode(data).shape == (4, 4, 3)
    with pytest.raises(
        images.ImageError, match="takes too long to decode; save it again, for example as PNG"
    ):
        images.decode(data[:at] + comment + data[at:])


@pytest.mark.usefixtures("ticking")
def test_a_ppm_of_comments_ends_by_itself(monkeypatch):
    monkeypatch.setenv(file_kinds.VARIABLE, "PPM")
    data = b"P6\n#" + b"a" * 500 + b"\n1 1 255\n" + bytes(3)
    with pytest.raises(images.ImageError, match="takes too long to decode"):
        images.decode(data)


def run_lengths(side, pairs):
    """A BMP file in run lengths; each pair of bytes ends a row or gives some pixels."""
    header = struct.pack("<IiiHHIIiiII", 40, side, side, 1, 8, 1, len(pairs), 0, 0, 2, 0)
    palette = bytes([0, 0, 0, 0, 255, 255, 255, 0])
    at = 14 + len(header) + len(palette)
    return b"BM" + struct.pack("<IHHI", at + len(pairs), 0, 0, at) + header + palette + pairs


@pytest.mark.skipif(
    int(PIL.__version__.split(".")[0]) < 13, reason="older Pillow reads no grey one"
)
def test_a_bmp_in_run_lengths_is_read_if_it_is_small():
    data = run_lengths(4, b"\4\1\0\0\4\0\0\0" * 2 + b"\0\1")
    expected = np.repeat([0, 255, 0, 255], 4).reshape(4, 4)
    assert np.array_equal(images.decode(data)[:, :, 0], expected)


def test_a_large_bmp_in_run_lengths_is_refused_before_it_is_decoded():
    started = time.thread_time()
    with pytest.raises(images.ImageError, match=r"in run lengths of more than 4,000,000 pixels"):
        images.decode(run_lengths(2001, bytes(6000)))
    assert time.thread_time() - started < 1


def test_a_webp_has_fewer_pixels_than_others(monkeypatch):
    monkeypatch.setitem(images._FEWER_PIXELS, "WEBP", 100)
    images.decode(encoded(np.zeros((10, 10, 3), np.uint8), "WEBP"))
    for kind in ("WEBP", "PNG"):
        data = encoded(np.zeros((10, 11, 3), np.uint8), kind)
        if kind == "PNG":
            assert images.decode(data).shape == (10, 11, 3)
            continue
        with pytest.raises(images.TooLargeError, match="has more than 100 pixels; make it smaller"):
            images.decode(data)
