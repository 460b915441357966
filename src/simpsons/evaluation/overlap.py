"""How far boxes overlap. Boxes are x1, y1, x2, y2, x to the right and y down."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def iou(boxes: ArrayLike, others: ArrayLike) -> Array:
    """Intersection over union, float64 `[N, M]`, of boxes `[N, 4]` and `[M, 4]`."""
    one, two = as_boxes(boxes), as_boxes(others)
    shared = _shared(one, two)
    together = area(one)[:, None] + area(two) - shared
    ratio: Array = shared / np.maximum(together, 1e-9)
    return ratio


def covered(boxes: ArrayLike, others: ArrayLike) -> Array:
    """The share of each of the boxes `[N, 4]` that each of the others `[M, 4]` covers: `[N, M]`."""
    one, two = as_boxes(boxes), as_boxes(others)
    share: Array = _shared(one, two) / np.maximum(area(one)[:, None], 1e-9)
    return share


def area(boxes: ArrayLike) -> Array:
    """Areas, float64 `[N]`."""
    listed = as_boxes(boxes)
    areas: Array = np.prod(np.clip(listed[:, 2:] - listed[:, :2], 0, None), axis=1)
    return areas


def as_boxes(boxes: ArrayLike | Sequence[Sequence[float]]) -> Array:
    """float64 `[N, 4]`, also of none."""
    return np.asarray(boxes, np.float64).reshape(-1, 4)


def _shared(one: Array, two: Array) -> Array:
    low = np.maximum(one[:, None, :2], two[:, :2])
    high = np.minimum(one[:, None, 2:], two[:, 2:])
    shared: Array = np.prod(np.clip(high - low, 0, None), axis=2)
    return shared
