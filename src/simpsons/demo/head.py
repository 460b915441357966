"""A doll's head: face, hair, beard, glasses and hats."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from simpsons.demo.dolls import Doll
from simpsons.demo.paper import (
    DARK,
    TURN,
    WHITE,
    Colour,
    Points,
    Sheet,
    both_sides,
    box,
    ellipse,
    line,
    mix,
    rgb,
    spline,
)

_FACES = {  # half width, half height, squareness (2 is an ellipse), taper towards the chin
    "round": (0.98, 0.94, 2.2, 0.0),
    "egg": (0.86, 1.02, 2.1, 0.1),
    "square": (0.93, 0.95, 3.4, 0.04),
    "heart": (0.95, 0.97, 2.1, -0.17),
    "long": (0.79, 1.04, 2.4, 0.0),
}

_EAR_GONE = 0.3  # from this turn on the far ear is behind the head

# fmt: off
_CAPS: dict[str, tuple[float, float, tuple[tuple[float, float], ...]]] = {  # arguments of _cap
    "bob": (1.1, 0.5, ((1.02, 0.5), (0.82, -0.1), (0.5, -0.3), (-0.2, -0.42), (-0.6, -0.66),
        (-0.82, -0.1), (-1.02, 0.5))),
    "bowl": (1.13, 0.2, ((1.06, 0.2), (0.92, -0.16), (0.5, -0.24), (0, -0.26), (-0.5, -0.24),
        (-0.92, -0.16), (-1.06, 0.2))),
    "braids": (1.09, 0.25, ((1.0, 0.25), (0.86, -0.2), (0.5, -0.5), (0, -0.72), (-0.5, -0.5),
        (-0.86, -0.2), (-1.0, 0.25))),
    "bun": (1.07, 0.05, ((0.99, 0.05), (0.8, -0.35), (0, -0.62), (-0.8, -0.35), (-0.99, 0.05))),
    "cloud": (1.12, 0.0, ((0.98, 0.0), (0.82, -0.34), (0.56, -0.46), (0.3, -0.4), (0, -0.5),
        (-0.3, -0.4), (-0.56, -0.46), (-0.82, -0.34), (-0.98, 0.0))),
    "crop": (1.05, 0.12, ((1.0, 0.12), (0.86, -0.3), (0.4, -0.52), (-0.4, -0.52), (-0.86, -0.3),
        (-1.0, 0.12))),
    "long": (1.08, 0.2, ((1.0, 0.2), (0.9, -0.28), (0.4, -0.36), (0, -0.38), (-0.4, -0.36),
        (-0.9, -0.28), (-1.0, 0.2))),
    "side_part": (1.1, 0.1, ((1.0, 0.1), (0.88, -0.3), (0.62, -0.42), (-0.1, -0.46), (-0.5, -0.78),
        (-0.86, -0.3), (-1.0, 0.1))),
    "wavy": (1.08, 0.2, ((1.0, 0.2), (0.84, -0.2), (0.3, -0.5), (0, -0.66), (-0.3, -0.5),
        (-0.84, -0.2), (-1.0, 0.2))),
}
# fmt: on


@dataclass(frozen=True)
class Expression:
    """A face's state. `gaze` is right and down, each from -1 to 1; `brows` is 1 when raised."""

    eyes: str
    gaze: tuple[float, float]
    brows: float
    mouth: str

    def mirrored(self) -> "Expression":
        """The same, looking the other way."""
        return replace(self, gaze=(-self.gaze[0], self.gaze[1]))


def lay_hair_behind(head: Sheet, doll: Doll) -> None:
    """Lay the hair that hangs behind the body."""
    colour = mix(rgb(doll.hair_colour), rgb(doll.outline), 0.15)
    wide = _FACES[doll.face][0] / 0.95
    match doll.hair:
        case "long":
            shape = both_sides(
                (0, -1.16), (0.62, -1.06), (1.06, -0.6), (1.16, 0.3), (1.22, 1.3), (1.12, 1.86),
                (0.6, 1.92), (0, 1.86),
            )  # fmt: skip
        case "wavy":
            shape = both_sides(
                (0, -1.1), (0.62, -1.0), (1.0, -0.5), (1.02, 0.0), (1.24, 0.35), (1.08, 0.75),
                (1.3, 1.15), (1.1, 1.55), (0.6, 1.5), (0, 1.4),
            )  # fmt: skip
        case "bob":
            shape = both_sides(
                (0, -1.14), (0.62, -1.04), (1.04, -0.6), (1.14, 0.1), (1.3, 0.72), (1.0, 0.94),
                (0.6, 0.9), (0, 0.8),
            )  # fmt: skip
        case "cloud":
            shape = _scallops(1.36, 1.28, 11, 0.14, y=-0.24)
        case "bun":
            head.lay(ellipse(0, -1.28, 0.42, 0.38), colour)
            shape = ellipse(0, -0.12, 1.0, 0.98)
        case _:
            return
    head.lay(shape * (wide, 1), colour)


def lay_head(head: Sheet, doll: Doll, expression: Expression, turn: float = 0.0) -> slice:
    """Lay the face and all that is on it, around it and over it.

    turn: how far it looks aside, -1 (left) to 1; the features move and narrow, the far ear goes.

    Returns which pieces are the face and what lies on it; hair, hats and feathers come after.
    """
    skin = rgb(doll.skin)
    shade = mix(skin, rgb(doll.outline), 0.3)
    rx = _FACES[doll.face][0]
    ears = [side for side in (-1, 1) if side * turn < _EAR_GONE]
    for side in ears:
        head.lay(ellipse(side * (rx + 0.02), 0.12, 0.18, 0.22), skin)
        head.lay(ellipse(side * (rx + 0.05), 0.12, 0.08, 0.11), shade, edge=0)
    if "earrings" in doll.extras:
        for side in ears:
            head.lay(ellipse(side * (rx + 0.1), 0.48, 0.15), rgb(doll.extra_colour), edge=0.7)
    start = len(head)
    head.lay(_face_outline(doll, TURN), skin)
    front = head.moved_aside(0.42 * rx * turn, 1 - 0.4 * abs(turn)) if turn else head
    if "blush" in doll.extras:
        for side in (-1, 1):
            blush = mix(skin, rgb("#ef476f"), 0.38)
            front.lay(ellipse(side * rx * 0.6, 0.34, 0.17, 0.12), blush, edge=0)
    if "freckles" in doll.extras:
        for side in (-1, 1):
            for x, y in ((0.46, 0.28), (0.6, 0.36), (0.66, 0.22)):
                front.lay(ellipse(side * rx * x, y, 0.045), shade, edge=0)
    _beard(front, doll)
    _mouth(front, doll, expression.mouth)
    _glasses(front, doll)
    for side in (-1, 1):
        _eye(front, doll, expression, side)
    _nose(front, doll, shade)
    if doll.beard == "moustache":
        _moustache(front, doll)
    stop = len(head)
    _hair_in_front(head, doll)
    if doll.hat:
        _HATS[doll.hat](head, doll)
    _on_the_ear(head, doll)
    return slice(start, stop)


def _face_outline(doll: Doll, turn: Points, grow: float = 1.0) -> Points:
    """The face at the angles `turn`, 0 to the right and pi / 2 to the chin."""
    rx, ry, squareness, taper = _FACES[doll.face]
    cos, sin = np.cos(turn), np.sin(turn)
    y = np.sign(sin) * np.abs(sin) ** (2 / squareness)
    x = np.sign(cos) * np.abs(cos) ** (2 / squareness) * (1 + taper * y)
    return np.stack([x * rx, y * ry], axis=1) * grow


@cache
def _cap(doll: Doll, grow: float, temples: float, *hairline: tuple[float, float]) -> Points:
    """Hair over the top of the head.

    It is `grow` times as large as the face and ends at the height `temples` at both sides;
    `hairline` runs between them, from right to left, x in half widths of the face.
    """
    rx, ry = _FACES[doll.face][:2]
    low = float(np.arcsin(temples / ry))
    outer = _face_outline(doll, np.linspace(np.pi - low, 2 * np.pi + low, 26), grow)
    inner = spline(*((x * rx, y) for x, y in hairline), closed=False, steps=4)
    return np.concatenate([outer, inner])


def _scallops(rx: float, ry: float, lobes: int, depth: float, x: float = 0, y: float = 0) -> Points:
    turn = np.linspace(0, 2 * np.pi, lobes * 6, endpoint=False)
    reach = 1 - depth + depth * np.abs(np.sin(turn * lobes / 2))
    return np.stack([x + reach * np.cos(turn) * rx, y + reach * np.sin(turn) * ry], axis=1)


def _hair_in_front(head: Sheet, doll: Doll) -> None:
    colour = rgb(doll.hair_colour)
    shade = mix(colour, rgb(doll.outline), 0.3)
    rx = _FACES[doll.face][0]
    if doll.hair == "braids":
        _braids(head, doll)
    if doll.hair in _CAPS:
        grow, temples, hairline = _CAPS[doll.hair]
        head.lay(_cap(doll, grow, temples, *hairline), colour)
    match doll.hair:
        case "bun":
            head.lay(line((-0.22, -1.32), (0, -1.42), (0.2, -1.32), thickness=0.06), shade, 0)
        case "side_part":
            head.lay(line((-0.46, -0.82), (0.1, -0.66), (0.6, -0.66), thickness=0.05), shade, 0)
        case "braids":
            parting = mix(colour, rgb(doll.outline), 0.4)
            head.lay(line((0, -1.0), (0, -0.75), thickness=0.05), parting, edge=0)
        case "ring":
            for side in (-1, 1):
                tuft = _scallops(0.22, 0.44, 7, 0.14, x=side * (rx - 0.02), y=-0.12)
                head.lay(tuft, colour)
        case "cloud":
            for x, y in ((-0.6, -0.8), (0.1, -1.0), (0.65, -0.75)):
                head.lay(line((x - 0.14, y), (x, y - 0.1), (x + 0.14, y), thickness=0.06), shade, 0)
        case "wisp":
            head.lay(
                spline((-0.1, -0.9), (-0.34, -1.2), (-0.12, -1.55), (0.3, -1.58), (0.46, -1.32),
                        (0.3, -1.14), (0.12, -1.22), (0.18, -1.36), (0.04, -1.38), (0.0, -1.16),
                        (0.2, -0.9)),
                colour,
            )  # fmt: skip
        case "bowl":
            for x in (-0.5, -0.17, 0.17, 0.5):
                head.lay(line((x * 0.7, -0.7), (x, -0.34), thickness=0.045), shade, 0)
        case "crest":
            head.lay(
                spline((-0.62, -0.74), (-0.86, -1.1), (-0.5, -1.22), (-0.36, -1.52), (0.0, -1.44),
                        (0.3, -1.6), (0.52, -1.28), (0.86, -1.14), (0.66, -0.74), (0.2, -0.5),
                        (-0.2, -0.5)),
                colour,
            )  # fmt: skip
            for x in (-0.3, 0.02, 0.34):
                head.lay(line((x * 0.8, -0.72), (x, -1.2), thickness=0.05), shade, 0)


def _braids(head: Sheet, doll: Doll) -> None:
    colour = rgb(doll.hair_colour)
    rx = _FACES[doll.face][0]
    for side in (-1, 1):
        for step in range(4):
            x, y = side * (rx + 0.06 + 0.05 * step), 0.3 + 0.3 * step
            head.lay(ellipse(x, y, 0.23 - 0.02 * step, 0.21, turn=side * 20), colour)
        head.lay(ellipse(side * (rx + 0.26), 1.52, 0.13, 0.2), colour)
        head.lay(ellipse(side * (rx + 0.24), 1.36, 0.15, 0.09), rgb(doll.extra_colour), 0.6)


def _eye(head: Sheet, doll: Doll, expression: Expression, side: int) -> None:
    ink = mix(rgb(doll.outline), DARK, 0.5)
    x, y = side * 0.4 * _FACES[doll.face][0], 0.0
    state = expression.eyes if expression.eyes != "wink" else ("closed" if side > 0 else "open")
    brow = y - 0.3 - 0.04 * expression.brows
    brow_colour = mix(rgb(doll.hair_colour), ink, 0.55)
    slant = 0.04 * expression.brows * side
    head.lay(
        line((x - 0.15, brow + slant), (x, brow - 0.05), (x + 0.15, brow - slant), thickness=0.08),
        brow_colour, edge=0,
    )  # fmt: skip
    if state in ("happy", "closed"):
        bend = -0.14 if state == "happy" else 0.1
        head.lay(
            line((x - 0.15, y + 0.02), (x, y + bend), (x + 0.15, y + 0.02), thickness=0.085), ink, 0
        )
        return
    gx, gy = expression.gaze
    if doll.eyes == "dot":
        x, y = x + 0.05 * gx, y + 0.04 * gy
        head.lay(ellipse(x, y, 0.12, 0.155), ink, edge=0)
        head.lay(ellipse(x + 0.04, y - 0.06, 0.045), WHITE, edge=0)
        return
    if doll.eyes == "almond":
        white = spline((-0.2, 0.04), (-0.06, -0.14), (0.12, -0.12), (0.21, 0.0), (0.04, 0.13))
        head.lay(white * (side, 1) + (x, y), WHITE, edge=0.7)
        reach = 0.05
    else:
        head.lay(ellipse(x, y, 0.185, 0.2), WHITE, edge=0.7)
        reach = 0.065
    iris = mix(rgb(doll.hair_colour), ink, 0.7)
    head.lay(ellipse(x + reach * gx, y + reach * 0.8 * gy, 0.1, 0.11), iris, edge=0)
    head.lay(ellipse(x + reach * gx + 0.035, y + reach * 0.8 * gy - 0.04, 0.035), WHITE, edge=0)
    if doll.eyes == "sleepy":
        lid = ellipse(x, y, 0.2, 0.215)
        lid = np.stack([lid[:, 0], np.minimum(lid[:, 1], y - 0.03)], axis=1)
        head.lay(lid, mix(rgb(doll.skin), rgb(doll.outline), 0.22), edge=0.7)
    elif doll.eyes == "almond":
        head.lay(
            line((x + side * 0.19, y - 0.02), (x + side * 0.3, y - 0.12), thickness=0.06), ink, 0
        )


def _nose(head: Sheet, doll: Doll, shade: Colour) -> None:
    tip = mix(rgb(doll.skin), rgb("#e4574c"), 0.3)
    match doll.nose:
        case "button":
            head.lay(ellipse(0, 0.24, 0.1, 0.075), tip, edge=0.4)
        case "bulb":
            head.lay(ellipse(0, 0.24, 0.19, 0.15), tip, edge=0.7)
        case "wedge":
            head.lay(np.array(((-0.02, 0.0), (0.2, 0.3), (-0.1, 0.32))), tip, edge=0.6)
        case "long":
            head.lay(
                spline((0, -0.06), (0.1, 0.2), (0.08, 0.4), (-0.1, 0.38), (-0.08, 0.1)), tip, 0.6
            )
        case "dots":
            for x in (-0.06, 0.06):
                head.lay(ellipse(x, 0.27, 0.035), mix(shade, DARK, 0.4), edge=0)


def _mouth(head: Sheet, doll: Doll, mouth: str) -> None:
    ink = mix(rgb(doll.outline), DARK, 0.4)
    inside, tongue = rgb("#6d1f2f"), rgb("#ef7b86")
    y = 0.6
    match mouth:
        case "smile":
            head.lay(
                line((-0.24, y - 0.06), (0, y + 0.08), (0.24, y - 0.06), thickness=0.07), ink, 0
            )
        case "smirk":
            head.lay(
                line((-0.16, y + 0.02), (0.04, y + 0.04), (0.24, y - 0.1), thickness=0.07), ink, 0
            )
        case "flat":
            head.lay(line((-0.17, y), (0, y + 0.01), (0.17, y), thickness=0.07), ink, 0)
        case "sad":
            head.lay(
                line((-0.18, y + 0.06), (0, y - 0.05), (0.18, y + 0.06), thickness=0.07), ink, 0
            )
        case "oh":
            head.lay(ellipse(0, y + 0.02, 0.1, 0.13), inside, edge=0.5)
        case "grin":
            half = spline(
                (-0.27, y - 0.1), (0, y - 0.06), (0.27, y - 0.1), (0.16, y + 0.1), (-0.16, y + 0.1)
            )
            head.lay(half, WHITE, edge=0.6)
        case "laugh":
            half = spline(
                (-0.28, y - 0.12),
                (0, y - 0.08),
                (0.28, y - 0.12),
                (0.16, y + 0.15),
                (-0.16, y + 0.15),
            )
            head.lay(half, inside, edge=0.6)
            head.lay(ellipse(0, y + 0.1, 0.13, 0.07), tongue, edge=0)


def _beard(head: Sheet, doll: Doll) -> None:
    if doll.beard not in ("full", "short"):
        return
    rx = _FACES[doll.face][0]
    full = doll.beard == "full"
    turn = np.linspace(-0.05 if full else 0.25, np.pi + (0.05 if full else -0.25), 31)
    outer = _face_outline(doll, turn, 1.1 if full else 1.06)
    if full:
        outer = outer * (1, 1.22) + np.abs(np.sin(turn * 7))[:, None] * (0, 0.07)
    inner = spline(
        (-rx * 0.9, 0.15), (-rx * 0.62, 0.42), (-0.3, 0.4 if full else 0.48), (0, 0.43),
        (0.3, 0.4 if full else 0.48), (rx * 0.62, 0.42), (rx * 0.9, 0.15), closed=False, steps=4,
    )  # fmt: skip
    colour = rgb(doll.hair_colour)
    head.lay(np.concatenate([outer, inner]), colour)
    lip = mix(rgb(doll.skin), rgb(doll.outline), 0.1)
    head.lay(ellipse(0, 0.61, 0.34, 0.19), lip, edge=0)


def _moustache(head: Sheet, doll: Doll) -> None:
    for side in (-1, 1):
        half = spline((0, 0.4), (0.26, 0.38), (0.48, 0.5), (0.66, 0.36), (0.54, 0.62), (0.2, 0.58))
        head.lay(half * (side, 1), rgb(doll.hair_colour), edge=0.8)


def _glasses(head: Sheet, doll: Doll) -> None:
    if not {"round_glasses", "square_glasses"} & set(doll.extras):
        return
    rim = rgb(doll.extra_colour)
    rx = _FACES[doll.face][0]
    lens = mix(rgb(doll.skin), WHITE, 0.6)
    head.lay(box(-rx - 0.02, -0.06, rx + 0.02, 0.02), rim, edge=0.4)
    for side in (-1, 1):
        x = side * 0.42 * rx
        if "round_glasses" in doll.extras:
            head.lay(ellipse(x, 0.0, 0.34), rim, edge=0.5)
            head.lay(ellipse(x, 0.0, 0.26), lens, edge=0)
        else:
            head.lay(box(x - 0.33, -0.26, x + 0.33, 0.26), rim, edge=0.5)
            head.lay(box(x - 0.25, -0.18, x + 0.25, 0.18), lens, edge=0)


def _on_the_ear(head: Sheet, doll: Doll) -> None:
    colour = rgb(doll.extra_colour)
    rx = _FACES[doll.face][0]
    if "quill" in doll.extras:
        feather = spline((rx - 0.1, 0.1), (rx + 0.1, -0.5), (rx + 0.34, -1.0), (rx + 0.42, -1.3),
                          (rx + 0.12, -1.05), (rx - 0.04, -0.5))  # fmt: skip
        head.lay(feather, colour)
        rib = line((rx - 0.08, 0.05), (rx + 0.06, -0.5), (rx + 0.34, -1.16), thickness=0.05)
        head.lay(rib, mix(colour, DARK, 0.5), edge=0)
    if "flower" in doll.extras:
        for turn in np.arange(5) * 2 * np.pi / 5:
            x, y = 0.72 + 0.2 * np.cos(turn), -0.74 + 0.2 * np.sin(turn)
            head.lay(ellipse(x, y, 0.16), colour)
        head.lay(ellipse(0.72, -0.74, 0.13), rgb("#f2762e"), edge=0.5)


def _beret(head: Sheet, doll: Doll) -> None:
    colour = rgb(doll.hat_colour)
    head.lay(line((0.1, -1.3), (0.18, -1.52), thickness=0.09), colour)
    head.lay(spline((-0.98, -0.62), (-0.7, -1.12), (0.1, -1.4), (0.9, -1.26), (1.26, -0.86),
                     (0.9, -0.66), (0, -0.74)), colour)  # fmt: skip
    shade = mix(colour, DARK, 0.3)
    head.lay(line((-0.9, -0.64), (0, -0.76), (0.9, -0.68), thickness=0.09), shade, edge=0)


def _beanie(head: Sheet, doll: Doll) -> None:
    colour = rgb(doll.hat_colour)
    head.lay(_scallops(0.24, 0.24, 8, 0.16, y=-1.44), WHITE)
    head.lay(_cap(doll, 1.14, -0.3, (1.0, -0.5), (0, -0.6), (-1.0, -0.5)) - (0, 0.12), colour)
    rx = _FACES[doll.face][0]
    brim = line((-rx * 0.98, -0.5), (0, -0.62), (rx * 0.98, -0.5), thickness=0.32)
    head.lay(brim, mix(colour, DARK, 0.25))


def _sun_hat(head: Sheet, doll: Doll) -> None:
    colour = rgb(doll.hat_colour)
    head.lay(both_sides((0, -1.56), (0.5, -1.48), (0.74, -1.1), (0.8, -0.6), (0, -0.56)), colour)
    head.lay(
        line((-0.76, -0.84), (0, -0.76), (0.76, -0.84), thickness=0.22), rgb(doll.extra_colour), 0.5
    )
    head.lay(spline((-1.4, -0.44), (-0.8, -0.72), (0, -0.74), (0.8, -0.72), (1.4, -0.44),
                     (0.7, -0.42), (0, -0.46), (-0.7, -0.42)), colour)  # fmt: skip


def _top_hat(head: Sheet, doll: Doll) -> None:
    colour = rgb(doll.hat_colour)
    crown = np.array(((-0.56, -0.6), (-0.64, -1.7), (0.64, -1.7), (0.56, -0.6)))
    head.lay(crown, colour)
    band = np.array(((-0.57, -0.7), (-0.585, -0.95), (0.585, -0.95), (0.57, -0.7)))
    head.lay(band, rgb(doll.extra_colour), edge=0)
    head.lay(line((-0.98, -0.72), (0, -0.56), (0.98, -0.72), thickness=0.17), colour)


def _helmet(head: Sheet, doll: Doll) -> None:
    colour = rgb(doll.hat_colour)
    rx = _FACES[doll.face][0]
    for side in (-1, 1):
        strap = line(
            (side * rx * 0.97, -0.3), (side * rx * 0.86, 0.5), (side * 0.3, 0.96), thickness=0.08
        )
        head.lay(strap, DARK, edge=0)
    head.lay(_cap(doll, 1.2, -0.28, (1.0, -0.42), (0, -0.5), (-1.0, -0.42)) - (0, 0.06), colour)
    for x in (-0.5, 0, 0.5):
        slot = line((x * 0.7, -1.12 + 0.16 * abs(x)), (x, -0.68), thickness=0.15)
        head.lay(slot, rgb(doll.accent), edge=0)


_HATS: dict[str, Callable[[Sheet, Doll], None]] = {
    "beanie": _beanie,
    "beret": _beret,
    "helmet": _helmet,
    "sun_hat": _sun_hat,
    "top_hat": _top_hat,
}
