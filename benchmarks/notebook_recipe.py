"""The notebook's recipe on our leak-free split, for 100 epochs.

Its first weights, batch norms, precision, batches and resize are Keras's; see
`simpsons.training.recipe.NOTEBOOK`. The state is kept after each epoch in `runs/notebook/NETWORK`:
stopped by Ctrl-C or killed, a training goes on when called again, as does one of fewer epochs.
Writes docs/leaderboard.md at the end.
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
from simpsons.training.observer import Epoch
from simpsons.training.recipe import NOTEBOOK

FOLDER = Path("runs", "notebook")
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
    parser.add_argument("--network", choices=NETWORKS, help="one of them; else both")
    data_option(parser)
    parser.add_argument("--epochs", type=int, default=NOTEBOOK.epochs)
    arguments = parser.parse_args()
    dataset = cache.load(folder(arguments), track=bar, resize=NOTEBOOK.resize)
    split = splits.make(dataset, "shipped")
    recipe = replace(NOTEBOOK, epochs=arguments.epochs)  # its learning rate is constant
    for network in [arguments.network] if arguments.network else NETWORKS:
        run = FOLDER / network
        run.mkdir(parents=True, exist_ok=True)
        try:
            with Display(recipe.epochs) as display:
                history = loop.train(dataset, split, network, recipe, run, observer=display)
        except KeyboardInterrupt:
            raise SystemExit(f"Stopped; call it again to go on. The state is in {run}") from None
        headers = ["network", *(f"by epoch {n}" for n in shown(history))]
        headers += [f"of all {len(history)}"]
        epochs = "" if recipe.epochs == NOTEBOOK.epochs else f" --epochs {recipe.epochs}"
        text = (
            f"{table(headers, [row(network, history)])}\n\n`python -m benchmarks.notebook_recipe "
            f"--network {network}{epochs}`, seed 0, split `shipped`: "
            f"{len(split.rows('validation')):,} validation pictures; "
            f"{describe(choose_device(), recipe.precision)}."
        )
        print(text, flush=True)
        write_section(DOCUMENT, f"notebook {network}", text)


if __name__ == "__main__":
    main()
