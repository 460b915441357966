"""Pictures that a benchmark makes, so that it runs where no data set is."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from simpsons.demo.drawings import write_drawings

SIDES = (400, 460)
"""Shortest and longest side, in pixels, of what stands for original files."""

_DRAWN = 3  # different drawings of each doll; the others are changed copies
_NOISE = 3  # grey levels either way: makes a file about as large as a film frame's, 30 KB
_QUALITY = 82


def write_originals(folder: Path, count: int) -> None:
    """`count` JPEG files of about 430x430 pixels in 18 class folders.

    Decoding does not care who is in a picture, so a few drawings are resized, mirrored and
    covered with noise, each in another way.
    """
    drawn = folder.with_name(f"{folder.name}-drawn")
    write_drawings(drawn, _DRAWN, size=SIDES[1])
    originals = [Image.open(path).convert("RGB") for path in sorted(drawn.glob("*/*.jpg"))]
    names = sorted(path.name for path in drawn.iterdir())
    shutil.rmtree(drawn)
    for name in names:
        (folder / name).mkdir(parents=True)

    def write(number: int) -> None:
        rng = np.random.default_rng([0, number])
        width, height = rng.integers(SIDES[0], SIDES[1], 2, endpoint=True).tolist()
        picture = np.asarray(originals[number % len(originals)].resize((width, height)))
        picture = picture[:, :: rng.choice((-1, 1))]
        noise = rng.integers(-_NOISE, _NOISE, (height, width, 1), np.int16, endpoint=True)
        noisy = (picture + noise).clip(0, 255).astype(np.uint8)
        path = folder / names[number // _DRAWN % len(names)] / f"{number:05d}.jpg"
        Image.fromarray(noisy).save(path, quality=_QUALITY)

    with ThreadPoolExecutor() as pool:
        list(pool.map(write, range(count)))
