"""TIFF files of which Pillow makes other pixels than they hold.

Tags: TIFF Revision 6.0, https://www.itu.int/itudoc/itu-t/com16/tiff-fx/docs/tiff6.pdf
"""

import ctypes
import io
import struct
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, _imaging

_BITS, _COMPRESSION, _PHOTOMETRIC, _PLANES, _NUMBERS = 258, 259, 262, 284, 339
_WHITE_IS_ZERO, _SEPARATE, _SIGNED = 0, 2, 2
_TILE_WIDTH, _TILE_HEIGHT = 322, 323
_UNCOMPRESSED = 1
_SIZES = dict(enumerate((1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4), 1)) | {16: 8, 17: 8, 18: 8}
_MOST_TAGS = 65535
_MOST_IN_TILE = 80_000_000  # pixels


def fault(image: Image.Image) -> str | None:
    """Why Pillow doesn't give the pixels of a TIFF file; None if it does, or it is no TIFF."""
    tags = _tags(image)
    if tags is None:
        return None
    bits = max(tags.get(_BITS, (1,)))
    if tags.get(_TILE_WIDTH, 1) * tags.get(_TILE_HEIGHT, 1) > _MOST_IN_TILE:
        return "has tiles of too many pixels"
    is_compressed = tags.get(_COMPRESSION, _UNCOMPRESSED) != _UNCOMPRESSED
    if _SIGNED in tags.get(_NUMBERS, ()):
        return "has signed numbers, of which none is known to be black or white"
    if image.mode == "I":
        return f"has whole numbers of {bits} bits, of which none is known to be white"
    if image.mode == "F" and is_compressed and getattr(tags, "prefix", b"") == b"MM":
        return "has compressed big-endian floats"
    is_wrong = image.mode in ("LA", "La", "PA") or (bits > 8 and not is_compressed)
    is_wrong |= any(
        tile.args[:1] == ("a",) for tile in getattr(image, "tile", ())
    )  # associated alpha
    if tags.get(_PLANES) == _SEPARATE and len(image.getbands()) > 1 and is_wrong:
        return "stores each channel by itself"
    return None


def is_bounded(file: BinaryIO) -> bool:
    """Whether the first directory of a TIFF file or EXIF block has no more values than bytes.

    file: at its start. Pillow reads the values of each tag as bytes of their own; thousands that
    name the same bytes would take thousands of times the memory of the file. True for what is no
    TIFF file.
    """
    head = file.read(16)
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None or len(head) < 8:
        return True
    is_big = head[2:4] == struct.pack(f"{order}H", 43)
    start, count, entry = (8, "Q", "HHQ") if is_big else (4, "H", "HHL")
    word = struct.calcsize(f"{order}{entry[-1]}")
    length = file.seek(0, io.SEEK_END)
    try:
        file.seek(*struct.unpack_from(f"{order}{entry[-1]}", head, start))
        (tags,) = struct.unpack(order + count, file.read(struct.calcsize(order + count)))
        if tags > _MOST_TAGS:
            return False
        directory = file.read(tags * (4 + 2 * word))
    except (struct.error, ValueError, OSError, OverflowError):
        return True  # Pillow says what is wrong
    whole = directory[: len(directory) // (4 + 2 * word) * (4 + 2 * word)]
    sizes = (
        _SIZES.get(kind, 0) * values
        for _, kind, values, _ in struct.iter_unpack(f"{order}{entry}{word}s", whole)
    )
    return bool(sum(size for size in sizes if word < size <= length) <= length)


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
