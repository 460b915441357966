"""Accuracy of one network trained from several seeds, and the mean of them.

Writes docs/leaderboard.md when several of one network are given. MODEL is a run folder or an ONNX
file; without any, the shipped networks are measured.
"""

import argparse
from pathlib import Path

from benchmarks.data import data_option, folder
from benchmarks.report import table, write_section
from benchmarks.speedrun import DOCUMENT
from simpsons import Classifier
from simpsons.dataset import cache
from simpsons.dataset import split as splits
from simpsons.evaluation.measure import measure
from simpsons.models import NETWORKS
from simpsons.progress import bar

PARTS = ("validation", "test")


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", default=NETWORKS, metavar="MODEL")
    data_option(parser)
    arguments = parser.parse_args()
    dataset = cache.load(folder(arguments), track=bar)
    split = splits.make(dataset, "shipped")
    rows, figures = [], []
    classifiers = [Classifier(model) for model in arguments.models]
    for model, classifier in zip(arguments.models, classifiers, strict=True):
        validation, test = (
            measure(classifier, dataset, split.rows(part), bar).evaluation for part in PARTS
        )
        figures.append((validation.accuracy, test.accuracy, test.calibration_error))
        rows.append([f"`{Path(model).stem}`", *_cells(*figures[-1])])
    networks = {classifier.metadata["network"] for classifier in classifiers}
    are_seeds = len(figures) > 1 and len(networks) == 1
    if are_seeds:
        means = (sum(each) / len(each) for each in zip(*figures, strict=True))
        rows.append(["**mean**", *_cells(*means)])
    counts = " and ".join(f"{len(split.rows(part)):,} {part}" for part in PARTS)
    names = " ".join(Path(model).name for model in arguments.models)
    text = (
        f"{table(('network', *PARTS, 'calibration error, test'), rows)}\n\n"
        f"`python -m benchmarks.seeds {names}`: {counts} pictures of the split `shipped`, one pass."
    )
    print(text)
    if are_seeds:
        write_section(DOCUMENT, f"seeds {networks.pop()}", text)


def _cells(validation: float, test: float, calibration_error: float) -> list[str]:
    return [f"{validation:.2%}", f"{test:.2%}", f"{calibration_error:.4f}"]


if __name__ == "__main__":
    main()
