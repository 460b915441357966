"""Draw paper dolls, with Pillow and NumPy alone.

The drawings stand in for a data set: `simpsons demo` learns from them when no data is at hand, and
the tests use them as pictures that are real enough. Pose, framing, scene and light change from
picture to picture. Some pictures come as shots, a few nearly equal frames in a row, as stills of a
film do.

Dolls, names and scenes were invented for this package and carry its licence.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from simpsons.dataset import boxes
from simpsons.demo.body import Arm
from simpsons.demo.dolls import DOLLS, Doll
from simpsons.demo.hardships import harder
from simpsons.demo.stage import (
    Box,
    Cast,
    Pose,
    Shown,
    Stage,
    any_arm,
    any_expression,
    any_light,
    any_stage,
    faces,
    render,
)
from simpsons.errors import SimpsonsError
from simpsons.progress import Track, silent

__all__ = ["BOXES", "DOLLS", "Box", "Doll", "draw", "draw_boxed", "write_drawings"]

BOXES = "faces.csv"

JPEG_QUALITY = 90

SHOT_FRAMES = (2, 3, 4)
"""How many frames a shot may have, each as likely."""

SHOT_CHANCE = 0.077
"""Chance that the next picture begins a shot: with 3 frames on average, 20 % of all pictures."""

LEAST_SHARE = 0.25
"""Which share of a face is to be seen if `write_drawings` gives it a box."""

_LEAST_SIDE = 5  # pixels of a box

_HARD = 1  # tells the chance of hardships from that of the rest


@dataclass(frozen=True)
class Take:
    """All that chance decides about a picture of one doll, apart from which doll is in it."""

    pose: Pose
    stage: Stage


def draw(
    doll: Doll, rng: np.random.Generator, size: int = 128, difficulty: float = 0.0
) -> Image.Image:
    """Draw the doll once, in a pose, scene and light that `rng` chooses.

    Returns an RGB picture in 4:3, 1:1 or 3:4 whose longer side is `size` pixels. Face, hair
    and the top of the clothes are inside it; the tip of a braid, brim or feather may be cut.

    difficulty: see `write_drawings`.
    """
    take = _take(rng)
    return render(*_made_hard(doll, take, rng, difficulty), size)


def draw_boxed(doll: Doll, rng: np.random.Generator, size: int = 128) -> tuple[Image.Image, Box]:
    """The picture that `draw` draws, and the box of the face in it."""
    take = _take(rng)
    cast = [(doll, take.pose)]
    return render(cast, take.stage, size), faces(cast, take.stage, size)[0].box


def write_drawings(
    folder: str | os.PathLike[str],
    per_character: int,
    seed: int = 0,
    size: int = 128,
    track: Track = silent,
    *,
    boxed: bool = False,
    difficulty: float = 0.0,
) -> None:
    """Write `<folder>/<slug>/pic_0000.jpg` and so on, `per_character` pictures of each doll.

    boxed: also write the boxes of the faces, to `<folder>/faces.csv`; see `dataset.boxes`. Faces
    of which a quarter or less is to be seen have none. difficulty: the chance, 0 to 1, of each of
    six hardships: a far figure, a turned head, another doll's clothes or hat, something in front,
    another doll or a stranger behind, and bad light; at 0 all pictures are as clear as they can be.

    A picture depends on `seed`, `size`, `difficulty`, its doll and its number, and on nothing else:
    a larger set begins with the smaller one. One in five belongs to a shot.

    The set is written beside `folder` and renamed at the end, so `folder` is whole or missing.
    Raises SimpsonsError if `folder` exists, ValueError if `per_character` or `size` is below 1 or
    `difficulty` is not from 0 to 1.
    """
    if per_character < 1 or size < 1:
        raise ValueError(
            f"per_character is {per_character} and size is {size}; both must be at least 1"
        )
    if not 0 <= difficulty <= 1:
        raise ValueError(f"difficulty is {difficulty}; it must be from 0 to 1")
    jobs = [
        (index, number, first)
        for index in range(len(DOLLS))
        for number, first in enumerate(_shot_starts(seed, index, per_character))
    ]
    with new_folder(folder) as partial:
        for doll in DOLLS:
            (partial / doll.slug).mkdir()
        listed = {}
        for index, number, first in track(jobs, len(jobs), "drawing"):
            take = _frame(seed, index, number, first)
            rng = np.random.default_rng(np.random.SeedSequence((seed, index, first, _HARD)))
            cast, stage = _made_hard(DOLLS[index], take, rng, difficulty)
            path = f"{DOLLS[index].slug}/pic_{number:04d}.jpg"
            render(cast, stage, size).save(partial / path, quality=JPEG_QUALITY)
            if boxed:
                listed[path] = [
                    boxes.Box(path, *face.box)
                    for face in faces(cast, stage, size)
                    if _has_box(face)
                ]
        if boxed:
            boxes.write(partial / BOXES, listed)


@contextmanager
def new_folder(folder: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a folder to fill; when the block ends well, it is renamed to `folder`.

    So `folder` is whole or missing. Raises SimpsonsError if it exists.
    """
    folder = Path(folder)
    if folder.exists():
        raise SimpsonsError(f"{folder}: already exists; remove it or choose another folder")
    partial = folder.with_name(f".{folder.name}.partial-{os.getpid()}")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        yield partial
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


def _frame(seed: int, index: int, number: int, first: int) -> Take:
    """Picture `number` of a doll, in the shot that began with picture `first`."""
    take = _take(np.random.default_rng(np.random.SeedSequence((seed, index, first))))
    if number != first:
        rng = np.random.default_rng(np.random.SeedSequence((seed, index, number)))
        take = _nudged(take, rng)
    return take


def _take(rng: np.random.Generator) -> Take:
    width, height = ((1.0, 0.75), (1.0, 1.0), (0.75, 1.0))[rng.choice(3, p=(0.45, 0.35, 0.2))]
    heads = rng.uniform(*((3.95, 4.4), (4.4, 5.2), (5.4, 6.2))[rng.integers(3)])
    unit = min(height / heads, width / 3.1)
    room_x, room_y = width - 3 * unit, height - 3.9 * unit
    light = any_light(rng)
    pose = Pose(
        unit=unit,
        x=1.5 * unit + room_x * rng.beta(1.4, 1.4),
        y=1.85 * unit + room_y * rng.uniform(0.05, 0.4),
        lean=rng.uniform(-8, 8),
        tilt=rng.uniform(-10, 10),
        mirror=bool(rng.random() < 0.5),
        arms=(any_arm(rng), any_arm(rng)),
        expression=any_expression(rng),
    )
    return Take(pose, any_stage(rng, width, height, light))


def _made_hard(
    doll: Doll, take: Take, rng: np.random.Generator, difficulty: float
) -> tuple[Cast, Stage]:
    if not difficulty:
        return [(doll, take.pose)], take.stage
    return harder(doll, take.pose, take.stage, rng, difficulty)


def _has_box(face: Shown) -> bool:
    x1, y1, x2, y2, _ = face.box
    return face.share > LEAST_SHARE and min(x2 - x1, y2 - y1) >= _LEAST_SIDE


def _nudged(take: Take, rng: np.random.Generator) -> Take:
    """The same shot a moment later."""
    pose = take.pose
    face = pose.expression

    def jitter(value: float, by: float) -> float:
        return value + rng.uniform(-by, by)

    def move(arm: Arm) -> Arm:
        return Arm(jitter(arm.upper, 3), jitter(arm.fore, 6))

    moved = replace(
        pose,
        x=jitter(pose.x, 0.008),
        y=jitter(pose.y, 0.006),
        lean=jitter(pose.lean, 0.8),
        tilt=jitter(pose.tilt, 2.5),
        arms=(move(pose.arms[0]), move(pose.arms[1])),
        expression=replace(
            face,
            gaze=(jitter(face.gaze[0], 0.5), jitter(face.gaze[1], 0.3)),
            brows=jitter(face.brows, 0.4),
            mouth="oh" if face.mouth == "laugh" and rng.random() < 0.5 else face.mouth,
        ),
    )
    return replace(take, pose=moved)
