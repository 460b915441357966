"""The checksums of a PNG file, of which Pillow looks at some.

Format: https://www.w3.org/TR/png-3/#5Chunk-layout
"""

import struct
import zlib
from typing import BinaryIO

SIGNATURE = b"\x89PNG\r\n\x1a\n"

_AT_ONCE = 2**20  # bytes


def fault(file: BinaryIO) -> str | None:
    """What is wrong with the chunks of a file that is at its start; None for a sound file.

    What follows the last chunk is not looked at. None too for a file that is no PNG.
    """
    if file.read(len(SIGNATURE)) != SIGNATURE:
        return None
    kind = b""
    while kind != b"IEND":
        head = file.read(8)
        if len(head) < 8:
            return "truncated"
        left, kind = struct.unpack(">I4s", head)
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
