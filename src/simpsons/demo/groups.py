"""Draw several dolls in one picture, with a box around every face.

The pictures stand in for frames with everyone boxed. Each shows one to six dolls, some of them
strangers that no other picture shows, near and far, tilted, and partly outside the picture.
"""

import os
from collections.abc import Sequence

import numpy as np
from PIL import Image

from simpsons.dataset import boxes
from simpsons.demo.dolls import DOLLS, Doll, any_stranger
from simpsons.demo.drawings import BOXES, JPEG_QUALITY, new_folder
from simpsons.demo.stage import (
    Box,
    Cast,
    Pose,
    any_arm,
    any_expression,
    any_light,
    any_stage,
    faces,
    render,
)
from simpsons.progress import Track, silent

__all__ = ["BOXES", "MOST_DOLLS", "draw_scene", "write_scenes"]

MOST_DOLLS = 6

LEAST_SHARE = 0.6
"""Which share of each face is to be seen, at least."""

_SHAPES = ((1.0, 0.75), (1.0, 1.0), (0.75, 1.0), (1.0, 0.5625))  # 4:3, 1:1, 3:4, 16:9
_SHAPE_CHANCES = (0.35, 0.15, 0.15, 0.35)
LEAST_SIZE = 64
"""Pixels of a picture's longer side; in a smaller one faces would be specks."""

_UNITS = (0.032, 0.34)  # of heads, in parts of the longer side
_COUNT_CHANCES = (0.2, 0.26, 0.22, 0.14, 0.1, 0.08)
_STRANGER_CHANCE = 0.25


def draw_scene(
    dolls: Sequence[Doll], rng: np.random.Generator, size: int = 320
) -> tuple[Image.Image, list[Box]]:
    """Draw one to six dolls in one scene, each at a place, size and pose that `rng` chooses.

    Returns an RGB picture in 4:3, 1:1, 3:4 or 16:9 whose longer side is `size` pixels, and the
    boxes of the faces, in the order of `dolls`. At least 0.6 of each face is to be seen. Raises
    ValueError if there are no dolls or more than six, or if `size` is below 64.
    """
    if not 1 <= len(dolls) <= MOST_DOLLS:
        raise ValueError(f"there are {len(dolls)} dolls; draw_scene takes 1 to {MOST_DOLLS}")
    if size < LEAST_SIZE:
        raise ValueError(f"size is {size}; it must be at least {LEAST_SIZE}")
    stage = any_stage(rng, *_SHAPES[rng.choice(len(_SHAPES), p=_SHAPE_CHANCES)], any_light(rng))
    snug = 1.0
    while True:
        poses = _poses(len(dolls), rng, stage.width, stage.height, snug)
        order = sorted(range(len(dolls)), key=lambda index: poses[index].unit)
        cast: Cast = [(dolls[index], poses[index]) for index in order]
        shown = faces(cast, stage, size)
        if all(face.share >= LEAST_SHARE for face in shown):
            break
        snug = max(0.95 * snug, 0.4)
    found = {index: face.box for index, face in zip(order, shown, strict=True)}
    return render(cast, stage, size), [found[index] for index in range(len(dolls))]


def _poses(
    count: int, rng: np.random.Generator, width: float, height: float, snug: float
) -> list[Pose]:
    """Places side by side in any order; at a smaller `snug` (1 to 0) fewer overlap."""
    low, high = _UNITS
    high = max(low, min(high, width / count / 1.4)) * snug
    low = min(low, high)
    near = low * (high / low) ** rng.beta(1.6, 1)
    depth = rng.choice((1.15, 1.5, 3.0))
    standing = rng.random() < 0.7
    ground = height * rng.uniform(0.85, 1.1)
    slots = (np.arange(count) + 0.5) / count * width
    poses = []
    for slot in slots[rng.permutation(count)]:
        unit = float(np.clip(near * depth ** rng.uniform(-1, 1), low, high))
        x = slot + rng.uniform(-0.45, 0.45) * width / count * snug
        y = ground - 3.8 * unit - 0.08 * (near - unit) * rng.random()
        if not standing or y < 0.7 * unit:
            y = rng.uniform(0.7 * unit, max(1.5 * unit, 0.8 * height - unit))
        if rng.random() < 0.06:  # half out at the left or the right
            x = rng.choice((0.0, width)) + rng.uniform(-0.3, 0.5) * unit
        wild = 3 if rng.random() < 0.25 else 1
        poses.append(
            Pose(
                unit=unit,
                x=x,
                y=min(y, height - 0.6 * unit),
                lean=rng.uniform(-8, 8) * wild,
                tilt=rng.uniform(-10, 10) * wild,
                mirror=bool(rng.random() < 0.5),
                arms=(any_arm(rng), any_arm(rng)),
                expression=any_expression(rng),
            )
        )
    return poses


def write_scenes(
    folder: str | os.PathLike[str],
    count: int,
    seed: int = 0,
    size: int = 320,
    track: Track = silent,
) -> None:
    """Write `<folder>/0000.jpg` and so on, and their boxes to `<folder>/faces.csv`.

    The columns are `path,x1,y1,x2,y2,name`, the boxes in pixels, the names slugs of `DOLLS` or
    `unknown`. Every face has a box; the far figures of one colour have no face. A picture depends
    on `seed`, `size` and its number, and on nothing else.

    The set is written beside `folder` and renamed at the end, so `folder` is whole or missing.
    Raises SimpsonsError if `folder` exists, ValueError if `count` is below 1 or `size` below 64.
    """
    if count < 1 or size < LEAST_SIZE:
        raise ValueError(
            f"count is {count} and size is {size}; at least 1 and {LEAST_SIZE} are needed"
        )
    listed = {}
    with new_folder(folder) as partial:
        for number in track(range(count), count, "drawing"):
            rng = np.random.default_rng(np.random.SeedSequence((seed, number)))
            picture, found = draw_scene(_company(rng), rng, size)
            path = f"{number:04d}.jpg"
            picture.save(partial / path, quality=JPEG_QUALITY)
            listed[path] = [boxes.Box(path, *box) for box in found]
        boxes.write(partial / BOXES, listed)


def _company(rng: np.random.Generator) -> list[Doll]:
    """One to six dolls, a quarter of them strangers."""
    count = 1 + int(rng.choice(MOST_DOLLS, p=_COUNT_CHANCES))
    return [
        any_stranger(rng) if rng.random() < _STRANGER_CHANCE else DOLLS[index]
        for index in rng.choice(len(DOLLS), count, replace=False)
    ]
