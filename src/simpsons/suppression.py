"""Non-maximum suppression: of boxes on the same face the surest stays."""

import numpy as np
from numpy.typing import NDArray

OVERLAP = 0.5
"""Intersection over union above which two boxes are of the same face."""


def suppress(
    boxes: NDArray[np.float32], scores: NDArray[np.float32], overlap: float = OVERLAP
) -> NDArray[np.int64]:
    """The rows of the boxes that stay, the surest first.

    boxes: float32 `[M, 4]`, x1, y1, x2, y2. scores: float32 `[M]`.
    """
    order = np.argsort(-scores, kind="stable")
    area = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    kept = []
    while len(order):
        first, rest = order[0], order[1:]
        kept.append(first)
        low = np.maximum(boxes[first, :2], boxes[rest, :2])
        high = np.minimum(boxes[first, 2:], boxes[rest, 2:])
        inside = np.prod(np.clip(high - low, 0, None), axis=1)
        share = inside / np.maximum(area[first] + area[rest] - inside, 1e-6)
        order = rest[share <= overlap]
    return np.array(kept, np.int64)
