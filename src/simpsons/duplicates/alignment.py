"""Lays one picture over another and says how well they agree: one shot? one drawing?

A copy may be smaller, cropped by a fifth, brighter or darker, and have subtitles; in a shot the
camera may have moved. So the part is searched that fits best (Gauss-Newton, Baker and Matthews,
"Lucas-Kanade 20 Years On", 2004), and brightness and contrast are fitted. Then the gradients are
compared cell by cell, all over the frame: a figure on another background agrees in a part of it.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simpsons.duplicates.borders import Windows, sampling
from simpsons.pixels.images import Pixels

COARSE = 16
"""Width and height of the grey thumbnails that are aligned first."""

_FINE = 32
_COMPARED = 23 / 32
"""Share of the rows that are compared: the lower quarter may carry subtitles."""

_CELL, _COARSE_CELL = 4, 2
_MIDDLE, _MIDDLE_CELL, _DETAIL, _DETAIL_CELL = 64, 4, 128, 8
_ROUGH = 0.08
_BLURS = 2, 7, 20
_SOUND = 0.8
_FIRST_STEPS, _STEPS = 2, 3
_SIZES = 0.86, 1 / 0.86
_BEYOND = 0.14
_LIKELY = 0.6
"""Correlation of the gradients of thumbnails, after the first steps, below which they are no
pair."""

_WORTHWHILE = 0.7
"""Correlation from which the second picture is laid over the first, too."""

_DARK, _BRIGHT = 8, 247
_GREY = 3.0
"""Channels that differ so little, on average, are those of a grey picture."""

_OVERLAP = 0.6
"""Share of the cells in which there is something of both."""

_REC_601 = np.array((0.299, 0.587, 0.114), np.float32)

_UNLIKE, _SUBTITLES, _WRITING, _BAR = 0.4, 0.3, 2.5, 0.7
"""Cells of the lower quarter that differ more; from which share of the width on they may be
subtitles, if gradients there are so many times stronger in one; from which on they are a bar."""

_FAINT = 1.0
_NOISE = 50.0
_SLIGHT = 0.02
"""Squares of grey values that are noise of the encoding, in a picture of one tone too, and what is
added of the picture's variance."""

Floats = NDArray[np.float32]


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
    small = _blurred(_light(reduced(pixels, COARSE, COARSE)), times=1)
    return np.rint(small[:, 0]).astype(np.uint8)


def coarse_fit(source: Pixels, target: Pixels, start: Windows) -> tuple[Windows, Floats]:
    """Windows of the source thumbnails that look most like the targets, and how alike they are.

    source, target: uint8 `[P, 16, 16]`. start: the windows to begin with. Returns float32 `[P, 4]`
    and the correlation of the compared parts, float32 `[P]`, -1 to 1; 0 where the edges have so
    little in common after the first steps that the rest is spared.
    """
    one, other = (grey.astype(np.float32)[:, None] for grey in (source, target))
    windows, alike = _fit(one, other, start, _FIRST_STEPS), np.zeros(len(source), np.float32)
    some = np.flatnonzero(_common_edges(one, other, windows) >= _LIKELY)
    if not len(some):
        return windows, alike
    one, other, start = one[some], other[some], start[some]
    windows[some], alike[some] = _coarse_fit(one, other, start)
    tried = np.flatnonzero(alike[some] > _WORTHWHILE)
    if len(tried):
        back, alike_back = _coarse_fit(other[tried], one[tried], turned_round(start[tried]))
        better = alike_back > alike[some[tried]]
        windows[some[tried[better]]] = turned_round(back[better])
        alike[some[tried[better]]] = alike_back[better]
    return windows, alike


def _common_edges(source: Floats, target: Floats, windows: Windows) -> Floats:
    """The correlation of the gradients of windows of `[P, 1, side, side]` with the targets'."""
    rows = _rows(source.shape[-1])
    laid, seen = _warp(source, windows, rows)[:, 0], target[:, 0, :rows]
    common, strength, other_strength = np.zeros((3, len(laid)), np.float32)
    for axis in (1, 2):
        one, other = (np.diff(part, axis=axis).reshape(len(laid), -1) for part in (laid, seen))
        common += (one * other).sum(axis=1)
        strength += np.square(one).sum(axis=1)
        other_strength += np.square(other).sum(axis=1)
    return np.asarray(common / np.sqrt(np.maximum(strength * other_strength, 1e-6)), np.float32)


def _coarse_fit(source: Floats, target: Floats, start: Windows) -> tuple[Windows, Floats]:
    windows = _fit(source, target, start, _STEPS + 1)
    laid = _warp(source, windows, _rows(COARSE)).reshape(len(source), -1)
    seen = target[:, :, : _rows(COARSE)].reshape(len(target), -1)
    laid = laid - laid.mean(axis=1, keepdims=True)
    seen = seen - seen.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(laid, axis=1) * np.linalg.norm(seen, axis=1)
    return windows, (laid * seen).sum(axis=1) / np.maximum(lengths, 1e-6)


def coarse_agreement(source: Pixels, target: Pixels, windows: Windows) -> Floats:
    """What `agreement` would say of two pictures, roughly and at a twentieth of its cost.

    source, target: uint8 `[P, 16, 16]`. windows: as `coarse_fit` found them. Returns float32
    `[P]`, 0 to 1.
    """
    one, other, windows, _ = smaller_first(source[..., None], target[..., None], windows)
    grey, seen = (_planes(part) for part in (one, other))
    laid, seen = _warp(grey, windows, _rows(COARSE)), seen[:, :, : _rows(COARSE)]
    agreeing, all_there = _cells(laid, seen, _COARSE_CELL)
    inside = _inside(windows, COARSE, _COARSE_CELL)
    return _lower_third(agreeing / (all_there + _FAINT), np.sqrt(all_there) * inside)


def turned_round(windows: Windows) -> Windows:
    """Where a picture lies in another, from where the other lies in it."""
    turned = np.empty_like(windows)
    for first, last in ((0, 1), (2, 3)):
        size = windows[:, last] - windows[:, first]
        turned[:, first] = -windows[:, first] / size
        turned[:, last] = (1 - windows[:, first]) / size
    return turned


class Agreement(NamedTuple):
    """shot: float32 `[P]`, 0 to 1, how well two thirds of what there is to see agree at least.

    windows: of the source, where the target lies.
    """

    shot: Floats
    windows: Windows


def agreement(source: Pixels, target: Pixels, windows: Windows) -> Agreement:
    """Lays windows of some pictures over others and compares them cell by cell.

    source, target: uint8 `[P, 64, 64, 3]`. windows: of the source, about where the target lies.
    A cell agrees by how much of the colour gradients in it both have, in relation to their
    strength and to the difference in colour: |a b| / (a a / 2 + b b / 2 + difference). So a plain
    background of the same colour says nothing, and one of another colour contradicts.
    """
    one, other = (_blurred(reduced(pixels, _FINE, _FINE), times=2) for pixels in (source, target))
    one, other = _same_colours(one, other)
    windows = _fit(_light(one), _light(other), windows, _STEPS)
    rows = _rows(_FINE)
    laid, seen = _warp(one, windows, rows), other[:, :, :rows]
    agreeing, all_there = _cells(laid, seen, _CELL)
    inside = _inside(windows, _FINE, _CELL)
    shot = _lower_third(agreeing / (all_there + _FAINT), np.sqrt(all_there) * inside)
    shot[inside.mean(axis=(1, 2)) < _OVERLAP] = 0
    return Agreement(shot, windows)


def smaller_first(
    one: Pixels, other: Pixels, windows: Windows
) -> tuple[Pixels, Pixels, Windows, NDArray[np.bool_]]:
    """What `agreement` takes: the smaller section is laid over a part of the larger.

    windows: where, about, in the first the second lies.
    """
    area = (windows[:, 1] - windows[:, 0]) * (windows[:, 3] - windows[:, 2])
    larger = (area > 1)[:, None]
    windows = np.where(larger, turned_round(windows), windows)
    larger = larger[:, :, None, None]
    return np.where(larger, other, one), np.where(larger, one, other), windows, larger[:, 0, 0, 0]


def sameness(source: Pixels, target: Pixels, windows: Windows, others: Windows) -> Floats:
    """How well pictures agree in the place where they agree least: float32 `[P]`, up to 1.

    source, target: uint8 `[P, S, S, 3]`. windows, others: of the source and of the target, what
    is laid one over the other, both about right; that of the source is fitted.

    All the frame counts, at 128x128 pixels, so that lips that move are seen. Subtitles in the lower
    quarter are left out. A copy is often less sharp, so the sharper picture may be blurred. If S is
    64 they are compared by their light alone: the cells of JPEG blur colours.
    """
    first, second = _planes(source), _planes(target)
    small = _halved(_light(first))
    middle = _blurred(_sampled(_light(second), others, _MIDDLE), times=2)
    windows = _fit(small, middle, windows, 2 * _STEPS)
    inside = _inside(windows, _DETAIL, _DETAIL_CELL, compared=1)
    agreement = _least(_warp(small, windows, _MIDDLE), middle, inside, _MIDDLE_CELL)
    if source.shape[1] == _MIDDLE:
        return agreement
    close = np.flatnonzero(agreement >= _ROUGH)
    one = _sampled(first[close], windows[close], _DETAIL)
    other = _sampled(second[close], others[close], _DETAIL)
    agreement[close] = _in_detail(*_same_colours(one, other), inside[close])
    return agreement


def _in_detail(one: Floats, other: Floats, inside: NDArray[np.bool_]) -> Floats:
    if not len(one):
        return np.empty(0, np.float32)
    sharper = _sharpness(one) > _sharpness(other)
    agreement = _least(one, other, inside)
    for times in _BLURS:
        rows = np.flatnonzero(agreement < _SOUND)
        if not len(rows):
            break
        first = sharper[rows, None, None, None]
        laid = np.where(first, _blurred(one[rows], times), one[rows])
        seen = np.where(first, other[rows], _blurred(other[rows], times))
        agreement[rows] = np.maximum(agreement[rows], _least(laid, seen, inside[rows]))
    return agreement


def _sharpness(pictures: Floats) -> Floats:
    return np.asarray(sum(np.square(slope).mean(axis=(1, 2, 3)) for slope in _slopes(pictures)))


def _least(
    one: Floats, other: Floats, inside: NDArray[np.bool_], cell: int = _DETAIL_CELL
) -> Floats:
    laid, seen = _blurred(one, 1), _blurred(other, 1)
    agreeing, all_there = _cells(laid, seen, cell)
    noise = _NOISE + _SLIGHT * _variance(other)[:, None, None]
    apart = (all_there - agreeing) / (all_there + noise) * inside
    upper = int(_COMPARED * apart.shape[1])
    strength = [
        _means(sum(np.square(slope).sum(axis=1) for slope in _slopes(part)), cell)[:, upper:]
        for part in (laid, seen)
    ]
    below = apart[:, upper:].max(axis=(1, 2))
    below[_subtitled(apart[:, upper:] > _UNLIKE, *strength)] = 0
    return np.asarray(1 - np.maximum(apart[:, :upper].max(axis=(1, 2)), below), np.float32)


def _subtitled(different: NDArray[np.bool_], one: Floats, other: Floats) -> NDArray[np.bool_]:
    """Whether what differs in the lower quarter, `[P, R, C]`, is writing in one of the two, or a
    bar; lips have outlines in either. one, other: how strong the gradients are."""
    columns = different.any(axis=1).mean(axis=1)
    first, second = ((different * strength).sum(axis=(1, 2)) for strength in (one, other))
    written = np.maximum(first, second) > _WRITING * np.minimum(first, second)
    return np.asarray((columns > _SUBTITLES) & written | (columns > _BAR))


def _planes(pixels: Pixels) -> Floats:
    return np.moveaxis(pixels, 3, 1).astype(np.float32)


def _halved(pictures: Floats) -> Floats:
    """`[P, C, S, S]` reduced to 64x64 and blurred a little."""
    side = pictures.shape[-1]
    if side > _MIDDLE:
        cells = pictures.reshape(*pictures.shape[:2], _MIDDLE, side // _MIDDLE, _MIDDLE, -1)
        pictures = cells.mean(axis=(3, 5))
    return _blurred(pictures, times=2)


def _sampled(pictures: Floats, windows: Windows, count: int) -> Floats:
    """Windows of `[P, C, S, S]`, `[P, C, count, count]`, each pixel the mean of what it covers."""
    side = pictures.shape[-1]
    across = _covering(windows[:, 0], windows[:, 1], side, count)
    down = _covering(windows[:, 2], windows[:, 3], side, count)
    return np.asarray(down[:, None] @ pictures @ across.transpose(0, 2, 1)[:, None], np.float32)


def _covering(first: Floats, last: Floats, side: int, count: int) -> Floats:
    """`[P, count, side]`: weights of linear interpolation, of a wider filter where it reduces."""
    step = (last - first)[:, None, None] * np.float32(side / count)
    middle = np.arange(count, dtype=np.float32)[:, None] + np.float32(0.5)
    at = np.clip(first[:, None, None] * side + step * middle - np.float32(0.5), 0, side - 1)
    apart = np.abs(at - np.arange(side, dtype=np.float32)) / np.maximum(step, 1)
    weights = np.maximum(0, 1 - apart)
    return np.asarray(weights / weights.sum(axis=2, keepdims=True), np.float32)


def _same_colours(one: Floats, other: Floats) -> tuple[Floats, Floats]:
    """Both grey where one is."""
    grey = (_colourless(one) | _colourless(other))[:, None, None, None]
    first, second = (np.where(grey, _light(each), each) for each in (one, other))
    return first, second


def _light(pictures: Floats) -> Floats:
    """The light of `[P, 3, H, W]` as Rec. 601 weighs the colours, `[P, 1, H, W]`."""
    return np.asarray(np.einsum("c,pchw->phw", _REC_601, pictures)[:, None], np.float32)


def _colourless(pictures: Floats) -> NDArray[np.bool_]:
    apart = pictures.max(axis=1) - pictures.min(axis=1)
    return np.asarray(apart.mean(axis=(1, 2)) < _GREY)


def _cells(laid: Floats, seen: Floats, cell: int) -> tuple[Floats, Floats]:
    """What agrees in each cell of `[P, C, rows, side]`, and all that there is; `[P, R, C]` each."""
    upper = int(laid.shape[2] * _COMPARED)
    gain, shift = _brightness(*(part[:, :, :upper].reshape(len(laid), -1) for part in (laid, seen)))
    gain, shift = gain[:, :, None, None], shift[:, :, None, None]
    forth = np.abs(seen - np.clip(gain * laid + shift, 0, 255))
    back = np.abs(laid - np.clip((seen - shift) / gain, 0, 255)) * gain
    apart = np.square(np.minimum(forth, back)) / gain
    root = np.sqrt(gain).astype(np.float32)
    slopes, others = _slopes(laid * root), _slopes(seen / root)
    common = sum((one * other).sum(axis=1) for one, other in zip(slopes, others, strict=True))
    strength = sum(np.square(slope).sum(axis=1) for slope in (*slopes, *others))
    agreeing, strong, different = (
        _means(values, cell) for values in (common, strength, apart.mean(axis=1))
    )
    return np.maximum(agreeing, np.float32(0)), np.asarray(strong / 2 + different, np.float32)


def _slopes(pictures: Floats) -> tuple[Floats, Floats]:
    down, across = np.gradient(pictures, axis=(2, 3))
    return np.asarray(down, np.float32), np.asarray(across, np.float32)


def _means(values: Floats, cell: int) -> Floats:
    """Of the cells of `[P, rows, side]`, so many pixels wide."""
    count, rows, side = values.shape
    down, across = rows // cell, side // cell
    cells = values[:, : down * cell].reshape(count, down, cell, across, cell)
    return np.asarray(cells.mean(axis=(2, 4)), np.float32)


def _inside(
    windows: Windows, side: int, cell: int, compared: float = _COMPARED
) -> NDArray[np.bool_]:
    """`[P, R, C]`: whether the middle of a cell of the target lies in the source."""
    lines = []
    for first, last, count in ((2, 3, _rows(side, compared) // cell), (0, 1, side // cell)):
        middle = (np.arange(count, dtype=np.float32) + np.float32(0.5)) * cell / side
        at = windows[:, first, None] + (windows[:, last] - windows[:, first])[:, None] * middle
        lines.append((at >= 0) & (at <= 1))
    down, across = lines
    return down[:, :, None] & across[:, None]


def _lower_third(values: Floats, weights: Floats) -> Floats:
    """`[P]`: above which two thirds of the weight of `[P, R, C]` are."""
    flat, weight = values.reshape(len(values), -1), weights.reshape(len(values), -1)
    order = np.argsort(flat, axis=1)
    below = np.cumsum(np.take_along_axis(weight, order, axis=1), axis=1)
    place = (below < below[:, -1:] / 3).sum(axis=1)
    return np.take_along_axis(flat, np.take_along_axis(order, place[:, None], 1), 1)[:, 0]


def _variance(pictures: Floats) -> Floats:
    """Float32 `[P]`: over the places, not over the channels."""
    count, channels = pictures.shape[:2]
    return np.asarray(pictures.reshape(count, channels, -1).var(axis=2).mean(axis=1), np.float32)


def _rows(side: int, compared: float = _COMPARED) -> int:
    return int(compared * side)


def _blurred(pictures: Floats, times: int) -> Floats:
    """`[P, C, side, side]` with weights of 1 2 1 along both sides, so many times."""
    kernel = _blur(pictures.shape[-1], times)
    return np.asarray(kernel @ pictures @ kernel.T, np.float32)


@cache
def _blur(side: int, times: int) -> Floats:
    inside = np.pad(np.eye(side, dtype=np.float32), ((1, 1), (0, 0)), "edge")
    once = (inside[:-2] + 2 * inside[1:-1] + inside[2:]) / 4
    return np.linalg.matrix_power(once, times).astype(np.float32)


def _fit(
    source: Floats, target: Floats, windows: Windows, steps: int, compared: float = _COMPARED
) -> Windows:
    """The windows of `[P, 1, side, side]` most like the targets, found from those given."""
    count, _, _, side = source.shape
    rows = _rows(side, compared)
    target = target[:, 0, :rows]
    level = target.mean(axis=(1, 2), keepdims=True)
    source, target = source - level[:, None], target - level
    y, x = _centred(rows, side)[:, None], _centred(side, side)
    by_y, by_x = np.gradient(target, axis=(1, 2))
    parts = (target, np.ones_like(target), by_x, by_x * x, by_y, by_y * y)
    jacobian = np.stack([part.reshape(count, -1) for part in parts], axis=1)
    hessian = (jacobian @ jacobian.transpose(0, 2, 1)).astype(np.float64)
    hessian += (1e-3 * np.eye(6)) * hessian + 1e-6 * np.eye(6)
    solver = np.linalg.inv(hessian).astype(np.float32) @ jacobian
    start = windows
    for _ in range(steps):
        found = (solver @ _warp(source, windows, rows).reshape(count, -1, 1))[:, :, 0]
        gain = np.where(np.abs(found[:, :1]) < 0.3, 0.3, found[:, :1])
        windows = _moved(windows, found[:, 2:] / gain, side, start)
    return windows


def _moved(windows: Windows, steps: Floats, side: int, start: Windows) -> Windows:
    """Windows after the target moved by `[P, 4]`: pixels along x, growth in x, the same of y."""
    moved = np.empty_like(windows)
    for axis in (0, 2):
        first, last = windows[:, axis], windows[:, axis + 1]
        whole = start[:, axis + 1] - start[:, axis]
        middle = (start[:, axis + 1] + start[:, axis]) / 2
        shift = np.clip(steps[:, axis] / side, -0.1, 0.1)
        growth = 1 + np.clip(steps[:, axis + 1], -0.1, 0.1)
        centre = (first + last) / 2 - (last - first) * shift / growth
        size = np.clip((last - first) / growth, _SIZES[0] * whole, _SIZES[1] * whole)
        room = np.abs(whole - size) / 2 + _BEYOND
        centre = np.clip(centre, middle - room, middle + room)
        moved[:, axis], moved[:, axis + 1] = centre - size / 2, centre + size / 2
    return moved


def _centred(count: int, side: int) -> Floats:
    return np.asarray(np.arange(count) + (0.5 - side / 2), np.float32)


def _warp(source: Floats, windows: Windows, rows: int) -> Floats:
    """The first rows of each window, `[P, C, rows, side]`, sampled linearly."""
    side = source.shape[-1]
    across = sampling(windows[:, 0], windows[:, 1], side, side)
    down = sampling(windows[:, 2], windows[:, 3], side, rows)
    return np.asarray(down[:, None] @ source @ across.transpose(0, 2, 1)[:, None], np.float32)


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
