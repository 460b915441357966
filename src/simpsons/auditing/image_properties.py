"""Odd pictures: small, stretched, dark, bright, flat or blurred, from the decoded cache.

Each is judged by one number and one limit. The limits are for pictures of a cartoon, with its flat
colours and sharp outlines: few of the data set's 17,077 pictures cross one, and of those shrunk to
24 pixels and enlarged again 95 % count as blurred.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simpsons.dataset.cache import Dataset
from simpsons.pixels.images import Pixels
from simpsons.progress import Track, silent

_BLOCK = 2048
_RED, _GREEN, _BLUE = 0.299, 0.587, 0.114  # luma of ITU-R BT.601


@dataclass(frozen=True)
class Kind:
    """A kind of oddity: a picture has it where its `measure` is below (or above) `limit`."""

    name: str
    measure: str
    limit: float
    below: bool
    says: str


KINDS = (
    Kind("small", "short side", 32, True, "short side in pixels"),
    Kind("stretched", "aspect", 2.0, False, "long side over short side: resizing distorts it"),
    Kind("dark", "bright parts", 0.33, True, "95th percentile of brightness, 0 to 1"),
    Kind("bright", "dark parts", 0.67, False, "5th percentile of brightness, 0 to 1"),
    Kind("uniform", "contrast", 0.065, True, "standard deviation of brightness, 0 to 1"),
    Kind("blurred", "sharpness", 0.8, True, "95th percentile of edges over the contrast"),
)


@dataclass(frozen=True)
class Odd:
    """A picture and what is odd about it.

    row: its index in the data set. kind: the name of one of `KINDS`. value: its measure.
    """

    row: int
    kind: str
    value: float


def find(dataset: Dataset, track: Track = silent) -> list[Odd]:
    """The odd pictures by kind, the oddest first. A picture may be odd in several ways."""
    measures = measure(dataset, track)
    found = []
    for kind in KINDS:
        values = measures[kind.measure]
        order = np.argsort(values if kind.below else -values, kind="stable")
        crossed = values < kind.limit if kind.below else values > kind.limit
        found += [Odd(int(row), kind.name, float(values[row])) for row in order if crossed[row]]
    return found


def measure(dataset: Dataset, track: Track = silent) -> dict[str, NDArray[np.float32]]:
    """What `KINDS` judge by, float32 `[N]` by name: sizes of the files, the rest of the pixels."""
    short, long = dataset.sizes.min(axis=1), dataset.sizes.max(axis=1)
    starts = range(0, len(dataset), _BLOCK)
    blocks = [
        _of_pixels(np.asarray(dataset.images[start : start + _BLOCK]))
        for start in track(starts, len(starts), "looking for odd pictures")
    ]
    names = ("bright parts", "dark parts", "contrast", "sharpness")
    return {
        "short side": short.astype(np.float32),
        "aspect": (long / short).astype(np.float32),
        **dict(zip(names, np.concatenate(blocks, axis=1), strict=True)),
    }


def _of_pixels(pixels: Pixels) -> NDArray[np.float32]:
    """float32 `[4, N]`: bright parts, dark parts, contrast, sharpness."""
    luma = pixels.astype(np.float32) @ np.array([_RED, _GREEN, _BLUE], np.float32) / 255
    flat = luma.reshape(len(luma), -1)
    dark, bright = np.percentile(flat, (5, 95), axis=1)
    contrast = flat.std(axis=1)
    laplacian = 4 * luma[:, 1:-1, 1:-1]
    laplacian -= luma[:, :-2, 1:-1] + luma[:, 2:, 1:-1] + luma[:, 1:-1, :-2] + luma[:, 1:-1, 2:]
    edges = np.percentile(np.abs(laplacian).reshape(len(luma), -1), 95, axis=1)
    sharpness = edges / np.maximum(contrast, 1e-3)
    return np.stack([bright, dark, contrast, sharpness]).astype(np.float32)
