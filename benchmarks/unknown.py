"""How well do scores tell pictures of strangers from pictures of the 18? Writes docs/unknown.md.

Every statistic is of the training part of the shipped split. The score is chosen on the validation
part and one half of each kind of strangers; the table is of the test part and the other half, which
nothing has learnt from.
Needs scikit-image, for photographs: `pip install scikit-image`.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import log_softmax, logsumexp
from sklearn.metrics import roc_auc_score

from benchmarks import strangers
from benchmarks.data import data_option, folder
from benchmarks.report import machine, table, write_section
from simpsons.classifier import Classifier
from simpsons.dataset import cache
from simpsons.dataset import split as splits
from simpsons.dataset.cache import Dataset
from simpsons.formats.onnx_import import read_onnx
from simpsons.models import familiarity
from simpsons.progress import bar

DOCUMENT = "docs/unknown.md"
NETWORKS = ("cnn", "xception")
NEIGHBOURS = 10
PRINCIPAL = 64
LAST = 256
CHOSEN = "**familiarity**"

Scores = dict[str, NDArray[np.float64]]


class Scorer:
    """All scores, from a network's logits and the channel means of its maps.

    What ships is the familiarity of the file; the others are learnt here, from no strangers.
    """

    def __init__(self, network: torch.nn.Module, dataset: Dataset, classifier: Classifier) -> None:
        rows = splits.shipped_rows(dataset, "train")
        pixels, labels = dataset.images[rows], dataset.labels[rows]
        temperature = classifier.metadata["temperature"]
        self.network, self.temperature, self.classifier = network, temperature, classifier
        rng = np.random.default_rng(0)
        chosen = np.sort(rng.choice(len(pixels), familiarity.STRANGERS, replace=False))
        strange = familiarity.features(network, familiarity.recoloured(pixels[chosen], rng))[1]
        logits, means = familiarity.features(network, pixels)
        self.fitted = familiarity.fit_features(logits / temperature, means, strange, labels, LAST)
        last = means[:, -LAST:]
        self.mean, self.bank = last.mean(0), _unit(last)
        self.class_means = np.stack([last[labels == one].mean(0) for one in np.unique(labels)])
        self.whiten = familiarity.whitening(last - self.class_means[labels])
        _, _, directions = np.linalg.svd(last - self.mean, full_matrices=False)
        self.minor = directions[PRINCIPAL:].T
        residual = np.linalg.norm((last - self.mean) @ self.minor, axis=1)
        self.alpha = logits.max(1).mean() / residual.mean()

    def __call__(self, pixels: NDArray[np.uint8]) -> Scores:
        """Each score by name, float64 `[N]`, higher is more familiar."""
        logits, means = familiarity.features(self.network, pixels)
        scaled, last = logits / self.temperature, means[:, -LAST:]
        log_p = log_softmax(scaled, axis=1)
        centred = last - self.mean
        residual = np.linalg.norm(centred @ self.minor, axis=1)
        parts = self.fitted.scores(
            torch.from_numpy(scaled.astype(np.float32)), torch.from_numpy(means.astype(np.float32))
        )
        energy, nearness, style = parts.double().numpy().T
        distance = (last @ self.whiten)[:, None] - (self.class_means @ self.whiten)
        shipped = self.classifier.probabilities_and_familiarity(pixels)[1]
        assert shipped is not None
        nearest = np.sort(_unit(last) @ self.bank.T, axis=1)[:, -NEIGHBOURS]
        cosine = _unit(centred) @ _unit(self.class_means - self.mean).T
        return {
            "maximum softmax": log_p.max(1),
            "maximum logit": logits.max(1),
            "entropy": (np.exp(log_p) * log_p).sum(1),
            "energy": energy,
            "Mahalanobis": -np.square(distance).sum(2).min(1),
            "relative Mahalanobis (nearness)": nearness,
            "cosine to the nearest class mean": cosine.max(1),
            f"cosine to the {NEIGHBOURS}th neighbour": nearest,
            "residual of the principal space": -residual,
            "ViM": logsumexp(logits, axis=1) - self.alpha * residual,
            "style": style,
            "energy + nearness": (energy + nearness) / 2,
            "energy + nearness, and style": familiarity.combined(parts).double().numpy(),
            CHOSEN: shipped.astype(np.float64),
        }


def _unit(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    unit: NDArray[np.float64] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit


def compare(known: Scores, strange: dict[str, Scores]) -> dict[str, list[tuple[float, float]]]:
    """By score: AUROC and false-positive rate at 95 % true-positive rate for each kind."""
    result: dict[str, list[tuple[float, float]]] = {}
    for name, values in known.items():
        limit = np.quantile(values, 0.05)
        for of_kind in strange.values():
            other = of_kind[name]
            truth = np.repeat([1, 0], [len(values), len(other)])
            area = float(roc_auc_score(truth, np.concatenate([values, other])))
            result.setdefault(name, []).append((area, float((other >= limit).mean())))
    return result


def tables(network: str, dataset: Dataset, kinds: dict[str, strangers.Halves]) -> str:
    """The figures of one network: reported, and by which the score was chosen."""
    classifier = Classifier(network)
    scorer = Scorer(read_onnx(network), dataset, classifier)
    texts = []
    for half, part in ((1, "test"), (0, "validation")):
        known = scorer(dataset.images[splits.shipped_rows(dataset, part)])
        if part == "test":
            held = known[CHOSEN]
        strange = {kind: scorer(halves[half]) for kind, halves in kinds.items()}
        rows = [
            [name, *(f"{area:.3f} / {rate:.0%}" for area, rate in figures)]
            for name, figures in compare(known, strange).items()
        ]
        heads = [f"{kind} ({len(halves[half])})" for kind, halves in kinds.items()]
        use = "Reported" if part == "test" else "Chosen by"
        texts.append(f"`{network}`. {use}: {part} part and half of the strangers.")
        texts.append(table(["score", *heads], rows))
    limit = classifier.threshold
    assert limit is not None
    texts.append(
        f"With the file's threshold {limit:.3f}, set on the validation part, "
        f"{(held < limit).mean():.1%} of the test part are refused."
    )
    return "\n\n".join(texts)


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    data_option(parser)
    parser.add_argument(
        "--strangers",
        type=Path,
        metavar="FOLDER",
        help="minor characters, a folder each; default: other_characters beside the data set",
    )
    arguments = parser.parse_args()
    where = folder(arguments)
    dataset = cache.load(where, track=bar)
    minor = arguments.strangers or where.parent / "other_characters"
    kinds = {
        "minor characters": strangers.minor_characters(minor),
        "photographs": strangers.photographs(),
        "drawings": strangers.dolls(),
        "noise": strangers.noise(),
    }
    by = (
        f"AUROC / false-positive rate at 95 % true-positive rate. "
        f"`python -m benchmarks.unknown`, {len(dataset):,} pictures, split shipped, seed 0; "
        f"{machine()}."
    )
    for network in NETWORKS:
        text = tables(network, dataset, kinds)
        print(text, flush=True)
        write_section(DOCUMENT, network, f"{text}\n\n{by}")


if __name__ == "__main__":
    main()
