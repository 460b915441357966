"""TIFF files of which Pillow makes other pixels than they hold.

Tags: TIFF Revision 6.0, https://www.itu.int/itudoc/itu-t/com16/tiff-fx/docs/tiff6.pdf
"""

import ctypes
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, _imaging

_BITS, _COMPRESSION, _PHOTOMETRIC, _PLANES, _NUMBERS = 258, 259, 262, 284, 339
_WHITE_IS_ZERO, _SEPARATE, _SIGNED = 0, 2, 2
_UNCOMPRESSED = 1


def fault(image: Image.Image) -> str | None:
    """Why Pillow doesn't give the pixels of a TIFF file; None if it does, or it is no TIFF."""
    tags = _tags(image)
    if tags is None:
        return None
    bits = max(tags.get(_BITS, (1,)))
    is_compressed = tags.get(_COMPRESSION, _UNCOMPRESSED) != _UNCOMPRESSED
    if _SIGNED in tags.get(_NUMBERS, ()):
        return "has signed numbers, of which none is known to be black or white"
    if image.mode == "I":
        return f"has whole numbers of {bits} bits, of which none is known to be white"
    if image.mode == "F" and is_compressed and getattr(tags, "prefix", b"") == b"MM":
        return "has compressed big-endian floats"
    is_wrong = image.mode in ("LA", "La", "PA") or (bits > 8 and not is_compressed)
    if tags.get(_PLANES) == _SEPARATE and len(image.getbands()) > 1 and is_wrong:
        return "stores each channel by itself"
    return None


def straight(image: Image.Image, values: NDArray[np.generic]) -> NDArray[np.generic]:
    """Values of a grey TIFF file of more than 8 bits, 0 for black, 65535 or 1.0 for white.

    values: `[H, W]` of the image, as Pillow gives them. Those of what is no TIFF are left as they
    are.
    """
    tags = _tags(image)
    if tags is None:
        return values
    if tags.get(_BITS) == (12,):
        values = np.rint(values.astype(np.float32) * np.float32(65535 / 4095)).astype(np.uint16)
    if tags.get(_PHOTOMETRIC, _WHITE_IS_ZERO) == _WHITE_IS_ZERO:
        white = 1 if values.dtype.kind == "f" else 65535
        values = np.subtract(white, values, dtype=values.dtype)
    return values


@cache
def silence() -> None:
    """Keep libtiff from printing what it finds in a file; what it can't decode, Pillow raises.

    Where Pillow has it inside and does not show it, on Windows, it goes on printing.
    """
    with suppress(AttributeError, OSError):
        library = ctypes.CDLL(_imaging.__file__)
        library.TIFFSetErrorHandler(None)
        library.TIFFSetWarningHandler(None)


def _tags(image: Image.Image) -> Mapping[int, Any] | None:
    return getattr(image, "tag_v2", None) if image.format == "TIFF" else None
