"""The paper that dolls are cut from: a sheet to lay pieces on, shapes and colours."""

import colorsys
import math
from functools import cache, lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor, ImageDraw, ImageFilter

Points = NDArray[np.float64]
Colour = tuple[int, int, int]

OVERSAMPLING = 3
"""How many pixels are drawn, across and down, for each pixel of the picture."""

DARK = (38, 32, 44)
WHITE = (255, 255, 255)
BRASS = (230, 180, 80)

TURN = np.linspace(0, 2 * np.pi, 28, endpoint=False)
"""The angles of a full turn, as fine as a circle is drawn."""

_PAPER = (250, 246, 238)
_SHADOW = (20, 16, 30)
_CIRCLE = np.stack([np.cos(TURN), np.sin(TURN)], axis=1)


class _Piece(NamedTuple):
    points: Points
    fill: Colour
    edge: float


class Sheet:
    """Pieces of coloured paper laid one over another, then pasted on a canvas at once.

    Pieces are given in head radii around the centre of the head, y downwards.
    """

    def __init__(self, matrix: Points, origin: Points) -> None:
        self._matrix = matrix
        self._origin = origin
        self._pieces: list[_Piece] = []

    def tilted(self, degrees: float, around: tuple[float, float]) -> "Sheet":
        """The same pile of paper in a frame turned around a point."""
        sheet = Sheet(
            self._matrix @ rotation(degrees),
            self._origin + self._matrix @ (np.array(around) - rotation(degrees) @ np.array(around)),
        )
        sheet._pieces = self._pieces
        return sheet

    def moved_aside(self, by: float, width: float) -> "Sheet":
        """The same pile of paper in a frame that is moved along x and `width` times as wide."""
        sheet = Sheet(self._matrix * (width, 1), self._origin + self._matrix @ np.array((by, 0)))
        sheet._pieces = self._pieces
        return sheet

    def lay(self, points: Points, fill: Colour, edge: float = 1.0) -> None:
        """Add a closed outline `[N, 2]`; `edge` scales the doll's outline, 0 for none."""
        self._pieces.append(_Piece(points @ self._matrix.T + self._origin, fill, edge))

    def __len__(self) -> int:
        """How many pieces lie here."""
        return len(self._pieces)

    def paste(self, canvas: Image.Image, unit: float, weight: float, outline: Colour) -> None:
        """Paint a soft shadow, a border of white paper, and the pieces with their outlines.

        unit: pixels of a head radius. weight: how many head radii an outline is thick.
        """
        outlined, borders = self._cut(unit, weight)
        _cast_shadow(canvas, borders, 0.09 * unit)
        pen = ImageDraw.Draw(canvas)
        for border in borders:
            pen.polygon(border.ravel().tolist(), _PAPER)
        for piece, around in zip(self._pieces, outlined, strict=True):
            if piece.edge:
                pen.polygon(around.ravel().tolist(), outline)
            pen.polygon(piece.points.ravel().tolist(), piece.fill)

    def stamp(
        self, labels: Image.Image, unit: float, weight: float, shape: slice, label: int
    ) -> int:
        """Paint 0 where `paste` would paint, and `label` where one of the pieces shows.

        labels: an `L` picture of the canvas's size. shape: that piece, and what lies on it without
        hiding it; later pieces do hide it. Returns how many pixels of it the doll itself leaves to
        be seen, those outside the canvas as well.
        """
        outlined, borders = self._cut(unit, weight)
        pen = ImageDraw.Draw(labels)
        for border in borders:
            pen.polygon(border.ravel().tolist(), 0)
        points = self._pieces[shape.start].points
        corner = np.floor(points.min(axis=0)).astype(int)
        wide, high = np.ceil(points.max(axis=0)).astype(int) - corner + 1
        part = Image.new("1", (int(wide), int(high)))
        pen = ImageDraw.Draw(part)
        pen.polygon((points - corner).ravel().tolist(), 1)
        for piece, around in zip(self._pieces[shape.stop :], outlined[shape.stop :], strict=True):
            pen.polygon(((around if piece.edge else piece.points) - corner).ravel().tolist(), 0)
        labels.paste(label, (int(corner[0]), int(corner[1])), part)
        return int(np.asarray(part).sum())

    def _cut(self, unit: float, weight: float) -> tuple[list[Points], list[Points]]:
        """Each piece's shape with its outline, and the pieces of the white border."""
        points, normals, ends = _with_normals([piece.points for piece in self._pieces])
        edges = np.repeat(
            [piece.edge for piece in self._pieces], [len(piece.points) for piece in self._pieces]
        )
        thickness = max(weight * unit, 1.2 * OVERSAMPLING)
        outlined = np.split(points + normals * (edges * thickness)[:, None], ends)
        bordered = np.split(points + normals * (thickness + 0.07 * unit), ends)
        return outlined, [
            border for border, piece in zip(bordered, self._pieces, strict=True) if piece.edge == 1
        ]


def _cast_shadow(canvas: Image.Image, borders: list[Points], drop: float) -> None:
    mask = Image.new("L", (canvas.width // OVERSAMPLING, canvas.height // OVERSAMPLING))
    pen = ImageDraw.Draw(mask)
    for border in borders:
        pen.polygon(((border + drop) / OVERSAMPLING).ravel().tolist(), 90)
    painted = mask.getbbox()
    if painted is None:
        return
    room = math.ceil(drop / 6) + 2  # blurred and smoothed, the shadow reaches no farther
    x1, y1 = max(painted[0] - room, 0), max(painted[1] - room, 0)
    x2, y2 = min(painted[2] + room, mask.width), min(painted[3] + room, mask.height)
    part = mask.crop((x1, y1, x2, y2)).filter(ImageFilter.BoxBlur(drop / 6))
    size = (x2 - x1) * OVERSAMPLING, (y2 - y1) * OVERSAMPLING
    part = part.resize(size, Image.Resampling.BILINEAR)
    canvas.paste(_SHADOW, (x1 * OVERSAMPLING, y1 * OVERSAMPLING), part)


def _with_normals(outlines: list[Points]) -> tuple[Points, Points, NDArray[np.intp]]:
    """All points in one array, their outward normals (long at corners), and where to split."""
    lengths = np.array([len(outline) for outline in outlines])
    ends = np.cumsum(lengths)
    starts = ends - lengths
    points = np.concatenate(outlines)
    following = np.arange(1, len(points) + 1)
    following[ends - 1] = starts
    step = points[following] - points
    area = np.add.reduceat(
        points[:, 0] * points[following, 1] - points[:, 1] * points[following, 0], starts
    )
    sign = np.repeat(np.where(area < 0, -1.0, 1.0), lengths)
    length = np.hypot(step[:, 0], step[:, 1])
    normal = (
        np.stack([step[:, 1], -step[:, 0]], axis=1) * (sign / np.maximum(length, 1e-9))[:, None]
    )
    previous = np.empty_like(following)
    previous[following] = np.arange(len(points))
    both = normal + normal[previous]
    return points, both / np.maximum((both**2).sum(axis=1) / 2, 0.7)[:, None], ends[:-1]


def rotation(degrees: float) -> Points:
    """The matrix `[2, 2]` of a turn."""
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array(((cos, -sin), (sin, cos)))


def ellipse(x: float, y: float, rx: float, ry: float | None = None, turn: float = 0) -> Points:
    """An ellipse around a point, a circle without `ry`, turned by degrees."""
    points = _CIRCLE * (rx, rx if ry is None else ry)
    return (points @ rotation(turn).T if turn else points) + (x, y)


def box(x0: float, y0: float, x1: float, y1: float) -> Points:
    """An upright rectangle between two corners."""
    return np.array(((x0, y0), (x1, y0), (x1, y1), (x0, y1)))


@cache
def spline(*knots: tuple[float, float], closed: bool = True, steps: int = 5) -> Points:
    """A Catmull-Rom curve through the knots."""
    p = np.array(knots)
    if closed:
        p = np.concatenate([p[-1:], p, p[:2]])
    else:
        p = np.concatenate([2 * p[:1] - p[1:2], p, 2 * p[-1:] - p[-2:-1]])
    t = np.linspace(0, 1, steps, endpoint=False)[None, :, None]
    a, b, c, d = (p[i : len(p) - 3 + i, None] for i in range(4))
    curve = 0.5 * (
        2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3
    )
    points = curve.reshape(-1, 2)
    return points if closed else np.concatenate([points, p[-2:-1]])


def both_sides(*knots: tuple[float, float]) -> Points:
    """A closed curve through the knots (the right half, from the top down) and their mirror."""
    return spline(*knots, *((-x, y) for x, y in reversed(knots) if x))


def stroke(path: Points, thickness: float | Points) -> Points:
    """The outline of a line with round ends along `path` `[N, 2]`."""
    along = np.empty_like(path)
    along[1:-1] = path[2:] - path[:-2]
    along[0], along[-1] = path[1] - path[0], path[-1] - path[-2]
    along /= np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-9)[:, None]
    half = np.broadcast_to(np.asarray(thickness) / 2, len(path))[:, None]
    across = np.stack([-along[:, 1], along[:, 0]], axis=1) * half
    bend = np.linspace(0, np.pi, 6)[1:-1, None]
    end = path[-1] + across[-1] * np.cos(bend) + along[-1] * half[-1] * np.sin(bend)
    start = path[0] - across[0] * np.cos(bend) - along[0] * half[0] * np.sin(bend)
    return np.concatenate([path + across, end, (path - across)[::-1], start])


@lru_cache(2048)
def line(*points: tuple[float, float], thickness: float) -> Points:
    """The outline of a line with round ends along a curve through the points."""
    return stroke(spline(*points, closed=False, steps=4), thickness)


@cache
def rgb(colour: str) -> Colour:
    """The colour that `#rrggbb` names."""
    red, green, blue = ImageColor.getrgb(colour)[:3]
    return red, green, blue


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """`one` with `share` of `other` in it."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def hsv(hue: float, saturation: float, value: float) -> Colour:
    """The colour of a hue, a saturation and a value, each from 0 to 1."""
    red, green, blue = (round(255 * part) for part in colorsys.hsv_to_rgb(hue, saturation, value))
    return red, green, blue
