"""Takes off what is around a picture: black bars above or beside it, a border of one colour.

Two pictures with the same border would look alike for its sake, and a picture in bars would not
look like itself without them. A border ends at a straight edge; a plain sky does not.
"""

import numpy as np
from numpy.typing import NDArray

from simpsons.pixels.images import Pixels

_PLAIN = 7.0
"""A border's lines differ so little from its colour, on average, in grey levels of 255."""

_EDGE = 12.0
"""Pixels of another colour differ by more."""

_STRAIGHT = 0.6
"""Share of the first line inside that has another colour than the border."""

_LEAST = 0.3
"""Share of width and height that a picture in a border has at least."""

Windows = NDArray[np.float32]
"""float32 `[P, 4]`: left, right, upper and lower edge as shares of width and height."""


def without(pixels: Pixels) -> Pixels:
    """Of uint8 `[P, H, W, 3]` what is inside the borders, stretched to the same size."""
    windows = inside(pixels)
    bordered = np.flatnonzero((windows != (0, 1, 0, 1)).any(axis=1))
    if not len(bordered):
        return pixels
    result = pixels.copy()
    result[bordered] = stretched(pixels[bordered], windows[bordered])
    return result


def inside(pixels: Pixels) -> Windows:
    """Where, in uint8 `[P, H, W, 3]`, the picture inside the border is; all, where none is.

    A border is black or white, or of one colour at two opposite sides.
    """
    height, width = pixels.shape[1:3]
    upper, lower = _sides(pixels)
    left, right = _sides(pixels.swapaxes(1, 2))
    upper, lower = _straight(pixels, upper, lower, left, right)
    left, right = _straight(pixels.swapaxes(1, 2), left, right, upper, lower)
    edges = np.stack([left, width - right, upper, height - lower], axis=1).astype(np.float32)
    edges /= np.array((width, width, height, height), np.float32)
    narrow = (edges[:, 1] - edges[:, 0] < _LEAST) | (edges[:, 3] - edges[:, 2] < _LEAST)
    edges[narrow] = 0, 1, 0, 1
    return edges


def stretched(pixels: Pixels, windows: Windows) -> Pixels:
    """Windows of uint8 `[P, H, W, 3]`, sampled linearly to the same size."""
    height, width = pixels.shape[1:3]
    across = sampling(windows[:, 0], windows[:, 1], width, width)
    down = sampling(windows[:, 2], windows[:, 3], height, height)
    planes = np.moveaxis(pixels, 3, 1).astype(np.float32)
    laid = down[:, None] @ planes @ across.transpose(0, 2, 1)[:, None]
    return np.rint(np.moveaxis(laid, 1, 3)).astype(np.uint8)


def sampling(
    first: NDArray[np.float32], last: NDArray[np.float32], side: int, count: int
) -> NDArray[np.float32]:
    """`[P, count, side]`: weights of linear interpolation between two edges, of `side` steps."""
    steps = (np.arange(count, dtype=np.float32) + np.float32(0.5)) / side
    at = (first[:, None] + (last - first)[:, None] * steps) * side - np.float32(0.5)
    at = np.clip(at, 0, side - 1)
    apart = np.abs(at[:, :, None] - np.arange(side, dtype=np.float32))
    return np.asarray(np.maximum(0, 1 - apart), np.float32)


def _sides(pixels: Pixels) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many lines of one colour there are at the top and at the bottom, int64 `[P]` each."""
    lines, colours = [], []
    for ordered in (pixels, pixels[:, ::-1]):
        colour = np.median(ordered[:, 0], axis=1).astype(np.float32)
        lines.append(_lines(ordered, colour))
        colours.append(colour)
    one, other = lines
    plain = [((colour < 32) | (colour > 223)).all(axis=1) for colour in colours]
    same = (np.abs(colours[0] - colours[1]).max(axis=1) < _EDGE) & (one > 0) & (other > 0)
    return np.where(plain[0] | same, one, 0), np.where(plain[1] | same, other, 0)


def _lines(pixels: Pixels, colour: NDArray[np.float32]) -> NDArray[np.int64]:
    """How many lines from the first on are of a colour, float32 `[P, 3]`."""
    height = pixels.shape[1]
    count = np.zeros(len(pixels), np.int64)
    left = np.arange(len(pixels))
    for line in range(round((1 - _LEAST) * height)):
        apart = np.abs(pixels[left, line] - colour[left, None]).mean(axis=(1, 2))
        left = left[apart < _PLAIN]
        if not len(left):
            break
        count[left] += 1
    return count


def _straight(
    pixels: Pixels,
    upper: NDArray[np.int64],
    lower: NDArray[np.int64],
    left: NDArray[np.int64],
    right: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The counts of upper and lower lines, 0 where they end at no straight edge."""
    height, width = pixels.shape[1:3]
    result = []
    columns = np.arange(width)
    for ordered, lines in ((pixels, upper), (pixels[:, ::-1], lower)):
        rows = np.flatnonzero(lines)
        # The line next to a border may be half of it: the second is looked at, and the first goes.
        line = np.minimum(lines[rows] + 1, height - 1)
        colour = np.median(ordered[rows, 0], axis=1)
        apart = np.abs(ordered[rows, line] - colour[:, None]).max(axis=2) > _EDGE
        within = (columns >= left[rows, None]) & (columns < width - right[rows, None])
        share = (apart & within).sum(axis=1) / np.maximum(1, within.sum(axis=1))
        kept = np.zeros_like(lines)
        straight = rows[share >= _STRAIGHT]
        kept[straight] = lines[straight] + 1
        result.append(kept)
    return result[0], result[1]
