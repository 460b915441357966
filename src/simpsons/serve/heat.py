"""A heat map as a picture to lay over another."""

import base64
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

COLOUR = (214, 0, 86)
"""A red that neither skin, sky nor grass of a cartoon has."""

OPACITY = 0.8
"""Of the hottest place."""


def layer(heat: NDArray[np.float32]) -> str:
    """A PNG as a data URI: `COLOUR`, the less transparent the hotter.

    heat: float32 `[H, W]`, 0 to 1.
    """
    pixels = np.empty((*heat.shape, 4), np.uint8)
    pixels[..., :3] = COLOUR
    pixels[..., 3] = np.rint(heat.clip(0, 1) * (255 * OPACITY))
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
