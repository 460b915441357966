"""Films of coloured squares, which a detector that needs no network finds and names."""

from dataclasses import dataclass, field
from fractions import Fraction
from itertools import cycle
from types import SimpleNamespace

import av
import numpy as np
import pytest

from simpsons import Classifier, Detection, Detector, Face, Prediction, films
from simpsons.films.film import Film

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


def prediction(name, probability=0.9, familiarity=2.0):
    """This one, or surely a stranger. familiarity: of one whom the network knows; 0 suffices for a
    name in a picture."""
    rest = (1 - probability) / (len(LABELS) - 1)
    label = name if name in LABELS else LABELS[0]
    top = [(label, probability), *((other, rest) for other in LABELS if other != label)]
    return Prediction(None, tuple(top), familiarity if name in LABELS else -1.0, 0.0)


@dataclass
class Squares:
    """Finds coloured squares. probability: of each name, 0 to 1. familiarity: of whom it knows,
    above the threshold. scores: of each picture's faces in turn, over and over. looked_at: the
    longer side of each picture that it has been given."""

    probability: float = 0.9
    familiarity: float = 2.0
    scores: tuple[float, ...] = (0.9,)
    minimum: float = field(default=0.2, init=False)
    sides: tuple[int, ...] = (160,)
    looked_at: list[int] = field(default_factory=list, init=False)

    def __post_init__(self):
        self.names = SimpleNamespace(
            labels=LABELS, resize="antialias", predict_pixels=self._predict_pixels
        )

    def once(self):
        return self

    def detect_all(self, sources, top=5):
        assert top == len(LABELS)
        for pixels, score in zip(sources, cycle(self.scores), strict=False):
            self.looked_at.append(max(pixels.shape))
            faces = [
                Face(box, score, prediction(name, self.probability, self.familiarity))
                for name, box in found_squares(pixels)
            ]
            yield Detection(None, tuple(faces))

    def _predict_pixels(self, pixels, top=5, **_):
        assert pixels.shape[1:] == (64, 64, 3)
        means = pixels.reshape(len(pixels), -1, 3).mean(1)
        backs = (np.abs(means - BACKGROUNDS["homers_back"]) < 20).all(axis=1)
        return [
            prediction("homer_simpson" if back else "stranger", self.probability, self.familiarity)
            for back in backs
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
        return films.read(path, detector or Squares(), **settings)

    return read


@pytest.fixture(scope="session")
def doll_detector(doll_faces, doll_model):
    """Takes each frame of `film` for one face and names it."""
    return Detector(doll_faces, Classifier(doll_model, threads=1), threads=1)


HUES = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255), "white": (255, 255, 255)}


def tone(start, stop, rate, layout="mono"):
    """Sound between two seconds, s16."""
    samples = np.sin(np.arange(round(start * rate), round(stop * rate)) / 5) * 8000
    channels = 1 if layout == "mono" else 2
    packed = np.repeat(samples.astype(np.int16), channels)[None]
    block = av.AudioFrame.from_ndarray(packed, format="s16", layout=layout)
    block.sample_rate, block.time_base = rate, Fraction(1, rate)
    return block


def write_hues(
    path,
    hues=("red", "blue"),
    codec="libx264",
    stamps=None,
    sound=None,
    late=0.0,
    size=(32, 16),
    muxer=None,
    options=None,
    coding=None,
    pix_fmt="yuv420p",
    rate=25,
    hold=0,
    noise=0,
):
    """A film of these colours, a second of each. stamps: timestamps of the frames, in 1/rate s.
    options: of the format. coding: of the codec.

    sound: its codec, as long as the pictures. late: seconds at which it starts. hold: seconds for
    which the first frame stays. noise: how much of it is added, which makes packets large.
    """
    random = np.random.default_rng(0)
    fast = {"libx264": {"preset": "ultrafast"}, "libvpx-vp9": {"deadline": "realtime"}}
    coding = coding or fast.get(codec, {})
    with av.open(path, "w", format=muxer, options=options or {}) as container:
        stream = container.add_stream(codec, rate=rate, options=coding)
        stream.width, stream.height = size
        stream.pix_fmt = pix_fmt
        if sound:
            beside = container.add_stream(sound, rate=44100, layout="mono")
            beside.bit_rate = 64000
        for number in range(len(hues) * rate):
            filled = np.full((*size[::-1], 3), HUES[hues[number // rate]], np.uint8)
            if noise:
                speckled = filled + random.integers(-noise, noise, filled.shape)
                filled = np.clip(speckled, 0, 255).astype(np.uint8)
            picture = av.VideoFrame.from_ndarray(filled)
            picture.pts = stamps[number] if stamps else number
            picture.time_base = Fraction(1, rate)
            if number == 0 or number >= hold * rate:
                container.mux(stream.encode(picture))
            if sound:
                block = tone(number / rate, (number + 1) / rate, 44100)
                block.pts = round((number / rate + late) * 44100)
                container.mux(beside.encode(block))
        container.mux(stream.encode())
        if sound:
            container.mux(beside.encode())
    return path


def hue_of(pixels):
    """The nearest of `HUES` to the middle of a picture."""
    middle = pixels[pixels.shape[0] // 2, pixels.shape[1] // 2].astype(int)
    return min(HUES, key=lambda name: np.abs(middle - HUES[name]).sum())


@pytest.fixture(scope="session")
def hues():
    """Make a film of plain colours: `write_hues`."""
    return write_hues


@pytest.fixture(scope="session")
def changes():
    """The seconds at which a film's colour changes, with the colour, and where it ends."""

    def changes(path):
        found = []
        with Film(path) as film:
            for frame in film.frames():
                hue = hue_of(frame.picture.to_ndarray(format="rgb24"))
                if not found or found[-1][1] != hue:
                    found.append((pytest.approx(frame.time, abs=0.03), hue))
            assert film.problem is None
            return [*found, (pytest.approx(film.end, abs=0.03), "end")]

    return changes


@pytest.fixture(scope="session")
def frames_as_ts():
    """Write frames as an MPEG transport stream whose timestamps start at that second."""

    def write(path, frames, start=0, stamps=None):
        with av.open(path, "w") as container:
            stream = container.add_stream("libx264", rate=RATE, options={"preset": "ultrafast"})
            stream.height, stream.width = HEIGHT, WIDTH
            for number, pixels in enumerate(frames):
                picture = av.VideoFrame.from_ndarray(pixels)
                picture.pts = start * RATE + (stamps[number] if stamps else number)
                picture.time_base = Fraction(1, RATE)
                container.mux(stream.encode(picture))
            container.mux(stream.encode())
        return path

    return write
