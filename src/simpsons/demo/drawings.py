"""Draw paper dolls, with Pillow and NumPy alone.

The drawings stand in for a data set: `simpsons demo` learns from them when no data is at hand, and
the tests use them as pictures that are real enough. Pose, framing, scene and light change from
picture to picture. Some pictures come as shots, a few nearly equal frames in a row, as stills of a
film do.

Dolls, names and scenes were invented for this package and carry its licence.
"""

import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from simpsons.demo.body import Arm, lay_body
from simpsons.demo.dolls import DOLLS, Doll
from simpsons.demo.head import Expression, lay_hair_behind, lay_head
from simpsons.demo.paper import OVERSAMPLING, Sheet, rgb, rotation
from simpsons.demo.scenes import PROPS, SCENES, paint_passer_by, paint_prop
from simpsons.errors import SimpsonsError
from simpsons.progress import Track, silent

__all__ = ["DOLLS", "Doll", "draw", "write_drawings"]

JPEG_QUALITY = 90

SHOT_FRAMES = (2, 3, 4)
"""How many frames a shot may have, each as likely."""

SHOT_CHANCE = 0.077
"""Chance that the next picture begins a shot: with 3 frames on average, 20 % of all pictures."""


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
    expression: Expression
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
        expression=_expression(rng),
        scene=str(rng.choice(tuple(SCENES))),
        scene_seed=int(rng.integers(2**32)),
        passer_by=bool(rng.random() < 0.2),
        prop=str(rng.choice(tuple(PROPS))) if rng.random() < 0.25 else "",
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


def _expression(rng: np.random.Generator) -> Expression:
    return Expression(
        eyes=str(rng.choice(("open", "happy", "closed", "wink"), p=(0.76, 0.1, 0.05, 0.09))),
        gaze=(rng.uniform(-1, 1), rng.uniform(-0.6, 0.8)),
        brows=rng.uniform(-1, 1),
        mouth=str(rng.choice(("smile", "grin", "laugh", "oh", "flat", "smirk", "sad"))),
    )


def _nudged(take: Take, rng: np.random.Generator) -> Take:
    """The same shot a moment later."""
    face = take.expression

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
        expression=replace(
            face,
            gaze=(jitter(face.gaze[0], 0.5), jitter(face.gaze[1], 0.3)),
            brows=jitter(face.brows, 0.4),
            mouth="oh" if face.mouth == "laugh" and rng.random() < 0.5 else face.mouth,
        ),
    )


def _render(doll: Doll, take: Take, size: int) -> Image.Image:
    width, height = max(1, round(take.width * size)), max(1, round(take.height * size))
    pixels = OVERSAMPLING * size
    canvas = Image.new("RGB", (width * OVERSAMPLING, height * OVERSAMPLING))
    rng = np.random.default_rng(take.scene_seed)
    SCENES[take.scene](canvas, rng)
    if take.passer_by:
        paint_passer_by(canvas, rng, take.unit * pixels, left=take.x > take.width / 2)
    _paste_doll(canvas, doll, take, pixels)
    if take.prop:
        paint_prop(canvas, take.prop, rng, chest=(take.y + 2.15 * take.unit) * pixels)
    ramp = np.arange(256)
    table = np.concatenate([ramp * gain for gain in take.light]).clip(0, 255)
    return canvas.reduce(OVERSAMPLING).point(np.rint(table).astype(int).tolist())


def _paste_doll(canvas: Image.Image, doll: Doll, take: Take, pixels: int) -> None:
    """Paste the doll on a canvas whose longer side is `pixels`."""
    turn = rotation(take.lean)
    if take.mirror:
        turn = turn * (-1, 1)
    sheet = Sheet(turn * take.unit * pixels, np.array((take.x, take.y)) * pixels)
    head = sheet.tilted(take.tilt, around=(0, 0.9))
    lay_hair_behind(head, doll)
    lay_body(sheet, doll, take.arms)
    lay_head(head, doll, take.expression.mirrored() if take.mirror else take.expression)
    sheet.paste(canvas, take.unit * pixels, doll.weight, rgb(doll.outline))
