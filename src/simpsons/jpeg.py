"""Ordinary JPEG files in one go: the pixels that Pillow gives, in less time.

Pillow comes back to Python between the parts of a file, so many threads that decode wait for one
another. What is not ordinary is left to it: turned or several pictures, colours other than the
usual, and files with a fault.
"""

import io
from collections.abc import Callable
from math import ceil
from typing import BinaryIO, NamedTuple

import simplejpeg
from PIL import Image

_START = b"\xff\xd8\xff"
_SCAN, _EXIF_OR_XMP, _SEVERAL = b"\xda", b"\xe1", b"MPF\0"
_COLOURS = ("YCbCr", "Gray")
_MODE = "RGBX"
_SCALES = (8, 4, 2, 1)  # those of Pillow's `draft`


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
    if not data.startswith(_START) or not _is_ordinary(data):
        return None
    try:
        height, width, colours, _ = simplejpeg.decode_jpeg_header(data)
        if colours not in _COLOURS or width * height > most_pixels:
            return None
        reduction = side(width, height) // least
        scale = next((scale for scale in _SCALES if scale <= reduction), 1)
        size = ceil(width / scale), ceil(height / scale)
        pixels = simplejpeg.decode_jpeg(data, _MODE, min_width=size[0], min_height=size[1])
        image = Image.frombuffer(_MODE, size, pixels, "raw", _MODE, 0, 1)
        return Jpeg(image, width, height, scale)
    except Exception:  # a KeyError for an unusual subsampling, say; Pillow may read the file
        return None


def _is_ordinary(data: bytes) -> bool:
    """Whether nothing before the pixels says to turn them, or that there are more pictures."""
    at = len(_START) - 1
    while data[at : at + 1] == b"\xff":
        marker = data[at + 1 : at + 2]
        if marker == _SCAN:
            return True
        if marker == _EXIF_OR_XMP or data[at + 4 : at + 8] == _SEVERAL:
            return False
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return False
