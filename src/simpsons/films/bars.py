"""The plain bars of a film: they stay where they are, also where a frame is too dark to tell."""

import numpy as np
from PIL import Image

from simpsons.pixels import images, margins
from simpsons.pixels.margins import Rectangle


class Bars:
    """Finds the bars of one frame after the other."""

    def __init__(self) -> None:
        self._before = images.WHOLE

    def inside(self, pixels: images.Pixels) -> Rectangle:
        """What the frame, uint8 `[H, W, 3]`, shows inside its bars; all of it if it has none.

        Where its own edges do not tell, it is what frames before showed if nothing is outside.
        """
        found = images.content(pixels)
        if found != images.WHOLE:
            self._before = found
            return _in_pixels(pixels, found)
        before = _in_pixels(pixels, self._before)
        if self._before != images.WHOLE and margins.is_plain_around(
            Image.fromarray(pixels), before
        ):
            return before
        return _in_pixels(pixels, images.WHOLE)


def _in_pixels(pixels: images.Pixels, shares: images.Shares) -> Rectangle:
    height, width = pixels.shape[:2]
    return Rectangle(*(np.rint(np.multiply(shares, [width, height] * 2)).astype(int).tolist()))
