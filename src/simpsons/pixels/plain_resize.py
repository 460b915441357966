"""Resizing without anti-aliasing, for networks from elsewhere that learnt from such pictures.

A picture is sampled at 64 x 64 points, whatever its size: most of its pixels have no say. What a
network sees of a large picture then differs from what anti-aliasing makes of it.
"""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Resize = Literal["antialias", "bilinear", "nearest"]
"""How pictures are fitted to a network. `antialias`: as ours are. `bilinear`: between the four
pixels around each point, as `cv2.resize`, `tf.image.resize` and `image_dataset_from_directory` do.
`nearest`: the pixel at each point, as `load_img` and `flow_from_directory` of Keras do."""

ANTIALIAS: Resize = "antialias"
WAYS: tuple[Resize, ...] = ("antialias", "bilinear", "nearest")

_BITS = 11  # of the weights of two pixels
_ONE = 1 << _BITS


def resized(pixels: NDArray[np.uint8], size: int, how: Resize) -> NDArray[np.uint8]:
    """Resize uint8 `[H, W, 3]` to uint8 `[size, size, 3]`; the aspect ratio is not kept.

    how: `bilinear`, of which a reduction is that of OpenCV bit for bit, or `nearest`, Pillow's.
    Source: OpenCV, `modules/imgproc/src/resize.cpp`, `INTER_LINEAR` of 8 bits.
    """
    if how == "nearest":
        image = Image.fromarray(pixels).resize((size, size), Image.Resampling.NEAREST)
        return np.asarray(image)
    height, width = pixels.shape[:2]
    left, right, of_left, of_right = _neighbours(width, size)
    above, below, of_above, of_below = _neighbours(height, size)

    def between_columns(rows: Any) -> NDArray[np.int32]:
        taken = pixels[rows]
        result: NDArray[np.int32] = (
            taken[:, left] * of_left[:, None] + taken[:, right] * of_right[:, None]
        )
        return result

    upper = of_above[:, None, None] * (between_columns(above) >> 4) >> 16
    lower = of_below[:, None, None] * (between_columns(below) >> 4) >> 16
    return (upper + lower + 2 >> 2).astype(np.uint8)


def _neighbours(
    length: int, size: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]:
    """The two pixels around each point along a side, and their weights in parts of `_ONE`."""
    at = ((np.arange(size) + 0.5) * (length / size) - 0.5).astype(np.float32)
    first = np.floor(at).astype(np.int64)
    share = at - first.astype(np.float32)
    share[(first < 0) | (first >= length - 1)] = 0
    first = np.clip(first, 0, length - 1)
    second = np.minimum(first + 1, length - 1)
    weights = [np.rint(part * np.float32(_ONE)).astype(np.int32) for part in (1 - share, share)]
    return first, second, weights[0], weights[1]
