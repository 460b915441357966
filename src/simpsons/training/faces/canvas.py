"""Training pictures of a face detector: one to four pictures on a canvas, at any scale.

Pictures side by side and in a mosaic of four teach a detector of small and of many faces (YOLOv4's
mosaic, A. Bochkovskiy et al., 2020).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from simpsons.pixels.images import REDUCING_GAP, Pixels

Boxes = NDArray[np.float32]

_ALONE, _BESIDE = 0.55, 0.25  # shares of canvases; the rest are mosaics of four
_SCALE = (0.55, 1.6)  # of a picture that would just cover its part of the canvas
_STRETCH = 1.15  # of width to height, at most
_SHOWN, _HIDDEN = (
    0.5,
    0.15,
)  # shares of a face inside: from one on it counts, to the other it does not
_ORDERS = ((0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0))
_SMALLEST = 7.0  # pixels of a face's longer side that can be found


class Boxed(NamedTuple):
    """Pictures with every face boxed.

    pixels: uint8 `[H, W, 3]` each. boxes: float32 `[M, 4]` each: x1, y1, x2, y2 in its pixels.
    ignored: the same, of what may be a face or not.
    """

    pixels: Sequence[Pixels]
    boxes: Sequence[Boxes]
    ignored: Sequence[Boxes]


@dataclass
class Canvas:
    """A training picture.

    pixels: uint8 `[size, size, 3]`. boxes: float32 `[M, 4]`, of faces to find. ignored: the same,
    of faces that are cut off too much to be asked for, or too little to be denied.
    """

    pixels: Pixels
    boxes: Boxes
    ignored: Boxes


def compose(
    pictures: Boxed,
    row: int,
    others: Sequence[int],
    size: int,
    rng: np.random.Generator,
    recolour: float = 0.0,
) -> Canvas:
    """A canvas with the picture in `row`, and with some of `others` beside it by chance.

    others: three rows. recolour: as `Augmentation` has it, for each picture on the canvas.
    """
    chance = rng.random()
    if chance < _ALONE:
        cells = [(0, 0, size, size)]
    else:
        x, y = (int(size * rng.uniform(0.33, 0.67)) for _ in range(2))
        if chance >= _ALONE + _BESIDE:
            cells = [(0, 0, x, y), (x, 0, size, y), (0, y, x, size), (x, y, size, size)]
        elif rng.random() < 0.65:
            cells = [(0, 0, x, size), (x, 0, size, size)]
        else:
            cells = [(0, 0, size, y), (0, y, size, size)]
    rows = [row, *others][: len(cells)]
    colour = rng.integers(0, 256, 3, dtype=np.uint8)
    canvas = np.full((size, size, 3), colour, np.uint8)
    found, ignored = [], []
    for one, cell in zip(rows, cells, strict=True):
        pixels = pictures.pixels[one]
        if rng.random() < recolour:
            pixels = _recoloured(pixels, rng)
        both = np.concatenate([pictures.boxes[one], pictures.ignored[one]])
        boxes = _place(canvas, cell, pixels, both, rng)
        kept = _inside(boxes, cell)
        share = _area(kept) / np.maximum(_area(boxes), 1e-6)
        small = (kept[:, 2:] - kept[:, :2]).max(axis=1, initial=0) < _SMALLEST
        asked = np.arange(len(both)) < len(pictures.boxes[one])
        clear = asked & (share >= _SHOWN) & ~small
        found.append(kept[clear])
        ignored.append(kept[(share > _HIDDEN) & ~clear])
    return Canvas(canvas, np.concatenate(found), np.concatenate(ignored))


def _recoloured(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """The channels in another order, or one in eight times grey."""
    if rng.random() < 1 / 8:
        return np.repeat(pixels[..., 1:2], 3, axis=2)
    return np.ascontiguousarray(pixels[..., _ORDERS[rng.integers(len(_ORDERS))]])


def _place(
    canvas: Pixels,
    cell: tuple[int, int, int, int],
    pixels: Pixels,
    boxes: Boxes,
    rng: np.random.Generator,
) -> Boxes:
    """Draw a picture into a part of the canvas; its boxes there."""
    left, top, right, bottom = cell
    width, height = right - left, bottom - top
    cover = max(width / pixels.shape[1], height / pixels.shape[0])
    low, high = np.log(_SCALE)
    scale = cover * np.exp(rng.uniform(low, high))
    stretch = np.exp(rng.uniform(-1, 1) * np.log(_STRETCH) / 2)
    across, down = scale * stretch, scale / stretch
    # the part of the picture that is shown, and where it lies in the cell
    x, shown_width, at_x = _window(pixels.shape[1], width / across, rng)
    y, shown_height, at_y = _window(pixels.shape[0], height / down, rng)
    size = max(1, round(shown_width * across)), max(1, round(shown_height * down))
    size = min(size[0], width), min(size[1], height)
    image = Image.fromarray(pixels).resize(
        size,
        Image.Resampling.BICUBIC,
        box=(x, y, x + shown_width, y + shown_height),
        reducing_gap=REDUCING_GAP,
    )
    part = np.asarray(image)
    to_x = left + min(round(at_x * across), width - size[0])
    to_y = top + min(round(at_y * down), height - size[1])
    factor = np.array([size[0] / shown_width, size[1] / shown_height] * 2, np.float32)
    placed = (boxes - np.array([x, y, x, y], np.float32)) * factor
    if rng.random() < 0.5:
        part = part[:, ::-1]
        placed[:, [0, 2]] = size[0] - placed[:, [2, 0]]
    canvas[to_y : to_y + size[1], to_x : to_x + size[0]] = part
    return (placed + np.array([to_x, to_y, to_x, to_y], np.float32)).astype(np.float32)


def _window(length: int, wanted: float, rng: np.random.Generator) -> tuple[float, float, float]:
    """Start and length of what is shown of a side, and where it begins in the part for it."""
    if wanted < length:
        return rng.uniform(0, length - wanted), wanted, 0.0
    return 0.0, float(length), rng.uniform(0, wanted - length)


def _inside(boxes: Boxes, cell: tuple[int, int, int, int]) -> Boxes:
    left, top, right, bottom = cell
    limits = np.array([left, top, left, top]), np.array([right, bottom, right, bottom])
    return boxes.clip(*limits).astype(np.float32)


def _area(boxes: Boxes) -> NDArray[np.float32]:
    area: NDArray[np.float32] = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    return area
