"""Lays one picture over another and says how well they agree: is one a copy of the other?

A copy may be re-encoded, smaller, cropped by up to 10 %, brighter or darker, and have subtitles.
So the crop is searched that fits best (Gauss-Newton, Baker and Matthews 2004, "Lucas-Kanade 20
Years On"), brightness and contrast are fitted, the lower quarter is left out, and the worst
place that is left decides: another figure in the same scene differs in one place only.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from simpsons.images import Pixels

COARSE = 16
"""Width and height of the grey thumbnails that are aligned first."""

_FINE = 32
_COMPARED = 23 / 32
"""Share of the rows that are compared: the lower quarter may carry subtitles."""

_CELL = 4
_STEPS = 3
_SIZES = 0.86, 1 / 0.86
_BEYOND = 0.14
_WORTHWHILE = 0.7
"""Correlation from which the second picture is laid over the first, too."""

_DARK, _BRIGHT = 8, 247
_NOISE = 8.0
"""Differences of so many grey values are noise of the encoding, in a picture of one tone too."""

Floats = NDArray[np.float32]
Windows = NDArray[np.float32]
"""float32 `[P, 4]`: left, right, upper and lower edge as shares of width and height."""


def reduced(pixels: Pixels, rows: int, columns: int) -> Floats:
    """Means of cells: uint8 `[P, H, W, C]` to float32 `[P, C, rows, columns]`, 0 to 255.

    A cell has up to 257 pixels; their sum fits into 16 bits.
    """
    down, across = pixels.shape[1] // rows, pixels.shape[2] // columns
    lines = pixels[:, ::down].astype(np.uint16)
    for at in range(1, down):
        lines += pixels[:, at::down]
    cells = lines[:, :, ::across].copy()
    for at in range(1, across):
        cells += lines[:, :, at::across]
    return np.moveaxis(cells, 3, 1).astype(np.float32, order="C") / np.float32(down * across)


def coarse(pixels: Pixels) -> Pixels:
    """uint8 `[P, 64, 64, 3]` to grey thumbnails, uint8 `[P, 16, 16]`, a little blurred."""
    small = _blurred(_grey(reduced(pixels, COARSE, COARSE)), times=1)
    return np.rint(small[:, 0]).astype(np.uint8)


def coarse_fit(source: Pixels, target: Pixels) -> tuple[Windows, Floats]:
    """Windows of the source thumbnails that look most like the targets, and how alike they are.

    source, target: uint8 `[P, 16, 16]`. Returns float32 `[P, 4]` and the correlation of the
    compared parts, float32 `[P]`, -1 to 1.
    """
    one, other = (grey.astype(np.float32)[:, None] for grey in (source, target))
    windows, alike = _coarse_fit(one, other)
    tried = np.flatnonzero(alike > _WORTHWHILE)
    if not len(tried):
        return windows, alike
    back, alike_back = _coarse_fit(other[tried], one[tried])
    better = alike_back > alike[tried]
    windows[tried[better]] = turned_round(back[better])
    alike[tried[better]] = alike_back[better]
    return windows, alike


def _coarse_fit(source: Floats, target: Floats) -> tuple[Windows, Floats]:
    whole = np.tile(np.array((0, 1, 0, 1), np.float32), (len(source), 1))
    windows = _fit(source, target, whole, _STEPS + 1)
    laid = _warp(source, windows).reshape(len(source), -1)
    seen = target[:, :, : _rows(COARSE)].reshape(len(target), -1)
    laid = laid - laid.mean(axis=1, keepdims=True)
    seen = seen - seen.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(laid, axis=1) * np.linalg.norm(seen, axis=1)
    return windows, (laid * seen).sum(axis=1) / np.maximum(lengths, 1e-6)


def turned_round(windows: Windows) -> Windows:
    """Where a picture lies in another, from where the other lies in it."""
    turned = np.empty_like(windows)
    for first, last in ((0, 1), (2, 3)):
        size = windows[:, last] - windows[:, first]
        turned[:, first] = -windows[:, first] / size
        turned[:, last] = (1 - windows[:, first]) / size
    return turned


def agreement(source: Pixels, target: Pixels, windows: Windows) -> Floats:
    """How well windows of some pictures agree with others: float32 `[P]`, 0 to 1.

    source, target: uint8 `[P, 64, 64, 3]`. windows: of the source, about where the target lies.
    """
    one, other = (_blurred(reduced(pixels, _FINE, _FINE), times=4) for pixels in (source, target))
    windows = _fit(_grey(one), _grey(other), windows, _STEPS)
    return _agreement(_warp(one, windows), other[:, :, : _rows(_FINE)])


def _rows(side: int) -> int:
    return int(_COMPARED * side)


def _grey(pictures: Floats) -> Floats:
    """`[P, C, side, side]` to `[P, 1, side, side]`."""
    grey: Floats = pictures.mean(axis=1, keepdims=True)
    return grey


def _blurred(pictures: Floats, times: int) -> Floats:
    """`[P, C, side, side]` with weights of 1 2 1 along both sides, so many times."""
    kernel = _blur(pictures.shape[-1], times)
    return np.asarray(kernel @ pictures @ kernel.T, np.float32)


@cache
def _blur(side: int, times: int) -> Floats:
    inside = np.pad(np.eye(side, dtype=np.float32), ((1, 1), (0, 0)), "edge")
    once = (inside[:-2] + 2 * inside[1:-1] + inside[2:]) / 4
    return np.linalg.matrix_power(once, times).astype(np.float32)


def _fit(source: Floats, target: Floats, windows: Windows, steps: int) -> Windows:
    """The windows of `[P, 1, side, side]` most like the targets, found from those given."""
    count, _, _, side = source.shape
    target = target[:, 0, : _rows(side)]
    level = target.mean(axis=(1, 2), keepdims=True)
    source, target = source - level[:, None], target - level
    y, x = _centred(_rows(side), side)[:, None], _centred(side, side)
    by_y, by_x = np.gradient(target, axis=(1, 2))
    parts = (target, np.ones_like(target), by_x, by_x * x, by_y, by_y * y)
    jacobian = np.stack([part.reshape(count, -1) for part in parts], axis=1)
    hessian = (jacobian @ jacobian.transpose(0, 2, 1)).astype(np.float64)
    hessian += (1e-3 * np.eye(6)) * hessian + 1e-6 * np.eye(6)
    solver = np.linalg.inv(hessian).astype(np.float32) @ jacobian
    for _ in range(steps):
        found = (solver @ _warp(source, windows).reshape(count, -1, 1))[:, :, 0]
        gain = np.where(np.abs(found[:, :1]) < 0.3, 0.3, found[:, :1])
        windows = _moved(windows, found[:, 2:] / gain, side)
    return windows


def _moved(windows: Windows, steps: Floats, side: int) -> Windows:
    """Windows after the target moved by `[P, 4]`: pixels along x, growth in x, the same of y."""
    moved = np.empty_like(windows)
    for axis in (0, 2):
        first, last = windows[:, axis], windows[:, axis + 1]
        shift = np.clip(steps[:, axis] / side, -0.1, 0.1)
        growth = 1 + np.clip(steps[:, axis + 1], -0.1, 0.1)
        centre = (first + last) / 2 - (last - first) * shift / growth
        size = np.clip((last - first) / growth, *_SIZES)
        centre = np.clip(centre, size / 2 - _BEYOND, 1 - size / 2 + _BEYOND)
        moved[:, axis], moved[:, axis + 1] = centre - size / 2, centre + size / 2
    return moved


def _centred(count: int, side: int) -> Floats:
    return np.asarray(np.arange(count) + (0.5 - side / 2), np.float32)


def _warp(source: Floats, windows: Windows) -> Floats:
    """The compared rows of each window, `[P, C, rows, side]`, sampled linearly."""
    side = source.shape[-1]
    across = _sampling(windows[:, 0], windows[:, 1], side, side)
    down = _sampling(windows[:, 2], windows[:, 3], side, _rows(side))
    return np.asarray(down[:, None] @ source @ across.transpose(0, 2, 1)[:, None], np.float32)


def _sampling(first: Floats, last: Floats, side: int, count: int) -> Floats:
    """`[P, count, side]`: weights of linear interpolation between two edges."""
    steps = (np.arange(count, dtype=np.float32) + np.float32(0.5)) / side
    at = (first[:, None] + (last - first)[:, None] * steps) * side - np.float32(0.5)
    at = np.clip(at, 0, side - 1)
    apart = np.abs(at[:, :, None] - np.arange(side, dtype=np.float32))
    return np.asarray(np.maximum(0, 1 - apart), np.float32)


def _agreement(laid: Floats, target: Floats) -> Floats:
    count, channels, rows, side = laid.shape
    one, other = laid.reshape(count, -1), target.reshape(count, -1)
    gain, shift = _brightness(one, other)
    forth = np.abs(other - np.clip(gain * one + shift, 0, 255))
    back = np.abs(one - np.clip((other - shift) / gain, 0, 255)) * gain
    squares = np.square(np.minimum(forth, back)).reshape(laid.shape) / gain[:, :, None, None]
    down, across = rows // _CELL, side // _CELL
    lines = squares[:, :, : down * _CELL].reshape(count, channels, down, _CELL, side)
    cells = lines.sum(axis=(1, 3)).reshape(count, down, across, _CELL).sum(axis=3)
    worst = np.sqrt(cells.max(axis=(1, 2)) / (channels * _CELL * _CELL))
    contrast = np.sqrt(_contrast(laid) * _contrast(target))
    return np.asarray(np.maximum(0, 1 - worst / (contrast + _NOISE)), np.float32)


def _contrast(pictures: Floats) -> Floats:
    """Float32 `[P]`: standard deviation over the places, not over the channels."""
    count, channels = pictures.shape[:2]
    spread = pictures.reshape(count, channels, -1).var(axis=2).mean(axis=1)
    return np.asarray(np.sqrt(spread), np.float32)


def _brightness(one: Floats, other: Floats) -> tuple[Floats, Floats]:
    """Gain and shift, `[P, 1]` each, from one to the other where neither is black or white."""
    sound = (np.minimum(one, other) > _DARK) & (np.maximum(one, other) < _BRIGHT)
    weight = sound + np.float32(1e-3)
    total = weight.sum(axis=1, keepdims=True)
    means = [(weight * values).sum(axis=1, keepdims=True) / total for values in (one, other)]
    spreads = [
        (weight * np.square(values - mean)).sum(axis=1, keepdims=True) / total
        for values, mean in zip((one, other), means, strict=True)
    ]
    gain = np.clip(np.sqrt((spreads[1] + 1) / (spreads[0] + 1)), 0.5, 2)
    return gain, means[1] - gain * means[0]
