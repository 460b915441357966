"""Pictures with boxes drawn on them, for reports."""

import base64
import io
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from PIL import Image, ImageDraw

from simpsons.evaluation.plots import BLUE, ORANGE
from simpsons.pixels import images

LONGEST = 360
"""Pixels of the longer side of a drawn picture."""

_QUALITY = 85
_WIDTH = 3  # of a line, in pixels
_DASH = 8
_EDGE = "#101418"  # beside the line, so that it is seen on any ground


class Mark(NamedTuple):
    """A box to draw: x1, y1, x2, y2 in pixels of the picture. found: by a network, not given.

    A found one is a blue line, a given one an orange dashed line.
    """

    box: Sequence[float]
    found: bool


def marked(source: images.Source, marks: Sequence[Mark]) -> images.Pixels:
    """A picture of `LONGEST` pixels with boxes, uint8 `[H, W, 3]`.

    Raises ImageError as `images.decode` does.
    """
    pixels, scale = images.fit_within(images.decode(source), LONGEST)
    image = Image.fromarray(pixels)
    pen = ImageDraw.Draw(image)
    for mark in marks:
        x1, y1, x2, y2 = (value * scale for value in mark.box)
        corners = ((x1, y1), (x2, y1), (x2, y2), (x1, y2), (x1, y1))
        for start, end in pairwise(corners):
            pen.line((*start, *end), _EDGE, _WIDTH + 2)
            for part in [(start, end)] if mark.found else _dashes(start, end):
                pen.line((*part[0], *part[1]), BLUE if mark.found else ORANGE, _WIDTH)
    return images.decode(image)


def jpeg(pixels: images.Pixels) -> str:
    """A picture, uint8 `[H, W, 3]`, as a data URI."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="jpeg", quality=_QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"


Point = tuple[float, float]


def _dashes(start: Point, end: Point) -> list[tuple[Point, Point]]:
    length = max(abs(end[0] - start[0]), abs(end[1] - start[1]))
    count = max(1, round(length / _DASH))

    def at(place: float) -> Point:
        share = place / count
        return (
            start[0] + share * (end[0] - start[0]),
            start[1] + share * (end[1] - start[1]),
        )

    return [(at(place), at(place + 1)) for place in range(0, count, 2)]
