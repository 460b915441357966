"""The notebook's recipe on our leak-free split, as far as its epochs got.

Writes docs/leaderboard.md. The runs stay in `runs/notebook-NETWORK`, and a call that asks for more
epochs goes on with them.
"""

import argparse
from dataclasses import replace
from pathlib import Path

from benchmarks.data import data_option, folder
from benchmarks.report import table, write_section
from benchmarks.speedrun import DOCUMENT
from simpsons.dataset import cache
from simpsons.dataset import split as splits
from simpsons.models import NETWORKS
from simpsons.progress import bar
from simpsons.training import loop
from simpsons.training.device import choose_device, describe
from simpsons.training.display import Display
from simpsons.training.history import Epoch
from simpsons.training.recipe import NOTEBOOK

SHOWN = (1, 5, 10, 20, 30, 50, 75)


def row(network: str, history: list[Epoch]) -> list[str]:
    """Cells: best validation accuracy up to each of the epochs `shown`, then of all."""
    accuracies = [epoch.validation_accuracy for epoch in history]
    best = [f"{max(accuracies[:n]):.1%}" for n in shown(history)]
    return [f"`{network}`", *best, f"{max(accuracies):.2%}"]


def shown(history: list[Epoch]) -> list[int]:
    """Those of `SHOWN` before the last epoch that the training got to."""
    return [n for n in SHOWN if n < len(history)]


def main() -> None:
    """Train, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("networks", nargs="*", default=NETWORKS, metavar="NETWORK")
    data_option(parser)
    parser.add_argument("--epochs", type=int, default=NOTEBOOK.epochs)
    arguments = parser.parse_args()
    dataset = cache.load(folder(arguments), track=bar)
    split = splits.make(dataset, "shipped")
    recipe = replace(NOTEBOOK, epochs=arguments.epochs)  # its learning rate is constant
    for network in arguments.networks:
        run = Path("runs", f"notebook-{network}")
        run.mkdir(parents=True, exist_ok=True)
        with Display(recipe.epochs) as display:
            history = loop.train(dataset, split, network, recipe, run, observer=display)
        headers = ["network", *(f"by epoch {n}" for n in shown(history))]
        headers += [f"of all {len(history)}"]
        text = (
            f"{table(headers, [row(network, history)])}\n\n`python -m benchmarks.notebook_recipe "
            f"{network} --epochs {len(history)}`, seed 0, split `shipped`: "
            f"{len(split.rows('validation')):,} validation pictures; "
            f"{describe(choose_device())}."
        )
        print(text, flush=True)
        write_section(DOCUMENT, f"notebook {network}", text)


if __name__ == "__main__":
    main()
