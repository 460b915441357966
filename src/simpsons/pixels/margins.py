"""Plain bars and margins around a picture: where what it shows begins and ends.

Films are letterboxed, and pictures shown in the middle of a page or of an upright screen. What is
drawn on plain ground has margins too, and nothing may be cut off there. So bars count in pairs, at
opposite sides and of one colour, and only if what is inside begins with a straight edge: a drawing
begins with the tip of its hair, a picture in bars with all of its width.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_LONGEST = 256
"""Pixels of the longer side at which bars are looked for; a larger picture is reduced first."""

_SMALLEST = 16
"""Pixels of a side below which nothing is looked for."""

_FEWEST = 4
"""Pixels of a side of a reduced picture below which nothing is looked for: two at each end."""

_ALIKE = 48
"""How far apart a channel of single pixels of bars is at most, of 255."""

_PARTS = 16
"""A side is asked for so many pixels and one, at equal distances, before it is looked at."""

_NEAR = 28
"""How far a channel of a bar's pixel is from the bars' colour at most: noise, and JPEG's."""

_STRAY = 0.04
"""Share of the pixels of a bar's line that may be further."""

_EDGE, _EDGE_IN_BLACK = 0.75, 0.4
"""Share of the first line inside that is of another colour. Of a dark picture in black bars, or a
light one in white ones, less suffices if the bars are equally wide."""

_BLACK, _WHITE = 20, 235
"""The lightest black and the darkest white of a bar."""

_DEPTH = 3
"""Lines over which an edge may be spread by JPEG and by scaling."""

_LEAST_BARS = 0.04
"""Share of the side that a pair of bars takes at least; thinner ones cost nothing."""

_LEAST_CONTENT = 0.15
"""Share of each side that is left at least."""

Pixels = NDArray[np.uint8]


class Rectangle(NamedTuple):
    """Part of a picture in its pixels: x to the right, y down; right and bottom lie outside."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        """In pixels."""
        return self.right - self.left

    @property
    def height(self) -> int:
        """In pixels."""
        return self.bottom - self.top


def content(image: Image.Image) -> Rectangle:
    """What a picture shows inside plain bars or margins; all of it where it has none.

    image: RGB or RGBX. In a picture of more than 256 pixels it is right to a 128th of the longer
    side.
    """
    whole = Rectangle(0, 0, *image.size)
    if min(image.size) < _SMALLEST or not _may_have_bars(image):
        return whole
    factor = -(-max(image.size) // _LONGEST)
    small = np.asarray(image.reduce(factor) if factor > 1 else image)
    sides = _sides(small) if min(small.shape[:2]) >= _FEWEST else None
    if sides is None:
        return whole
    (left, right), (top, bottom) = sides
    height, width = small.shape[:2]
    return Rectangle(
        left * factor,
        top * factor,
        whole.right if right == width else right * factor,
        whole.bottom if bottom == height else bottom * factor,
    )


def is_plain_around(image: Image.Image, part: Rectangle) -> bool:
    """Whether all of a picture around a part is of one colour, as bars are.

    image: as in `content`.
    """
    if not _may_have_bars(image):
        return False
    pixels = np.asarray(image)
    outside = np.ones(pixels.shape[:2], bool)
    outside[part.top : part.bottom, part.left : part.right] = False
    return _is_bar(_far(pixels, _colour_of_corners(pixels))[outside])


def _may_have_bars(image: Image.Image) -> bool:
    """Whether some pixels of two opposite sides are alike. Most pictures end here; it is fast."""
    right, bottom = image.width - 1, image.height - 1
    corners = [(0, 0), (right, 0), (0, bottom), (right, bottom)]
    pixel = image.load()
    if not _are_alike(pixel, corners):
        return False
    across = [right * part // _PARTS for part in range(1, _PARTS)]
    down = [bottom * part // _PARTS for part in range(1, _PARTS)]
    rows = [(x, y) for x in across for y in (0, bottom)]
    columns = [(x, y) for y in down for x in (0, right)]
    return _are_alike(pixel, corners + rows) or _are_alike(pixel, corners + columns)


def _are_alike(pixel: Any, places: list[tuple[int, int]]) -> bool:
    values = [pixel[place] for place in places]
    return all(max(band) - min(band) <= _ALIKE for band in zip(*values, strict=True))


Span = tuple[int, int]


def _sides(pixels: Pixels) -> tuple[Span, Span] | None:
    """First column and the one after the last, and the same of rows; None for all of them."""
    height, width = pixels.shape[:2]
    colour = _colour_of_corners(pixels)
    if not any(_is_bar(_far(lines, colour)) for lines in (pixels[[0, -1]], pixels[:, [0, -1]])):
        return None
    far = _far(pixels, colour)
    differs = far > _NEAR
    columns, rows = _span(differs.mean(axis=0)), _span(differs.mean(axis=1))
    if (columns, rows) == ((0, width), (0, height)):
        return None
    inside = far[slice(*rows), :], far[:, slice(*columns)]
    is_plain = colour[:3].max() <= _BLACK or colour[:3].min() >= _WHITE
    across = _straight(columns, inside[0].T, is_plain)
    down = _straight(rows, inside[1], is_plain)
    if not across or not down or _is_plain(pixels[slice(*down), slice(*across)]):
        return None
    return across, down


def _is_plain(pixels: Pixels) -> bool:
    """Whether it is nearly all of one colour: a drawn rectangle, and no picture."""
    colour = np.median(pixels.reshape(-1, pixels.shape[2]), axis=0).astype(np.uint8)
    return bool((_far(pixels, colour) > _NEAR).mean() < _STRAY)


def _colour_of_corners(pixels: Pixels) -> Pixels:
    """Without the lightest and the darkest of the four in each channel."""
    ends = pixels[[0, 1, -2, -1]][:, [0, 1, -2, -1]].reshape(2, 2, 2, 2, -1)
    corners = np.sort(ends.mean(axis=(1, 3)).reshape(4, -1), axis=0)
    colour: Pixels = corners[1:3].mean(axis=0).astype(np.uint8)
    return colour


def _far(pixels: Pixels, colour: Pixels) -> Pixels:
    """The difference from a colour, of the channel that differs most, uint8 `[H, W]`."""
    height, width, _ = pixels.shape
    lines, line = pixels.reshape(height, -1), np.tile(colour, width)
    apart = (np.maximum(lines, line) - np.minimum(lines, line)).reshape(pixels.shape)
    red, green, blue = (apart[..., channel] for channel in range(3))
    far: Pixels = np.maximum(np.maximum(red, green), blue)
    return far


def _is_bar(far: Pixels) -> bool:
    return bool((far > _NEAR).mean() <= _STRAY)


def _span(share: NDArray[np.float64]) -> Span:
    """From the first line that is no bar to the last, if there is a pair of bars; else all."""
    lines = np.flatnonzero(share > _STRAY)
    if not len(lines):
        return 0, len(share)
    first, end = int(lines[0]), int(lines[-1]) + 1
    left = len(share) - (end - first)
    is_pair = first > 0 and end < len(share) and left >= _LEAST_BARS * len(share)
    return (first, end) if is_pair else (0, len(share))


def _straight(span: Span, far: Pixels, is_plain: bool) -> Span | None:
    """The span without what is mixed with a bar; None if it does not begin and end straight.

    far: `[lines, pixels]`, how far each pixel is from the bars' colour.
    """
    count = len(far)
    if span == (0, count):
        return span
    first, from_first = _edge(far, span[0])
    last, from_last = _edge(far[::-1], count - span[1])
    least = _EDGE_IN_BLACK if is_plain and abs(first - last) < _DEPTH else _EDGE
    if min(from_first, from_last) < least or count - first - last < _LEAST_CONTENT * count:
        return None
    return first, count - last


def _edge(far: Pixels, first: int) -> tuple[int, float]:
    """The line with which the content begins, and the share of it that differs from the bar."""
    near = far[first : first + _DEPTH + 1]
    shares = (near > _NEAR).mean(axis=1)
    at = int(shares[:_DEPTH].argmax())
    means = near.mean(axis=1)
    is_mixed = at + 1 < len(means) and bool(means[at] < 0.75 * means[at + 1])
    return first + at + is_mixed, float(shares[at])
