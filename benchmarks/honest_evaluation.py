"""What test sets that leak claim, for both networks. Writes docs/honest-evaluation.md.

The official test set is a re-encoded copy of training pictures; here such a set is made: 50
training pictures a character, smaller and saved again. Then the leak-free test part itself is
searched for what its groups missed. And each network is trained on a random split, and measured on
its leaking and on its clean validation pictures; on another cartoon a network is trained so, too,
and one on a leak-free split.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks import other_cartoon
from benchmarks.data import data_option, folder
from benchmarks.label_errors import DOCUMENT, watch
from benchmarks.report import machine, table, write_section
from simpsons.auditing import random_claim
from simpsons.auditing.cross_validation import held_out
from simpsons.auditing.random_claim import Accuracy
from simpsons.classifier import Classifier
from simpsons.dataset import cache, file_copies
from simpsons.dataset import split as splits
from simpsons.dataset.cache import Dataset
from simpsons.evaluation.measure import measure
from simpsons.pixels import images
from simpsons.progress import bar
from simpsons.training.recipe import Network

NETWORKS: tuple[Network, ...] = ("cnn", "xception")
PER_CHARACTER = 50


def make_copies(dataset: Dataset, rows: np.ndarray, out: Path) -> None:
    """A flat test set of training pictures at 70 % of their size, JPEG quality 80."""
    rng = np.random.default_rng(0)
    for number, name in enumerate(dataset.classes):
        of_class = rows[dataset.labels[rows] == number]
        for count, row in enumerate(rng.permutation(of_class)[:PER_CHARACTER]):
            picture = Image.fromarray(images.decode(dataset.root / dataset.paths[row]))
            smaller = [round(0.7 * side) for side in picture.size]
            picture.resize((smaller[0], smaller[1]), Image.Resampling.LANCZOS).save(
                out / f"{name}_{count}.jpg", quality=80
            )


def shown(part: Accuracy) -> str:
    """Share with interval and count."""
    if part.share is None or part.interval is None:
        return "-"
    low, high = part.interval
    return f"{part.share:.1%} ({100 * low:.1f} to {100 * high:.1f}, n = {part.pictures:,})"


def accuracy(network: str, dataset: Dataset, rows: np.ndarray | None) -> Accuracy:
    """A shipped network's accuracy."""
    measured = measure(Classifier(network), dataset, rows)
    correct = measured.probabilities.argmax(axis=1) == measured.labels
    return Accuracy(int(correct.sum()), len(correct))


def shipped_weights(dataset: Dataset) -> tuple[str, str]:
    """The shipped weights on copies of training pictures and on the leak-free test part.

    And the same for the pictures of the test part that look like a part of a training picture.
    """
    split = splits.make(dataset, "shipped")
    with tempfile.TemporaryDirectory() as temporary:
        made = Path(temporary) / "kaggle_simpson_testset"
        made.mkdir()
        make_copies(dataset, split.rows("train"), made)
        made_again = cache.load(made)
        found = file_copies.find_between(made_again, None, dataset, bar).first
        test, missed = split.rows("test"), splits.leaking(dataset, split, "test", bar)
        clean = np.setdiff1d(test, missed)
        official_rows, missed_rows = [], []
        for network in NETWORKS:
            name, whole = f"`{network}`", shown(accuracy(network, dataset, test))
            official_rows.append([name, shown(accuracy(network, made_again, None)), whole])
            parts = [shown(accuracy(network, dataset, rows)) for rows in (missed, clean)]
            missed_rows.append([name, whole, *parts])
    on_copies = table(
        ["shipped weights", "on copies of training pictures", "leak-free test part"], official_rows
    )
    on_missed = table(
        ["shipped weights", "leak-free test part", "the pictures missed", "the others"], missed_rows
    )
    return (
        f"{on_copies}\n\nThe audit finds {len(np.unique(found)):,} of the {len(made_again):,} "
        "copies.",
        f"{len(missed)} of the {len(test):,} test pictures are missed.\n\n{on_missed}",
    )


def random_split(dataset: Dataset) -> str:
    """Each network trained on the notebook's random split."""
    claims = [random_claim.of_random_split(dataset, network, watch=watch) for network in NETWORKS]
    rows = [
        [f"`{each.network}`", shown(each.claimed), shown(each.leaking), shown(each.clean)]
        for each in claims
    ]
    return table(["network", "claimed", "pictures that leak", "clean pictures"], rows)


def other_cartoon_claims(root: Path, epochs: int) -> str:
    """A network trained on a random split of the other cartoon, and one on a leak-free split."""
    dataset = cache.load(root, other_cartoon.FOLDERS, bar)
    network: Network = "xception"
    claimed = random_claim.of_random_split(dataset, network, epochs=epochs, watch=watch)
    split = splits.make(dataset, "leak-free", track=bar)
    rows = np.sort(np.concatenate([split.rows(part) for part in splits.HELD_OUT]))
    answers = held_out(dataset, rows, network=network, epochs=epochs, watch=watch).argmax(axis=1)
    leak_free = Accuracy(int((answers == dataset.labels[rows]).sum()), len(rows))
    parts = (claimed.claimed, claimed.leaking, claimed.clean, leak_free)
    headers = ["network", "claimed by a random split", "pictures that leak", "clean pictures"]
    text = table([*headers, "leak-free split"], [[f"`{network}`", *map(shown, parts)]])
    return (
        f"{text}\n\n{len(dataset):,} pictures of {len(dataset.classes)} characters, "
        f"{epochs} epochs from the shipped weights."
    )


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="example: python -m benchmarks.honest_evaluation --other-cartoon --epochs 4",
    )
    data_option(parser)
    alone = parser.add_mutually_exclusive_group()
    alone.add_argument(
        "--other-cartoon", action="store_true", help="measure what is claimed on it, nothing else"
    )
    alone.add_argument(
        "--shipped-weights", action="store_true", help="measure these, nothing else: no training"
    )
    parser.add_argument(
        "--epochs",
        type=int,
        default=8,
        metavar="N",
        help="of the two trainings on the other cartoon (default: 8)",
    )
    arguments = parser.parse_args()
    data = folder(arguments)
    command = "python -m benchmarks.honest_evaluation"

    def tell(name: str, text: str, options: str = "") -> None:
        text = f"{text}\n\n`{command}{options}`, seed 0; {machine()}."
        print(text, flush=True)
        write_section(DOCUMENT, name, text)

    if not arguments.shipped_weights:
        claims = other_cartoon_claims(other_cartoon.folder(data), arguments.epochs)
        tell("other cartoon", claims, f" --other-cartoon --epochs {arguments.epochs}")
    if arguments.other_cartoon:
        return
    dataset = cache.load(data, track=bar)
    on_copies, on_missed = shipped_weights(dataset)
    tell("official", on_copies, " --shipped-weights")
    tell("missed", on_missed, " --shipped-weights")
    if not arguments.shipped_weights:
        tell("random split", random_split(dataset))


if __name__ == "__main__":
    main()
