"""Dolls on a stage: what chance decides about a picture, and the picture with its faces."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from simpsons.demo.body import Arm, lay_body
from simpsons.demo.dolls import Doll
from simpsons.demo.head import Expression, lay_hair_behind, lay_head
from simpsons.demo.paper import OVERSAMPLING, Colour, Sheet, rgb, rotation
from simpsons.demo.scenes import PROPS, SCENES, paint_passer_by, paint_prop


class Box(NamedTuple):
    """What is to be seen of a face, from hairline to chin without ears, and whose it is.

    Pixels of the picture, x to the right and y down; the edges `x2` and `y2` lie outside.
    """

    x1: float
    y1: float
    x2: float
    y2: float
    name: str


class Cover(NamedTuple):
    """Something in front of everyone.

    `corners` are points `(x, y)` in parts of the picture's longer side, at least three.
    """

    corners: tuple[tuple[float, float], ...]
    colour: Colour


class Shown(NamedTuple):
    """A face in a picture: its box, and which share of it nothing else hides or cuts off.

    The box of a face with a share of 0 is empty.
    """

    box: Box
    share: float


@dataclass(frozen=True)
class Pose:
    """How a doll stands in a picture.

    `unit` is the head's radius, `x` and `y` its centre, as parts of the picture's longer side.
    Angles are in degrees. `turn` is how far the head looks aside: 0 is straight, -1 and 1 are left
    and right, before `mirror`.
    """

    unit: float
    x: float
    y: float
    lean: float
    tilt: float
    mirror: bool
    arms: tuple[Arm, Arm]
    expression: Expression
    turn: float = 0.0


@dataclass(frozen=True)
class Stage:
    """What is around the dolls. `width` and `height` are parts of the picture's longer side.

    `haze` is how grey the air is, 0 (clear) to 1.
    """

    width: float
    height: float
    scene: str
    scene_seed: int
    passer_by: bool
    prop: str
    light: tuple[float, float, float]
    cover: Cover | None = None
    haze: float = 0.0


_HAZE = 190  # its grey level

_ARMS = (
    (Arm(8, -5), Arm(28, 25)),  # down
    (Arm(45, -75), Arm(60, -50)),  # on the hip
    (Arm(85, 150), Arm(115, 185)),  # waving
    (Arm(55, 60), Arm(85, 110)),  # held out
    (Arm(10, -100), Arm(25, -75)),  # across the chest
)


def any_arm(rng: np.random.Generator) -> Arm:
    """An arm that hangs, waves, or is held in one of three other ways."""
    low, high = _ARMS[rng.choice(len(_ARMS), p=(0.4, 0.15, 0.2, 0.15, 0.1))]
    return Arm(rng.uniform(low.upper, high.upper), rng.uniform(low.fore, high.fore))


def any_expression(rng: np.random.Generator) -> Expression:
    """A face's state, mostly with open eyes."""
    return Expression(
        eyes=str(rng.choice(("open", "happy", "closed", "wink"), p=(0.76, 0.1, 0.05, 0.09))),
        gaze=(rng.uniform(-1, 1), rng.uniform(-0.6, 0.8)),
        brows=rng.uniform(-1, 1),
        mouth=str(rng.choice(("smile", "grin", "laugh", "oh", "flat", "smirk", "sad"))),
    )


def any_light(rng: np.random.Generator) -> tuple[float, float, float]:
    """Gains of red, green and blue."""
    warm, green, bright = rng.normal(0, 0.03), rng.normal(0, 0.015), rng.uniform(0.84, 1.08)
    return bright * (1 + warm), bright * (1 + green), bright * (1 - warm)


def any_stage(
    rng: np.random.Generator, width: float, height: float, light: tuple[float, float, float]
) -> Stage:
    """A scene in this light, in one of five with a passer-by, in one of four with a prop."""
    return Stage(
        width=width,
        height=height,
        scene=str(rng.choice(tuple(SCENES))),
        scene_seed=int(rng.integers(2**32)),
        passer_by=bool(rng.random() < 0.2),
        prop=str(rng.choice(tuple(PROPS))) if rng.random() < 0.25 else "",
        light=light,
    )


Cast = Sequence[tuple[Doll, Pose]]
"""Who is in a picture and how, the farthest first."""


def render(cast: Cast, stage: Stage, size: int) -> Image.Image:
    """The picture, RGB, whose longer side is `size` pixels."""
    canvas = Image.new("RGB", _canvas_size(stage, size))
    pixels = OVERSAMPLING * size
    rng = np.random.default_rng(stage.scene_seed)
    SCENES[stage.scene](canvas, rng)
    if stage.passer_by:
        farthest = cast[0][1]
        paint_passer_by(canvas, rng, farthest.unit * pixels, left=farthest.x > stage.width / 2)
    for doll, pose in cast:
        sheet, _ = _lay(doll, pose, pixels)
        sheet.paste(canvas, pose.unit * pixels, doll.weight, rgb(doll.outline))
    if stage.prop:
        chest = max(pose.y + 2.15 * pose.unit for _, pose in cast)
        paint_prop(canvas, stage.prop, rng, chest * pixels)
    if stage.cover:
        ImageDraw.Draw(canvas).polygon(_covered(stage.cover, pixels), stage.cover.colour)
    ramp = np.arange(256) * (1 - stage.haze) + _HAZE * stage.haze
    table = np.concatenate([ramp * gain for gain in stage.light]).clip(0, 255)
    return canvas.reduce(OVERSAMPLING).point(np.rint(table).astype(int).tolist())


def faces(cast: Cast, stage: Stage, size: int) -> list[Shown]:
    """The faces in the picture that `render` makes, in the order of the cast."""
    labels = Image.new("L", _canvas_size(stage, size))
    pixels = OVERSAMPLING * size
    whole = []
    for label, (doll, pose) in enumerate(cast, 1):
        sheet, face = _lay(doll, pose, pixels)
        whole.append(sheet.stamp(labels, pose.unit * pixels, doll.weight, face, label))
    if stage.cover:
        ImageDraw.Draw(labels).polygon(_covered(stage.cover, pixels), 0)
    painted = np.asarray(labels)
    shown = []
    for label, ((doll, _), area) in enumerate(zip(cast, whole, strict=True), 1):
        y, x = np.nonzero(painted == label)
        edges = (x.min(), y.min(), x.max() + 1, y.max() + 1) if len(x) else (0, 0, 0, 0)
        x1, y1, x2, y2 = (float(edge) / OVERSAMPLING for edge in edges)
        shown.append(Shown(Box(x1, y1, x2, y2, doll.slug), len(x) / max(area, 1)))
    return shown


def _covered(cover: Cover, pixels: int) -> list[float]:
    return [edge * pixels for corner in cover.corners for edge in corner]


def _canvas_size(stage: Stage, size: int) -> tuple[int, int]:
    width, height = max(1, round(stage.width * size)), max(1, round(stage.height * size))
    return width * OVERSAMPLING, height * OVERSAMPLING


def _lay(doll: Doll, pose: Pose, pixels: int) -> tuple[Sheet, slice]:
    """The doll for a canvas whose longer side is `pixels`, and which pieces are its face."""
    turn = rotation(pose.lean)
    if pose.mirror:
        turn = turn * (-1, 1)
    sheet = Sheet(turn * pose.unit * pixels, np.array((pose.x, pose.y)) * pixels)
    head = sheet.tilted(pose.tilt, around=(0, 0.9))
    lay_hair_behind(head, doll)
    lay_body(sheet, doll, pose.arms)
    expression = pose.expression.mirrored() if pose.mirror else pose.expression
    face = lay_head(head, doll, expression, pose.turn)
    return sheet, face
