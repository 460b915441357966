"""Pictures of nobody the networks know, in two halves: one to fit and choose by, one to report.

Halves share no character, photograph or doll. Photographs ship with scikit-learn and scikit-image.
"""

from pathlib import Path

import numpy as np
import skimage.data
from numpy.typing import NDArray
from sklearn.datasets import load_sample_images

from simpsons.demo.drawings import DOLLS, draw
from simpsons.pixels import images

PHOTOGRAPHS = (
    "astronaut",
    "brick",
    "camera",
    "cat",
    "coffee",
    "coins",
    "grass",
    "gravel",
    "hubble_deep_field",
    "immunohistochemistry",
    "moon",
    "page",
    "retina",
    "rocket",
)
MINOR_HELD_OUT = Path(__file__).with_name("minor_held_out.txt")
"""Pictures of minor characters that nothing has learnt from."""

CROPS = 60
PER_DOLL = 34
NOISE = 180

Halves = tuple[images.Pixels, images.Pixels]


def minor_files(folder: Path) -> tuple[list[Path], list[Path]]:
    """Pictures of minor characters: what may be learnt from, and what is held out.

    Held out is what `MINOR_HELD_OUT` lists: of the last six characters by name every second group
    of near-duplicates.
    """
    held_out = set(MINOR_HELD_OUT.read_text(encoding="utf-8").split())
    files = sorted(folder.glob("*/*.jpg"))
    names = [path.relative_to(folder).as_posix() for path in files]
    learnt, reported = (
        [path for path, name in zip(files, names, strict=True) if (name in held_out) is wanted]
        for wanted in (False, True)
    )
    return learnt, reported


def minor_characters(folder: Path) -> Halves:
    """`minor_files`, as the networks see them."""
    first, last = (np.stack(list(map(images.load, half))) for half in minor_files(folder))
    return first, last


def photographs(seed: int = 0) -> Halves:
    """Square crops of 20 to 100 % of the short side; every other photograph in each half."""
    rng = np.random.default_rng(seed)
    pictures = [getattr(skimage.data, name)() for name in PHOTOGRAPHS]
    pictures += load_sample_images().images
    cropped = [_crops(images.decode(picture), rng) for picture in pictures]
    return _stack(cropped[::2]), _stack(cropped[1::2])


def dolls(seed: int = 0) -> Halves:
    """Drawings of paper dolls, nine of them in each half."""
    rng = np.random.default_rng(seed)
    drawn = [[images.load(draw(doll, rng)) for _ in range(PER_DOLL)] for doll in DOLLS]
    return _stack(drawn[::2]), _stack(drawn[1::2])


def noise(seed: int = 0) -> Halves:
    """Uniform noise, noise at 4 to 16 pixels a side enlarged, and plain colours, in turn."""
    rng = np.random.default_rng(seed)
    made = []
    for number in range(2 * NOISE):
        side = (images.SIZE, int(rng.integers(4, 17)), 1)[number % 3]
        made.append(images.load(rng.integers(0, 256, (side, side, 3), dtype=np.uint8)))
    return np.stack(made[:NOISE]), np.stack(made[NOISE:])


def _crops(picture: images.Pixels, rng: np.random.Generator) -> list[images.Pixels]:
    height, width = picture.shape[:2]
    made = []
    for _ in range(CROPS):
        side = round(min(height, width) * np.exp(rng.uniform(np.log(0.2), 0)))
        top, left = rng.integers(height - side + 1), rng.integers(width - side + 1)
        made.append(images.fit(picture[top : top + side, left : left + side]))
    return made


def _stack(groups: list[list[images.Pixels]]) -> NDArray[np.uint8]:
    return np.stack([picture for group in groups for picture in group])
