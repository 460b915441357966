"""Pictures as a cartoon has them that is drawn sparingly, made of our own dolls.

One pose is drawn once and laid over many backgrounds, cels are held while the lips move, rooms are
dark, some frames have a black border. Such pictures look alike and are of different shots.
"""

import io
from dataclasses import replace

import numpy as np
from PIL import Image

from simpsons.demo.body import Arm
from simpsons.demo.dolls import DOLLS, Doll
from simpsons.demo.stage import Pose, Stage, any_arm, any_expression, any_light, any_stage, render

SIZE = 200
"""Width of a picture in pixels; the height is three quarters of it."""

MOUTHS = ("smile", "grin", "laugh", "oh", "flat", "sad")

_DARK = (0.12, 0.3)
"""Light of a dark room."""

_BORDER = 0.08
"""Width of a border, as a share of the picture's."""


def any_pose(rng: np.random.Generator) -> Pose:
    """A doll from head to chest, or nearer, somewhere in the middle."""
    unit = rng.uniform(0.13, 0.22)
    return Pose(
        unit=unit,
        x=rng.uniform(0.3, 0.7),
        y=rng.uniform(1.6, 1.9) * unit,
        lean=rng.uniform(-6, 6),
        tilt=rng.uniform(-8, 8),
        mirror=False,
        arms=(any_arm(rng), any_arm(rng)),
        expression=any_expression(rng),
    )


def any_background(rng: np.random.Generator, dark: bool = False) -> Stage:
    """A scene in 4:3 in which nobody else is."""
    light = any_light(rng)
    if dark:
        red, green, blue = (gain * rng.uniform(*_DARK) for gain in light)
        light = red, green, blue
    return replace(any_stage(rng, 1, 0.75, light), passer_by=False, prop="")


def frame(doll: Doll, pose: Pose, stage: Stage, quality: int = 88) -> Image.Image:
    """The picture, as a JPEG file shows it."""
    file = io.BytesIO()
    render([(doll, pose)], stage, SIZE).save(file, "JPEG", quality=quality)
    return Image.open(file).convert("RGB")


def bordered(picture: Image.Image) -> Image.Image:
    """The picture, smaller, in a black border of the same size as the picture was."""
    width, height = picture.size
    edge = round(_BORDER * width)
    result = Image.new("RGB", picture.size)
    result.paste(picture.resize((width - 2 * edge, height - 2 * edge)), (edge, edge))
    return result


def lips_moved(pose: Pose, rng: np.random.Generator) -> Pose:
    """The same cel with another mouth."""
    others = [mouth for mouth in MOUTHS if mouth != pose.expression.mouth]
    return replace(pose, expression=replace(pose.expression, mouth=str(rng.choice(others))))


def a_moment_later(pose: Pose, rng: np.random.Generator) -> Pose:
    """The doll has moved a little, its arms, eyes and lips too."""

    def near(value: float, by: float) -> float:
        return value + rng.uniform(-by, by)

    def moved(arm: Arm) -> Arm:
        return Arm(near(arm.upper, 4), near(arm.fore, 8))

    pose = lips_moved(pose, rng)
    right, down = pose.expression.gaze
    return replace(
        pose,
        x=near(pose.x, 0.012),
        y=near(pose.y, 0.008),
        lean=near(pose.lean, 1),
        tilt=near(pose.tilt, 3),
        arms=(moved(pose.arms[0]), moved(pose.arms[1])),
        expression=replace(pose.expression, gaze=(near(right, 0.5), near(down, 0.3))),
    )


def stock_poses(
    characters: int, backgrounds: int, seed: int = 0, dark: bool = False
) -> list[tuple[Image.Image, int, int, bool]]:
    """Each character in one pose on each background, without and with a black border.

    The poses of all are one, so that they differ in the figure alone. Returns the picture, the
    number of its character and of its background, and whether it has a border.
    """
    rng = np.random.default_rng((seed, 0))
    pose = any_pose(rng)
    stages = [any_background(rng, dark) for _ in range(backgrounds)]
    dolls = [DOLLS[row] for row in rng.permutation(len(DOLLS))[:characters]]
    made = []
    for character, doll in enumerate(dolls):
        for background, stage in enumerate(stages):
            picture = frame(doll, pose, stage)
            made.append((picture, character, background, False))
            made.append((bordered(picture), character, background, True))
    return made
