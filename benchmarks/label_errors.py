"""How many planted label errors does the audit find? Writes docs/honest-evaluation.md.

Of other characters than the 18 it writes docs/your-own-cartoon.md.

5 % of each class get another label, drawn evenly from the other 17. The audit ranks all labels;
as many suggestions are taken as errors were planted. The data's own label errors count as false.
"""

import argparse
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.data import data_option, folder
from benchmarks.report import machine, table, write_section
from simpsons.auditing import labels as label_errors
from simpsons.auditing.cross_validation import FOLDS, out_of_fold, recipe_for
from simpsons.characters import SLUGS, display_name
from simpsons.dataset import cache
from simpsons.dataset import split as splits
from simpsons.dataset.cache import Dataset
from simpsons.progress import bar
from simpsons.training.display import Display
from simpsons.training.observer import Observer
from simpsons.training.recipe import Recipe

SHARE = 0.05
DOCUMENT, OF_OTHERS = "docs/honest-evaluation.md", "docs/your-own-cartoon.md"


def plant(dataset: Dataset, seed: int = 0) -> tuple[Dataset, NDArray[np.int64]]:
    """The data set with wrong labels in it, and the rows that have them."""
    rng = np.random.default_rng(seed)
    labels, classes = dataset.labels.copy(), len(dataset.classes)
    planted = []
    for number in range(classes):
        rows = np.flatnonzero(dataset.labels == number)
        chosen = rng.choice(rows, round(SHARE * len(rows)), replace=False)
        labels[chosen] = (number + rng.integers(1, classes, len(chosen))) % classes
        planted.append(chosen)
    return replace(dataset, labels=labels), np.concatenate(planted)


def watch(name: str, recipe: Recipe) -> Observer:
    """Say what is trained."""
    print(f"training for {name}, {recipe.epochs} epochs", flush=True)
    return Display(recipe.epochs)


def main() -> None:
    """Plant, find, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    data_option(parser)
    data = folder(parser.parse_args())
    dataset = cache.load(data, track=bar)
    spoilt, planted = plant(dataset)
    group = splits.groups(dataset, bar)
    probabilities = out_of_fold(spoilt, group, watch=watch)
    first = label_errors.ranked(spoilt.labels, probabilities)[: len(planted)]
    found = np.isin(planted, first)
    corrected = probabilities[planted].argmax(axis=1) == dataset.labels[planted]
    counted = len(label_errors.find(spoilt.labels, probabilities))
    rows = [
        [
            display_name(name),
            str(int(of_class.sum())),
            str(int(found[of_class].sum())),
            f"{found[of_class].mean():.1%}",
        ]
        for number, name in enumerate(dataset.classes)
        if (of_class := dataset.labels[planted] == number).any()
    ]
    rows.append(["**all**", str(len(planted)), str(int(found.sum())), f"**{found.mean():.1%}**"])
    others = not set(dataset.classes) & set(SLUGS)
    given = f" --data {data.resolve().name}" if others else ""
    recipe = recipe_for(len(dataset))
    text = (
        f"{len(planted)} of {len(dataset):,} labels were changed at random ({SHARE:.0%} of each "
        f"class, seed 0). Among the {len(planted)} most doubtful labels "
        f"**{found.mean():.1%}** of them are found; for {corrected.mean():.1%} the likely "
        f"character is the true one. Confident learning itself counts {counted} label errors.\n\n"
        + table(["character", "planted", "found", "share"], rows)
        + f"\n\n`python -m benchmarks.label_errors{given}`, `xception`, {FOLDS} folds of "
        f"{recipe.epochs} epochs, seed 0; {machine()}."
    )
    print(text)
    write_section(OF_OTHERS if others else DOCUMENT, "label errors", text)


if __name__ == "__main__":
    main()
