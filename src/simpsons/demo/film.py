"""Draw a film of paper dolls, as cartoons are made: to try on it what is made for films.

>>> from simpsons.demo.film import write_film
>>> write_film("episode.mp4", minutes=10).faces
PosixPath('episode-faces.csv')

A regular cast meets in scenes, a stranger among them at times. A scene has shots of one and shots
of several, and cuts back to the same picture of each; poses are held while the lips move. There are
titles and black frames between scenes.
"""

import csv
import io
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from simpsons.demo.dolls import DOLLS, Doll, any_stranger
from simpsons.demo.paper import DARK, WHITE, hsv
from simpsons.demo.stage import (
    Box,
    Cast,
    Pose,
    Stage,
    any_arm,
    any_expression,
    any_light,
    any_stage,
    faces,
    render,
)
from simpsons.errors import SimpsonsError
from simpsons.files import StrPath, require_writable, whole, write_text
from simpsons.progress import Track, silent

CAST = DOLLS[:6]
"""Who is in every film, whatever its seed: one film teaches a network, another one tries it."""

WIDTH, HEIGHT, RATE = 640, 360, 24
"""Pixels, and frames a second."""

COLUMNS = ("start", "end", "x1", "y1", "x2", "y2", "name")
"""Of the file of faces: seconds, a box in pixels, a slug of `CAST` or `unknown`."""

SHORTEST, LONGEST = 0.1, 240
"""Minutes that a film may last."""

_SHOTS = 3, 7
"""A scene has three to six."""

_POSES = 2, 6
"""A shot has two to five."""

_POSE_FRAMES = 12, 24
"""For how long a pose is held."""

_LIPS = 3
"""Frames for which a mouth is held."""

_STRANGER, _BREAK, _ALONE, _TALKS, _ASIDE, _WALKS = 0.3, 0.35, 0.55, 0.8, 0.3, 0.25
"""Chances that a scene has a stranger and a title or black before it, that a shot shows one face,
that somebody talks in it, looks aside, walks."""

_LEAST_SHARE = 0.25
"""Which share of a face is to be seen if it is written down, as `write_drawings` has it."""

_MOUTHS = ("oh", "laugh", "grin", "smile")
_BETWEEN = ("Meanwhile", "The next morning", "Later that day", "Act Two", "Back at home")


class Film(NamedTuple):
    """A film that was drawn. path: H.264 in MP4, without sound. faces: a CSV beside it, with
    `COLUMNS`: a row for each face and pose. seconds: how long it lasts. scenes, shots: how many,
    titles and black frames not counted. names: slugs of who is in it, without strangers."""

    path: Path
    faces: Path
    seconds: float
    scenes: int
    shots: int
    names: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """As `simpsons demo --film --json` prints it."""
        return self._asdict() | {"path": str(self.path), "faces": str(self.faces)}


class _Held(NamedTuple):
    """Pictures that take turns for some frames, and the faces in them. begins: `scene` or `shot` if
    it is the first of one."""

    pictures: Sequence[Image.Image]
    frames: int
    faces: Sequence[Box] = ()
    begins: Sequence[str] = ()


@dataclass(frozen=True)
class _Scene:
    """Who is in it, where everyone is seen alone, and where together."""

    company: Sequence[Doll]
    alone: Sequence[Stage]
    together: Stage


def write_film(
    path: StrPath, *, minutes: float = 10.0, seed: int = 0, track: Track = silent
) -> Film:
    """Write a film of 640x360 pixels with 24 frames a second, and beside it who is where when.

    The faces are in `NAME-faces.csv`; those of which a quarter or less is to be seen, and the far
    figures without a face, are not. What is drawn depends on `minutes` and `seed`; the cast is the
    same in all films.

    Args:
        path: an MP4 file that is not there.
        minutes: how long it lasts, 0.1 to 240.
        seed: of all that chance decides.
        track: shows progress, such as `simpsons.progress.bar`.

    Raises:
        SimpsonsError: for a path that is no `.mp4`, and if one of the two files is there.
        ValueError: if `minutes` is not from 0.1 to 240.
    """
    path = Path(path)
    if path.suffix.lower() != ".mp4":
        raise SimpsonsError(f"{path}: the film is an MP4; give a name that ends so")
    listed = path.with_name(f"{path.stem}-faces.csv")
    for file in (path, listed):
        if os.path.lexists(file):
            raise SimpsonsError(f"{file}: already exists; remove it or choose another name")
        require_writable(file)
    if not SHORTEST <= minutes <= LONGEST:
        raise ValueError(f"minutes is {minutes}; it must be from {SHORTEST} to {LONGEST}")
    total = round(60 * minutes * RATE)
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    begun = {"scene": 0, "shot": 0}
    names = set()
    with whole(path) as temporary, av.open(f"file:{temporary}", "w", format="mp4") as container:
        options = {"preset": "veryfast", "bf": "0"}  # with B-frames its length is not exact
        stream = container.add_stream("libx264", rate=RATE, options=options)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        drawn = _drawn(total, np.random.default_rng(seed))
        start = 0
        for held, number in track(_frames(drawn), total, "drawing a film"):
            picture = held.pictures[number // _LIPS % len(held.pictures)]
            container.mux(stream.encode(av.VideoFrame.from_image(picture)))
            if number == held.frames - 1:
                times = f"{start / RATE:.3f}", f"{(start + held.frames) / RATE:.3f}"
                start += held.frames
                for *edges, name in held.faces:
                    rows.writerow([*times, *(f"{edge:.1f}" for edge in edges), name])
                    names.add(name)
                for what in held.begins:
                    begun[what] += 1
        container.mux(stream.encode())
    write_text(listed, text.getvalue())
    known = tuple(doll.slug for doll in CAST if doll.slug in names)
    return Film(path, listed, total / RATE, begun["scene"], begun["shot"], known)


def _frames(drawn: Iterator[_Held]) -> Iterator[tuple[_Held, int]]:
    """Each frame: what is held, and for how many frames it has been."""
    return ((held, number) for held in drawn for number in range(held.frames))


def _drawn(total: int, rng: np.random.Generator) -> Iterator[_Held]:
    """The film: so many frames in all."""
    opening = [_black(rng), _title("The Paper Dolls", 1.5, rng)]
    ending = [_title("The End", 1.0, rng), _black(rng)]
    yield from opening
    left = total - sum(held.frames for held in (*opening, *ending))
    story = _story(rng)
    while left > 0:
        held = next(story)
        yield held._replace(frames=min(held.frames, left))
        left -= held.frames
    yield from ending


def _story(rng: np.random.Generator) -> Iterator[_Held]:
    """Scenes without an end."""
    while True:
        if rng.random() < _BREAK:
            yield _black(rng) if rng.random() < 0.5 else _title(str(rng.choice(_BETWEEN)), 1.5, rng)
        scene = _any_scene(rng)
        for shot in range(rng.integers(*_SHOTS)):
            begins: tuple[str, ...] = ("shot",) if shot else ("scene", "shot")
            for held in _shot(scene, rng):
                yield held._replace(begins=begins)
                begins = ()


def _any_scene(rng: np.random.Generator) -> _Scene:
    company = [CAST[row] for row in rng.choice(len(CAST), rng.integers(2, 4), replace=False)]
    if rng.random() < _STRANGER:
        company.append(any_stranger(rng))
    stage = replace(any_stage(rng, 1, HEIGHT / WIDTH, any_light(rng)), prop="")
    alone = [replace(stage, scene_seed=int(rng.integers(2**32)), passer_by=False) for _ in company]
    return _Scene(company, alone, stage)


def _shot(scene: _Scene, rng: np.random.Generator) -> Iterator[_Held]:
    """The poses of a shot of one or of several, one of whom talks."""
    if rng.random() < _ALONE:
        who = int(rng.integers(len(scene.company)))
        dolls, stage = [scene.company[who]], scene.alone[who]
        unit = rng.uniform(0.09, 0.15)
        poses = [_pose(unit, rng.uniform(0.3, 0.7), rng.uniform(1.5, 1.9) * unit, rng)]
    else:
        count = min(len(scene.company), int(rng.integers(2, 4)))
        chosen = rng.choice(len(scene.company), count, replace=False)
        dolls, stage = [scene.company[row] for row in chosen], scene.together
        unit = rng.uniform(0.05, 0.085)
        ground = rng.uniform(0.95, 1.1) * HEIGHT / WIDTH
        poses = []
        for place in range(count):
            one = unit * rng.uniform(0.9, 1.1)
            x = (place + rng.uniform(0.35, 0.65)) / count
            poses.append(_pose(one, x, ground - 3.8 * one, rng))
    speaker = int(rng.integers(len(dolls))) if rng.random() < _TALKS else None
    walk = rng.uniform(-0.04, 0.04) if rng.random() < _WALKS else 0.0
    for _ in range(rng.integers(*_POSES)):
        cast = list(zip(dolls, poses, strict=True))
        pictures = [render(cast, stage, WIDTH)]
        if speaker is not None:
            pictures.append(render(_with_other_mouth(cast, speaker, rng), stage, WIDTH))
        shown = [face.box for face in faces(cast, stage, WIDTH) if face.share > _LEAST_SHARE]
        yield _Held(pictures, int(rng.integers(*_POSE_FRAMES)), shown)
        poses = [_moved(pose, walk, rng) for pose in poses]


def _pose(unit: float, x: float, y: float, rng: np.random.Generator) -> Pose:
    return Pose(
        unit=unit,
        x=x,
        y=y,
        lean=rng.uniform(-6, 6),
        tilt=rng.uniform(-8, 8),
        mirror=bool(rng.random() < 0.5),
        arms=(any_arm(rng), any_arm(rng)),
        expression=any_expression(rng),
        turn=rng.uniform(-0.7, 0.7) if rng.random() < _ASIDE else 0.0,
    )


def _moved(pose: Pose, walk: float, rng: np.random.Generator) -> Pose:
    """The next pose of the shot: the head has moved, an arm, and what the face shows."""
    return replace(
        pose,
        x=float(np.clip(pose.x + walk + rng.uniform(-0.01, 0.01), pose.unit, 1 - pose.unit)),
        y=pose.y + rng.uniform(-0.006, 0.006),
        tilt=float(np.clip(pose.tilt + rng.uniform(-6, 6), -12, 12)),
        arms=(any_arm(rng), pose.arms[1]) if rng.random() < 0.5 else pose.arms,
        expression=any_expression(rng),
    )


def _with_other_mouth(cast: Cast, speaker: int, rng: np.random.Generator) -> Cast:
    mouths = [mouth for mouth in _MOUTHS if mouth != cast[speaker][1].expression.mouth]
    doll, pose = cast[speaker]
    expression = replace(pose.expression, mouth=str(rng.choice(mouths)))
    changed = list(cast)
    changed[speaker] = doll, replace(pose, expression=expression)
    return changed


def _black(rng: np.random.Generator) -> _Held:
    return _Held([Image.new("RGB", (WIDTH, HEIGHT))], int(rng.integers(8, 16)))


def _title(text: str, seconds: float, rng: np.random.Generator) -> _Held:
    card = Image.new("RGB", (WIDTH, HEIGHT), hsv(rng.random(), rng.uniform(0.3, 0.7), 0.5))
    pen, font = ImageDraw.Draw(card), ImageFont.load_default(56)
    for moved, colour in ((3, DARK), (0, WHITE)):
        pen.text((WIDTH / 2 + moved, HEIGHT / 2 + moved), text, colour, font, anchor="mm")
    return _Held([card], round(seconds * RATE))
