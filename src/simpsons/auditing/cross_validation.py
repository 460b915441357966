"""Out-of-fold predictions: for each picture that of a network that was not trained on it.

They start from the shipped weights, if those can't have learnt any of the pictures: with few
pictures they then know far more. The answers, and a training that was stopped, are kept in the
cache. No held-out picture chooses the epoch: the last one's weights answer.
"""

import hashlib
import io
import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from simpsons import models
from simpsons.characters import SLUGS
from simpsons.classifier import model_path
from simpsons.dataset import split as splits
from simpsons.dataset.cache import Dataset, cache_folder
from simpsons.dataset.split import PART_TYPE, Split
from simpsons.files import write_bytes
from simpsons.formats.onnx_import import read_onnx
from simpsons.models import unfuse
from simpsons.models.inference import predict_logits
from simpsons.training import checkpoint, loop
from simpsons.training.observer import Observer
from simpsons.training.recipe import DEFAULT, Network, Recipe

FOLDS = 3

_EPOCHS = {"cnn": 5, "xception": 8}
_STEPS = 1200  # at least so many, for small data sets
_VALIDATED = 10  # one held-out picture in so many is looked at after each epoch

Watch = Callable[[str, Recipe], Observer]
"""Makes what is told of a training, from its name and recipe."""


def recipe_for(pictures: int, network: Network = "xception") -> Recipe:
    """Our default recipe, cut short: enough to tell which labels are doubtful.

    pictures: of the data set, all but one fold of which are learnt from.
    """
    learnt_from = pictures * (FOLDS - 1) // FOLDS
    recipe = DEFAULT[network].for_few(learnt_from)
    steps_per_epoch = max(1, learnt_from // recipe.batch)
    epochs = max(_EPOCHS[network], min(recipe.epochs, math.ceil(_STEPS / steps_per_epoch)))
    return replace(recipe, name="out-of-fold", epochs=epochs)


def out_of_fold(
    dataset: Dataset,
    group: NDArray[np.int64],
    *,
    network: Network = "xception",
    seed: int = 0,
    device: str = "auto",
    watch: Watch,
) -> NDArray[np.float32]:
    """float32 `[N, classes]`: each picture's probabilities by a network that did not see it.

    The pictures are cut into `FOLDS` by whole groups (group: int64 `[N]`, near-duplicates share
    one), stratified, so that no copy of a picture vouches for its label. One network a fold
    learns from the others and judges that one. Raises DataError for too few pictures.
    """
    recipe = recipe_for(len(dataset), network)
    folder = _folder(dataset, group, network, recipe, seed)

    def judge_all() -> NDArray[np.float32]:
        result = np.zeros((len(dataset), len(dataset.classes)), np.float32)
        folds = splits.folds(dataset.labels, group, FOLDS, seed, "a search for wrong labels")
        for number, held in enumerate(folds):
            observer = watch(f"fold {number + 1} of {FOLDS}", recipe)
            work, first = folder / str(number), seed + number
            result[held] = _judge(dataset, held, network, recipe, work, first, device, observer)
        return result

    return _kept(folder, (len(dataset), len(dataset.classes)), judge_all)


def held_out(
    dataset: Dataset,
    rows: NDArray[np.int64],
    *,
    network: Network = "xception",
    epochs: int | None = None,
    device: str = "auto",
    watch: Watch,
) -> NDArray[np.float32]:
    """float32 `[len(rows), classes]`: probabilities by a network that learnt from all others.

    epochs: None for those of `recipe_for`.
    """
    recipe = recipe_for(len(dataset), network)
    if epochs is not None:
        recipe = replace(recipe, epochs=epochs)
    folder = _folder(dataset, rows, network, recipe, seed=0)

    def judge() -> NDArray[np.float32]:
        observer = watch("a random split", recipe)
        return _judge(dataset, rows, network, recipe, folder / "0", 0, device, observer)

    return _kept(folder, (len(rows), len(dataset.classes)), judge)


def _judge(
    dataset: Dataset,
    rows: NDArray[np.int64],
    network: Network,
    recipe: Recipe,
    work: Path,
    seed: int,
    device: str,
    observer: Observer,
) -> NDArray[np.float32]:
    """Train on all but `rows`, then the probabilities of those."""
    part = np.full(len(dataset), "train", dtype=PART_TYPE)
    part[rows] = "held-out"
    part[rows[::_VALIDATED]] = "validation"
    split = Split("held-out", seed, part, np.arange(len(dataset)))
    initial = None
    if _starts_from_shipped(dataset):
        pixels = dataset.images[split.rows("train")]
        initial = unfuse.trainable(read_onnx(network), recipe.batch_norm, pixels)
    loop.train(
        dataset,
        split,
        network,
        recipe,
        work,
        initial=initial,
        seed=seed,
        device=device,
        observer=observer,
    )
    learnt = models.build(network, len(dataset.classes), recipe.dropout, recipe.batch_norm)
    prefix = checkpoint.AVERAGE if recipe.average else checkpoint.NETWORK
    checkpoint.set_weights(learnt, checkpoint.read(work / loop.LAST).tensors, prefix)
    held = torch.from_numpy(np.array(dataset.images[rows]))
    logits = predict_logits(learnt, held, torch.arange(len(rows)))
    probabilities: NDArray[np.float32] = logits.softmax(1).numpy()
    return probabilities


def _starts_from_shipped(dataset: Dataset) -> bool:
    """Whether none of the classes is one that the shipped networks have learnt."""
    return not set(dataset.classes) & set(SLUGS)


def _kept(
    folder: Path, shape: tuple[int, int], make: Callable[[], NDArray[np.float32]]
) -> NDArray[np.float32]:
    """The answers that are kept, `shape`; made where there are none, or damaged ones."""
    path = folder / "probabilities.npy"
    kept = _read(path)
    if kept is not None and kept.shape == shape and kept.dtype == np.float32:
        return kept
    made = make()
    file = io.BytesIO()
    np.save(file, made)
    write_bytes(path, file.getvalue())
    return made


def _read(path: Path) -> NDArray[np.float32] | None:
    try:
        kept: NDArray[np.float32] = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return kept


def _folder(
    dataset: Dataset, rows: NDArray[np.int64], network: str, recipe: Recipe, seed: int
) -> Path:
    """Where the answers are kept: named by everything that they depend on."""
    facts = [network, recipe.to_json(), seed, FOLDS, dataset.classes, dataset.paths]
    content = hashlib.sha256(json.dumps(facts).encode())
    if _starts_from_shipped(dataset):
        content.update(model_path(network).read_bytes())
    for array in (dataset.images, dataset.labels, rows):
        content.update(np.ascontiguousarray(array).data)
    return cache_folder() / "out_of_fold" / content.hexdigest()[:16]
