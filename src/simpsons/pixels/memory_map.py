"""Memory-mapped pictures, of which little stays in memory once it is read."""

import mmap

import numpy as np
from numpy.typing import NDArray

from simpsons.pixels.images import Pixels

_READ = 128
"""Pictures that are read before their pages are let go."""


def read(pixels: Pixels, rows: NDArray[np.int64]) -> Pixels:
    """Copies of the pictures of these rows, uint8 `[M, H, W, C]`.

    Reading one of a memory-mapped array maps much more of the file around it, so few are read at
    a time.
    """
    pictures = np.empty((len(rows), *pixels.shape[1:]), pixels.dtype)
    for start in range(0, len(rows), _READ):
        part = slice(start, start + _READ)
        pictures[part] = pixels[rows[part]]
        release(pixels)
    return pictures


def release(pixels: Pixels) -> None:
    """Let go of what was read of a memory-mapped array; what is needed again is read again."""
    base: object = pixels
    while isinstance(base, np.ndarray) and not base.flags.writeable:
        base = base.base
    if isinstance(base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        base.madvise(mmap.MADV_DONTNEED)
