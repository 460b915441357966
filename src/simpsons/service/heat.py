"""Pictures in an answer: a heat map to lay over another picture, and any as a data URI."""

import base64
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from simpsons.pixels.images import WHOLE, Shares

COLOUR = (214, 0, 86)
"""A red that neither skin, sky nor grass of a cartoon has."""

OPACITY = 0.8
"""Of the hottest place, before it is blurred."""

BLUR = 4
"""Pixels: half of what is between two values of a network's last map, whose grid says nothing."""


def layer(heat: NDArray[np.float32], content: Shares = WHOLE) -> str:
    """A PNG as a data URI: `COLOUR`, the less transparent the hotter.

    heat: float32 `[H, W]`, 0 to 1. content: the part of the picture that it is of, as an
    `images.Original` has it. The layer is for all of the picture.
    """
    strength = np.rint(heat.clip(0, 1) * (255 * OPACITY)).astype(np.uint8)
    height, width = heat.shape
    left, top, right, bottom = content
    size = round(width / (right - left)), round(height / (bottom - top))
    alpha = Image.new("L", size)
    alpha.paste(Image.fromarray(strength), (round(left * size[0]), round(top * size[1])))
    picture = Image.new("RGB", size, COLOUR)
    picture.putalpha(alpha.filter(ImageFilter.GaussianBlur(BLUR)))
    return data_uri(picture)


def data_uri(picture: Image.Image) -> str:
    """The picture as a PNG in a data URI."""
    file = io.BytesIO()
    picture.save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
