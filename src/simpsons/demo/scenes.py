"""What is around a doll: the scene behind it, a passer-by, and props in front of it."""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

from simpsons.demo.paper import DARK, WHITE, Colour, hsv, mix


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
    return hsv(hue, dull, rng.uniform(*value))


def _sky(rng: np.random.Generator) -> tuple[Colour, Colour]:
    """Colours of a sky at the zenith and at the horizon: day, dusk or overcast."""
    skies = (
        (hsv(rng.uniform(0.53, 0.6), 0.5, 0.92), hsv(0.53, 0.14, 0.98)),
        (hsv(rng.uniform(0.68, 0.8), 0.4, 0.68), hsv(rng.uniform(0.02, 0.08), 0.45, 0.96)),
        (hsv(0.58, 0.1, rng.uniform(0.6, 0.8)), hsv(0.58, 0.06, 0.86)),
        (hsv(rng.uniform(0.42, 0.5), 0.3, 0.85), hsv(0.14, 0.2, 0.97)),
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
    paper = mix(wall, WHITE if rng.random() < 0.5 else DARK, 0.12)
    match rng.integers(3):
        case 0:
            step = w / int(rng.integers(6, 12))
            for x in np.arange(0, w, step):
                pen.rectangle((x, 0, x + step / 2, h), paper)
        case 1:
            pen.rectangle((0, h * rng.uniform(0.45, 0.6), w, h), paper)
    floor = h * rng.uniform(0.72, 0.9)
    pen.rectangle((0, floor, w, h), _any_colour(rng, (0.2, 0.5), (0.3, 0.7)))
    pen.rectangle((0, floor - 0.03 * h, w, floor), mix(wall, WHITE, 0.6))
    x, wide, top = w * rng.uniform(0, 0.65), w * rng.uniform(0.3, 0.45), h * rng.uniform(0.06, 0.2)
    low = top + h * rng.uniform(0.35, 0.5)
    rim = 0.02 * w
    if rng.random() < 0.75:
        pen.rectangle((x - rim, top - rim, x + wide + rim, low + rim), mix(wall, WHITE, 0.75))
        pen.rectangle((x, top, x + wide, low), _sky(rng)[rng.integers(2)])
        pen.ellipse((x + wide * 0.1, low - h * 0.12, x + wide * 0.9, low), hsv(0.33, 0.4, 0.6))
        pen.rectangle((x, low, x + wide, low + rim), mix(wall, WHITE, 0.75))
        frame = mix(wall, WHITE, 0.75)
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
        pen.rectangle((lamp - rim / 3, h * 0.4, lamp + rim / 3, h * 0.95), hsv(0.08, 0.4, 0.3))
        shade = [(lamp + x * w, y * h) for x, y in _LAMPSHADE]
        pen.polygon(shade, hsv(rng.uniform(0.05, 0.15), 0.35, 0.97))


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
        pen.rectangle((x, top, x + wide, top + 0.025 * h), mix(front, DARK, 0.35))
        glass = hsv(0.14, 0.4, 0.98) if rng.random() < 0.4 else mix(front, (210, 235, 250), 0.65)
        columns = int(rng.integers(2, 4))
        cell = wide / columns
        for column in range(columns):
            for y in np.arange(top + 0.07 * h, ground - 0.14 * h, 0.14 * h):
                left = x + cell * (column + 0.25)
                pen.rectangle((left, y, left + cell * 0.5, y + 0.085 * h), glass)
        x += wide
    pavement = hsv(rng.uniform(0.05, 0.65), 0.08, rng.uniform(0.5, 0.75))
    pen.rectangle((0, ground, w, h), pavement)
    pen.rectangle((0, ground, w, ground + 0.02 * h), mix(pavement, WHITE, 0.5))
    if rng.random() < 0.5:
        post = w * (rng.uniform(0.03, 0.15) if rng.random() < 0.5 else rng.uniform(0.85, 0.97))
        pen.rectangle((post - 0.008 * w, h * 0.2, post + 0.008 * w, h), DARK)
        pen.ellipse(_around(post, h * 0.19, 0.035 * w, 0.035 * w), hsv(0.13, 0.3, 1))


def _park(canvas: Image.Image, rng: np.random.Generator) -> None:
    w, h = canvas.size
    _fade(canvas, *_sky(rng), until=0.8)
    pen = ImageDraw.Draw(canvas)
    for _ in range(int(rng.integers(0, 4))):
        _cloud(pen, w * rng.random(), h * rng.uniform(0.05, 0.3), w * rng.uniform(0.05, 0.1), WHITE)
    season = rng.choice((0.22, 0.3, 0.38, 0.09))
    horizon = h * rng.uniform(0.45, 0.7)
    far = hsv(season + 0.04, 0.3, rng.uniform(0.6, 0.85))
    for _ in range(2):
        pen.ellipse(
            _around(w * rng.random(), horizon + h * 0.25, w * rng.uniform(0.4, 0.8), h * 0.4), far
        )
    grass = hsv(season, rng.uniform(0.4, 0.6), rng.uniform(0.55, 0.85))
    pen.ellipse(_around(w * rng.random(), horizon + h * 0.95, w * 1.3, h * 0.9), grass)
    for _ in range(int(rng.integers(1, 4))):
        x, y = w * (rng.uniform(0, 0.3) if rng.random() < 0.5 else rng.uniform(0.7, 1)), horizon
        tall = h * rng.uniform(0.25, 0.5)
        leaf = hsv(season + rng.uniform(-0.08, 0.05), rng.uniform(0.4, 0.7), rng.uniform(0.4, 0.75))
        pen.rectangle(
            (x - 0.018 * w, y - tall * 0.5, x + 0.018 * w, y + 0.12 * h), hsv(0.07, 0.45, 0.4)
        )
        if rng.random() < 0.6:
            pen.ellipse(_around(x, y - tall * 0.6, tall * 0.38, tall * 0.46), leaf)
            pen.ellipse(
                _around(x - tall * 0.1, y - tall * 0.7, tall * 0.2, tall * 0.22),
                mix(leaf, WHITE, 0.15),
            )
        else:
            for step in range(3):
                base, half = y - tall * (0.1 + 0.28 * step), tall * (0.36 - 0.08 * step)
                pen.polygon(((x - half, base), (x + half, base), (x, base - tall * 0.42)), leaf)
    if rng.random() < 0.5:
        foot, aim = w * rng.random(), w * rng.random()
        path = hsv(0.1, 0.25, 0.86)
        pen.polygon(((foot - 0.2 * w, h), (foot + 0.2 * w, h), (aim + 0.03 * w, horizon + 0.08 * h),
                     (aim - 0.03 * w, horizon + 0.08 * h)), path)  # fmt: skip


def _stage(canvas: Image.Image, rng: np.random.Generator) -> None:
    w, h = canvas.size
    back = _any_colour(rng, (0.3, 0.7), (0.18, 0.5))
    _fade(canvas, back, mix(back, WHITE, rng.uniform(0.05, 0.3)))
    pen = ImageDraw.Draw(canvas)
    lit = mix(back, hsv(rng.uniform(0.08, 0.2), 0.3, 1), 0.4)
    for _ in range(int(rng.integers(1, 3))):
        top, low, spread = w * rng.random(), w * rng.uniform(0.2, 0.8), w * rng.uniform(0.15, 0.3)
        pen.polygon(
            ((top - 0.02 * w, 0), (top + 0.02 * w, 0), (low + spread, h), (low - spread, h)), lit
        )
    floor = h * rng.uniform(0.75, 0.88)
    planks = hsv(rng.uniform(0.05, 0.1), 0.5, rng.uniform(0.4, 0.7))
    pen.rectangle((0, floor, w, h), planks)
    for x in np.linspace(-0.5, 1.5, 12) * w:
        pen.line(
            (w / 2 + (x - w / 2) * 0.7, floor, x, h), mix(planks, DARK, 0.35), max(1, w // 128)
        )
    cloth = _any_colour(rng, (0.55, 0.85), (0.45, 0.85))
    dark = mix(cloth, DARK, 0.35)
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
        pen.ellipse(_around(w * rng.random(), h * rng.uniform(0.08, 0.3), r, r), hsv(0.13, 0.3, 1))
    horizon, shore = h * rng.uniform(0.35, 0.55), h * rng.uniform(0.62, 0.85)
    sea = hsv(rng.uniform(0.47, 0.62), rng.uniform(0.45, 0.7), rng.uniform(0.5, 0.85))
    pen.rectangle((0, horizon, w, h), sea)
    for _ in range(7):
        x, y, long = w * rng.random(), rng.uniform(horizon, shore), w * rng.uniform(0.05, 0.2)
        pen.line((x, y, x + long, y), mix(sea, WHITE, 0.45), max(1, w // 96))
    sand = hsv(rng.uniform(0.08, 0.12), rng.uniform(0.22, 0.4), rng.uniform(0.8, 0.95))
    tip = w * rng.random()
    pen.ellipse(_around(tip, h * 1.35, w * 1.4, h * 1.35 - shore + 0.02 * h), mix(sea, WHITE, 0.8))
    pen.ellipse(_around(tip, h * 1.37, w * 1.4, h * 1.35 - shore), sand)
    if rng.random() < 0.5:
        x, y, s = w * rng.uniform(0.05, 0.95), horizon, h * rng.uniform(0.1, 0.2)
        pen.polygon(
            ((x, y - s), (x, y - s * 0.1), (x + s * 0.6, y - s * 0.1)),
            _any_colour(rng, (0, 0.7), (0.8, 1)),
        )
        hull = [(x + dx * s, y + dy * s) for dx, dy in _HULL]
        pen.polygon(hull, hsv(0.06, 0.5, 0.45))
    if rng.random() < 0.6:
        x, r = (
            w * (rng.uniform(0, 0.2) if rng.random() < 0.5 else rng.uniform(0.8, 1)),
            h * rng.uniform(0.2, 0.32),
        )
        y = h * rng.uniform(0.35, 0.5)
        pen.rectangle((x - 0.01 * w, y, x + 0.01 * w, h * 0.9), hsv(0.1, 0.1, 0.9))
        colour = _any_colour(rng, (0.5, 0.8), (0.7, 0.95))
        for part in range(6):
            shade = colour if part % 2 else WHITE
            pen.pieslice(_around(x, y, r, r), 180 + 30 * part, 210 + 30 * part, shade)


def _night(canvas: Image.Image, rng: np.random.Generator) -> None:
    w, h = canvas.size
    hue = rng.uniform(0.58, 0.78)
    _fade(
        canvas,
        hsv(hue, 0.6, rng.uniform(0.15, 0.3)),
        hsv(hue - 0.04, 0.5, rng.uniform(0.35, 0.6)),
    )
    pen = ImageDraw.Draw(canvas)
    for _ in range(24):
        x, y, r = w * rng.random(), h * rng.random() * 0.7, w * rng.uniform(0.004, 0.012)
        pen.ellipse(_around(x, y, r, r), (255, 250, 220))
    x, y, r = w * rng.uniform(0.1, 0.9), h * rng.uniform(0.1, 0.3), w * rng.uniform(0.06, 0.13)
    pen.ellipse(_around(x, y, r, r), hsv(0.14, 0.18, 0.98))
    for dx, dy, part in ((-0.3, -0.2, 0.2), (0.25, 0.3, 0.26), (0.3, -0.35, 0.14)):
        pen.ellipse(_around(x + dx * r, y + dy * r, part * r, part * r), hsv(0.12, 0.2, 0.86))
    land = hsv(hue + rng.uniform(-0.1, 0.1), 0.5, rng.uniform(0.1, 0.3))
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
            (x + wide * 0.3, top + 0.06 * h, x + wide * 0.5, top + 0.14 * h), hsv(0.12, 0.5, 0.95)
        )
        x += wide * rng.uniform(1, 1.2)


def _backdrop(canvas: Image.Image, rng: np.random.Generator) -> None:
    w, h = canvas.size
    one = _any_colour(rng, (0.1, 0.6), (0.3, 0.98))
    other = mix(one, _any_colour(rng, (0.1, 0.6), (0.3, 0.98)), rng.uniform(0.4, 1))
    _fade(canvas, one, other)
    pen = ImageDraw.Draw(canvas)
    light = mix(mix(one, other, 0.5), WHITE, rng.uniform(0.1, 0.3))
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


SCENES: dict[str, Callable[[Image.Image, np.random.Generator], None]] = {
    "backdrop": _backdrop,
    "beach": _beach,
    "night": _night,
    "park": _park,
    "room": _room,
    "stage": _stage,
    "street": _street,
}


def paint_passer_by(canvas: Image.Image, rng: np.random.Generator, unit: float, left: bool) -> None:
    """Paint a small figure far behind the doll, in one colour, on the left or on the right.

    unit: pixels of the doll's head radius.
    """
    w, h = canvas.size
    unit = unit * rng.uniform(0.3, 0.45)
    x = w * (rng.uniform(0.05, 0.2) if left else rng.uniform(0.8, 0.95))
    y = h * rng.uniform(0.45, 0.6)
    colour = _any_colour(rng, (0.15, 0.4), (0.5, 0.85))
    pen = ImageDraw.Draw(canvas)
    pen.rounded_rectangle(_around(x, y + 2.2 * unit, 0.8 * unit, 1.2 * unit), unit * 0.5, colour)
    for side in (-1, 1):
        leg = _around(x + side * 0.4 * unit, y + 4 * unit, 0.28 * unit, 1.2 * unit)
        pen.rounded_rectangle(leg, unit * 0.2, colour)
    pen.ellipse(_around(x, y, unit * 0.85, unit * 0.95), colour)


def paint_prop(canvas: Image.Image, prop: str, rng: np.random.Generator, chest: float) -> None:
    """Paint a prop over the bottom of the picture, if there is room below the chest.

    chest: how many pixels from the top the chest ends.
    """
    longest = max(canvas.size)
    if canvas.height - chest > 0.06 * longest:
        top = max(chest, canvas.height - 0.2 * longest)
        PROPS[prop](ImageDraw.Draw(canvas), rng, canvas.width, canvas.height, top)


def _table(pen: ImageDraw.ImageDraw, rng: np.random.Generator, w: int, h: int, top: float) -> None:
    wood = hsv(rng.uniform(0.04, 0.11), rng.uniform(0.35, 0.6), rng.uniform(0.45, 0.8))
    y = top + 0.35 * (h - top)
    pen.rectangle((0, y, w, h), wood)
    pen.rectangle((0, y, w, y + 0.15 * (h - top)), mix(wood, WHITE, 0.3))
    cup, half = w * rng.uniform(0.1, 0.9), 0.05 * w
    colour = _any_colour(rng, (0.4, 0.8), (0.7, 0.95))
    pen.arc(
        _around(cup + half, (top + y) / 2, half * 0.6, half * 0.6), 0, 360, colour, max(1, w // 64)
    )
    pen.rectangle((cup - half, top, cup + half, y + 0.02 * h), colour)


def _hedge(pen: ImageDraw.ImageDraw, rng: np.random.Generator, w: int, h: int, top: float) -> None:
    leaf = hsv(rng.uniform(0.24, 0.42), rng.uniform(0.45, 0.7), rng.uniform(0.35, 0.6))
    lobes = int(rng.integers(5, 9))
    r = w / lobes * 0.7
    pen.rectangle((0, min(top + r * 0.7, h), w, h), leaf)
    for lobe in range(lobes + 1):
        x = w * lobe / lobes
        pen.ellipse(_around(x, top + r * 0.8, r, r * 0.8), leaf)
        pen.ellipse(_around(x - r * 0.2, top + r * 0.6, r * 0.3, r * 0.2), mix(leaf, WHITE, 0.2))


def _fence(pen: ImageDraw.ImageDraw, rng: np.random.Generator, w: int, h: int, top: float) -> None:
    wood = WHITE if rng.random() < 0.4 else _any_colour(rng, (0.2, 0.5), (0.5, 0.9))
    shade = mix(wood, DARK, 0.2)
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
        pen.line((x, y, x, h), hsv(0.33, 0.6, 0.5), max(1, w // 64))
        for turn in np.arange(6) * np.pi / 3:
            pen.ellipse(
                _around(x + r * np.cos(turn), y + r * np.sin(turn), r * 0.7, r * 0.7), petal
            )
        pen.ellipse(_around(x, y, r * 0.6, r * 0.6), hsv(0.12, 0.6, 1))


PROPS: dict[str, Callable[[ImageDraw.ImageDraw, np.random.Generator, int, int, float], None]] = {
    "fence": _fence,
    "flowers": _flowers,
    "hedge": _hedge,
    "table": _table,
}
