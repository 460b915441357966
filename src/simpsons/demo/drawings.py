"""Eighteen original paper dolls, drawn with Pillow and NumPy alone.

They stand in for a data set: `simpsons demo` learns from them when no data is at hand, and the
tests use them as pictures that are real enough. A doll is told by its skin, hair, hat, face,
accessories and clothes; pose, framing, scene and light change from picture to picture. Some
pictures come as shots, a few nearly equal frames in a row, as stills of a film do.

Dolls, names and scenes were invented for this package and carry its licence.
"""

import colorsys
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor, ImageDraw, ImageFilter

from simpsons.errors import SimpsonsError
from simpsons.progress import Track, silent

Points = NDArray[np.float64]
Colour = tuple[int, int, int]

JPEG_QUALITY = 90

SHOT_FRAMES = (2, 3, 4)
"""How many frames a shot may have, each as likely."""

SHOT_CHANCE = 0.077
"""Chance that the next picture begins a shot: with 3 frames on average, 20 % of all pictures."""

_OVERSAMPLING = 3
_PAPER = (250, 246, 238)
_DARK = (38, 32, 44)
_WHITE = (255, 255, 255)
_BRASS = (230, 180, 80)
_TURN = np.linspace(0, 2 * np.pi, 28, endpoint=False)
_CIRCLE = np.stack([np.cos(_TURN), np.sin(_TURN)], axis=1)


# ---- the cast ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Doll:
    """One character: a slug (its folder's name), a name to show, and how it looks.

    Colours are `#rrggbb`. `weight` is the outline's thickness in head radii. The other traits
    name an entry of the tables and functions below; an empty string stands for none.
    """

    slug: str
    name: str
    skin: str
    outline: str
    weight: float
    face: str
    eyes: str
    nose: str
    hair: str
    hair_colour: str
    top: str
    pattern: str
    accent: str
    bottom: str
    bottom_colour: str
    build: str = "medium"
    hat: str = ""
    hat_colour: str = "#000000"
    beard: str = ""
    extras: tuple[str, ...] = ()
    extra_colour: str = "#000000"


# fmt: off
DOLLS: tuple[Doll, ...] = (
    Doll("ada_thimble", "Ada Thimble", skin="#c9b3e6", outline="#3d2352", weight=0.05,
         face="round", eyes="dot", nose="button", hair="bun", hair_colour="#6b2a5e",
         top="#2a9d8f", pattern="buttons", accent="#f4d58d", bottom="skirt",
         bottom_colour="#234e70", extras=("round_glasses", "blush"), extra_colour="#e0a02e"),
    Doll("barnaby_quill", "Barnaby Quill", skin="#d98c6a", outline="#4a2418", weight=0.07,
         face="square", eyes="dot", nose="wedge", hair="side_part", hair_colour="#f3ead7",
         top="#27406b", pattern="pinstripes", accent="#93a8d6", bottom="trousers",
         bottom_colour="#1d2c4a", build="broad", beard="moustache", extras=("quill",),
         extra_colour="#3fb6a8"),
    Doll("clover_finch", "Clover Finch", skin="#a8dcc0", outline="#1f4a3c", weight=0.05,
         face="round", eyes="round", nose="button", hair="braids", hair_colour="#e2703a",
         top="#fff1d6", pattern="overalls", accent="#4a78b0", bottom="trousers",
         bottom_colour="#4a78b0", build="slim", extras=("freckles", "ribbons"),
         extra_colour="#d7263d"),
    Doll("dorian_pebble", "Dorian Pebble", skin="#9fb1c4", outline="#22303f", weight=0.08,
         face="egg", eyes="sleepy", nose="bulb", hair="ring", hair_colour="#3f4a78",
         top="#8c2f39", pattern="plain", accent="#6c222b", bottom="trousers",
         bottom_colour="#3c3f46", build="broad", beard="full", extras=("scarf",),
         extra_colour="#e0a526"),
    Doll("esme_lantern", "Esme Lantern", skin="#f4b9b0", outline="#2a1620", weight=0.045,
         face="heart", eyes="almond", nose="dots", hair="long", hair_colour="#23242e",
         top="#d7263d", pattern="dots", accent="#fff4ea", bottom="skirt", bottom_colour="#d7263d",
         build="slim", extras=("blush", "beads"), extra_colour="#ffd166"),
    Doll("fitz_marrow", "Fitz Marrow", skin="#5fb3a8", outline="#153c3a", weight=0.065,
         face="long", eyes="round", nose="long", hair="cloud", hair_colour="#6a3fa0",
         top="#ef8a33", pattern="waves", accent="#7a3b9e", bottom="trousers",
         bottom_colour="#5a4632", build="slim", extras=("freckles",)),
    Doll("greta_plumb", "Greta Plumb", skin="#e79ab8", outline="#4a1f3a", weight=0.055,
         face="round", eyes="dot", nose="button", hair="bob", hair_colour="#1f7a8c",
         top="#f7f3ec", pattern="stripes", accent="#2f5fb3", bottom="skirt",
         bottom_colour="#2b2d42", hat="beret", hat_colour="#c8323c"),
    Doll("hugo_saltmarsh", "Hugo Saltmarsh", skin="#c58f63", outline="#2e1a12", weight=0.08,
         face="square", eyes="dot", nose="bulb", hair="crop", hair_colour="#d9652b",
         top="#f7f3ec", pattern="stripes", accent="#27406b", bottom="trousers",
         bottom_colour="#6b5a48", build="broad", hat="beanie", hat_colour="#c8402f",
         beard="full"),
    Doll("iris_copperkettle", "Iris Copperkettle", skin="#a85f3c", outline="#32160c", weight=0.05,
         face="heart", eyes="almond", nose="button", hair="cloud", hair_colour="#e4e6ee",
         top="#3f8f4f", pattern="dots", accent="#f3e29b", bottom="skirt", bottom_colour="#2c6237",
         extras=("earrings", "blush"), extra_colour="#f2c14e"),
    Doll("jonah_tallow", "Jonah Tallow", skin="#b5d3ee", outline="#2a4468", weight=0.04,
         face="egg", eyes="round", nose="long", hair="wisp", hair_colour="#d64b2a", top="#5c4b8a",
         pattern="moon", accent="#f6d860", bottom="trousers", bottom_colour="#39304f",
         build="slim", extras=("turtleneck",), extra_colour="#5c4b8a"),
    Doll("kalla_larkspur", "Kalla Larkspur", skin="#a883d8", outline="#2f1a4f", weight=0.055,
         face="heart", eyes="almond", nose="dots", hair="bob", hair_colour="#1f7a8c",
         top="#cfe07a", pattern="diamonds", accent="#6a3d9a", bottom="skirt",
         bottom_colour="#cfe07a", build="slim", extras=("flower",), extra_colour="#ffe3ec"),
    Doll("lorne_button", "Lorne Button", skin="#dcb9a8", outline="#46301f", weight=0.06,
         face="round", eyes="dot", nose="bulb", hair="bowl", hair_colour="#7a4a2b", top="#6f8f3a",
         pattern="buttons", accent="#f1e4c3", bottom="trousers", bottom_colour="#4b3f72",
         extras=("freckles",)),
    Doll("mabel_fogg", "Mabel Fogg", skin="#c5cbd3", outline="#30343f", weight=0.05, face="long",
         eyes="sleepy", nose="wedge", hair="wavy", hair_colour="#f8f8f4", top="#3b3355",
         pattern="diamonds", accent="#b8a1e0", bottom="skirt", bottom_colour="#5d5378",
         hat="sun_hat", hat_colour="#7b4aa3", extras=("beads",), extra_colour="#f2a65a"),
    Doll("nico_tandem", "Nico Tandem", skin="#8a5a3c", outline="#23130b", weight=0.065,
         face="egg", eyes="round", nose="button", hair="crop", hair_colour="#2b1a14",
         top="#f06b8a", pattern="sash", accent="#fff4ea", bottom="trousers",
         bottom_colour="#2f3640", hat="helmet", hat_colour="#2bb3c0"),
    Doll("odette_bramble", "Odette Bramble", skin="#98b47e", outline="#2b2f14", weight=0.06,
         face="square", eyes="almond", nose="bulb", hair="braids", hair_colour="#44235c",
         top="#b0205a", pattern="checks", accent="#f08fb3", bottom="skirt",
         bottom_colour="#5b1a3a", extras=("square_glasses", "ribbons"), extra_colour="#f5e9d8"),
    Doll("percy_dovetail", "Percy Dovetail", skin="#eda98a", outline="#3a1d14", weight=0.06,
         face="long", eyes="dot", nose="long", hair="crop", hair_colour="#8a4323", top="#f4f1ea",
         pattern="waistcoat", accent="#c9553d", bottom="trousers", bottom_colour="#3a3a46",
         build="slim", hat="top_hat", hat_colour="#5a2a55", beard="moustache",
         extras=("bow_tie",), extra_colour="#2a8c82"),
    Doll("rosalind_thrush", "Rosalind Thrush", skin="#4fa3c7", outline="#12344a", weight=0.075,
         face="heart", eyes="round", nose="wedge", hair="crest", hair_colour="#ff6f91",
         top="#34323f", pattern="waves", accent="#b5e655", bottom="trousers",
         bottom_colour="#4a4657", extras=("earrings",), extra_colour="#b5e655"),
    Doll("silas_umber", "Silas Umber", skin="#a8727e", outline="#3a1a26", weight=0.07,
         face="square", eyes="dot", nose="bulb", hair="bowl", hair_colour="#ede6d6",
         top="#6f8f3a", pattern="buttons", accent="#f1e4c3", bottom="trousers",
         bottom_colour="#6b3f2a", build="broad", beard="short", extras=("square_glasses",),
         extra_colour="#2f6fb3"),
)
# fmt: on


# ---- one picture ---------------------------------------------------------------------------


class Arm(NamedTuple):
    """An arm's pose: angles of upper arm and forearm in degrees, 0 down, 90 outwards."""

    upper: float
    fore: float


@dataclass(frozen=True)
class Take:
    """All that chance decides about one picture, apart from which doll is in it.

    `width` and `height` are parts of the picture's longer side; `unit` is the head's radius,
    `x` and `y` its centre, in the same measure. Angles are in degrees.
    """

    width: float
    height: float
    unit: float
    x: float
    y: float
    lean: float
    tilt: float
    mirror: bool
    arms: tuple[Arm, Arm]
    eyes: str
    gaze: tuple[float, float]
    brows: float
    mouth: str
    scene: str
    scene_seed: int
    passer_by: bool
    prop: str
    light: tuple[float, float, float]


def draw(doll: Doll, rng: np.random.Generator, size: int = 128) -> Image.Image:
    """Draw the doll once, in a pose, scene and light that `rng` chooses.

    Returns an RGB picture in 4:3, 1:1 or 3:4 whose longer side is `size` pixels. Face, hair
    and the top of the clothes are inside it; the tip of a braid, brim or feather may be cut.
    """
    return _render(doll, _take(rng), size)


def write_drawings(
    folder: str | os.PathLike[str],
    per_character: int,
    seed: int = 0,
    size: int = 128,
    track: Track = silent,
) -> None:
    """Write `<folder>/<slug>/pic_0000.jpg` and so on, `per_character` pictures of each doll.

    A picture depends on `seed`, `size`, its doll and its number, and on nothing else: a larger
    set begins with the smaller one. One in five belongs to a shot.

    The set is written beside `folder` and renamed at the end, so `folder` is whole or missing.
    Raises SimpsonsError if `folder` exists, ValueError if `per_character` or `size` is below 1.
    """
    folder = Path(folder)
    if folder.exists():
        raise SimpsonsError(f"{folder}: already exists; remove it or choose another folder")
    if per_character < 1 or size < 1:
        raise ValueError(
            f"per_character is {per_character} and size is {size}; both must be at least 1"
        )
    jobs = [
        (index, number, first)
        for index in range(len(DOLLS))
        for number, first in enumerate(_shot_starts(seed, index, per_character))
    ]
    partial = folder.with_name(f".{folder.name}.partial-{os.getpid()}")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        for doll in DOLLS:
            (partial / doll.slug).mkdir(parents=True)
        for index, number, first in track(jobs, len(jobs), "drawing"):
            picture = _frame(seed, index, number, first, size)
            path = partial / DOLLS[index].slug / f"pic_{number:04d}.jpg"
            picture.save(path, quality=JPEG_QUALITY)
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _shot_starts(seed: int, index: int, count: int) -> list[int]:
    """For each picture of a doll, the number of the first picture of its shot."""
    rng = np.random.default_rng(np.random.SeedSequence((seed, index)))
    starts: list[int] = []
    while len(starts) < count:
        frames = int(rng.choice(SHOT_FRAMES)) if rng.random() < SHOT_CHANCE else 1
        starts += [len(starts)] * frames
    return starts[:count]


def _frame(seed: int, index: int, number: int, first: int, size: int) -> Image.Image:
    """Picture `number` of a doll, in the shot that began with picture `first`."""
    take = _take(np.random.default_rng(np.random.SeedSequence((seed, index, first))))
    if number != first:
        rng = np.random.default_rng(np.random.SeedSequence((seed, index, number)))
        take = _nudged(take, rng)
    return _render(DOLLS[index], take, size)


def _take(rng: np.random.Generator) -> Take:
    width, height = ((1.0, 0.75), (1.0, 1.0), (0.75, 1.0))[rng.choice(3, p=(0.45, 0.35, 0.2))]
    heads = rng.uniform(*((3.95, 4.4), (4.4, 5.2), (5.4, 6.2))[rng.integers(3)])
    unit = min(height / heads, width / 3.1)
    room_x, room_y = width - 3 * unit, height - 3.9 * unit
    warm, green, bright = rng.normal(0, 0.03), rng.normal(0, 0.015), rng.uniform(0.84, 1.08)
    return Take(
        width=width,
        height=height,
        unit=unit,
        x=1.5 * unit + room_x * rng.beta(1.4, 1.4),
        y=1.85 * unit + room_y * rng.uniform(0.05, 0.4),
        lean=rng.uniform(-8, 8),
        tilt=rng.uniform(-10, 10),
        mirror=bool(rng.random() < 0.5),
        arms=(_arm(rng), _arm(rng)),
        eyes=str(rng.choice(("open", "happy", "closed", "wink"), p=(0.76, 0.1, 0.05, 0.09))),
        gaze=(rng.uniform(-1, 1), rng.uniform(-0.6, 0.8)),
        brows=rng.uniform(-1, 1),
        mouth=str(rng.choice(("smile", "grin", "laugh", "oh", "flat", "smirk", "sad"))),
        scene=str(rng.choice(tuple(_SCENES))),
        scene_seed=int(rng.integers(2**32)),
        passer_by=bool(rng.random() < 0.2),
        prop=str(rng.choice(tuple(_PROPS))) if rng.random() < 0.25 else "",
        light=(bright * (1 + warm), bright * (1 + green), bright * (1 - warm)),
    )


_ARMS = (
    (Arm(8, -5), Arm(28, 25)),  # down
    (Arm(45, -75), Arm(60, -50)),  # on the hip
    (Arm(85, 150), Arm(115, 185)),  # waving
    (Arm(55, 60), Arm(85, 110)),  # held out
    (Arm(10, -100), Arm(25, -75)),  # across the chest
)


def _arm(rng: np.random.Generator) -> Arm:
    low, high = _ARMS[rng.choice(len(_ARMS), p=(0.4, 0.15, 0.2, 0.15, 0.1))]
    return Arm(rng.uniform(low.upper, high.upper), rng.uniform(low.fore, high.fore))


def _nudged(take: Take, rng: np.random.Generator) -> Take:
    """The same shot a moment later."""

    def jitter(value: float, by: float) -> float:
        return value + rng.uniform(-by, by)

    def move(arm: Arm) -> Arm:
        return Arm(jitter(arm.upper, 3), jitter(arm.fore, 6))

    return replace(
        take,
        x=jitter(take.x, 0.008),
        y=jitter(take.y, 0.006),
        lean=jitter(take.lean, 0.8),
        tilt=jitter(take.tilt, 2.5),
        arms=(move(take.arms[0]), move(take.arms[1])),
        gaze=(jitter(take.gaze[0], 0.5), jitter(take.gaze[1], 0.3)),
        brows=jitter(take.brows, 0.4),
        mouth="oh" if take.mouth == "laugh" and rng.random() < 0.5 else take.mouth,
    )


def _render(doll: Doll, take: Take, size: int) -> Image.Image:
    width, height = max(1, round(take.width * size)), max(1, round(take.height * size))
    pixels = _OVERSAMPLING * size
    canvas = Image.new("RGB", (width * _OVERSAMPLING, height * _OVERSAMPLING))
    scene_rng = np.random.default_rng(take.scene_seed)
    _SCENES[take.scene](canvas, scene_rng)
    if take.passer_by:
        _passer_by(canvas, take, scene_rng)

    turn = _rotation(take.lean)
    if take.mirror:
        turn = turn * (-1, 1)
    sheet = _Sheet(turn * take.unit * pixels, np.array((take.x, take.y)) * pixels)
    _dress(sheet, doll, take)
    sheet.paste(canvas, doll, take.unit * pixels)

    if take.prop:
        _put_in_front(canvas, take, scene_rng)
    ramp = np.arange(256)
    table = np.concatenate([ramp * gain for gain in take.light]).clip(0, 255)
    return canvas.reduce(_OVERSAMPLING).point(np.rint(table).astype(int).tolist())


# ---- paper ---------------------------------------------------------------------------------


class _Piece(NamedTuple):
    points: Points
    fill: Colour
    edge: float


class _Sheet:
    """Pieces of coloured paper laid one over another, then pasted on a canvas at once.

    Pieces are given in head radii around the centre of the head, y downwards.
    """

    def __init__(self, matrix: Points, origin: Points) -> None:
        self._matrix = matrix
        self._origin = origin
        self._pieces: list[_Piece] = []

    def tilted(self, degrees: float, around: tuple[float, float]) -> "_Sheet":
        """The same pile of paper in a frame turned around a point."""
        sheet = _Sheet(
            self._matrix @ _rotation(degrees),
            self._origin
            + self._matrix @ (np.array(around) - _rotation(degrees) @ np.array(around)),
        )
        sheet._pieces = self._pieces
        return sheet

    def lay(self, points: Points, fill: Colour, edge: float = 1.0) -> None:
        """Add a closed outline `[N, 2]`; `edge` scales the doll's outline, 0 for none."""
        self._pieces.append(_Piece(points @ self._matrix.T + self._origin, fill, edge))

    def paste(self, canvas: Image.Image, doll: Doll, unit: float) -> None:
        """Paint a soft shadow, a border of white paper, and the pieces with their outlines."""
        points, normals, ends = _with_normals([piece.points for piece in self._pieces])
        edges = np.repeat(
            [piece.edge for piece in self._pieces], [len(piece.points) for piece in self._pieces]
        )
        line = max(doll.weight * unit, 1.2 * _OVERSAMPLING)
        outlined = np.split(points + normals * (edges * line)[:, None], ends)
        bordered = np.split(points + normals * (line + 0.07 * unit), ends)
        borders = [
            border for border, piece in zip(bordered, self._pieces, strict=True) if piece.edge == 1
        ]
        _cast_shadow(canvas, borders, 0.09 * unit)
        pen = ImageDraw.Draw(canvas)
        for border in borders:
            pen.polygon(border.ravel().tolist(), _PAPER)
        outline = _rgb(doll.outline)
        for piece, around in zip(self._pieces, outlined, strict=True):
            if piece.edge:
                pen.polygon(around.ravel().tolist(), outline)
            pen.polygon(piece.points.ravel().tolist(), piece.fill)


def _cast_shadow(canvas: Image.Image, borders: list[Points], drop: float) -> None:
    mask = Image.new("L", (canvas.width // _OVERSAMPLING, canvas.height // _OVERSAMPLING))
    pen = ImageDraw.Draw(mask)
    for border in borders:
        pen.polygon(((border + drop) / _OVERSAMPLING).ravel().tolist(), 90)
    mask = mask.filter(ImageFilter.BoxBlur(drop / 6)).resize(canvas.size, Image.Resampling.BILINEAR)
    canvas.paste((20, 16, 30), mask=mask)


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


def _rotation(degrees: float) -> Points:
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array(((cos, -sin), (sin, cos)))


def _ellipse(x: float, y: float, rx: float, ry: float | None = None, turn: float = 0) -> Points:
    points = _CIRCLE * (rx, rx if ry is None else ry)
    return (points @ _rotation(turn).T if turn else points) + (x, y)


def _box(x0: float, y0: float, x1: float, y1: float) -> Points:
    return np.array(((x0, y0), (x1, y0), (x1, y1), (x0, y1)))


@cache
def _spline(*knots: tuple[float, float], closed: bool = True, steps: int = 5) -> Points:
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


def _both_sides(*knots: tuple[float, float]) -> Points:
    """A closed curve through the knots (the right half, from the top down) and their mirror."""
    return _spline(*knots, *((-x, y) for x, y in reversed(knots) if x))


def _stroke(path: Points, thickness: float | Points) -> Points:
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
def _line(*points: tuple[float, float], thickness: float) -> Points:
    return _stroke(_spline(*points, closed=False, steps=4), thickness)


@cache
def _rgb(colour: str) -> Colour:
    red, green, blue = ImageColor.getrgb(colour)[:3]
    return red, green, blue


def _mix(one: Colour, other: Colour, share: float) -> Colour:
    """`one` with `share` of `other` in it."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def _hsv(hue: float, saturation: float, value: float) -> Colour:
    red, green, blue = (round(255 * part) for part in colorsys.hsv_to_rgb(hue, saturation, value))
    return red, green, blue


# ---- the doll, from back to front ----------------------------------------------------------

_BUILDS = {  # half widths of shoulders, waist and hips
    "slim": (0.66, 0.56, 0.62),
    "medium": (0.78, 0.68, 0.74),
    "broad": (0.95, 0.92, 0.92),
}

_FACES = {  # half width, half height, squareness (2 is an ellipse), taper towards the chin
    "round": (0.98, 0.94, 2.2, 0.0),
    "egg": (0.86, 1.02, 2.1, 0.1),
    "square": (0.93, 0.95, 3.4, 0.04),
    "heart": (0.95, 0.97, 2.1, -0.17),
    "long": (0.79, 1.04, 2.4, 0.0),
}


def _dress(sheet: _Sheet, doll: Doll, take: Take) -> None:
    head = sheet.tilted(take.tilt, around=(0, 0.9))
    _hair_behind(head, doll)
    _legs(sheet, doll)
    sheet.lay(_box(-0.24, 0.6, 0.24, 1.25), _mix(_rgb(doll.skin), _rgb(doll.outline), 0.18))
    _torso(sheet, doll)
    for side, arm in zip((-1, 1), take.arms, strict=True):
        _limb(sheet, doll, side, arm)
    _neckwear(sheet, doll)
    _head(head, doll, take)


def _legs(sheet: _Sheet, doll: Doll) -> None:
    hips = _BUILDS[doll.build][2]
    shoe = _mix(_rgb(doll.bottom_colour), _DARK, 0.6)
    bare = doll.bottom == "skirt"
    for side in (-1, 1):
        foot = side * hips * 0.55
        sheet.lay(_ellipse(foot + side * 0.1, 3.68, 0.3, 0.16), shoe)
        leg = np.linspace((side * hips * 0.5, 2.4), (foot, 3.52), 6)
        colour = _rgb(doll.skin if bare else doll.bottom_colour)
        sheet.lay(_stroke(leg, 0.26 if bare else hips * 0.72), colour)
    if bare:
        sheet.lay(
            _both_sides((0, 2.2), (hips * 0.9, 2.25), (hips * 1.4, 3.0), (0.5, 3.1), (0, 3.12)),
            _rgb(doll.bottom_colour),
        )


def _torso(sheet: _Sheet, doll: Doll) -> None:
    shoulders, waist, hips = _BUILDS[doll.build]
    sheet.lay(
        _both_sides(
            (0, 1.0), (0.3, 1.02), (shoulders * 0.9, 1.12), (shoulders, 1.34), (waist, 1.9),
            (hips, 2.5), (hips * 0.6, 2.6), (0, 2.6),
        ),
        _rgb(doll.top),
    )  # fmt: skip
    _PATTERNS[doll.pattern](sheet, doll)


def _half_width(doll: Doll, y: float) -> float:
    """Half the width of the torso at a height, a little inside its outline."""
    shoulders, waist, hips = _BUILDS[doll.build]
    return float(np.interp(y, (1.12, 1.34, 1.9, 2.5), (shoulders * 0.9, shoulders, waist, hips)))


def _buttons(sheet: _Sheet, doll: Doll) -> None:
    accent = _rgb(doll.accent)
    shade = _mix(_rgb(doll.top), _DARK, 0.4)
    sheet.lay(_line((0, 1.2), (0, 1.8), (0, 2.52), thickness=0.04), shade, edge=0)
    for side in (-1, 1):
        collar = np.array(((0, 1.4), (side * 0.44, 1.26), (side * 0.32, 1.02), (0, 1.12)))
        sheet.lay(collar, accent, edge=0.5)
    for y in (1.62, 1.98, 2.34):
        sheet.lay(_ellipse(0, y, 0.11), accent, edge=0.5)


def _pinstripes(sheet: _Sheet, doll: Doll) -> None:
    waist = _BUILDS[doll.build][1]
    for x in np.linspace(-0.72, 0.72, 5) * waist:
        sheet.lay(_box(x - 0.045, 1.24, x + 0.045, 2.5), _rgb(doll.accent), edge=0)
    sheet.lay(np.array(((-0.3, 1.03), (0.3, 1.03), (0, 1.62))), _WHITE, edge=0.5)
    sheet.lay(
        np.array(((-0.07, 1.16), (0.07, 1.16), (0.12, 1.5), (0, 1.66), (-0.12, 1.5))),
        _rgb(doll.extra_colour), edge=0.4,
    )  # fmt: skip


def _stripes(sheet: _Sheet, doll: Doll) -> None:
    for y in (1.42, 1.72, 2.02, 2.32):
        above, below = _half_width(doll, y - 0.07) - 0.01, _half_width(doll, y + 0.07) - 0.01
        band = np.array(
            ((-above, y - 0.07), (above, y - 0.07), (below, y + 0.07), (-below, y + 0.07))
        )
        sheet.lay(band, _rgb(doll.accent), edge=0)


def _waves(sheet: _Sheet, doll: Doll) -> None:
    for y in (1.5, 1.9, 2.3):
        x = np.linspace(-1, 1, 17) * (_half_width(doll, y) - 0.09)
        path = np.stack([x, y + 0.07 * np.sin(np.linspace(0, 5 * np.pi, 17))], axis=1)
        sheet.lay(_stroke(path, 0.13), _rgb(doll.accent), edge=0)


def _dots(sheet: _Sheet, doll: Doll) -> None:
    for row, y in enumerate((1.36, 1.66, 1.96, 2.26)):
        width = _half_width(doll, y) - 0.16
        for x in np.linspace(-width, width, 4 if row % 2 else 3):
            sheet.lay(_ellipse(x, y, 0.085), _rgb(doll.accent), edge=0)


def _checks(sheet: _Sheet, doll: Doll) -> None:
    accent = _rgb(doll.accent)
    waist = _BUILDS[doll.build][1]
    for x in np.array((-0.66, 0, 0.66)) * waist:
        sheet.lay(_box(x - 0.05, 1.16, x + 0.05, 2.54), accent, edge=0)
    for y in (1.5, 1.95, 2.4):
        width = _half_width(doll, y) - 0.02
        sheet.lay(_box(-width, y - 0.05, width, y + 0.05), accent, edge=0)


def _diamonds(sheet: _Sheet, doll: Doll) -> None:
    for y, count in ((1.5, 3), (1.86, 2), (2.22, 3)):
        reach = (_half_width(doll, y) - 0.17) * (1 if count == 3 else 0.5)
        for x in np.linspace(-reach, reach, count):
            diamond = np.array(((x, y - 0.2), (x + 0.14, y), (x, y + 0.2), (x - 0.14, y)))
            sheet.lay(diamond, _rgb(doll.accent), edge=0)


def _overalls(sheet: _Sheet, doll: Doll) -> None:
    denim = _rgb(doll.accent)
    hips = _half_width(doll, 2.5)
    for side in (-1, 1):
        sheet.lay(_line((side * 0.36, 1.07), (side * 0.34, 1.6), thickness=0.17), denim, edge=0.6)
    sheet.lay(
        np.array(((-0.46, 1.5), (0.46, 1.5), (hips - 0.04, 2.1), (hips, 2.56), (-hips, 2.56),
                  (0.04 - hips, 2.1))),
        denim, edge=0.6,
    )  # fmt: skip
    sheet.lay(_box(-0.22, 1.78, 0.22, 2.1), _mix(denim, _WHITE, 0.3), edge=0.4)
    for side in (-1, 1):
        sheet.lay(_ellipse(side * 0.34, 1.6, 0.07), _BRASS, edge=0.3)


def _waistcoat(sheet: _Sheet, doll: Doll) -> None:
    for side in (-1, 1):
        shoulder, waist = _half_width(doll, 1.2), _half_width(doll, 1.9)
        panel = np.array(
            ((side * 0.24, 1.06), (side * (shoulder - 0.1), 1.16), (side * (waist - 0.01), 1.9),
             (side * _half_width(doll, 2.5), 2.5), (side * 0.12, 2.6), (side * 0.04, 1.75))
        )  # fmt: skip
        sheet.lay(panel, _rgb(doll.accent), edge=0.6)
    for y in (1.95, 2.25):
        sheet.lay(_ellipse(0.14, y, 0.07), _BRASS, edge=0.3)


def _sash(sheet: _Sheet, doll: Doll) -> None:
    top, low = _half_width(doll, 1.3), _half_width(doll, 2.3)
    band = np.array(((-top + 0.02, 1.22), (-top + 0.36, 1.1), (low - 0.01, 2.1), (low - 0.02, 2.5)))
    sheet.lay(band, _rgb(doll.accent), edge=0)
    sheet.lay(_ellipse(0.02, 1.72, 0.22), _rgb(doll.hat_colour), edge=0.5)


def _moon(sheet: _Sheet, doll: Doll) -> None:
    sheet.lay(_ellipse(0, 1.86, 0.34), _rgb(doll.accent), edge=0)
    sheet.lay(_ellipse(0.16, 1.78, 0.28), _rgb(doll.top), edge=0)


def _plain(sheet: _Sheet, doll: Doll) -> None:
    waist = _half_width(doll, 2.3)
    sheet.lay(_box(-waist + 0.01, 2.28, waist - 0.01, 2.44), _rgb(doll.accent), edge=0)


_PATTERNS: dict[str, Callable[[_Sheet, Doll], None]] = {
    "buttons": _buttons,
    "checks": _checks,
    "diamonds": _diamonds,
    "dots": _dots,
    "moon": _moon,
    "overalls": _overalls,
    "pinstripes": _pinstripes,
    "plain": _plain,
    "sash": _sash,
    "stripes": _stripes,
    "waistcoat": _waistcoat,
    "waves": _waves,
}


def _limb(sheet: _Sheet, doll: Doll, side: int, arm: Arm) -> None:
    def reach(origin: Points, degrees: float, length: float) -> Points:
        turn = np.radians(degrees)
        return origin + np.array((side * np.sin(turn), np.cos(turn))) * length

    shoulder = np.array((side * (_BUILDS[doll.build][0] - 0.13), 1.3))
    elbow = reach(shoulder, arm.upper, 0.72)
    wrist = reach(elbow, arm.fore, 0.62)
    t = np.linspace(0, 1, 11)[:, None]
    bend = 2 * elbow - (shoulder + wrist) / 2
    path = (1 - t) ** 2 * shoulder + 2 * t * (1 - t) * bend + t**2 * wrist
    path = path * 0.6 + 0.4 * np.where(
        t < 0.5, shoulder + (elbow - shoulder) * 2 * t, elbow + (wrist - elbow) * (2 * t - 1)
    )
    skin = _rgb(doll.skin)
    thumb = reach(wrist, arm.fore - 70, 0.17)
    sheet.lay(_ellipse(thumb[0], thumb[1], 0.09), skin)
    sheet.lay(_ellipse(wrist[0], wrist[1], 0.2), skin)
    short = doll.pattern in ("dots", "sash", "overalls", "diamonds")
    if short:
        sheet.lay(_stroke(path[3:], 0.25), skin)
    sleeve = path[: 6 if short else 10]
    sheet.lay(
        _stroke(sleeve, np.linspace(0.38, 0.42 if short else 0.32, len(sleeve))), _rgb(doll.top)
    )
    if doll.pattern == "stripes":
        for at in (3, 5, 7):
            across = (path[at + 1] - path[at - 1])[::-1] * (-1, 1)
            across *= 0.16 / np.hypot(*across)
            ends = np.stack([path[at] - across, path[at], path[at] + across])
            sheet.lay(_stroke(ends, 0.1), _rgb(doll.accent), edge=0)
    elif not short:
        sheet.lay(_stroke(sleeve[-2:], 0.33), _mix(_rgb(doll.top), _DARK, 0.3), 0.5)
    sheet.lay(_ellipse(shoulder[0], shoulder[1], 0.05), _BRASS, edge=0.4)


def _neckwear(sheet: _Sheet, doll: Doll) -> None:
    colour = _rgb(doll.extra_colour)
    if "scarf" in doll.extras:
        sheet.lay(_line((0.3, 1.2), (0.42, 1.6), (0.36, 2.1), thickness=0.32), colour)
        sheet.lay(_line((0.3, 1.92), (0.44, 1.93), thickness=0.06), _DARK, edge=0)
        sheet.lay(_line((-0.56, 1.05), (0, 1.24), (0.56, 1.05), thickness=0.4), colour)
    if "turtleneck" in doll.extras:
        sheet.lay(_line((-0.26, 1.0), (0, 1.06), (0.26, 1.0), thickness=0.34), colour)
    if "bow_tie" in doll.extras:
        for side in (-1, 1):
            sheet.lay(np.array(((0, 1.2), (side * 0.36, 1.02), (side * 0.36, 1.4))), colour, 0.7)
        sheet.lay(_ellipse(0, 1.2, 0.1), colour, edge=0.7)
    if "beads" in doll.extras:
        for turn in np.linspace(-1.1, 1.1, 7):
            sheet.lay(_ellipse(0.42 * np.sin(turn), 0.96 + 0.34 * np.cos(turn), 0.075), colour, 0.4)


# ---- the head ------------------------------------------------------------------------------


def _face_outline(doll: Doll, turn: Points, grow: float = 1.0) -> Points:
    """The face at the angles `turn`, 0 to the right and pi / 2 to the chin."""
    rx, ry, squareness, taper = _FACES[doll.face]
    cos, sin = np.cos(turn), np.sin(turn)
    y = np.sign(sin) * np.abs(sin) ** (2 / squareness)
    x = np.sign(cos) * np.abs(cos) ** (2 / squareness) * (1 + taper * y)
    return np.stack([x * rx, y * ry], axis=1) * grow


@cache
def _cap(doll: Doll, grow: float, side: float, *hairline: tuple[float, float]) -> Points:
    """Hair over the top of the head.

    It ends at the height `side` at both temples; `hairline` runs between them, from right to
    left, x in half widths of the face.
    """
    rx, ry = _FACES[doll.face][:2]
    low = float(np.arcsin(side / ry))
    outer = _face_outline(doll, np.linspace(np.pi - low, 2 * np.pi + low, 26), grow)
    inner = _spline(*((x * rx, y) for x, y in hairline), closed=False, steps=4)
    return np.concatenate([outer, inner])


def _scallops(rx: float, ry: float, lobes: int, depth: float, x: float = 0, y: float = 0) -> Points:
    turn = np.linspace(0, 2 * np.pi, lobes * 6, endpoint=False)
    reach = 1 - depth + depth * np.abs(np.sin(turn * lobes / 2))
    return np.stack([x + reach * np.cos(turn) * rx, y + reach * np.sin(turn) * ry], axis=1)


def _hair_behind(head: _Sheet, doll: Doll) -> None:
    colour = _mix(_rgb(doll.hair_colour), _rgb(doll.outline), 0.15)
    wide = _FACES[doll.face][0] / 0.95
    match doll.hair:
        case "long":
            shape = _both_sides(
                (0, -1.16), (0.62, -1.06), (1.06, -0.6), (1.16, 0.3), (1.22, 1.3), (1.12, 1.86),
                (0.6, 1.92), (0, 1.86),
            )  # fmt: skip
        case "wavy":
            shape = _both_sides(
                (0, -1.1), (0.62, -1.0), (1.0, -0.5), (1.02, 0.0), (1.24, 0.35), (1.08, 0.75),
                (1.3, 1.15), (1.1, 1.55), (0.6, 1.5), (0, 1.4),
            )  # fmt: skip
        case "bob":
            shape = _both_sides(
                (0, -1.14), (0.62, -1.04), (1.04, -0.6), (1.14, 0.1), (1.3, 0.72), (1.0, 0.94),
                (0.6, 0.9), (0, 0.8),
            )  # fmt: skip
        case "cloud":
            shape = _scallops(1.36, 1.28, 11, 0.14, y=-0.24)
        case "bun":
            head.lay(_ellipse(0, -1.28, 0.42, 0.38), colour)
            shape = _ellipse(0, -0.12, 1.0, 0.98)
        case _:
            return
    head.lay(shape * (wide, 1), colour)


def _hair_in_front(head: _Sheet, doll: Doll) -> None:
    colour = _rgb(doll.hair_colour)
    shade = _mix(colour, _rgb(doll.outline), 0.3)
    rx = _FACES[doll.face][0]
    match doll.hair:
        case "bun":
            head.lay(
                _cap(doll, 1.07, 0.05, (0.99, 0.05), (0.8, -0.35), (0, -0.62), (-0.8, -0.35),
                     (-0.99, 0.05)),
                colour,
            )  # fmt: skip
            head.lay(_line((-0.22, -1.32), (0, -1.42), (0.2, -1.32), thickness=0.06), shade, 0)
        case "side_part":
            head.lay(
                _cap(doll, 1.1, 0.1, (1.0, 0.1), (0.88, -0.3), (0.62, -0.42), (-0.1, -0.46),
                     (-0.5, -0.78), (-0.86, -0.3), (-1.0, 0.1)),
                colour,
            )  # fmt: skip
            head.lay(_line((-0.46, -0.82), (0.1, -0.66), (0.6, -0.66), thickness=0.05), shade, 0)
        case "braids":
            _braids(head, doll)
        case "ring":
            for side in (-1, 1):
                tuft = _scallops(0.22, 0.44, 7, 0.14, x=side * (rx - 0.02), y=-0.12)
                head.lay(tuft, colour)
        case "long":
            head.lay(
                _cap(doll, 1.08, 0.2, (1.0, 0.2), (0.9, -0.28), (0.4, -0.36), (0, -0.38),
                     (-0.4, -0.36), (-0.9, -0.28), (-1.0, 0.2)),
                colour,
            )  # fmt: skip
        case "wavy":
            head.lay(
                _cap(doll, 1.08, 0.2, (1.0, 0.2), (0.84, -0.2), (0.3, -0.5), (0, -0.66),
                     (-0.3, -0.5), (-0.84, -0.2), (-1.0, 0.2)),
                colour,
            )  # fmt: skip
        case "bob":
            head.lay(
                _cap(doll, 1.1, 0.5, (1.02, 0.5), (0.82, -0.1), (0.5, -0.3), (-0.2, -0.42),
                     (-0.6, -0.66), (-0.82, -0.1), (-1.02, 0.5)),
                colour,
            )  # fmt: skip
        case "cloud":
            head.lay(
                _cap(doll, 1.12, 0.0, (0.98, 0.0), (0.82, -0.34), (0.56, -0.46), (0.3, -0.4),
                     (0, -0.5), (-0.3, -0.4), (-0.56, -0.46), (-0.82, -0.34), (-0.98, 0.0)),
                colour,
            )  # fmt: skip
            for x, y in ((-0.6, -0.8), (0.1, -1.0), (0.65, -0.75)):
                head.lay(
                    _line((x - 0.14, y), (x, y - 0.1), (x + 0.14, y), thickness=0.06), shade, 0
                )
        case "crop":
            head.lay(
                _cap(doll, 1.05, 0.12, (1.0, 0.12), (0.86, -0.3), (0.4, -0.52), (-0.4, -0.52),
                     (-0.86, -0.3), (-1.0, 0.12)),
                colour,
            )  # fmt: skip
        case "wisp":
            head.lay(
                _spline((-0.1, -0.9), (-0.34, -1.2), (-0.12, -1.55), (0.3, -1.58), (0.46, -1.32),
                        (0.3, -1.14), (0.12, -1.22), (0.18, -1.36), (0.04, -1.38), (0.0, -1.16),
                        (0.2, -0.9)),
                colour,
            )  # fmt: skip
        case "bowl":
            head.lay(
                _cap(doll, 1.13, 0.2, (1.06, 0.2), (0.92, -0.16), (0.5, -0.24), (0, -0.26),
                     (-0.5, -0.24), (-0.92, -0.16), (-1.06, 0.2)),
                colour,
            )  # fmt: skip
            for x in (-0.5, -0.17, 0.17, 0.5):
                head.lay(_line((x * 0.7, -0.7), (x, -0.34), thickness=0.045), shade, 0)
        case "crest":
            head.lay(
                _spline((-0.62, -0.74), (-0.86, -1.1), (-0.5, -1.22), (-0.36, -1.52), (0.0, -1.44),
                        (0.3, -1.6), (0.52, -1.28), (0.86, -1.14), (0.66, -0.74), (0.2, -0.5),
                        (-0.2, -0.5)),
                colour,
            )  # fmt: skip
            for x in (-0.3, 0.02, 0.34):
                head.lay(_line((x * 0.8, -0.72), (x, -1.2), thickness=0.05), shade, 0)


def _braids(head: _Sheet, doll: Doll) -> None:
    colour = _rgb(doll.hair_colour)
    rx = _FACES[doll.face][0]
    for side in (-1, 1):
        for step in range(4):
            x, y = side * (rx + 0.06 + 0.05 * step), 0.3 + 0.3 * step
            head.lay(_ellipse(x, y, 0.23 - 0.02 * step, 0.21, turn=side * 20), colour)
        head.lay(_ellipse(side * (rx + 0.26), 1.52, 0.13, 0.2), colour)
        head.lay(_ellipse(side * (rx + 0.24), 1.36, 0.15, 0.09), _rgb(doll.extra_colour), 0.6)
    head.lay(
        _cap(doll, 1.09, 0.25, (1.0, 0.25), (0.86, -0.2), (0.5, -0.5), (0, -0.72), (-0.5, -0.5),
             (-0.86, -0.2), (-1.0, 0.25)),
        colour,
    )  # fmt: skip
    shade = _mix(colour, _rgb(doll.outline), 0.4)
    head.lay(_line((0, -1.0), (0, -0.75), thickness=0.05), shade, edge=0)


def _head(head: _Sheet, doll: Doll, take: Take) -> None:
    skin = _rgb(doll.skin)
    shade = _mix(skin, _rgb(doll.outline), 0.3)
    rx = _FACES[doll.face][0]
    for side in (-1, 1):
        head.lay(_ellipse(side * (rx + 0.02), 0.12, 0.18, 0.22), skin)
        head.lay(_ellipse(side * (rx + 0.05), 0.12, 0.08, 0.11), shade, edge=0)
    if "earrings" in doll.extras:
        for side in (-1, 1):
            head.lay(_ellipse(side * (rx + 0.1), 0.48, 0.15), _rgb(doll.extra_colour), edge=0.7)
    head.lay(_face_outline(doll, _TURN), skin)
    if "blush" in doll.extras:
        for side in (-1, 1):
            blush = _mix(skin, _rgb("#ef476f"), 0.38)
            head.lay(_ellipse(side * rx * 0.6, 0.34, 0.17, 0.12), blush, edge=0)
    if "freckles" in doll.extras:
        for side in (-1, 1):
            for x, y in ((0.46, 0.28), (0.6, 0.36), (0.66, 0.22)):
                head.lay(_ellipse(side * rx * x, y, 0.045), shade, edge=0)
    _beard(head, doll)
    _mouth(head, doll, take)
    _glasses(head, doll)
    for side in (-1, 1):
        _eye(head, doll, take, side)
    _nose(head, doll, shade)
    if doll.beard == "moustache":
        _moustache(head, doll)
    _hair_in_front(head, doll)
    if doll.hat:
        _HATS[doll.hat](head, doll)
    _on_the_ear(head, doll)


def _eye(head: _Sheet, doll: Doll, take: Take, side: int) -> None:
    ink = _mix(_rgb(doll.outline), _DARK, 0.5)
    x, y = side * 0.4 * _FACES[doll.face][0], 0.0
    state = take.eyes if take.eyes != "wink" else ("closed" if side > 0 else "open")
    brow = y - 0.3 - 0.04 * take.brows
    brow_colour = _mix(_rgb(doll.hair_colour), ink, 0.55)
    slant = 0.04 * take.brows * side
    head.lay(
        _line((x - 0.15, brow + slant), (x, brow - 0.05), (x + 0.15, brow - slant), thickness=0.08),
        brow_colour, edge=0,
    )  # fmt: skip
    if state in ("happy", "closed"):
        bend = -0.14 if state == "happy" else 0.1
        head.lay(
            _line((x - 0.15, y + 0.02), (x, y + bend), (x + 0.15, y + 0.02), thickness=0.085),
            ink,
            0,
        )
        return
    gx, gy = take.gaze
    if take.mirror:
        gx = -gx
    if doll.eyes == "dot":
        x, y = x + 0.05 * gx, y + 0.04 * gy
        head.lay(_ellipse(x, y, 0.12, 0.155), ink, edge=0)
        head.lay(_ellipse(x + 0.04, y - 0.06, 0.045), _WHITE, edge=0)
        return
    if doll.eyes == "almond":
        white = _spline((-0.2, 0.04), (-0.06, -0.14), (0.12, -0.12), (0.21, 0.0), (0.04, 0.13))
        head.lay(white * (side, 1) + (x, y), _WHITE, edge=0.7)
        reach = 0.05
    else:
        head.lay(_ellipse(x, y, 0.185, 0.2), _WHITE, edge=0.7)
        reach = 0.065
    iris = _mix(_rgb(doll.hair_colour), ink, 0.7)
    head.lay(_ellipse(x + reach * gx, y + reach * 0.8 * gy, 0.1, 0.11), iris, edge=0)
    head.lay(_ellipse(x + reach * gx + 0.035, y + reach * 0.8 * gy - 0.04, 0.035), _WHITE, edge=0)
    if doll.eyes == "sleepy":
        lid = _ellipse(x, y, 0.2, 0.215)
        lid = np.stack([lid[:, 0], np.minimum(lid[:, 1], y - 0.03)], axis=1)
        head.lay(lid, _mix(_rgb(doll.skin), _rgb(doll.outline), 0.22), edge=0.7)
    elif doll.eyes == "almond":
        head.lay(
            _line((x + side * 0.19, y - 0.02), (x + side * 0.3, y - 0.12), thickness=0.06), ink, 0
        )


def _nose(head: _Sheet, doll: Doll, shade: Colour) -> None:
    tip = _mix(_rgb(doll.skin), _rgb("#e4574c"), 0.3)
    match doll.nose:
        case "button":
            head.lay(_ellipse(0, 0.24, 0.1, 0.075), tip, edge=0.4)
        case "bulb":
            head.lay(_ellipse(0, 0.24, 0.19, 0.15), tip, edge=0.7)
        case "wedge":
            head.lay(np.array(((-0.02, 0.0), (0.2, 0.3), (-0.1, 0.32))), tip, edge=0.6)
        case "long":
            head.lay(
                _spline((0, -0.06), (0.1, 0.2), (0.08, 0.4), (-0.1, 0.38), (-0.08, 0.1)), tip, 0.6
            )
        case "dots":
            for x in (-0.06, 0.06):
                head.lay(_ellipse(x, 0.27, 0.035), _mix(shade, _DARK, 0.4), edge=0)


def _mouth(head: _Sheet, doll: Doll, take: Take) -> None:
    ink = _mix(_rgb(doll.outline), _DARK, 0.4)
    inside, tongue = _rgb("#6d1f2f"), _rgb("#ef7b86")
    y = 0.6
    match take.mouth:
        case "smile":
            head.lay(
                _line((-0.24, y - 0.06), (0, y + 0.08), (0.24, y - 0.06), thickness=0.07), ink, 0
            )
        case "smirk":
            head.lay(
                _line((-0.16, y + 0.02), (0.04, y + 0.04), (0.24, y - 0.1), thickness=0.07), ink, 0
            )
        case "flat":
            head.lay(_line((-0.17, y), (0, y + 0.01), (0.17, y), thickness=0.07), ink, 0)
        case "sad":
            head.lay(
                _line((-0.18, y + 0.06), (0, y - 0.05), (0.18, y + 0.06), thickness=0.07), ink, 0
            )
        case "oh":
            head.lay(_ellipse(0, y + 0.02, 0.1, 0.13), inside, edge=0.5)
        case "grin":
            half = _spline(
                (-0.27, y - 0.1), (0, y - 0.06), (0.27, y - 0.1), (0.16, y + 0.1), (-0.16, y + 0.1)
            )
            head.lay(half, _WHITE, edge=0.6)
        case "laugh":
            half = _spline(
                (-0.28, y - 0.12),
                (0, y - 0.08),
                (0.28, y - 0.12),
                (0.16, y + 0.15),
                (-0.16, y + 0.15),
            )
            head.lay(half, inside, edge=0.6)
            head.lay(_ellipse(0, y + 0.1, 0.13, 0.07), tongue, edge=0)


def _beard(head: _Sheet, doll: Doll) -> None:
    if doll.beard not in ("full", "short"):
        return
    rx = _FACES[doll.face][0]
    full = doll.beard == "full"
    turn = np.linspace(-0.05 if full else 0.25, np.pi + (0.05 if full else -0.25), 31)
    outer = _face_outline(doll, turn, 1.1 if full else 1.06)
    if full:
        outer = outer * (1, 1.22) + np.abs(np.sin(turn * 7))[:, None] * (0, 0.07)
    inner = _spline(
        (-rx * 0.9, 0.15), (-rx * 0.62, 0.42), (-0.3, 0.4 if full else 0.48), (0, 0.43),
        (0.3, 0.4 if full else 0.48), (rx * 0.62, 0.42), (rx * 0.9, 0.15), closed=False, steps=4,
    )  # fmt: skip
    colour = _rgb(doll.hair_colour)
    head.lay(np.concatenate([outer, inner]), colour)
    lip = _mix(_rgb(doll.skin), _rgb(doll.outline), 0.1)
    head.lay(_ellipse(0, 0.61, 0.34, 0.19), lip, edge=0)


def _moustache(head: _Sheet, doll: Doll) -> None:
    for side in (-1, 1):
        half = _spline((0, 0.4), (0.26, 0.38), (0.48, 0.5), (0.66, 0.36), (0.54, 0.62), (0.2, 0.58))
        head.lay(half * (side, 1), _rgb(doll.hair_colour), edge=0.8)


def _glasses(head: _Sheet, doll: Doll) -> None:
    if not {"round_glasses", "square_glasses"} & set(doll.extras):
        return
    rim = _rgb(doll.extra_colour)
    rx = _FACES[doll.face][0]
    lens = _mix(_rgb(doll.skin), _WHITE, 0.6)
    head.lay(_box(-rx - 0.02, -0.06, rx + 0.02, 0.02), rim, edge=0.4)
    for side in (-1, 1):
        x = side * 0.42 * rx
        if "round_glasses" in doll.extras:
            head.lay(_ellipse(x, 0.0, 0.34), rim, edge=0.5)
            head.lay(_ellipse(x, 0.0, 0.26), lens, edge=0)
        else:
            head.lay(_box(x - 0.33, -0.26, x + 0.33, 0.26), rim, edge=0.5)
            head.lay(_box(x - 0.25, -0.18, x + 0.25, 0.18), lens, edge=0)


def _on_the_ear(head: _Sheet, doll: Doll) -> None:
    colour = _rgb(doll.extra_colour)
    rx = _FACES[doll.face][0]
    if "quill" in doll.extras:
        feather = _spline((rx - 0.1, 0.1), (rx + 0.1, -0.5), (rx + 0.34, -1.0), (rx + 0.42, -1.3),
                          (rx + 0.12, -1.05), (rx - 0.04, -0.5))  # fmt: skip
        head.lay(feather, colour)
        rib = _line((rx - 0.08, 0.05), (rx + 0.06, -0.5), (rx + 0.34, -1.16), thickness=0.05)
        head.lay(rib, _mix(colour, _DARK, 0.5), edge=0)
    if "flower" in doll.extras:
        for turn in np.arange(5) * 2 * np.pi / 5:
            x, y = 0.72 + 0.2 * np.cos(turn), -0.74 + 0.2 * np.sin(turn)
            head.lay(_ellipse(x, y, 0.16), colour)
        head.lay(_ellipse(0.72, -0.74, 0.13), _rgb("#f2762e"), edge=0.5)


def _beret(head: _Sheet, doll: Doll) -> None:
    colour = _rgb(doll.hat_colour)
    head.lay(_line((0.1, -1.3), (0.18, -1.52), thickness=0.09), colour)
    head.lay(_spline((-0.98, -0.62), (-0.7, -1.12), (0.1, -1.4), (0.9, -1.26), (1.26, -0.86),
                     (0.9, -0.66), (0, -0.74)), colour)  # fmt: skip
    shade = _mix(colour, _DARK, 0.3)
    head.lay(_line((-0.9, -0.64), (0, -0.76), (0.9, -0.68), thickness=0.09), shade, edge=0)


def _beanie(head: _Sheet, doll: Doll) -> None:
    colour = _rgb(doll.hat_colour)
    head.lay(_scallops(0.24, 0.24, 8, 0.16, y=-1.44), _WHITE)
    head.lay(_cap(doll, 1.14, -0.3, (1.0, -0.5), (0, -0.6), (-1.0, -0.5)) - (0, 0.12), colour)
    rx = _FACES[doll.face][0]
    brim = _line((-rx * 0.98, -0.5), (0, -0.62), (rx * 0.98, -0.5), thickness=0.32)
    head.lay(brim, _mix(colour, _DARK, 0.25))


def _sun_hat(head: _Sheet, doll: Doll) -> None:
    colour = _rgb(doll.hat_colour)
    head.lay(_both_sides((0, -1.56), (0.5, -1.48), (0.74, -1.1), (0.8, -0.6), (0, -0.56)), colour)
    head.lay(
        _line((-0.76, -0.84), (0, -0.76), (0.76, -0.84), thickness=0.22),
        _rgb(doll.extra_colour),
        0.5,
    )
    head.lay(_spline((-1.4, -0.44), (-0.8, -0.72), (0, -0.74), (0.8, -0.72), (1.4, -0.44),
                     (0.7, -0.42), (0, -0.46), (-0.7, -0.42)), colour)  # fmt: skip


def _top_hat(head: _Sheet, doll: Doll) -> None:
    colour = _rgb(doll.hat_colour)
    crown = np.array(((-0.56, -0.6), (-0.64, -1.7), (0.64, -1.7), (0.56, -0.6)))
    head.lay(crown, colour)
    band = np.array(((-0.57, -0.7), (-0.585, -0.95), (0.585, -0.95), (0.57, -0.7)))
    head.lay(band, _rgb(doll.extra_colour), edge=0)
    head.lay(_line((-0.98, -0.72), (0, -0.56), (0.98, -0.72), thickness=0.17), colour)


def _helmet(head: _Sheet, doll: Doll) -> None:
    colour = _rgb(doll.hat_colour)
    rx = _FACES[doll.face][0]
    for side in (-1, 1):
        strap = _line(
            (side * rx * 0.97, -0.3), (side * rx * 0.86, 0.5), (side * 0.3, 0.96), thickness=0.08
        )
        head.lay(strap, _DARK, edge=0)
    head.lay(_cap(doll, 1.2, -0.28, (1.0, -0.42), (0, -0.5), (-1.0, -0.42)) - (0, 0.06), colour)
    for x in (-0.5, 0, 0.5):
        slot = _line((x * 0.7, -1.12 + 0.16 * abs(x)), (x, -0.68), thickness=0.15)
        head.lay(slot, _rgb(doll.accent), edge=0)


_HATS: dict[str, Callable[[_Sheet, Doll], None]] = {
    "beanie": _beanie,
    "beret": _beret,
    "helmet": _helmet,
    "sun_hat": _sun_hat,
    "top_hat": _top_hat,
}


# ---- scenes --------------------------------------------------------------------------------


def _fade(canvas: Image.Image, above: Colour, below: Colour, until: float = 1.0) -> None:
    """Fill the canvas from the top to the part `until` of its height with a gradient."""
    height = max(2, round(canvas.height * until))
    column = np.linspace(above, below, height).astype(np.uint8)[:, None]
    canvas.paste(Image.fromarray(column).resize((canvas.width, height), Image.Resampling.NEAREST))


def _any_colour(
    rng: np.random.Generator,
    saturation: tuple[float, float] = (0.15, 0.55),
    value: tuple[float, float] = (0.5, 0.95),
) -> Colour:
    hue, dull = rng.random(), rng.uniform(*saturation)
    if 0.2 < hue < 0.45:  # a vivid green outshines any doll
        dull *= 0.6
    return _hsv(hue, dull, rng.uniform(*value))


def _sky(rng: np.random.Generator) -> tuple[Colour, Colour]:
    """Colours of a sky at the zenith and at the horizon: day, dusk or overcast."""
    skies = (
        (_hsv(rng.uniform(0.53, 0.6), 0.5, 0.92), _hsv(0.53, 0.14, 0.98)),
        (_hsv(rng.uniform(0.68, 0.8), 0.4, 0.68), _hsv(rng.uniform(0.02, 0.08), 0.45, 0.96)),
        (_hsv(0.58, 0.1, rng.uniform(0.6, 0.8)), _hsv(0.58, 0.06, 0.86)),
        (_hsv(rng.uniform(0.42, 0.5), 0.3, 0.85), _hsv(0.14, 0.2, 0.97)),
    )
    return skies[rng.choice(4, p=(0.45, 0.2, 0.2, 0.15))]


def _cloud(pen: ImageDraw.ImageDraw, x: float, y: float, r: float, colour: Colour) -> None:
    for dx, dy, scale in ((-1.1, 0.2, 0.7), (0, 0, 1), (1.1, 0.15, 0.8), (0.5, -0.4, 0.8)):
        pen.ellipse(_around(x + dx * r, y + dy * r, r * scale, r * scale * 0.7), colour)


def _around(x: float, y: float, rx: float, ry: float) -> tuple[float, float, float, float]:
    return x - rx, y - ry, x + rx, y + ry


_LAMPSHADE = ((-0.05, 0.3), (0.05, 0.3), (0.09, 0.45), (-0.09, 0.45))


def _room(canvas: Image.Image, rng: np.random.Generator) -> None:
    w, h = canvas.size
    wall = _any_colour(rng, (0.08, 0.5), (0.45, 0.95))
    pen = ImageDraw.Draw(canvas)
    pen.rectangle((0, 0, w, h), wall)
    paper = _mix(wall, _WHITE if rng.random() < 0.5 else _DARK, 0.12)
    match rng.integers(3):
        case 0:
            step = w / int(rng.integers(6, 12))
            for x in np.arange(0, w, step):
                pen.rectangle((x, 0, x + step / 2, h), paper)
        case 1:
            pen.rectangle((0, h * rng.uniform(0.45, 0.6), w, h), paper)
    floor = h * rng.uniform(0.72, 0.9)
    pen.rectangle((0, floor, w, h), _any_colour(rng, (0.2, 0.5), (0.3, 0.7)))
    pen.rectangle((0, floor - 0.03 * h, w, floor), _mix(wall, _WHITE, 0.6))
    x, wide, top = w * rng.uniform(0, 0.65), w * rng.uniform(0.3, 0.45), h * rng.uniform(0.06, 0.2)
    low = top + h * rng.uniform(0.35, 0.5)
    rim = 0.02 * w
    if rng.random() < 0.75:
        pen.rectangle((x - rim, top - rim, x + wide + rim, low + rim), _mix(wall, _WHITE, 0.75))
        pen.rectangle((x, top, x + wide, low), _sky(rng)[rng.integers(2)])
        pen.ellipse((x + wide * 0.1, low - h * 0.12, x + wide * 0.9, low), _hsv(0.33, 0.4, 0.6))
        pen.rectangle((x, low, x + wide, low + rim), _mix(wall, _WHITE, 0.75))
        frame = _mix(wall, _WHITE, 0.75)
        pen.rectangle((x + wide / 2 - rim / 2, top, x + wide / 2 + rim / 2, low), frame)
        pen.rectangle((x, (top + low) / 2 - rim / 2, x + wide, (top + low) / 2 + rim / 2), frame)
        cloth = _any_colour(rng, (0.3, 0.7), (0.5, 0.9))
        for edge, inner in ((x - 3 * rim, x + wide * 0.16), (x + wide * 0.84, x + wide + 3 * rim)):
            pen.rectangle((edge, top - 2 * rim, inner, low + 2 * rim), cloth)
    else:
        for _ in range(int(rng.integers(2, 5))):
            px, py, pw = (
                w * rng.random() * 0.9,
                h * rng.uniform(0.03, 0.4),
                w * rng.uniform(0.1, 0.2),
            )
            pen.rectangle(
                (px, py, px + pw, py + pw * 1.2), _any_colour(rng, (0.2, 0.6), (0.2, 0.6))
            )
            inset = pw * 0.14
            pen.rectangle(
                (px + inset, py + inset, px + pw - inset, py + pw * 1.2 - inset), _any_colour(rng)
            )
    if rng.random() < 0.5:
        lamp = w * (0.08 if rng.random() < 0.5 else 0.92)
        pen.rectangle((lamp - rim / 3, h * 0.4, lamp + rim / 3, h * 0.95), _hsv(0.08, 0.4, 0.3))
        shade = [(lamp + x * w, y * h) for x, y in _LAMPSHADE]
        pen.polygon(shade, _hsv(rng.uniform(0.05, 0.15), 0.35, 0.97))


def _street(canvas: Image.Image, rng: np.random.Generator) -> None:
    w, h = canvas.size
    _fade(canvas, *_sky(rng), until=0.8)
    pen = ImageDraw.Draw(canvas)
    ground = h * rng.uniform(0.74, 0.88)
    x = -w * rng.uniform(0, 0.15)
    while x < w:
        wide, top = w * rng.uniform(0.16, 0.34), h * rng.uniform(0.0, 0.45)
        front = _any_colour(rng, (0.15, 0.55), (0.45, 0.88))
        pen.rectangle((x, top, x + wide, ground), front)
        pen.rectangle((x, top, x + wide, top + 0.025 * h), _mix(front, _DARK, 0.35))
        glass = _hsv(0.14, 0.4, 0.98) if rng.random() < 0.4 else _mix(front, (210, 235, 250), 0.65)
        columns = int(rng.integers(2, 4))
        cell = wide / columns
        for column in range(columns):
            for y in np.arange(top + 0.07 * h, ground - 0.14 * h, 0.14 * h):
                left = x + cell * (column + 0.25)
                pen.rectangle((left, y, left + cell * 0.5, y + 0.085 * h), glass)
        x += wide
    pavement = _hsv(rng.uniform(0.05, 0.65), 0.08, rng.uniform(0.5, 0.75))
    pen.rectangle((0, ground, w, h), pavement)
    pen.rectangle((0, ground, w, ground + 0.02 * h), _mix(pavement, _WHITE, 0.5))
    if rng.random() < 0.5:
        post = w * (rng.uniform(0.03, 0.15) if rng.random() < 0.5 else rng.uniform(0.85, 0.97))
        pen.rectangle((post - 0.008 * w, h * 0.2, post + 0.008 * w, h), _DARK)
        pen.ellipse(_around(post, h * 0.19, 0.035 * w, 0.035 * w), _hsv(0.13, 0.3, 1))


def _park(canvas: Image.Image, rng: np.random.Generator) -> None:
    w, h = canvas.size
    _fade(canvas, *_sky(rng), until=0.8)
    pen = ImageDraw.Draw(canvas)
    for _ in range(int(rng.integers(0, 4))):
        _cloud(
            pen, w * rng.random(), h * rng.uniform(0.05, 0.3), w * rng.uniform(0.05, 0.1), _WHITE
        )
    season = rng.choice((0.22, 0.3, 0.38, 0.09))
    horizon = h * rng.uniform(0.45, 0.7)
    far = _hsv(season + 0.04, 0.3, rng.uniform(0.6, 0.85))
    for _ in range(2):
        pen.ellipse(
            _around(w * rng.random(), horizon + h * 0.25, w * rng.uniform(0.4, 0.8), h * 0.4), far
        )
    grass = _hsv(season, rng.uniform(0.4, 0.6), rng.uniform(0.55, 0.85))
    pen.ellipse(_around(w * rng.random(), horizon + h * 0.95, w * 1.3, h * 0.9), grass)
    for _ in range(int(rng.integers(1, 4))):
        x, y = w * (rng.uniform(0, 0.3) if rng.random() < 0.5 else rng.uniform(0.7, 1)), horizon
        tall = h * rng.uniform(0.25, 0.5)
        leaf = _hsv(
            season + rng.uniform(-0.08, 0.05), rng.uniform(0.4, 0.7), rng.uniform(0.4, 0.75)
        )
        pen.rectangle(
            (x - 0.018 * w, y - tall * 0.5, x + 0.018 * w, y + 0.12 * h), _hsv(0.07, 0.45, 0.4)
        )
        if rng.random() < 0.6:
            pen.ellipse(_around(x, y - tall * 0.6, tall * 0.38, tall * 0.46), leaf)
            pen.ellipse(
                _around(x - tall * 0.1, y - tall * 0.7, tall * 0.2, tall * 0.22),
                _mix(leaf, _WHITE, 0.15),
            )
        else:
            for step in range(3):
                base, half = y - tall * (0.1 + 0.28 * step), tall * (0.36 - 0.08 * step)
                pen.polygon(((x - half, base), (x + half, base), (x, base - tall * 0.42)), leaf)
    if rng.random() < 0.5:
        foot, aim = w * rng.random(), w * rng.random()
        path = _hsv(0.1, 0.25, 0.86)
        pen.polygon(((foot - 0.2 * w, h), (foot + 0.2 * w, h), (aim + 0.03 * w, horizon + 0.08 * h),
                     (aim - 0.03 * w, horizon + 0.08 * h)), path)  # fmt: skip


def _stage(canvas: Image.Image, rng: np.random.Generator) -> None:
    w, h = canvas.size
    back = _any_colour(rng, (0.3, 0.7), (0.18, 0.5))
    _fade(canvas, back, _mix(back, _WHITE, rng.uniform(0.05, 0.3)))
    pen = ImageDraw.Draw(canvas)
    lit = _mix(back, _hsv(rng.uniform(0.08, 0.2), 0.3, 1), 0.4)
    for _ in range(int(rng.integers(1, 3))):
        top, low, spread = w * rng.random(), w * rng.uniform(0.2, 0.8), w * rng.uniform(0.15, 0.3)
        pen.polygon(
            ((top - 0.02 * w, 0), (top + 0.02 * w, 0), (low + spread, h), (low - spread, h)), lit
        )
    floor = h * rng.uniform(0.75, 0.88)
    planks = _hsv(rng.uniform(0.05, 0.1), 0.5, rng.uniform(0.4, 0.7))
    pen.rectangle((0, floor, w, h), planks)
    for x in np.linspace(-0.5, 1.5, 12) * w:
        pen.line(
            (w / 2 + (x - w / 2) * 0.7, floor, x, h), _mix(planks, _DARK, 0.35), max(1, w // 128)
        )
    cloth = _any_colour(rng, (0.55, 0.85), (0.45, 0.85))
    dark = _mix(cloth, _DARK, 0.35)
    wide = w * rng.uniform(0.1, 0.24)
    for start, way in ((0, 1), (w, -1)):
        for fold in range(5):
            edge = start + way * wide * (1 - fold / 5)
            low = floor + 0.04 * h
            pen.rectangle((min(start, edge), 0, max(start, edge), low), cloth if fold % 2 else dark)
    if rng.random() < 0.7:
        lobes = int(rng.integers(5, 9))
        for lobe in range(lobes):
            x = w * (lobe + 0.5) / lobes
            pen.ellipse(_around(x, 0, w / lobes * 0.55, h * 0.11), cloth if lobe % 2 else dark)


_HULL = ((-0.4, -0.08), (0.7, -0.08), (0.5, 0.1), (-0.2, 0.1))


def _beach(canvas: Image.Image, rng: np.random.Generator) -> None:
    w, h = canvas.size
    above, below = _sky(rng)
    _fade(canvas, above, below, until=0.6)
    pen = ImageDraw.Draw(canvas)
    if rng.random() < 0.7:
        r = w * rng.uniform(0.05, 0.11)
        pen.ellipse(_around(w * rng.random(), h * rng.uniform(0.08, 0.3), r, r), _hsv(0.13, 0.3, 1))
    horizon, shore = h * rng.uniform(0.35, 0.55), h * rng.uniform(0.62, 0.85)
    sea = _hsv(rng.uniform(0.47, 0.62), rng.uniform(0.45, 0.7), rng.uniform(0.5, 0.85))
    pen.rectangle((0, horizon, w, h), sea)
    for _ in range(7):
        x, y, long = w * rng.random(), rng.uniform(horizon, shore), w * rng.uniform(0.05, 0.2)
        pen.line((x, y, x + long, y), _mix(sea, _WHITE, 0.45), max(1, w // 96))
    sand = _hsv(rng.uniform(0.08, 0.12), rng.uniform(0.22, 0.4), rng.uniform(0.8, 0.95))
    tip = w * rng.random()
    pen.ellipse(
        _around(tip, h * 1.35, w * 1.4, h * 1.35 - shore + 0.02 * h), _mix(sea, _WHITE, 0.8)
    )
    pen.ellipse(_around(tip, h * 1.37, w * 1.4, h * 1.35 - shore), sand)
    if rng.random() < 0.5:
        x, y, s = w * rng.uniform(0.05, 0.95), horizon, h * rng.uniform(0.1, 0.2)
        pen.polygon(
            ((x, y - s), (x, y - s * 0.1), (x + s * 0.6, y - s * 0.1)),
            _any_colour(rng, (0, 0.7), (0.8, 1)),
        )
        hull = [(x + dx * s, y + dy * s) for dx, dy in _HULL]
        pen.polygon(hull, _hsv(0.06, 0.5, 0.45))
    if rng.random() < 0.6:
        x, r = (
            w * (rng.uniform(0, 0.2) if rng.random() < 0.5 else rng.uniform(0.8, 1)),
            h * rng.uniform(0.2, 0.32),
        )
        y = h * rng.uniform(0.35, 0.5)
        pen.rectangle((x - 0.01 * w, y, x + 0.01 * w, h * 0.9), _hsv(0.1, 0.1, 0.9))
        colour = _any_colour(rng, (0.5, 0.8), (0.7, 0.95))
        for part in range(6):
            shade = colour if part % 2 else _WHITE
            pen.pieslice(_around(x, y, r, r), 180 + 30 * part, 210 + 30 * part, shade)


def _night(canvas: Image.Image, rng: np.random.Generator) -> None:
    w, h = canvas.size
    hue = rng.uniform(0.58, 0.78)
    _fade(
        canvas,
        _hsv(hue, 0.6, rng.uniform(0.15, 0.3)),
        _hsv(hue - 0.04, 0.5, rng.uniform(0.35, 0.6)),
    )
    pen = ImageDraw.Draw(canvas)
    for _ in range(24):
        x, y, r = w * rng.random(), h * rng.random() * 0.7, w * rng.uniform(0.004, 0.012)
        pen.ellipse(_around(x, y, r, r), (255, 250, 220))
    x, y, r = w * rng.uniform(0.1, 0.9), h * rng.uniform(0.1, 0.3), w * rng.uniform(0.06, 0.13)
    pen.ellipse(_around(x, y, r, r), _hsv(0.14, 0.18, 0.98))
    for dx, dy, part in ((-0.3, -0.2, 0.2), (0.25, 0.3, 0.26), (0.3, -0.35, 0.14)):
        pen.ellipse(_around(x + dx * r, y + dy * r, part * r, part * r), _hsv(0.12, 0.2, 0.86))
    land = _hsv(hue + rng.uniform(-0.1, 0.1), 0.5, rng.uniform(0.1, 0.3))
    if rng.random() < 0.5:
        for _ in range(3):
            pen.ellipse(
                _around(
                    w * rng.random(), h * 1.1, w * rng.uniform(0.4, 0.7), h * rng.uniform(0.3, 0.5)
                ),
                land,
            )
        return
    x = -w * 0.1
    while x < w:
        wide, top = w * rng.uniform(0.15, 0.3), h * rng.uniform(0.5, 0.75)
        pen.rectangle((x, top, x + wide, h), land)
        pen.polygon(
            ((x - 0.02 * w, top), (x + wide + 0.02 * w, top), (x + wide / 2, top - 0.12 * h)), land
        )
        pen.rectangle(
            (x + wide * 0.3, top + 0.06 * h, x + wide * 0.5, top + 0.14 * h), _hsv(0.12, 0.5, 0.95)
        )
        x += wide * rng.uniform(1, 1.2)


def _backdrop(canvas: Image.Image, rng: np.random.Generator) -> None:
    w, h = canvas.size
    one = _any_colour(rng, (0.1, 0.6), (0.3, 0.98))
    other = _mix(one, _any_colour(rng, (0.1, 0.6), (0.3, 0.98)), rng.uniform(0.4, 1))
    _fade(canvas, one, other)
    pen = ImageDraw.Draw(canvas)
    light = _mix(_mix(one, other, 0.5), _WHITE, rng.uniform(0.1, 0.3))
    match rng.integers(4):
        case 0:
            x, y, far = w * rng.uniform(0.2, 0.8), h * rng.uniform(0.3, 0.8), 2 * w
            start = rng.uniform(0, 30)
            for part in range(0, 360, 30):
                pen.pieslice(_around(x, y, far, far), start + part, start + part + 15, light)
        case 1:
            for _ in range(int(rng.integers(3, 9))):
                r = w * rng.uniform(0.04, 0.2)
                pen.ellipse(_around(w * rng.random(), h * rng.random(), r, r), light)
        case 2:
            step = w * rng.uniform(0.1, 0.3)
            for x in np.arange(-h, w, step):
                pen.polygon(((x, h), (x + step / 2, h), (x + step / 2 + h, 0), (x + h, 0)), light)


_SCENES: dict[str, Callable[[Image.Image, np.random.Generator], None]] = {
    "backdrop": _backdrop,
    "beach": _beach,
    "night": _night,
    "park": _park,
    "room": _room,
    "stage": _stage,
    "street": _street,
}


def _passer_by(canvas: Image.Image, take: Take, rng: np.random.Generator) -> None:
    """A small figure far behind, in one colour, on the emptier side."""
    w, h = canvas.size
    unit = take.unit * max(w, h) * rng.uniform(0.3, 0.45)
    left = take.x > take.width / 2
    x = w * (rng.uniform(0.05, 0.2) if left else rng.uniform(0.8, 0.95))
    y = h * rng.uniform(0.45, 0.6)
    colour = _any_colour(rng, (0.15, 0.4), (0.5, 0.85))
    pen = ImageDraw.Draw(canvas)
    pen.rounded_rectangle(_around(x, y + 2.2 * unit, 0.8 * unit, 1.2 * unit), unit * 0.5, colour)
    for side in (-1, 1):
        leg = _around(x + side * 0.4 * unit, y + 4 * unit, 0.28 * unit, 1.2 * unit)
        pen.rounded_rectangle(leg, unit * 0.2, colour)
    pen.ellipse(_around(x, y, unit * 0.85, unit * 0.95), colour)


# ---- things in front of the doll -----------------------------------------------------------


def _put_in_front(canvas: Image.Image, take: Take, rng: np.random.Generator) -> None:
    """Lay the take's prop over the bottom of the picture, below the chest."""
    longest = max(canvas.size)
    free = (take.y + 2.15 * take.unit) * longest
    if canvas.height - free > 0.06 * longest:
        top = max(free, canvas.height - 0.2 * longest)
        _PROPS[take.prop](ImageDraw.Draw(canvas), rng, canvas.width, canvas.height, top)


def _table(pen: ImageDraw.ImageDraw, rng: np.random.Generator, w: int, h: int, top: float) -> None:
    wood = _hsv(rng.uniform(0.04, 0.11), rng.uniform(0.35, 0.6), rng.uniform(0.45, 0.8))
    y = top + 0.35 * (h - top)
    pen.rectangle((0, y, w, h), wood)
    pen.rectangle((0, y, w, y + 0.15 * (h - top)), _mix(wood, _WHITE, 0.3))
    cup, half = w * rng.uniform(0.1, 0.9), 0.05 * w
    colour = _any_colour(rng, (0.4, 0.8), (0.7, 0.95))
    pen.arc(
        _around(cup + half, (top + y) / 2, half * 0.6, half * 0.6), 0, 360, colour, max(1, w // 64)
    )
    pen.rectangle((cup - half, top, cup + half, y + 0.02 * h), colour)


def _hedge(pen: ImageDraw.ImageDraw, rng: np.random.Generator, w: int, h: int, top: float) -> None:
    leaf = _hsv(rng.uniform(0.24, 0.42), rng.uniform(0.45, 0.7), rng.uniform(0.35, 0.6))
    lobes = int(rng.integers(5, 9))
    r = w / lobes * 0.7
    pen.rectangle((0, min(top + r * 0.7, h), w, h), leaf)
    for lobe in range(lobes + 1):
        x = w * lobe / lobes
        pen.ellipse(_around(x, top + r * 0.8, r, r * 0.8), leaf)
        pen.ellipse(_around(x - r * 0.2, top + r * 0.6, r * 0.3, r * 0.2), _mix(leaf, _WHITE, 0.2))


def _fence(pen: ImageDraw.ImageDraw, rng: np.random.Generator, w: int, h: int, top: float) -> None:
    wood = _WHITE if rng.random() < 0.4 else _any_colour(rng, (0.2, 0.5), (0.5, 0.9))
    shade = _mix(wood, _DARK, 0.2)
    pen.rectangle((0, top + 0.45 * (h - top), w, top + 0.65 * (h - top)), shade)
    step = w / int(rng.integers(6, 10))
    for x in np.arange(step * rng.uniform(-0.5, 0), w, step):
        right = x + step * 0.6
        tip = top + step * 0.3
        pen.polygon(((x, h), (x, tip), ((x + right) / 2, top), (right, tip), (right, h)), wood)


def _flowers(
    pen: ImageDraw.ImageDraw, rng: np.random.Generator, w: int, h: int, top: float
) -> None:
    petal = _any_colour(rng, (0.4, 0.8), (0.8, 1))
    r = 0.03 * max(w, h)
    for x in np.linspace(0.03, 0.97, int(rng.integers(4, 8))) * w:
        y = rng.uniform(top + r, max(top + r, h - r))
        pen.line((x, y, x, h), _hsv(0.33, 0.6, 0.5), max(1, w // 64))
        for turn in np.arange(6) * np.pi / 3:
            pen.ellipse(
                _around(x + r * np.cos(turn), y + r * np.sin(turn), r * 0.7, r * 0.7), petal
            )
        pen.ellipse(_around(x, y, r * 0.6, r * 0.6), _hsv(0.12, 0.6, 1))


_PROPS: dict[str, Callable[[ImageDraw.ImageDraw, np.random.Generator, int, int, float], None]] = {
    "fence": _fence,
    "flowers": _flowers,
    "hedge": _hedge,
    "table": _table,
}
