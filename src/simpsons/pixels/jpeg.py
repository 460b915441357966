"""Ordinary JPEG files in one go: the pixels that Pillow gives, in less time.

Pillow comes back to Python between the parts of a file, so many threads that decode wait for one
another. Pillow still reads the rest: rotated files, files of several pictures, unusual colour
spaces, and damaged files.
"""

import io
import re
from collections.abc import Callable
from math import ceil
from typing import BinaryIO, NamedTuple

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image

from simpsons.pixels import tiff

START = b"\xff\xd8\xff"
"""The first bytes of a JPEG file."""

_SCAN_MARKER = b"\xff\xda"
_SCAN, _EXIF_OR_XMP, _SEVERAL = b"\xda", b"\xe1", b"MPF\0"
_WITH_NUMBERS, _LEAST = (b"JFIF", b"Adobe"), 9  # segments, and the bytes that these have
_COLOURS = ("YCbCr", "Gray")
_MODE = "RGBX"
_SCALES = (8, 4, 2, 1)  # those of Pillow's `draft`

_MOST_SCANS = 100
_MOST_SCANNED = 1_000_000_000  # pixels times scans: all of a progressive file's pixels, each time
_MOST_SEGMENTS = 1000  # before the first scan
_HEADER = 16_000_000  # bytes in which the first scan begins
_AT_ONCE = 2**20  # bytes
_MARKER = re.compile(rb"\xff+([^\x00\xff])")
_ALONE = frozenset(b"\x01\xd0\xd1\xd2\xd3\xd4\xd5\xd6\xd7\xd8")  # markers without a length
_EXIF, _MPF = b"Exif\0\0", b"MPF\0"


QUALITY = 95
"""Of pictures that are kept to learn from."""


def encoded(pixels: NDArray[np.uint8], quality: int = QUALITY) -> bytes:
    """uint8 `[H, W, 3]`, RGB, as a JPEG file."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality)
    return file.getvalue()


class Jpeg(NamedTuple):
    """A decoded file.

    image: RGBX, as Pillow takes it over without a copy; its width and height are those of the file
    in pixels, `width` and `height`, divided by `scale` and rounded up.
    """

    image: Image.Image
    width: int
    height: int
    scale: int


def decode(
    file: BinaryIO, least: int, most_pixels: int, side: Callable[[int, int], int] = min
) -> Jpeg | None:
    """Decode at a half, a quarter or an eighth of the size, if both sides keep `least` pixels.

    side: `max` if it is enough that the longer side keeps them. Returns None for what is left to
    Pillow, for a file that is not in memory, and for more than `most_pixels`.
    """
    if not isinstance(file, io.BytesIO):
        return None
    data = file.getvalue()
    if not data.startswith(START) or not _is_ordinary(data):
        return None
    try:
        height, width, colours, _ = simplejpeg.decode_jpeg_header(data)
        if colours not in _COLOURS or width * height > most_pixels:
            return None
        if has_too_many_scans(data.count(_SCAN_MARKER), width * height):
            return None
        reduction = side(width, height) // least
        scale = next((scale for scale in _SCALES if scale <= reduction), 1)
        size = ceil(width / scale), ceil(height / scale)
        pixels = simplejpeg.decode_jpeg(data, _MODE, min_width=size[0], min_height=size[1])
        image = Image.frombuffer(_MODE, size, pixels, "raw", _MODE, 0, 1)
        return Jpeg(image, width, height, scale)
    except Exception:  # a KeyError for an unusual subsampling, say; Pillow may read the file
        return None


def has_too_many_scans(scans: int, pixels: int) -> bool:
    """Whether decoding takes longer than any program's file needs: each scan is of all pixels."""
    return scans > _MOST_SCANS or scans * pixels > max(_MOST_SCANNED, 4 * pixels)


def scans(file: BinaryIO) -> int:
    """How many scans a file has that is at its start, those of thumbnails included."""
    count, last = 0, b""
    while data := file.read(_AT_ONCE):
        count += (last + data).count(_SCAN_MARKER)
        last = data[-1:]
    return count


def fault(file: BinaryIO) -> str | None:
    """What is wrong before the first scan of a file that is at its start, None if nothing is.

    Pillow reads all of it before it says how large the picture is.
    """
    data = file.read(_HEADER)
    exif, several = b"", b""
    at = 2
    for _ in range(_MOST_SEGMENTS):
        marker = _MARKER.search(data, at)
        if marker is None or marker[1] == _SCAN:
            return _fault_of_directories(exif, several)
        at = marker.end()
        if marker[1][0] in _ALONE:
            continue
        end = at + int.from_bytes(data[at : at + 2], "big")
        content = data[at + 2 : end]
        if marker[1] == _EXIF_OR_XMP and content.startswith(_EXIF):
            exif += content[len(_EXIF) :]
        elif content.startswith(_MPF):
            several = content[len(_MPF) :]
        at = end
    return f"it has more than {_MOST_SEGMENTS:,} segments before its first scan"


def _fault_of_directories(*blocks: bytes) -> str | None:
    if all(tiff.is_bounded(io.BytesIO(block)) for block in blocks):
        return None
    return "the values of its EXIF block lie over one another"


def _is_ordinary(data: bytes) -> bool:
    """Whether nothing before the pixels says to turn them, or that there are more pictures."""
    at = len(START) - 1
    for _ in range(_MOST_SEGMENTS):
        if data[at : at + 1] != b"\xff":
            return False
        marker = data[at + 1 : at + 2]
        if marker == _SCAN:
            return True
        if marker == _EXIF_OR_XMP or data[at + 4 : at + 8] == _SEVERAL:
            return False
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        if length < _LEAST and data.startswith(_WITH_NUMBERS, at + 4):  # Pillow refuses it
            return False
        at += 2 + length
    return False
