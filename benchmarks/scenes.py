"""Who is in a picture of several? Made scenes of test pictures; docs/everyone.md has the figures.

A scene is two to four pictures of different characters side by side, in a square, or of different
heights, and nothing of them is cut off. Each character is as likely. What is measured is the set of
names that a scene's faces are given against the set of those who are in it.
"""

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks import frames
from benchmarks.data import data_option, folder
from benchmarks.report import table, write_section
from simpsons import Classifier, Detector
from simpsons.classifier import UNKNOWN, Prediction
from simpsons.detector import FACES, FoundFaces
from simpsons.pixels import images
from simpsons.progress import bar

DOCUMENT = "docs/everyone.md"
NETWORKS = ("cnn", "xception", "cnn-int8")
SCENES = 1000
SEED = 0
HEIGHT = 224
"""Pixels of a row of pictures, about what the pictures have."""


@dataclass(frozen=True)
class Source:
    """A picture to make scenes of, and who of the 18 is in it."""

    path: Path
    names: frozenset[str]


@dataclass
class Names:
    """Names given and names to be given, counted once a scene."""

    right: int = 0
    given: int = 0
    true: int = 0
    wrong: Counter[str] = field(default_factory=Counter)

    def add(self, given: set[str], true: frozenset[str]) -> None:
        """Count one scene."""
        self.right += len(given & true)
        self.given += len(given)
        self.true += len(true)
        self.wrong.update(given - true)

    @property
    def precision(self) -> float:
        """Of the names given."""
        return self.right / max(self.given, 1)

    @property
    def recall(self) -> float:
        """Of the names to be given."""
        return self.right / max(self.true, 1)

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall."""
        return 2 * self.right / max(self.given + self.true, 1)


def sources(root: Path, part: str) -> dict[str, list[Source]]:
    """The pictures of a part by who is in them, characters and paths in order."""
    others = frames.listed_in(frames.OTHERS_SHOWN)
    who = {
        path: frozenset({box.name})
        for path, box in frames.one_box(root, part).items()
        if path not in others
    }
    who |= {path: frames.named(found) for path, found in frames.complete(root, part).items()}
    by_name: dict[str, list[Source]] = {}
    for path, names in sorted(who.items()):
        for name in names:
            by_name.setdefault(name, []).append(Source(root / path, names))
    return dict(sorted(by_name.items()))


def scenes(
    by_name: dict[str, list[Source]], count: int, seed: int
) -> Iterator[tuple[Image.Image, frozenset[str]]]:
    """Made scenes, each with who is in it."""
    for number in range(count):
        rng = np.random.default_rng(np.random.SeedSequence((seed, number)))
        chosen = rng.choice(len(by_name), int(rng.integers(2, 5)), replace=False)
        lists = list(by_name.values())
        cast = [lists[index][rng.integers(len(lists[index]))] for index in chosen]
        pictures = [Image.fromarray(images.decode(source.path)) for source in cast]
        yield arranged(pictures, rng), frozenset().union(*(source.names for source in cast))


def arranged(pictures: Sequence[Image.Image], rng: np.random.Generator) -> Image.Image:
    """The pictures side by side, in rows of two, or beside one another at different heights."""
    match rng.integers(3):
        case 0:
            return row(pictures)
        case 1:
            rows = [row(pictures[start : start + 2]) for start in range(0, len(pictures), 2)]
            return column(rows)
        case _:
            heights = HEIGHT * rng.uniform(0.55, 1, len(pictures))
            return standing(pictures, heights, tuple(rng.integers(256, size=3).tolist()))


def row(pictures: Sequence[Image.Image]) -> Image.Image:
    """Side by side, all `HEIGHT` pixels high."""
    return standing(pictures, np.full(len(pictures), float(HEIGHT)), (0, 0, 0))


def standing(
    pictures: Sequence[Image.Image], heights: np.ndarray, ground: tuple[int, ...]
) -> Image.Image:
    """Side by side on one line, each as high as is said, on a ground of one colour."""
    scaled = [
        picture.resize((max(1, round(picture.width * height / picture.height)), round(height)))
        for picture, height in zip(pictures, heights, strict=True)
    ]
    size = sum(picture.width for picture in scaled), max(picture.height for picture in scaled)
    canvas = Image.new("RGB", size, ground)
    left = 0
    for picture in scaled:
        canvas.paste(picture, (left, canvas.height - picture.height))
        left += picture.width
    return canvas


def column(rows: Sequence[Image.Image]) -> Image.Image:
    """One below another, all of the same width: the geometric mean, so that none gets tiny."""
    width = round(float(np.exp(np.mean(np.log([picture.width for picture in rows])))))
    scaled = [
        picture.resize((width, max(1, round(picture.height * width / picture.width))))
        for picture in rows
    ]
    canvas = Image.new("RGB", (width, sum(picture.height for picture in scaled)))
    top = 0
    for picture in scaled:
        canvas.paste(picture, (0, top))
        top += picture.height
    return canvas


def names_in_scenes(
    detector: Detector, networks: dict[str, Classifier], by_name: dict[str, list[Source]]
) -> dict[str, Names]:
    """By network: the names given in `SCENES` made scenes."""
    counts = {name: Names() for name in networks}
    for scene, true in bar(scenes(by_name, SCENES, SEED), SCENES, "made scenes"):
        found = detector.find(scene)
        for name, network in networks.items():
            predictions = network.predict_faces(found.crops)
            counts[name].add({one.verdict for one in predictions} - {UNKNOWN}, true)
    return counts


def named_in_box(
    detector: Detector, networks: dict[str, Classifier], root: Path, part: str
) -> dict[str, tuple[int, int]]:
    """By network: in how many of the pictures with a right box a face in it has its name."""
    listed = frames.one_box(root, part)
    hits = dict.fromkeys(networks, 0)
    for path, box in bar(listed.items(), len(listed), "pictures of one box"):
        found = detector.find(root / path)
        for name, network in networks.items():
            predictions = network.predict_faces(found.crops)
            hits[name] += any(
                one.verdict == box.name for one in _centred_in(found, predictions, box.corners)
            )
    return {name: (hit, len(listed)) for name, hit in hits.items()}


def _centred_in(
    found: FoundFaces, predictions: Sequence[Prediction], corners: tuple[float, float, float, float]
) -> Iterator[Prediction]:
    x1, y1, x2, y2 = corners
    for (left, top, right, bottom), prediction in zip(
        found.boxes.tolist(), predictions, strict=True
    ):
        if x1 <= (left + right) / 2 <= x2 and y1 <= (top + bottom) / 2 <= y2:
            yield prediction


def strangers(
    networks: dict[str, Classifier], root: Path, part: str
) -> dict[str, tuple[float, float]]:
    """By network: shares of strangers' and of known faces that are given a name, by true boxes."""
    crops: dict[bool, list[images.Pixels]] = {True: [], False: []}
    for path, found in frames.complete(root, part).items():
        pixels = images.decode(root / path)
        for box in found:
            crops[box.name == UNKNOWN].append(images.crop_around(pixels, box.corners))
    return {
        name: (_named(network, crops[True]), _named(network, crops[False]))
        for name, network in networks.items()
    }


def _named(network: Classifier, crops: Sequence[images.Pixels]) -> float:
    predictions = network.predict_faces(np.stack(crops))
    return float(np.mean([one.verdict != UNKNOWN for one in predictions]))


def main() -> None:
    """Print the figures; those of the test part are written to the document."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    data_option(parser)
    parser.add_argument("--part", choices=("validation", "test"), default="test")
    parser.add_argument("--faces", default=FACES, metavar="NETWORK")
    parser.add_argument("--names", nargs="+", default=NETWORKS, metavar="NETWORK")
    arguments = parser.parse_args()
    root = frames.folder(folder(arguments))
    networks = {name: Classifier(name) for name in arguments.names}
    detector = Detector(arguments.faces, next(iter(networks.values())))
    by_name = sources(root, arguments.part)
    in_scenes = names_in_scenes(detector, networks, by_name)
    in_box = named_in_box(detector, networks, root, arguments.part)
    named = strangers(networks, root, arguments.part)
    rows = [
        [
            f"`{name}`",
            *(f"{value:.3f}" for value in (counts.precision, counts.recall, counts.f1)),
            f"{in_box[name][0] / in_box[name][1]:.1%}",
            *(f"{share:.1%}" for share in named[name]),
        ]
        for name, counts in in_scenes.items()
    ]
    headers = (
        "names by", "precision", "recall", "F1", "found in one box", "strangers named",
        "known faces named",
    )  # fmt: skip
    text = (
        f"{SCENES:,} made scenes of two to four {arguments.part} pictures, "
        f"{next(iter(in_box.values()))[1]} pictures with one right box, and the faces of the "
        f"pictures with every face boxed.\n\n{table(headers, rows)}"
    )
    print(text)
    for name, counts in in_scenes.items():
        print(f"{name}: wrong names", dict(counts.wrong.most_common(6)))
    if arguments.part == "test":
        write_section(DOCUMENT, "scenes", text)


if __name__ == "__main__":
    main()
