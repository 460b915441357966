"""The checksums of a PNG file, of which Pillow looks at some.

Format: https://www.w3.org/TR/png-3/#5Chunk-layout
"""

import struct
import zlib
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIGNATURE = b"\x89PNG\r\n\x1a\n"

_FACTORS = {"L;2": 85, "L;4": 17}
_AT_ONCE = 2**20  # bytes
_MOST_CHUNKS = 1000  # and one more for each KB: a decoder takes as long for each as for a KB


def fault(file: BinaryIO) -> str | None:
    """What is wrong with the chunks of a file that is at its start; None for a sound file.

    What follows the last chunk is not looked at. None too for a file that is no PNG.
    """
    if file.read(len(SIGNATURE)) != SIGNATURE:
        return None
    kind, count, size = b"", 0, 0
    while kind != b"IEND":
        count += 1
        if count > _MOST_CHUNKS + size // 1024:
            return f"it has {count:,} chunks in {size:,} bytes"
        head = file.read(8)
        if len(head) < 8:
            return "truncated"
        left, kind = struct.unpack(">I4s", head)
        size += left
        sum_ = zlib.crc32(kind)
        while left:
            data = file.read(min(left, _AT_ONCE))
            if not data:
                return "truncated"
            sum_ = zlib.crc32(data, sum_)
            left -= len(data)
        if file.read(4) != struct.pack(">I", sum_):
            what = f"its chunk {kind.decode()}" if kind.isalpha() else "a chunk"
            return f"the checksum of {what} is wrong"
    return None


def scale_key(image: Image.Image) -> None:
    """Make the transparent value of grey of 2 or 4 bits one of 8, as Pillow makes the pixels.

    image: as it was opened; of one that is loaded the depth is not known any more.
    """
    key, factor = image.info.get("transparency"), _FACTORS.get(_raw_mode(image))
    if factor and isinstance(key, int):
        image.info["transparency"] = key * factor


def transparent(image: Image.Image) -> NDArray[np.bool_] | None:
    """Which pixels of a picture of 16-bit colours are transparent, bool `[H, W]`.

    image: as it was opened; it is loaded. The transparent colour has 16 bits, of which Pillow keeps
    the upper 8. None for what is none, or has no transparent colour.
    """
    key: Any = image.info.get("transparency")
    if _raw_mode(image) != "RGB;16B" or not isinstance(key, tuple):
        return None
    file = image.fp  # type: ignore[attr-defined]
    at = file.tell()
    file.seek(0)
    with Image.open(file, formats=("PNG",)) as lower:
        lower.tile = [lower.tile[0]._replace(args="RGB;16L")]  # the other byte of each
        lower.load()
    file.seek(at)
    image.load()
    high, low = np.divmod(np.array(key), 256)
    differs = (np.asarray(image) != high) | (np.asarray(lower) != low)
    same: NDArray[np.bool_] = ~differs.any(axis=2)
    return same


def _raw_mode(image: Image.Image) -> str:
    """How a PNG file's pixels lie in it; empty if it is loaded, or is no PNG file."""
    tiles = getattr(image, "tile", None)
    return str(tiles[0].args) if tiles and image.format == "PNG" else ""
