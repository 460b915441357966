"""What makes a drawing hard: far figures, turned heads, disguises, covers, company, bad light."""

from dataclasses import replace

import numpy as np

from simpsons.demo.dolls import DOLLS, Doll, any_stranger
from simpsons.demo.paper import hsv
from simpsons.demo.stage import Cast, Cover, Pose, Stage, any_arm, any_expression

_CLOTHES = ("top", "pattern", "accent", "bottom", "bottom_colour")
_HATS = tuple((doll.hat, doll.hat_colour) for doll in DOLLS if doll.hat)

_MOST_TURNED = 0.9
_LEAST_SMALL = 0.35  # of the size that the figure had
_STRANGERS = 1 / 3  # of those behind the doll


def harder(
    doll: Doll, pose: Pose, stage: Stage, rng: np.random.Generator, difficulty: float
) -> tuple[Cast, Stage]:
    """The doll and its stage with hardships, each of them with the chance `difficulty` (0 to 1).

    The doll comes last in the cast. It may be far away, turn its head, wear another doll's clothes
    or a hat that is not its own, stand behind something, before another of the cast or a
    stranger, or in light that is dark, coloured or hazy.
    """
    hit = rng.random(6) < difficulty
    if hit[0]:
        pose = _farther(pose, stage, rng)
    if hit[1]:
        turn = rng.uniform(0.5, _MOST_TURNED) * rng.choice((-1, 1))
        pose = replace(pose, turn=turn)
    if hit[2]:
        doll = _disguised(doll, rng)
    if hit[3]:
        stage = replace(stage, cover=_cover(pose, stage, rng))
    if hit[4]:
        stage = _in_bad_light(stage, rng)
    behind: Cast = ()
    if hit[5]:
        behind = ((_other(doll, rng), _behind(pose, stage, rng)),)
    return (*behind, (doll, pose)), stage


def _farther(pose: Pose, stage: Stage, rng: np.random.Generator) -> Pose:
    unit = pose.unit * rng.uniform(_LEAST_SMALL, 0.65)
    return replace(
        pose,
        unit=unit,
        x=rng.uniform(1.5 * unit, stage.width - 1.5 * unit),
        y=rng.uniform(1.85 * unit, max(2 * unit, stage.height - 2.2 * unit)),
    )


def _disguised(doll: Doll, rng: np.random.Generator) -> Doll:
    """The same face and hair in another's clothes, and at times under another's hat."""
    other = DOLLS[rng.integers(len(DOLLS))]
    worn = {trait: getattr(other, trait) for trait in _CLOTHES}
    if rng.random() < 0.5:
        hat, colour = _HATS[rng.integers(len(_HATS))]
        worn |= {"hat": hat, "hat_colour": colour}
    return replace(doll, **worn)


def _cover(pose: Pose, stage: Stage, rng: np.random.Generator) -> Cover:
    """A wall that hides a side of the figure, or a fence that leaves only the head."""
    colour = hsv(rng.random(), rng.uniform(0.05, 0.5), rng.uniform(0.25, 0.9))
    if rng.random() < 0.5:
        edge = pose.y + pose.unit * rng.uniform(0.2, 1.0)
        slope = rng.uniform(-0.05, 0.05)
        corners = (
            (0.0, edge - slope), (stage.width, edge + slope),
            (stage.width, stage.height), (0.0, stage.height),
        )  # fmt: skip
        return Cover(corners, colour)
    side = rng.choice((-1, 1))
    edge = pose.x + side * pose.unit * rng.uniform(-0.15, 0.4)
    far = stage.width if side > 0 else 0.0
    slope = rng.uniform(-0.05, 0.05)
    corners = ((edge - slope, 0.0), (edge + slope, stage.height), (far, stage.height), (far, 0.0))
    return Cover(corners, colour)


def _in_bad_light(stage: Stage, rng: np.random.Generator) -> Stage:
    match rng.integers(3):
        case 0:  # night
            dark = rng.uniform(0.22, 0.45)
            return replace(stage, light=(dark * 0.8, dark * 0.9, dark * 1.25))
        case 1:  # a coloured lamp
            lamp = np.array(hsv(rng.random(), rng.uniform(0.4, 0.7), 1.0)) / 255
            return replace(stage, light=(float(lamp[0]), float(lamp[1]), float(lamp[2])))
        case _:
            return replace(stage, haze=rng.uniform(0.5, 0.75))


def _other(doll: Doll, rng: np.random.Generator) -> Doll:
    if rng.random() < _STRANGERS:
        return any_stranger(rng)
    others = [other for other in DOLLS if other.slug != doll.slug]
    return others[rng.integers(len(others))]


def _behind(pose: Pose, stage: Stage, rng: np.random.Generator) -> Pose:
    """Where another stands: beside the doll, farther away."""
    side = -1 if pose.x > stage.width / 2 else 1
    unit = pose.unit * rng.uniform(0.6, 0.85)
    return Pose(
        unit=unit,
        x=float(np.clip(pose.x + side * rng.uniform(1.6, 2.4) * pose.unit, 0, stage.width)),
        y=pose.y + rng.uniform(-0.2, 0.4) * pose.unit,
        lean=rng.uniform(-8, 8),
        tilt=rng.uniform(-10, 10),
        mirror=bool(rng.random() < 0.5),
        arms=(any_arm(rng), any_arm(rng)),
        expression=any_expression(rng),
    )
