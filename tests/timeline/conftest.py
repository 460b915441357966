"""Films of coloured squares, which a detector that needs no network finds and names."""

from dataclasses import dataclass, field
from itertools import cycle
from types import SimpleNamespace

import av
import numpy as np
import pytest

from simpsons import Classifier, Detection, Detector, Face, Prediction, timeline

LABELS = ("homer_simpson", "marge_simpson", "lisa_simpson")
HEIGHT, WIDTH, RATE, SIDE = 96, 160, 25, 24
COLOURS = {
    "homer_simpson": (255, 0, 0),
    "marge_simpson": (0, 0, 255),
    "lisa_simpson": (0, 255, 0),
    "stranger": (255, 0, 255),
}
"""What a square's colour says of it; `stranger` is nobody."""

BACKGROUNDS = {"light": (170, 170, 170), "dark": (90, 90, 90), "homers_back": (150, 30, 30)}
"""What a frame is filled with. `Squares` takes the last for Homer Simpson as a whole."""


def picture(background="light", **squares):
    """A frame; squares: where the middle of each is, x and y in pixels."""
    pixels = np.full((HEIGHT, WIDTH, 3), BACKGROUNDS[background], np.uint8)
    for name, (x, y) in squares.items():
        half = SIDE // 2
        pixels[y - half : y + half, x - half : x + half] = COLOURS[name]
    return pixels


def write_film(path, frames):
    """H.264 with 25 frames a second."""
    with av.open(path, "w") as container:
        options = {"preset": "ultrafast", "crf": "12"}
        stream = container.add_stream("libx264", rate=RATE, options=options)
        stream.height, stream.width = HEIGHT, WIDTH
        for pixels in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels)))
        container.mux(stream.encode())
    return path


def found_squares(pixels):
    """The names of the squares in a picture with their boxes, x1, y1, x2, y2."""
    found = []
    for name, colour in COLOURS.items():
        near = (np.abs(pixels.astype(int) - colour) < 60).all(axis=2)
        rows, columns = np.flatnonzero(near.sum(1) > 6), np.flatnonzero(near.sum(0) > 6)
        if len(rows) and len(columns):
            found.append((name, (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)))
    return found


def prediction(name, probability=0.9):
    """Surely this one, or surely a stranger."""
    rest = (1 - probability) / (len(LABELS) - 1)
    label = name if name in LABELS else LABELS[0]
    top = [(label, probability), *((other, rest) for other in LABELS if other != label)]
    return Prediction(None, tuple(top), float(name in LABELS), 0.5)


@dataclass
class Squares:
    """Finds coloured squares. probability: of each name, 0 to 1. scores: of each picture's faces in
    turn, over and over."""

    probability: float = 0.9
    scores: tuple[float, ...] = (0.9,)
    minimum: float = field(default=0.2, init=False)
    sides: tuple[int, ...] = field(default=(160,), init=False)

    def __post_init__(self):
        self.names = SimpleNamespace(
            labels=LABELS, resize="antialias", predict_pixels=self._predict_pixels
        )

    def once(self):
        return self

    def detect_all(self, sources, top=5):
        assert top == len(LABELS)
        for pixels, score in zip(sources, cycle(self.scores), strict=False):
            faces = [
                Face(box, score, prediction(name, self.probability))
                for name, box in found_squares(pixels)
            ]
            yield Detection(None, tuple(faces))

    def _predict_pixels(self, pixels, top=5, **_):
        assert pixels.shape[1:] == (64, 64, 3)
        means = pixels.reshape(len(pixels), -1, 3).mean(1)
        backs = (np.abs(means - BACKGROUNDS["homers_back"]) < 20).all(axis=1)
        return [
            prediction("homer_simpson" if back else "stranger", self.probability) for back in backs
        ]


@pytest.fixture(scope="session")
def seconds():
    """Make the frames of so many seconds: `picture` with a number before its arguments."""
    return lambda length, *background, **places: (
        [picture(*background, **places)] * round(length * RATE)
    )


@pytest.fixture(scope="session")
def squares():
    """Make a `Squares`."""
    return Squares


@pytest.fixture
def read(tmp_path):
    """Read a film of these frames with `Squares`, or with another detector."""

    def read(frames, detector=None, **settings):
        path = write_film(tmp_path / "squares.mp4", frames)
        return timeline.read(path, detector or Squares(), **settings)

    return read


@pytest.fixture(scope="session")
def doll_detector(doll_faces, doll_model):
    """Takes each frame of `film` for one face and names it."""
    return Detector(doll_faces, Classifier(doll_model, threads=1), threads=1)
