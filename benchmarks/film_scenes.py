"""Shots of a made film: held-out pictures of both cartoons that the camera moves over.

Who is in a shot is known, so what a time line says of it is right or wrong.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
import skimage.data
from PIL import Image, ImageDraw, ImageFont

from benchmarks import frames, other_cartoon
from benchmarks.strangers import PHOTOGRAPHS, minor_files
from simpsons.characters import SLUGS
from simpsons.dataset.boxes import Box as BoxOfFace
from simpsons.pixels import images

WIDTH, HEIGHT, RATE = 960, 540, 25
"""Of the film: pixels and frames a second."""

LENGTHS = 2.0, 4.0
"""Seconds that a shot lasts at least and at most."""

DISSOLVE = 12
"""Frames in which one shot becomes the next."""

KINDS = {"one": 0.35, "several": 0.35, "strangers": 0.18, "titles": 0.06, "photographs": 0.06}
"""What shots show, and the share of each among all shots."""

_DISSOLVED = 0.2  # share of shots
_GAP = 4  # pixels between pictures side by side
_MARGIN = 0.25  # room around a face that a crop leaves, in sides of its box
_ZOOM = 0.88  # of a window that zooms in, what is left of it at the end
_UNCROPPED = 0.94  # the same of a picture whose faces are not known

Box = tuple[float, float, float, float]


class Shown(NamedTuple):
    """A picture and who is in it.

    least: the part that a crop must leave, x1, y1, x2, y2 in pixels; None for all of it. names: of
    those among the 18.
    """

    path: Path
    least: Box | None
    names: frozenset[str]


class Shot(NamedTuple):
    """frames: how many. draw: a frame, uint8 `[HEIGHT, WIDTH, 3]`, given the share of the shot that
    is over, 0 to 1. kind: of `KINDS`. dissolves: whether the shot before becomes this one."""

    frames: int
    draw: Callable[[float], images.Pixels]
    kind: str
    names: frozenset[str]
    dissolves: bool


@dataclass(frozen=True)
class Pictures:
    """Held-out pictures. data: the data set's folder, which has `frames` and `other_characters`
    beside it. part: `validation` or `test`."""

    data: Path
    part: str

    @cached_property
    def single(self) -> dict[str, list[Shown]]:
        """By character, pictures that show nobody else."""
        root = frames.folder(self.data)
        found: dict[str, list[Shown]] = {name: [] for name in SLUGS}
        alone = [boxes[0] for boxes in self._complete.values() if len(boxes) == 1]
        others = frames.listed_in(frames.OTHERS_SHOWN)
        for path, box in frames.one_box(root, self.part).items():
            if path not in self._complete and path not in others:
                alone.append(box)
        for box in alone:
            if box.name in found:
                shown = Shown(root / box.path, _around([box.corners]), frozenset({box.name}))
                found[box.name].append(shown)
        return found

    @cached_property
    def several(self) -> list[Shown]:
        """Pictures of several faces, one with a name at least."""
        root = frames.folder(self.data)
        return [
            Shown(root / path, _around([box.corners for box in boxes]), frames.named(boxes))
            for path, boxes in self._complete.items()
            if len(boxes) > 1 and frames.named(boxes)
        ]

    @cached_property
    def strangers(self) -> list[list[Shown]]:
        """Minor characters and characters of another cartoon.

        The minor ones of the validation part are those that the networks learnt from, so they are
        named less often than strangers are; of the test part nothing has learnt from any.
        """
        learnt, held_out = minor_files(self.data.parent / "other_characters")
        minor = held_out if self.part == "test" else learnt
        held = other_cartoon.held_out(0)
        other = [
            self.data.parent / "frames" / "dexter" / folder / f"{number:04d}.jpg"
            for (folder, number), part in sorted(held.items())
            if part == self.part
        ]
        return [
            [Shown(path, None, frozenset()) for path in paths if path.is_file()]
            for paths in (minor, other)
        ]

    @cached_property
    def photographs(self) -> list[images.Pixels]:
        """Half of the photographs that scikit-image brings."""
        names = PHOTOGRAPHS[1::2] if self.part == "test" else PHOTOGRAPHS[::2]
        return [images.decode(getattr(skimage.data, name)()) for name in names]

    @cached_property
    def _complete(self) -> dict[str, tuple[BoxOfFace, ...]]:
        return frames.complete(frames.folder(self.data), self.part)


def shots(pictures: Pictures, seconds: float, seed: int) -> Iterator[Shot]:
    """Shots for about so many seconds, in the shares of `KINDS`."""
    rng = np.random.default_rng(seed)
    count = round(seconds / np.mean(LENGTHS))
    kinds = [kind for kind, share in KINDS.items() for _ in range(round(share * count))]
    for number, kind in enumerate(rng.permutation(kinds).tolist()):
        length = round(rng.uniform(*LENGTHS) * RATE)
        draw, names = _MAKERS[kind](pictures, rng)
        yield Shot(length, draw, kind, names, number > 0 and rng.random() < _DISSOLVED)


def write(path: Path, made: Sequence[Shot]) -> None:
    """Write the film as H.264."""
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"preset": "veryfast"})
        stream.width, stream.height = WIDTH, HEIGHT
        for pixels in drawn(made):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels)))
        container.mux(stream.encode())


def starts(made: Sequence[Shot]) -> list[int]:
    """The frame at which each shot begins to be seen."""
    result, now = [], 0
    for shot in made:
        now -= DISSOLVE * shot.dissolves
        result.append(now)
        now += shot.frames
    return result


def drawn(made: Sequence[Shot]) -> Iterator[images.Pixels]:
    """Every frame of the film, uint8 `[HEIGHT, WIDTH, 3]`."""
    tail: list[images.Pixels] = []
    for shot, after in zip(made, [*made[1:], None], strict=True):
        now: list[images.Pixels] = []
        for number in range(shot.frames):  # cartoons move with every other frame
            now.append(now[-1] if number % 2 else shot.draw(number / shot.frames))
        for number, pixels in enumerate(tail):
            share = np.float32((number + 1) / (len(tail) + 1))
            now[number] = ((1 - share) * pixels + share * now[number]).round().astype(np.uint8)
        kept = DISSOLVE if after is not None and after.dissolves else 0
        yield from now[: len(now) - kept]
        tail = now[len(now) - kept :]


_Made = tuple[Callable[[float], images.Pixels], frozenset[str]]
_Area = tuple[int, int, int, int]


def _one(pictures: Pictures, rng: np.random.Generator) -> _Made:
    return _composed([_of_character(pictures, rng, [])], _screen(rng), rng)


def _several(pictures: Pictures, rng: np.random.Generator) -> _Made:
    draw = rng.random()
    if draw < 0.15:
        return _composed([_choice(pictures.several, rng)], _screen(rng), rng)
    count = 2 if draw < 0.6 else int(rng.integers(3, 5))
    shown: list[Shown] = []
    while len(shown) < count:
        shown.append(_of_character(pictures, rng, shown))
    if draw > 0.85:
        shown[-1] = _stranger(pictures, rng)
    return _composed(shown, (0, 0, WIDTH, HEIGHT), rng)


def _strangers(pictures: Pictures, rng: np.random.Generator) -> _Made:
    shown = [_stranger(pictures, rng) for _ in range(1 if rng.random() < 0.6 else 2)]
    return _composed(shown, _screen(rng), rng)


def _title(_: Pictures, rng: np.random.Generator) -> _Made:
    """A card with some lines of text."""
    colours = rng.integers(0, 256, (2, 3))
    card = Image.new("RGB", (WIDTH, HEIGHT), tuple(colours[0].tolist()))
    pen = ImageDraw.Draw(card)
    words = ("Meanwhile", "The next morning", "Act Two", "Written by", "Directed by", "The End")
    for line in range(int(rng.integers(1, 4))):
        font = ImageFont.load_default(int(rng.integers(36, 96)))
        place = WIDTH / 2, HEIGHT * (0.25 + 0.25 * line)
        pen.text(place, str(rng.choice(words)), tuple(colours[1].tolist()), font, anchor="mm")
    pixels = np.asarray(card)
    return lambda _share: pixels, frozenset()


def _photograph(pictures: Pictures, rng: np.random.Generator) -> _Made:
    pixels = pictures.photographs[int(rng.integers(len(pictures.photographs)))]
    camera = _Camera(pixels, None, (0, 0, WIDTH, HEIGHT), rng)
    return _onto_black([camera]), frozenset()


_MAKERS: dict[str, Callable[[Pictures, np.random.Generator], _Made]] = {
    "one": _one,
    "several": _several,
    "strangers": _strangers,
    "titles": _title,
    "photographs": _photograph,
}


def _of_character(pictures: Pictures, rng: np.random.Generator, beside: list[Shown]) -> Shown:
    """A picture of a character that no other picture shows, each as probable."""
    there = frozenset[str]().union(*(shown.names for shown in beside))
    name = str(rng.choice([name for name in SLUGS if name not in there]))
    return _choice(pictures.single[name], rng)


def _stranger(pictures: Pictures, rng: np.random.Generator) -> Shown:
    return _choice(pictures.strangers[int(rng.integers(len(pictures.strangers)))], rng)


def _choice(shown: Sequence[Shown], rng: np.random.Generator) -> Shown:
    return shown[int(rng.integers(len(shown)))]


def _screen(rng: np.random.Generator) -> _Area:
    """All of the frame, or what a letterbox or a pillarbox leaves: x1, y1, x2, y2."""
    bar = round(HEIGHT * 0.12), round((WIDTH - HEIGHT * 4 / 3) / 2)
    areas = (
        (0, 0, WIDTH, HEIGHT),
        (0, bar[0], WIDTH, HEIGHT - bar[0]),
        (bar[1], 0, WIDTH - bar[1], HEIGHT),
    )
    return areas[int(rng.choice(3, p=(0.5, 0.2, 0.3)))]


def _composed(shown: Sequence[Shown], area: _Area, rng: np.random.Generator) -> _Made:
    """Pictures side by side, four of them 2x2."""
    x1, y1, x2, y2 = area
    rows = 2 if len(shown) == 4 else 1
    columns = len(shown) // rows
    across, down = (x2 - x1) // columns, (y2 - y1) // rows
    cameras = []
    for number, one in enumerate(shown):
        left, top = x1 + number % columns * across, y1 + number // columns * down
        gap = _GAP if len(shown) > 1 else 0
        place = left, top, left + across - gap, top + down - gap
        cameras.append(_Camera(images.decode(one.path), one.least, place, rng))
    names = frozenset[str]().union(*(one.names for one in shown))
    return _onto_black(cameras), names


def _onto_black(cameras: Sequence["_Camera"]) -> Callable[[float], images.Pixels]:
    def draw(share: float) -> images.Pixels:
        frame = Image.new("RGB", (WIDTH, HEIGHT))
        for camera in cameras:
            camera.paste(frame, share)
        return np.asarray(frame)

    return draw


class _Camera:
    """Moves over a picture, from one window to another.

    least: what stays in every window; None for all of the picture. area: where in the frame the
    picture is. Where no window of the area's shape can hold `least`, the whole picture is shown
    with black beside it.
    """

    def __init__(
        self, pixels: images.Pixels, least: Box | None, area: _Area, rng: np.random.Generator
    ) -> None:
        self._image = Image.fromarray(pixels)
        width, height = self._image.size
        x1, y1, x2, y2 = area
        aspect = (x2 - x1) / (y2 - y1)
        kept = _ZOOM if least else _UNCROPPED
        whole = 0.0, 0.0, float(width), float(height)
        low, high = np.reshape(least or whole, (2, 2)).clip(0, (width, height)).tolist()
        least = low[0], low[1], high[0], high[1]
        across, down = min(width, height * aspect), min(height, width / aspect)
        if across < least[2] - least[0] or down < least[3] - least[1]:
            across, down = width, height
            scale = min((x2 - x1) / width, (y2 - y1) / height)
            wide, high = round(scale * width), round(scale * height)
            x1, y1 = (x1 + x2 - wide) // 2, (y1 + y2 - high) // 2
            x2, y2 = x1 + wide, y1 + high
        self._area = x1, y1, x2, y2
        ends = [_window(across, down, least, (width, height), rng) for _ in range(2)]
        if rng.random() < 0.5:  # a zoom, and else a pan where there is room for one
            ends[1] = _narrowed(ends[0], kept, least)
        if rng.random() < 0.5:
            ends.reverse()
        self._ends = np.array(ends)

    def paste(self, frame: Image.Image, share: float) -> None:
        """Draw what the camera sees when this share of the shot is over, 0 to 1."""
        window = tuple(((1 - share) * self._ends[0] + share * self._ends[1]).tolist())
        x1, y1, x2, y2 = self._area
        seen = self._image.resize((x2 - x1, y2 - y1), Image.Resampling.BILINEAR, box=window)
        frame.paste(seen, (x1, y1))


def _around(faces: Sequence[Box]) -> Box:
    """The box of all faces with some room."""
    boxes = np.array(faces)
    room = _MARGIN * (boxes[:, 2:] - boxes[:, :2]).max(axis=1, keepdims=True)
    low, high = (boxes[:, :2] - room).min(axis=0), (boxes[:, 2:] + room).max(axis=0)
    return low[0], low[1], high[0], high[1]


def _window(
    across: float, down: float, least: Box, size: tuple[int, int], rng: np.random.Generator
) -> Box:
    """A window of this size, anywhere in the picture, that `least` lies in."""
    corner = []
    for k, length in ((0, across), (1, down)):
        low, high = max(0.0, least[k + 2] - length), min(least[k], size[k] - length)
        corner.append(rng.uniform(low, max(low, high)))
    return corner[0], corner[1], corner[0] + across, corner[1] + down


def _narrowed(window: Box, share: float, least: Box) -> Box:
    """A window inside another one, `share` as long and wide or what `least` needs, around it."""
    x1, y1, x2, y2 = window
    needed = max((least[2] - least[0]) / (x2 - x1), (least[3] - least[1]) / (y2 - y1))
    share = share if needed >= 1 else max(share, needed)
    across, down = share * (x2 - x1), share * (y2 - y1)
    middle = (least[0] + least[2]) / 2, (least[1] + least[3]) / 2
    left = min(max(x1, middle[0] - across / 2), x2 - across)
    top = min(max(y1, middle[1] - down / 2), y2 - down)
    return left, top, left + across, top + down
