"""A file whose reader may compute for so long and no longer.

Decoders that are written in Python come back to read after every few bytes, and those of Pillow
in C after every 64 KB. So a decoder that a file keeps busy is ended when it reads on.
"""

import time
from typing import Any, BinaryIO

SECONDS = 2.0
"""Of a processor that a picture may take, and one more for each 20 million of its pixels."""

PIXELS_A_SECOND = 20_000_000


class TooLongError(Exception):
    """The time is over."""


class Bounded:
    """A binary file that raises TooLongError when it is read after the time is over."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._started = time.thread_time()
        self._seconds = SECONDS

    def allow(self, pixels: int) -> None:
        """Give the time for so many pixels."""
        self._seconds = SECONDS + pixels / PIXELS_A_SECOND

    def read(self, size: int = -1) -> bytes:
        """As of the file."""
        if time.thread_time() - self._started > self._seconds:
            raise TooLongError
        return self._file.read(size)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)
