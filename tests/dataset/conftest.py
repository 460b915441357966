"""Small pictures that cost next to nothing to write."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image


def _paint(path: Path, seed: int, size: tuple[int, int] = (48, 36), **options: object) -> Path:
    patches = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(patches).resize(size, Image.Resampling.BICUBIC).save(path, **options)
    return path


@pytest.fixture(scope="session")
def paint():
    """Write a picture of random patches; two seeds give two pictures that are not alike."""
    return _paint
