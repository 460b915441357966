import io
import struct
import zlib

import pytest
from PIL import Image

from simpsons.pixels import images


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, depth, colour, row, *chunks):
    """A file of one row of pixels."""
    header = struct.pack(">IIBBBBB", width, 1, depth, colour, 0, 0, 0)
    data = chunk(b"IDAT", zlib.compress(b"\0" + row))
    before = b"".join(chunks)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + before + data + chunk(b"IEND", b"")


def key(*values):
    return chunk(b"tRNS", struct.pack(f">{len(values)}H", *values))


WAYS = [images.decode, lambda data: images.decode(Image.open(io.BytesIO(data)))]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("depth", "row", "transparent", "expected"),
    [
        (1, b"\x40", 0, [255, 255, 255, 255]),
        (2, b"\x1b", 2, [0, 85, 255, 255]),
        (2, b"\x1b", 1, [0, 255, 170, 255]),
        (4, b"\x05\xaf", 5, [0, 255, 170, 255]),
        (4, b"\x05\xaf", 0, [255, 85, 170, 255]),
        (8, bytes([0, 5, 100, 7]), 5, [0, 255, 100, 7]),
        (16, struct.pack(">4H", 0, 5, 25700, 7), 5, [0, 255, 100, 0]),
    ],
)
def test_the_transparent_value_of_grey_of_any_depth_is_white(
    way, depth, row, transparent, expected
):
    data = png(4, depth, 0, row, key(transparent))
    assert way(data)[0, :, 0].tolist() == expected


@pytest.mark.parametrize("way", WAYS)
def test_a_transparent_colour_of_16_bits_is_that_colour_alone(way):
    colours = [(0x1234, 0x5678, 0x9ABC), (0x1235, 0x5678, 0x9ABC), (0x1334, 0x5678, 0x9ABC)]
    row = struct.pack(">9H", *sum(colours, ()))
    data = png(3, 16, 2, row, key(*colours[0]))
    expected = [[255, 255, 255], [0x12, 0x56, 0x9A], [0x13, 0x56, 0x9A]]
    assert way(data)[0].tolist() == expected
    assert images.decode_reduced(data, 10).pixels[0].tolist() == expected


def test_a_turned_picture_of_16_bit_colours_is_turned():
    exif = Image.Exif()
    exif[0x0112] = 6
    row = struct.pack(">6H", *(0xFFFF, 0, 0), *(1, 2, 3))
    data = png(2, 16, 2, row, key(1, 2, 3), chunk(b"eXIf", exif.tobytes()[6:]))
    assert images.decode(data)[:, 0].tolist() == [[255, 0, 0], [255, 255, 255]]


def test_a_file_of_very_many_chunks_is_refused():
    few = [chunk(b"prVt", b"")] * 990
    assert images.decode(png(1, 8, 0, b"\x64", *few))[0, 0, 0] == 100
    with pytest.raises(images.ImageError, match=r"damaged \(it has 1,001 chunks in"):
        images.decode(png(1, 8, 0, b"\x64", *few, *few))


def test_a_large_file_may_have_more_chunks():
    many = [chunk(b"prVt", bytes(1024))] * 1500
    assert images.decode(png(1, 8, 0, b"\x64", *many))[0, 0, 0] == 100


def test_text_that_unpacks_to_more_than_64_mb_is_refused():
    packed = chunk(b"zTXt", b"name\0\0" + zlib.compress(bytes(2**20 - 1)))
    assert images.decode(png(1, 8, 0, b"\x64", packed))[0, 0, 0] == 100
    with pytest.raises(images.ImageError, match="Too much memory used in text chunks"):
        images.decode(png(1, 8, 0, b"\x64", *[packed] * 70))


def test_exif_values_that_lie_over_one_another_are_passed_over():
    tags = b"".join(struct.pack("<HHLL", tag, 7, 40_000, 8) for tag in range(3000))
    block = b"II*\0\x08\0\0\0" + struct.pack("<H", 3000) + tags + bytes(9000)
    data = png(1, 8, 0, b"\x64", chunk(b"eXIf", block))
    assert images.decode(data)[0, 0, 0] == 100
