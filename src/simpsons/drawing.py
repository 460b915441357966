"""Boxes and names on a picture."""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from simpsons.classifier import UNKNOWN
from simpsons.detector import Face
from simpsons.pixels import images

KNOWN, STRANGER = "#ffd90f", "#d0d0d0"
"""Colours of the box and of the ground behind its text."""

_DARK = "black"
_READABLE = 8  # pixels: letters of a smaller size are left out
_SMALL, _LARGE = 64, 20  # what part of the picture's shorter side letters are, at least and at most
_WIDE = 1.5  # how many times wider than its box a text may be, if it stays readable
_THIN = 400  # what part of the shorter side a line is


class Mark(NamedTuple):
    """What to draw around a face.

    box: x1, y1, x2, y2 in pixels. text: nothing is written if it is empty. is_known: whether the
    face has a name; it decides the look.
    """

    box: tuple[float, float, float, float]
    text: str
    is_known: bool


def draw_faces(pixels: images.Pixels, faces: Sequence[Face]) -> images.Pixels:
    """A copy of uint8 `[H, W, 3]` (RGB) with a box and a name for each face.

    A stranger's box is thin and grey, its name `unknown`. Surer faces are drawn over others.
    """
    marks = [
        Mark(face.box, UNKNOWN, False)
        if face.verdict == UNKNOWN
        else Mark(face.box, face.name, True)
        for face in reversed(faces)
    ]
    return draw(pixels, marks)


def draw(pixels: images.Pixels, marks: Sequence[Mark]) -> images.Pixels:
    """A copy of uint8 `[H, W, 3]` (RGB) with these marks, later ones over earlier ones.

    A text stands above its box, or in it at the upper border. It stays inside the picture, in
    letters that can be read at the picture's size, and is left out where there is no room for them.
    """
    image = Image.fromarray(pixels)
    pen = ImageDraw.Draw(image)
    line = max(1, round(min(image.size) / _THIN))
    for mark in marks:
        _draw_box(pen, image.size, mark, line)
    for mark in marks:
        _write(pen, image.size, mark, line)
    return np.asarray(image)


def _draw_box(pen: ImageDraw.ImageDraw, size: tuple[int, int], mark: Mark, line: int) -> None:
    """The line lies between two dark ones, so that it is seen on any picture."""
    width, height = size
    x1, y1, x2, y2 = map(round, mark.box)
    x1, y1 = max(0, min(x1, width - 1)), max(0, min(y1, height - 1))
    x2, y2 = max(x1, min(x2 - 1, width - 1)), max(y1, min(y2 - 1, height - 1))
    colour, thick = (KNOWN, 2 * line) if mark.is_known else (STRANGER, line)
    for inset, breadth, shade in (
        (0, line, _DARK),
        (line + thick, line, _DARK),
        (line, thick, colour),
    ):
        if x1 + inset <= x2 - inset and y1 + inset <= y2 - inset:
            inner = (x1 + inset, y1 + inset, x2 - inset, y2 - inset)
            pen.rectangle(inner, outline=shade, width=breadth)


def _write(pen: ImageDraw.ImageDraw, size: tuple[int, int], mark: Mark, line: int) -> None:
    width, height = size
    x1, y1, x2, _ = mark.box
    letters = _letters(size, mark.text, x2 - x1)
    if letters < _READABLE:
        return
    left, top, right, bottom = pen.textbbox((0, 0), mark.text, _font(letters))
    gap = letters // 4
    across, down = round(right - left) + 2 * gap, round(bottom - top) + 2 * gap
    x = max(0, min(round(x1), width - across))
    above = round(y1) - down
    y = max(0, min(above if above >= 0 else round(y1) + 2 * line, height - down))
    pen.rectangle((x, y, x + across - 1, y + down - 1), KNOWN if mark.is_known else STRANGER)
    pen.text((x + gap - left, y + gap - top), mark.text, _DARK, _font(letters))


def _letters(size: tuple[int, int], text: str, width_of_box: float) -> int:
    """The size of letters in pixels; 0 where there is nothing to write."""
    if not text:
        return 0
    shorter = min(size)
    width_of_one = _font(_READABLE).getlength(text) / _READABLE
    smallest, largest = max(_READABLE, shorter / _SMALL), max(_READABLE, shorter / _LARGE)
    wanted = min(max(_WIDE * width_of_box / width_of_one, smallest), largest)
    return int(min(wanted, size[0] / (width_of_one + 1), size[1] / 2))


@lru_cache(maxsize=32)
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
