"""A doll below its head: legs, clothes, arms and what it wears around the neck."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from simpsons.demo.dolls import Doll
from simpsons.demo.paper import (
    BRASS,
    DARK,
    WHITE,
    Points,
    Sheet,
    both_sides,
    box,
    ellipse,
    line,
    mix,
    rgb,
    stroke,
)

_BUILDS = {  # half widths of shoulders, waist and hips
    "slim": (0.66, 0.56, 0.62),
    "medium": (0.78, 0.68, 0.74),
    "broad": (0.95, 0.92, 0.92),
}


class Arm(NamedTuple):
    """An arm's pose: angles of upper arm and forearm in degrees, 0 down, 90 outwards."""

    upper: float
    fore: float


def lay_body(sheet: Sheet, doll: Doll, arms: tuple[Arm, Arm]) -> None:
    """Lay the legs, the neck, the clothes and the arms."""
    _legs(sheet, doll)
    sheet.lay(box(-0.24, 0.6, 0.24, 1.25), mix(rgb(doll.skin), rgb(doll.outline), 0.18))
    _torso(sheet, doll)
    for side, arm in zip((-1, 1), arms, strict=True):
        _limb(sheet, doll, side, arm)
    _neckwear(sheet, doll)


def _legs(sheet: Sheet, doll: Doll) -> None:
    hips = _BUILDS[doll.build][2]
    shoe = mix(rgb(doll.bottom_colour), DARK, 0.6)
    bare = doll.bottom == "skirt"
    for side in (-1, 1):
        foot = side * hips * 0.55
        sheet.lay(ellipse(foot + side * 0.1, 3.68, 0.3, 0.16), shoe)
        leg = np.linspace((side * hips * 0.5, 2.4), (foot, 3.52), 6)
        colour = rgb(doll.skin if bare else doll.bottom_colour)
        sheet.lay(stroke(leg, 0.26 if bare else hips * 0.72), colour)
    if bare:
        sheet.lay(
            both_sides((0, 2.2), (hips * 0.9, 2.25), (hips * 1.4, 3.0), (0.5, 3.1), (0, 3.12)),
            rgb(doll.bottom_colour),
        )


def _torso(sheet: Sheet, doll: Doll) -> None:
    shoulders, waist, hips = _BUILDS[doll.build]
    sheet.lay(
        both_sides(
            (0, 1.0), (0.3, 1.02), (shoulders * 0.9, 1.12), (shoulders, 1.34), (waist, 1.9),
            (hips, 2.5), (hips * 0.6, 2.6), (0, 2.6),
        ),
        rgb(doll.top),
    )  # fmt: skip
    _PATTERNS[doll.pattern](sheet, doll)


def _half_width(doll: Doll, y: float) -> float:
    """Half the width of the torso at a height, a little inside its outline."""
    shoulders, waist, hips = _BUILDS[doll.build]
    return float(np.interp(y, (1.12, 1.34, 1.9, 2.5), (shoulders * 0.9, shoulders, waist, hips)))


def _buttons(sheet: Sheet, doll: Doll) -> None:
    accent = rgb(doll.accent)
    shade = mix(rgb(doll.top), DARK, 0.4)
    sheet.lay(line((0, 1.2), (0, 1.8), (0, 2.52), thickness=0.04), shade, edge=0)
    for side in (-1, 1):
        collar = np.array(((0, 1.4), (side * 0.44, 1.26), (side * 0.32, 1.02), (0, 1.12)))
        sheet.lay(collar, accent, edge=0.5)
    for y in (1.62, 1.98, 2.34):
        sheet.lay(ellipse(0, y, 0.11), accent, edge=0.5)


def _pinstripes(sheet: Sheet, doll: Doll) -> None:
    waist = _BUILDS[doll.build][1]
    for x in np.linspace(-0.72, 0.72, 5) * waist:
        sheet.lay(box(x - 0.045, 1.24, x + 0.045, 2.5), rgb(doll.accent), edge=0)
    sheet.lay(np.array(((-0.3, 1.03), (0.3, 1.03), (0, 1.62))), WHITE, edge=0.5)
    sheet.lay(
        np.array(((-0.07, 1.16), (0.07, 1.16), (0.12, 1.5), (0, 1.66), (-0.12, 1.5))),
        rgb(doll.extra_colour), edge=0.4,
    )  # fmt: skip


def _stripes(sheet: Sheet, doll: Doll) -> None:
    for y in (1.42, 1.72, 2.02, 2.32):
        above, below = _half_width(doll, y - 0.07) - 0.01, _half_width(doll, y + 0.07) - 0.01
        band = np.array(
            ((-above, y - 0.07), (above, y - 0.07), (below, y + 0.07), (-below, y + 0.07))
        )
        sheet.lay(band, rgb(doll.accent), edge=0)


def _waves(sheet: Sheet, doll: Doll) -> None:
    for y in (1.5, 1.9, 2.3):
        x = np.linspace(-1, 1, 17) * (_half_width(doll, y) - 0.09)
        path = np.stack([x, y + 0.07 * np.sin(np.linspace(0, 5 * np.pi, 17))], axis=1)
        sheet.lay(stroke(path, 0.13), rgb(doll.accent), edge=0)


def _dots(sheet: Sheet, doll: Doll) -> None:
    for row, y in enumerate((1.36, 1.66, 1.96, 2.26)):
        width = _half_width(doll, y) - 0.16
        for x in np.linspace(-width, width, 4 if row % 2 else 3):
            sheet.lay(ellipse(x, y, 0.085), rgb(doll.accent), edge=0)


def _checks(sheet: Sheet, doll: Doll) -> None:
    accent = rgb(doll.accent)
    waist = _BUILDS[doll.build][1]
    for x in np.array((-0.66, 0, 0.66)) * waist:
        sheet.lay(box(x - 0.05, 1.16, x + 0.05, 2.54), accent, edge=0)
    for y in (1.5, 1.95, 2.4):
        width = _half_width(doll, y) - 0.02
        sheet.lay(box(-width, y - 0.05, width, y + 0.05), accent, edge=0)


def _diamonds(sheet: Sheet, doll: Doll) -> None:
    for y, count in ((1.5, 3), (1.86, 2), (2.22, 3)):
        reach = (_half_width(doll, y) - 0.17) * (1 if count == 3 else 0.5)
        for x in np.linspace(-reach, reach, count):
            diamond = np.array(((x, y - 0.2), (x + 0.14, y), (x, y + 0.2), (x - 0.14, y)))
            sheet.lay(diamond, rgb(doll.accent), edge=0)


def _overalls(sheet: Sheet, doll: Doll) -> None:
    denim = rgb(doll.accent)
    hips = _half_width(doll, 2.5)
    for side in (-1, 1):
        sheet.lay(line((side * 0.36, 1.07), (side * 0.34, 1.6), thickness=0.17), denim, edge=0.6)
    sheet.lay(
        np.array(((-0.46, 1.5), (0.46, 1.5), (hips - 0.04, 2.1), (hips, 2.56), (-hips, 2.56),
                  (0.04 - hips, 2.1))),
        denim, edge=0.6,
    )  # fmt: skip
    sheet.lay(box(-0.22, 1.78, 0.22, 2.1), mix(denim, WHITE, 0.3), edge=0.4)
    for side in (-1, 1):
        sheet.lay(ellipse(side * 0.34, 1.6, 0.07), BRASS, edge=0.3)


def _waistcoat(sheet: Sheet, doll: Doll) -> None:
    for side in (-1, 1):
        shoulder, waist = _half_width(doll, 1.2), _half_width(doll, 1.9)
        panel = np.array(
            ((side * 0.24, 1.06), (side * (shoulder - 0.1), 1.16), (side * (waist - 0.01), 1.9),
             (side * _half_width(doll, 2.5), 2.5), (side * 0.12, 2.6), (side * 0.04, 1.75))
        )  # fmt: skip
        sheet.lay(panel, rgb(doll.accent), edge=0.6)
    for y in (1.95, 2.25):
        sheet.lay(ellipse(0.14, y, 0.07), BRASS, edge=0.3)


def _sash(sheet: Sheet, doll: Doll) -> None:
    top, low = _half_width(doll, 1.3), _half_width(doll, 2.3)
    band = np.array(((-top + 0.02, 1.22), (-top + 0.36, 1.1), (low - 0.01, 2.1), (low - 0.02, 2.5)))
    sheet.lay(band, rgb(doll.accent), edge=0)
    sheet.lay(ellipse(0.02, 1.72, 0.22), rgb(doll.hat_colour), edge=0.5)


def _moon(sheet: Sheet, doll: Doll) -> None:
    sheet.lay(ellipse(0, 1.86, 0.34), rgb(doll.accent), edge=0)
    sheet.lay(ellipse(0.16, 1.78, 0.28), rgb(doll.top), edge=0)


def _plain(sheet: Sheet, doll: Doll) -> None:
    waist = _half_width(doll, 2.3)
    sheet.lay(box(-waist + 0.01, 2.28, waist - 0.01, 2.44), rgb(doll.accent), edge=0)


_PATTERNS: dict[str, Callable[[Sheet, Doll], None]] = {
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


def _limb(sheet: Sheet, doll: Doll, side: int, arm: Arm) -> None:
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
    skin = rgb(doll.skin)
    thumb = reach(wrist, arm.fore - 70, 0.17)
    sheet.lay(ellipse(thumb[0], thumb[1], 0.09), skin)
    sheet.lay(ellipse(wrist[0], wrist[1], 0.2), skin)
    short = doll.pattern in ("dots", "sash", "overalls", "diamonds")
    if short:
        sheet.lay(stroke(path[3:], 0.25), skin)
    sleeve = path[: 6 if short else 10]
    sheet.lay(
        stroke(sleeve, np.linspace(0.38, 0.42 if short else 0.32, len(sleeve))), rgb(doll.top)
    )
    if doll.pattern == "stripes":
        for at in (3, 5, 7):
            across = (path[at + 1] - path[at - 1])[::-1] * (-1, 1)
            across *= 0.16 / np.hypot(*across)
            ends = np.stack([path[at] - across, path[at], path[at] + across])
            sheet.lay(stroke(ends, 0.1), rgb(doll.accent), edge=0)
    elif not short:
        sheet.lay(stroke(sleeve[-2:], 0.33), mix(rgb(doll.top), DARK, 0.3), 0.5)
    sheet.lay(ellipse(shoulder[0], shoulder[1], 0.05), BRASS, edge=0.4)


def _neckwear(sheet: Sheet, doll: Doll) -> None:
    colour = rgb(doll.extra_colour)
    if "scarf" in doll.extras:
        sheet.lay(line((0.3, 1.2), (0.42, 1.6), (0.36, 2.1), thickness=0.32), colour)
        sheet.lay(line((0.3, 1.92), (0.44, 1.93), thickness=0.06), DARK, edge=0)
        sheet.lay(line((-0.56, 1.05), (0, 1.24), (0.56, 1.05), thickness=0.4), colour)
    if "turtleneck" in doll.extras:
        sheet.lay(line((-0.26, 1.0), (0, 1.06), (0.26, 1.0), thickness=0.34), colour)
    if "bow_tie" in doll.extras:
        for side in (-1, 1):
            sheet.lay(np.array(((0, 1.2), (side * 0.36, 1.02), (side * 0.36, 1.4))), colour, 0.7)
        sheet.lay(ellipse(0, 1.2, 0.1), colour, edge=0.7)
    if "beads" in doll.extras:
        for turn in np.linspace(-1.1, 1.1, 7):
            sheet.lay(ellipse(0.42 * np.sin(turn), 0.96 + 0.34 * np.cos(turn), 0.075), colour, 0.4)
