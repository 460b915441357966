"""A cartoon of one's own: how many pictures, and from new weights or from the shipped ones?

Writes docs/your-own-cartoon.md. FOLDER has a folder a character, none of them one of the 18;
without it the drawings of `simpsons demo` are taken. Each training is `simpsons train`'s, on so
many pictures of each character of the training part of `--split leak-free`; validation chooses the
epoch, and the table counts the test part of all seeds.
"""

import argparse
import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from statistics import mean

import numpy as np
import torch

from benchmarks.report import machine, table, write_section
from benchmarks.spread import digits
from simpsons import models
from simpsons.classifier import Classifier
from simpsons.dataset import cache
from simpsons.dataset import split as splits
from simpsons.dataset.cache import Dataset
from simpsons.dataset.split import Split
from simpsons.demo.drawings import write_drawings
from simpsons.demo.path import DRAWINGS
from simpsons.evaluation.metrics import wilson_interval
from simpsons.formats.onnx_import import read_onnx
from simpsons.models import NETWORKS, unfuse
from simpsons.models.inference import predict_logits
from simpsons.progress import bar
from simpsons.training import checkpoint, last_layer, loop
from simpsons.training.observer import Silent
from simpsons.training.recipe import DEFAULT, Network

DOCUMENT = "docs/your-own-cartoon.md"

_DRAWN = 80  # pictures of each doll


def limited(dataset: Dataset, split: Split, each: int) -> Split:
    """The split with the first `each` training pictures of each class, in a random order."""
    part = split.part.copy()
    rows = np.random.default_rng(0).permutation(split.rows("train"))
    for label in range(len(dataset.classes)):
        of_class = rows[dataset.labels[rows] == label]
        part[of_class[each:] if each else []] = splits.UNLISTED
    return replace(split, part=part)


def right(dataset: Dataset, split: Split, network: Network, shipped: bool, seed: int) -> int:
    """Pictures of the test part that a network knows after a training."""
    recipe = DEFAULT[network].for_few(len(split.rows("train")))
    initial = None
    if shipped:
        pixels = dataset.images[split.rows("train")]
        initial = unfuse.trainable(read_onnx(network), recipe.batch_norm, pixels)
        last_layer.adapt(initial, Classifier(network).labels, dataset, split)
    with tempfile.TemporaryDirectory() as folder:
        loop.train(
            dataset,
            split,
            network,
            recipe,
            Path(folder),
            initial=initial,
            seed=seed,
            observer=Silent(),
        )
        best = checkpoint.read(Path(folder) / loop.BEST)
    trained = models.build(network, len(dataset.classes), 0.0, recipe.batch_norm)
    checkpoint.set_weights(trained, best.tensors)
    rows = torch.from_numpy(split.rows("test"))
    logits = predict_logits(trained, torch.from_numpy(np.array(dataset.images)), rows)
    return int((logits.argmax(1).numpy() == dataset.labels[rows]).sum())


def main() -> None:
    """Read the command line, or draw pictures, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, metavar="FOLDER")
    parser.add_argument("--networks", nargs="+", default=NETWORKS, choices=NETWORKS)
    parser.add_argument("--seeds", type=int, default=3, help="0 to SEEDS - 1; 3")
    parser.add_argument(
        "--pictures", type=int, nargs="+", default=(5, 20, 0), metavar="N", help="0 is all; 5 20 0"
    )
    arguments = parser.parse_args()
    if arguments.folder:
        write_table(cache.load(arguments.folder, track=bar), arguments)
        return
    with tempfile.TemporaryDirectory() as temporary:
        os.environ["SIMPSONS_CACHE"] = temporary
        drawings = Path(temporary, DRAWINGS)
        write_drawings(drawings, _DRAWN, track=bar)
        write_table(cache.load(drawings, track=bar), arguments)


def write_table(dataset: Dataset, arguments: argparse.Namespace) -> None:
    """Train on the data set as often as was asked for, print and write."""
    parts = [splits.make(dataset, "leak-free", seed) for seed in range(arguments.seeds)]
    tested = sum(len(split.rows("test")) for split in parts)
    rows = []
    for network in arguments.networks:
        for each in arguments.pictures:
            cells = [f"`{network}`", str(each or "all")]
            few = [limited(dataset, split, each) for split in parts]
            cells.append(digits(mean(len(split.rows("train")) for split in few)))
            for shipped in (False, True):
                found = sum(right(dataset, s, network, shipped, seed) for seed, s in enumerate(few))
                low, high = wilson_interval(found, tested)
                cells.append(f"{found / tested:.1%} ({low:.1%} to {high:.1%})")
            rows.append(cells)
            print(table(["-"] * len(cells), [cells]).splitlines()[-1], flush=True)
    headers = [
        "network",
        "pictures of each",
        "together",
        "new weights",
        "`--from` the shipped ones",
    ]
    name = dataset.root.resolve().name
    given = [name, *sys.argv[2:]] if arguments.folder else sys.argv[1:]
    command = " ".join(["python -m benchmarks.few_pictures", *given])
    text = (
        f"{table(headers, rows)}\n\n`{command}`: {len(dataset.classes)} characters, "
        f"{len(dataset):,} pictures; accuracy on {tested:,} test pictures of seeds 0 to "
        f"{arguments.seeds - 1}, 95 % interval; {machine()}."
    )
    print(text)
    write_section(DOCUMENT, f"few pictures {name}", text)


if __name__ == "__main__":
    main()
