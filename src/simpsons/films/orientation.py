"""Which way up a film's frames are shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import av
import numpy as np
from av.sidedata.sidedata import SideDataContainer
from numpy.typing import NDArray


@dataclass(frozen=True)
class Orientation:
    """One of eight ways to lay a picture: transposed first, then mirrored in x, in y or both."""

    transposed: bool = False
    mirrored_x: bool = False
    mirrored_y: bool = False

    @classmethod
    def of(cls, picture: av.VideoFrame) -> Orientation:
        """What the display matrix of a frame says; another angle counts as the nearest of these.

        The matrix, of nine fixed-point numbers a b u, c d v, x y w, takes a point (x, y) of the
        picture to (ax + cy, bx + dy) on the screen, y down, as `libavutil/display.h` says.
        """
        # A frame keeps its `side_data`, which refers to it: it would be freed only now and then.
        matrix = cast(Any, SideDataContainer)(picture).get("DISPLAYMATRIX")
        if matrix is None:
            return cls()
        a, b, _, c, d, *_ = np.frombuffer(matrix, np.int32).tolist()
        if abs(a) + abs(d) >= abs(b) + abs(c):
            return cls(False, a < 0, d < 0)
        return cls(True, c < 0, b < 0)

    def upright(self, pixels: NDArray[Any]) -> NDArray[Any]:
        """A view of `[H, W, ...]` as it is shown."""
        if self.transposed:
            pixels = pixels.swapaxes(0, 1)
        return pixels[:: -1 if self.mirrored_y else 1, :: -1 if self.mirrored_x else 1]

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Width and height as shown of a picture of these; the same the other way round."""
        return (height, width) if self.transposed else (width, height)
