"""Time to accuracy: from a cold start to the target on leak-free validation pictures.

Writes docs/leaderboard.md. Each run is a process of its own, started with the decoded cache and the
split present, and ends with the first epoch whose averaged weights reach the target. A run that
does not reach it counts as failed. Nothing else should run on the machine. On a GPU the table also
says how much longer the first epoch took than the others, its steps and its validation: kernels
are compiled and recorded in it.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from benchmarks.data import data_option, folder
from benchmarks.report import table, write_section
from benchmarks.spread import Spread, digits
from simpsons.dataset import cache
from simpsons.dataset import split as splits
from simpsons.models import NETWORKS
from simpsons.progress import bar
from simpsons.training import loop
from simpsons.training.device import choose_device, describe
from simpsons.training.observer import Epoch
from simpsons.training.recipe import DEFAULT, Network, Recipe

DOCUMENT = "docs/leaderboard.md"

TARGET: dict[Network, float] = {"cnn": 0.943, "xception": 0.938}
"""Validation accuracy of the notebook's recipe after 100 epochs, as the notebook reports it: on a
random split, whose validation pictures leak. On ours that recipe ends with less."""

RECIPE: dict[Network, Recipe] = {
    "cnn": replace(DEFAULT["cnn"], name="speedrun"),
    "xception": replace(
        DEFAULT["xception"],
        name="speedrun",
        epochs=27,
        sizes=((0.0, 32), (0.4, 48), (0.75, 64)),
    ),
}

_EPOCHS_ON_GPU = 22

Row = dict[str, str]


def recipe(network: Network, device: torch.device, pictures: int) -> Recipe:
    """What a network is trained by.

    On a GPU batches are larger, so steps are fewer in an epoch; and pictures have the full size,
    as small ones are no faster there and need kernels of their own.
    """
    if device.type != "cuda":
        return RECIPE[network]
    large = DEFAULT[network].on_gpu(pictures)
    return replace(large, name="speedrun", epochs=_EPOCHS_ON_GPU)


class _TargetReached(Exception):  # noqa: N818
    """The target is reached."""


class _Watch:
    """Ends the training at the target, and says each epoch's accuracy on standard error."""

    def __init__(self, target: float) -> None:
        self._target = target
        self._stepped = 0.0
        self._seconds: list[float] = []

    def on_step(self, *_: float) -> None:
        """Note when the epoch's last step was done."""
        self._stepped = time.perf_counter()

    def on_epoch(self, history: Sequence[Epoch], best: bool) -> None:  # noqa: ARG002
        """Look at the last epoch."""
        last = history[-1]
        self._seconds.append(last.seconds + time.perf_counter() - self._stepped)
        print(f"epoch {last.epoch}: {last.validation_accuracy:.2%}", file=sys.stderr, flush=True)
        if last.validation_accuracy >= self._target:
            first, *others = self._seconds
            kernels = first - statistics.median(others or [first])
            print(f"{last.epoch} {last.validation_accuracy} {kernels}", flush=True)
            raise _TargetReached


def train_once(network: Network, data: Path, split: Path, seed: int, device: str) -> None:
    """Train until the target and print its epoch, accuracy, and the seconds for kernels.

    Nothing if the target is missed.
    """
    dataset = cache.load(data)
    parts = splits.read(split, dataset)
    watch = _Watch(TARGET[network])
    with tempfile.TemporaryDirectory() as run:
        try:
            loop.train(
                dataset,
                parts,
                network,
                recipe(network, choose_device(device), len(dataset)),
                Path(run),
                seed=seed,
                device=device,
                observer=watch,
            )
        except _TargetReached:
            sys.exit(0)
    sys.exit("the target was not reached")


def timed(network: Network, data: Path, split: Path, seed: int, device: str) -> list[float] | None:
    """Seconds from the start of a new process to the target, and what it printed; or None."""
    options = [network, "--data", str(data), "--device", device]
    once = ["--split", str(split), "--seed", str(seed)]
    command = [sys.executable, "-m", "benchmarks.speedrun", *options, *once]
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        seconds = time.perf_counter() - start
    return [seconds, *map(float, said.split())] if said else None


def row(network: Network, epochs: int, on_gpu: bool, results: Sequence[list[float] | None]) -> Row:
    """A row of the table, by column."""
    reached = [result for result in results if result]
    cells = {
        "network": f"`{network}`",
        "target": f"{TARGET[network]:.1%}",
        "reached": f"{len(reached)} of {len(results)}",
    }
    if not reached:
        return cells
    seconds, needed, accuracy, kernels = zip(*reached, strict=True)
    spread = Spread.of(accuracy)
    if on_gpu:
        cells["seconds"] = Spread.of(seconds).text()
        cells["of them for kernels"] = Spread.of(kernels).text()
    else:
        cells["minutes"] = Spread.of([value / 60 for value in seconds]).text()
    return cells | {
        "epochs": f"{digits(Spread.of(needed).median)} of {epochs}",
        "validation accuracy": f"{spread.median:.2%} ({spread.low:.2%} to {spread.high:.2%})",
    }


def main() -> None:
    """Run, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("networks", nargs="*", default=NETWORKS, metavar="NETWORK")
    data_option(parser)
    parser.add_argument("--runs", type=int, default=3, help="seeds 0 to RUNS - 1; 3")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--split", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    data = folder(arguments)
    if arguments.split:
        train_once(arguments.networks[0], data, arguments.split, arguments.seed, arguments.device)
    dataset = cache.load(data, track=bar)
    where = choose_device(arguments.device)
    device = describe(where)
    with tempfile.TemporaryDirectory() as temporary:
        split = Path(temporary) / "split.csv"
        splits.write(split, dataset, splits.make(dataset, "shipped"))
        for network in arguments.networks:
            results = [
                timed(network, data, split, seed, arguments.device)
                for seed in range(arguments.runs)
            ]
            epochs = recipe(network, where, len(dataset)).epochs
            cells = row(network, epochs, where.type == "cuda", results)
            text = (
                f"{table(list(cells), [list(cells.values())])}\n\n`python -m benchmarks.speedrun "
                f"{network} --runs {arguments.runs}`, seeds from 0 on, median (lowest to "
                f"highest), split `shipped`; {device}."
            )
            print(text, flush=True)
            write_section(DOCUMENT, f"speedrun {network} {device.device}", text)


if __name__ == "__main__":
    main()
