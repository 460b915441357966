"""Pictures of nobody the networks know, in two halves: one to fit and choose by, one to report.

Halves share no character, photograph or doll. Photographs ship with scikit-learn and scikit-image.
"""

from pathlib import Path

import numpy as np
import skimage.data
from numpy.typing import NDArray
from sklearn.datasets import load_sample_images

from simpsons import images
from simpsons.demo.drawings import DOLLS, draw

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
CROPS = 60
PER_DOLL = 34
NOISE = 180

Halves = tuple[images.Pixels, images.Pixels]


def minor_files(folder: Path) -> tuple[list[Path], list[Path]]:
    """The pictures of the first and of the last folders by name, half of the characters each."""
    folders = sorted(path for path in folder.iterdir() if path.is_dir())
    middle = len(folders) // 2
    first, last = (
        [path for each in half for path in sorted(each.glob("*.jpg"))]
        for half in (folders[:middle], folders[middle:])
    )
    return first, last


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
