"""What `simpsons train --keep` learns from 20 pictures of a character, and what the 18 lose by it.

Minor characters of the series are added to each shipped network, one at a time and all at once. The
networks were shown pictures of them before as strangers, whom they are not to name, so new names
are harder to teach here than those of characters that nobody has told them of. Writes
docs/your-own-cartoon.md.
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from shutil import copyfile
from statistics import mean
from typing import NamedTuple

import numpy as np

import simpsons
from benchmarks.data import data_option, folder
from benchmarks.report import machine, table, write_section
from benchmarks.strangers import minor_files
from simpsons import Classifier
from simpsons.classifier import UNKNOWN
from simpsons.dataset import cache
from simpsons.dataset import split as splits
from simpsons.dataset.cache import Dataset
from simpsons.dataset.split import Split
from simpsons.pixels.images import Pixels
from simpsons.progress import bar
from simpsons.runs.keeping import Kept
from simpsons.training.memory import REMEMBERED

DOCUMENT = "docs/your-own-cartoon.md"
PICTURES = 20
LEAST = 36
"""Pictures that a character has who is added."""

ENOUGH = 50
"""Pictures of strangers, of fewer of which no share is told."""


class Found(NamedTuple):
    """Shares of pictures: of the 18 that are right before and after, of the new characters that
    get their name, of strangers that the verdict gives a name, before and after."""

    before: float
    after: float
    named: float
    strangers_before: float
    strangers: float


def write_folder(root: Path, dataset: Dataset, split: Split, names: Sequence[str]) -> None:
    """Put pictures of some characters into `train/` and `val/`."""
    rng = np.random.default_rng(0)
    for name in names:
        rows = np.flatnonzero(dataset.labels == dataset.classes.index(name))
        train = rng.permutation(rows[split.part[rows] == "train"])[:PICTURES]
        for part, chosen in (("train", train), ("val", rows[split.part[rows] != "train"])):
            own = root / part / name
            own.mkdir(parents=True)
            for row in chosen:
                copyfile(dataset.root / dataset.paths[row], own / Path(dataset.paths[row]).name)


def named(classifier: Classifier, pixels: Pixels) -> list[str]:
    """The likeliest name for each picture."""
    return [one.label for one in classifier.predict_pixels(pixels, top=1)]


def verdicts(classifier: Classifier, pixels: Pixels) -> float:
    """The share of pictures that get a name, and not the verdict `unknown`."""
    given = classifier.predict_pixels(pixels, top=1)
    return mean(one.verdict != UNKNOWN for one in given)


def learn(
    network: str, minor: Dataset, split: Split, names: Sequence[str], known: Dataset, part: str
) -> Found:
    """Add some characters to a network, and measure it."""
    rows = splits.shipped_rows(known, part)
    pixels = known.images[rows]
    truth = [known.classes[label] for label in known.labels[rows]]
    held_out = {path.relative_to(minor.root).as_posix() for path in minor_files(minor.root)[1]}
    own = [minor.classes.index(name) for name in names]
    strange = [
        row
        for row, path in enumerate(minor.paths)
        if path in held_out and minor.labels[row] not in own
    ]
    with tempfile.TemporaryDirectory() as place:
        write_folder(Path(place, "pictures"), minor, split, names)
        run = simpsons.train(
            Path(place, "pictures"), initial=network, keep=True, out=Path(place, "run")
        )
        assert isinstance(run, Kept)
        before, after = Classifier(network), Classifier(run.model)
    strangers = (np.nan, np.nan)
    if len(strange) >= ENOUGH:
        strangers = (
            verdicts(before, minor.images[strange]),
            verdicts(after, minor.images[strange]),
        )
    return Found(
        mean(a == b for a, b in zip(named(before, pixels), truth, strict=True)),
        mean(a == b for a, b in zip(named(after, pixels), truth, strict=True)),
        run.measured.evaluation.accuracy,
        *strangers,
    )


def cell(share: float) -> str:
    """A share as a cell of the table."""
    return "" if np.isnan(share) else f"{share:.1%}"


def main() -> None:
    """Learn, measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    data_option(parser)
    parser.add_argument("--networks", nargs="+", choices=REMEMBERED, default=REMEMBERED)
    parser.add_argument("--part", choices=("validation", "test"), default="test", help="of the 18")
    parser.add_argument("--write", action="store_true", help=f"write {DOCUMENT}")
    arguments = parser.parse_args()
    data = folder(arguments)
    known, minor = cache.load(data, track=bar), cache.load(data.parent / "other_characters")
    split = splits.make(minor, "leak-free")
    counts = np.bincount(minor.labels)
    names = [name for name, count in zip(minor.classes, counts, strict=True) if count >= LEAST]
    rows = []
    for network in arguments.networks:
        alone = [learn(network, minor, split, [name], known, arguments.part) for name in names]
        together = learn(network, minor, split, names, known, arguments.part)
        for name, one in [*zip(names, alone, strict=True), ("all", together)]:
            print(network, name, *map(cell, one), flush=True)
        means = Found(*(float(np.mean(column)) for column in zip(*alone, strict=True)))
        worst = min(alone, key=lambda one: one.after)
        for what, one in (
            (f"one, the mean of {len(names)}", means),
            ("the one of them for whom the 18 lose most", worst),
            (f"all {len(names)}", together),
        ):
            rows.append([f"`{network}`", what, *map(cell, one)])
    heads = ["network", "new characters", "the 18 before", "after", "new ones named"]
    heads += ["strangers named before", "after"]
    command = f"python -m benchmarks.keep{'' if arguments.part == 'test' else ' --part validation'}"
    text = (
        f"{table(heads, rows)}\n\n`{command}`, {PICTURES} pictures of each, seed 0; the 18: "
        f"{arguments.part} part of the shipped split; {machine()}."
    )
    print(text)
    if arguments.write:
        write_section(DOCUMENT, "keep", text)


if __name__ == "__main__":
    main()
