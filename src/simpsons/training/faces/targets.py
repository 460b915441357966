"""What a face detector learns from a canvas: targets and loss.

As Z. Liu et al. ("Training-Time-Friendly Network for Real-Time Object Detection", 2020): places
around the middle of a face are asked for, the more the nearer, and each of them learns the box.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from simpsons.models import faces
from simpsons.training.faces.canvas import Canvas

_REACH = 0.54  # of a face, in which places learn
_BOX_WEIGHT = 5.0
_SURE = 0.01  # of a place's target from which it learns the box


class Targets(NamedTuple):
    """What each place of N canvases should say.

    middle: float32 `[N, H, W]`, 0 to 1, 1 at the middle of a face. box: `[N, 4, H, W]` in pixels.
    weight: `[N, H, W]`, of the box. counts: `[N, H, W]`, 0 where nothing is asked.
    """

    middle: Tensor
    box: Tensor
    weight: Tensor
    counts: Tensor


def targets(canvases: Sequence[Canvas], size: int) -> Targets:
    """The targets of canvases of `size` pixels a side."""
    places = -(-size // faces.STRIDE)
    shape = (len(canvases), places, places)
    middle, weight = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    counts, box = np.ones(shape, np.float32), np.zeros((shape[0], 4, *shape[1:]), np.float32)
    centres = (np.arange(places, dtype=np.float32) + 0.5) * faces.STRIDE
    for number, canvas in enumerate(canvases):
        for x1, y1, x2, y2 in canvas.ignored:
            rows = (centres > y1 - faces.STRIDE) & (centres < y2 + faces.STRIDE)
            columns = (centres > x1 - faces.STRIDE) & (centres < x2 + faces.STRIDE)
            counts[number][np.ix_(rows, columns)] = 0
        area = np.prod(canvas.boxes[:, 2:] - canvas.boxes[:, :2], axis=1)
        for one in np.argsort(-area):  # smaller faces are in front
            near = _nearness(canvas.boxes[one], centres)
            here = near > np.maximum(middle[number], _SURE)
            middle[number] = np.maximum(middle[number], near)
            counts[number][near > _SURE] = 1
            total = near[here].sum()
            weight[number][here] = near[here] / max(total, 1e-6)
            box[number][:, here] = canvas.boxes[one][:, None]
    return Targets(*map(torch.from_numpy, (middle, box, weight, counts)))


def _nearness(box: NDArray[np.float32], centres: NDArray[np.float32]) -> NDArray[np.float32]:
    """A bell over the box, `[H, W]`, 1 at the place nearest to its middle."""
    sides = []
    for low, high in ((box[1], box[3]), (box[0], box[2])):
        spread = max(_REACH * (high - low) / 6, faces.STRIDE / 3)
        nearest = centres[np.abs(centres - (low + high) / 2).argmin()]
        sides.append(np.exp(-((centres - nearest) ** 2) / (2 * spread**2)))
    bell: NDArray[np.float32] = np.outer(*sides).astype(np.float32)
    return bell


def loss(log_odds: Tensor, sides: Tensor, wanted: Targets) -> Tensor:
    """Penalty-reduced focal loss of the middles, and generalised IoU of the boxes; a face each.

    (H. Law and J. Deng, "CornerNet", 2018; H. Rezatofighi et al., 2019.)
    """
    count = wanted.middle.eq(1).sum().clamp(min=1)
    probability = log_odds.sigmoid()
    is_middle = wanted.middle.eq(1).float()
    hit = -functional.logsigmoid(log_odds) * (1 - probability) ** 2 * is_middle
    miss = -functional.logsigmoid(-log_odds) * probability**2 * (1 - wanted.middle) ** 4
    focal = ((hit + miss * (1 - is_middle)) * wanted.counts).sum() / count
    learns = wanted.weight > 0
    overlap = generalised_iou(
        faces.boxes(sides).permute(0, 2, 3, 1)[learns], wanted.box.permute(0, 2, 3, 1)[learns]
    )
    return focal + _BOX_WEIGHT * ((1 - overlap) * wanted.weight[learns]).sum() / count


def generalised_iou(one: Tensor, other: Tensor) -> Tensor:
    """Of boxes `[N, 4]` pair by pair, -1 to 1."""
    low, high = torch.maximum(one[:, :2], other[:, :2]), torch.minimum(one[:, 2:], other[:, 2:])
    inside = (high - low).clamp(min=0).prod(1)
    areas = [(boxes[:, 2:] - boxes[:, :2]).clamp(min=0).prod(1) for boxes in (one, other)]
    union = areas[0] + areas[1] - inside
    hull = (torch.maximum(one[:, 2:], other[:, 2:]) - torch.minimum(one[:, :2], other[:, :2])).prod(
        1
    )
    return inside / union.clamp(min=1e-6) - (hull - union) / hull.clamp(min=1e-6)
