"""What plain bars and margins cost, and what leaving them out saves. Writes docs/pictures.md.

Each picture of the shipped split's test part as it is, and every fourth with each kind of bars of
`benchmarks.distortions` around it, saved again as JPEG, is named by both shipped networks: as
`images.fit` gives it, and with what is around it. Then how many pictures of the data set itself
have bars.
"""

import argparse
from collections.abc import Callable

import numpy as np
from PIL import Image

from benchmarks.data import data_option, folder
from benchmarks.distortions import BARS, Distortion, saved
from benchmarks.report import machine, table, write_section
from simpsons.classifier import Classifier
from simpsons.dataset import cache
from simpsons.dataset import split as splits
from simpsons.pixels import images
from simpsons.pixels.images import Pixels
from simpsons.progress import bar

DOCUMENT = "docs/pictures.md"
SEED = 0
EVERY = 4
"""Of so many pictures one is put in bars."""

NETWORKS = ("cnn", "xception")


def as_it_is(picture: Image.Image, _: np.random.Generator) -> Image.Image:
    """The picture as the data set has it."""
    return picture


def saved_again(picture: Image.Image, _: np.random.Generator) -> Image.Image:
    """The picture as a JPEG file of the quality of the others."""
    return saved(picture)


KINDS: dict[str, Distortion] = {"as it is": as_it_is, "saved again": saved_again, **BARS}


def with_bars(pixels: Pixels) -> Pixels:
    """Resized to 64x64 with all that is around it."""
    image = Image.fromarray(pixels)
    side = images.SIZE
    resized = image.resize((side, side), Image.Resampling.BICUBIC, reducing_gap=images.REDUCING_GAP)
    return np.asarray(resized)


def right(classifier: Classifier, pixels: Pixels, labels: list[str]) -> str:
    """Right verdicts, and right labels among the 18 where the verdict may be `unknown`."""
    answers = classifier.predict_pixels(pixels, 1)
    verdicts = np.mean(
        [answer.verdict == label for answer, label in zip(answers, labels, strict=True)]
    )
    best = np.mean([answer.label == label for answer, label in zip(answers, labels, strict=True)])
    return f"{verdicts:.2%} ({best:.2%})"


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    data_option(parser)
    dataset = cache.load(folder(parser.parse_args()), track=bar)
    test = splits.make(dataset, "shipped").rows("test").tolist()
    classifiers = [Classifier(network) for network in NETWORKS]
    lines = []
    ways: tuple[Callable[[Pixels], Pixels], ...] = (with_bars, images.fit)
    for kind, distort in bar(KINDS.items(), len(KINDS), "naming"):
        rows = test if distort is as_it_is else test[::EVERY]
        labels = [dataset.classes[label] for label in dataset.labels[rows]]
        made = [
            np.asarray(
                distort(
                    Image.fromarray(images.decode(dataset.root / dataset.paths[row])),
                    np.random.default_rng((SEED, row)),
                )
            )
            for row in rows
        ]
        found = np.mean([images.content(picture) != images.WHOLE for picture in made])
        fitted = [np.stack([way(picture) for picture in made]) for way in ways]
        shown = [right(classifier, each, labels) for classifier in classifiers for each in fitted]
        lines.append([kind, f"{len(rows):,}", f"{found:.1%}", *shown])
        print(lines[-1], flush=True)
    headers = ["picture", "n", "bars found"]
    headers += [f"`{network}`, {way}" for network in NETWORKS for way in ("with them", "without")]
    everything = (images.decode(dataset.root / path) for path in dataset.paths)
    whole = sum(images.content(picture) == images.WHOLE for picture in everything)
    text = (
        f"{table(headers, lines)}\n\nRight verdicts (and right characters, `unknown` left aside). "
        f"Of the {len(dataset):,} pictures of the data set {len(dataset) - whole:,} have bars.\n\n"
        f"`python -m benchmarks.margins`, test part of the shipped split, seed {SEED}; "
        f"{machine()}."
    )
    print(text)
    write_section(DOCUMENT, "margins", text)


if __name__ == "__main__":
    main()
