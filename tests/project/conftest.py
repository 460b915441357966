"""Films of drawn rooms with magenta faces, which a detector that needs no network finds."""

import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from scipy import ndimage

from simpsons import Prediction
from simpsons.detector import FoundFaces
from simpsons.pixels import images
from simpsons.project import collecting
from simpsons.project.embedding import Embedder

WIDTH, HEIGHT, RATE = 160, 96, 25
SIDE = 24
MAGENTA = (255, 0, 255)


def room(seed, *faces, side=SIDE):
    """A frame, uint8 `[HEIGHT, WIDTH, 3]`; faces: the middle of each, x and y in pixels.

    seed: rooms of different seeds are different shots. A room has large and small patches.
    """
    rng = np.random.default_rng(seed)
    large = rng.integers((0, 140, 0), (100, 255, 255), (3, 5, 3)).repeat(32, 0).repeat(32, 1)
    small = rng.integers(-20, 20, (HEIGHT // 4, WIDTH // 4, 1)).repeat(4, 0).repeat(4, 1)
    pixels = np.clip(large + small, 0, 255).astype(np.uint8)
    for x, y in faces:
        half = side // 2
        pixels[y - half : y + half, x - half : x + half] = MAGENTA
    return pixels


def held(*pictures, frames=8):
    """Each picture for so many frames."""
    return [pixels for pixels in pictures for _ in range(frames)]


def write_film(path, frames, *, stamps=None, rotation=0, **options):
    """H.264 with 25 frames a second. stamps: of the frames, in 1/25 s. options: of the format."""
    with av.open(path, "w", options=options) as container:
        coding = {"preset": "ultrafast", "crf": "8", "g": "10"}
        stream = container.add_stream("libx264", rate=RATE, options=coding)
        stream.height, stream.width = frames[0].shape[:2]
        if rotation:
            stream.set_display_rotation(rotation)
        for number, pixels in enumerate(frames):
            picture = av.VideoFrame.from_ndarray(pixels)
            picture.pts = stamps[number] if stamps else number
            picture.time_base = Fraction(1, RATE)
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    return path


class Magenta:
    """Finds what is magenta, and says that it is nobody, least unlike Homer Simpson."""

    path = Path(__file__)

    def __init__(self):
        self.names = self

    def find(self, pixels, *, on_one_core=False):
        mask = (np.abs(pixels.astype(int) - MAGENTA) < 70).all(axis=2)
        found = [
            (across.start, down.start, across.stop, down.stop)
            for down, across in ndimage.find_objects(ndimage.label(mask)[0])
            if min(down.stop - down.start, across.stop - across.start) > SIDE // 2
        ]
        height, width = pixels.shape[:2]
        return FoundFaces(
            width,
            height,
            np.array(found, np.float32).reshape(-1, 4),
            np.full(len(found), 0.75, np.float32),
            np.array([images.crop_around(pixels, box) for box in found], np.uint8).reshape(
                -1, 64, 64, 3
            ),
        )

    def predict_faces(self, crops, top, *, on_one_core=False):
        return [Prediction(None, (("homer_simpson", 0.5),), -1.0, 0.0) for _ in crops]

    def counts(self, face):
        return face.score > 0.5


@pytest.fixture(scope="session")
def embedder():
    """The shipped one."""
    return Embedder(threads=1)


@pytest.fixture
def collect(monkeypatch, embedder, tmp_path):
    """Collect with `Magenta` into `project`, or into another folder."""
    monkeypatch.setattr(collecting, "Embedder", lambda: embedder)
    monkeypatch.setattr(os, "fsync", lambda file: None)  # there is no power failure here

    def collect(*films, out=None, **settings):
        out = out or tmp_path / "project"
        return collecting.collect(list(films), out, detector=Magenta(), **settings)

    return collect
