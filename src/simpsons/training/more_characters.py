"""Learn characters beside those that a network knows, without pictures of these.

A small network, on the features of the pictures, tells each new character from everybody else: from
the others, from those that the network knows, who are in its memory, and from strangers. Then the
new names are made rarer, until as few as `LOST` of the memory's held-out pictures get one.
"""

import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from simpsons.formats.more_characters import Layer
from simpsons.training.memory import Array, Memory

LOST = 0.005
"""At most this share of the held-out pictures of those that the network knows gets a new name, and
at most this share of their faces."""

WIDTH, NETWORKS = 128, 2
"""Units of the hidden layer, and how many networks of different first weights are averaged."""

_EPOCHS, _BATCH, _DECAY, _RATE = 25, 128, 3.0, 1e-3


def fit(
    features: Array,
    labels: NDArray[np.int64],
    memory: Memory,
    strangers: Array,
    known: Array,
    held_out: Array,
    seed: int = 0,
) -> list[Layer]:
    """The layers from features to the log odds of each new character.

    features: `[N, F]`, of pictures of the new characters. labels: int64 `[N]`, from 0. strangers,
    known, held_out: features of pictures to go with those in the memory; may be empty, `[0, F]`.
    """
    new = memory.components(features)
    others = np.concatenate(
        [
            memory.known,
            memory.components(known),
            memory.components(strangers),
            _others(memory, new, labels),
        ]
    )
    values = np.concatenate([others, new])
    answers = np.concatenate([np.zeros(len(others), np.int64), 1 + labels])
    hidden, last = zip(
        *(_learnt(values, answers, seed + number) for number in range(NETWORKS)), strict=True
    )
    layers = [
        Layer(
            np.concatenate([one.weight for one in hidden], 1),
            np.concatenate([one.bias for one in hidden]),
        ),
        Layer(
            (np.concatenate([one.weight for one in last]) / NETWORKS).astype(np.float32),
            np.mean([one.bias for one in last], axis=0).astype(np.float32),
        ),
    ]
    held = np.concatenate([memory.held_out, memory.components(held_out)])
    is_face = np.append(memory.is_face, np.zeros(len(held_out), np.bool_))
    odds = answered(layers, held).max(1)
    shift = max(_exceeded(odds[of_kind]) for of_kind in (is_face, ~is_face) if of_kind.any())
    layers[1] = Layer(layers[1].weight, (layers[1].bias - shift).astype(np.float32))
    weight = memory.basis @ layers[0].weight
    layers[0] = Layer(weight, layers[0].bias - memory.centre @ weight)
    return layers


def _exceeded(odds: Array) -> float:
    """What the share `LOST` of the odds is above, at least 0."""
    return max(float(np.sort(odds)[::-1][int(LOST * len(odds))]), 0.0)


def answered(layers: Sequence[Layer], values: Array) -> Array:
    """What dense layers with ReLU between them make of values, `[N, width]`."""
    for number, layer in enumerate(layers):
        values = (np.maximum(values, 0) if number else values) @ layer.weight + layer.bias
    return values


def _others(memory: Memory, new: Array, labels: NDArray[np.int64]) -> Array:
    """The memory's strangers, but for those most like a new character: that may be the same one."""
    groups = np.unique(memory.stranger)
    if not len(groups):
        return memory.strangers
    means = np.stack([memory.strangers[memory.stranger == one].mean(0) for one in groups])
    alike = [
        groups[np.square(means - new[labels == label].mean(0)).sum(1).argmin()]
        for label in np.unique(labels)
    ]
    chosen: Array = memory.strangers[~np.isin(memory.stranger, alike)]
    return chosen


def _learnt(values: Array, labels: NDArray[np.int64], seed: int) -> tuple[Layer, Layer]:
    """Two layers that give the log odds of each label but the first against the first."""
    learner = MLPClassifier(
        (WIDTH,),
        alpha=_DECAY,
        batch_size=min(_BATCH, len(values)),
        learning_rate_init=_RATE,
        max_iter=_EPOCHS,
        random_state=seed,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a fixed number of epochs is meant
        learner.fit(values, labels)
    first, last, first_bias, last_bias = (
        values.astype(np.float32) for values in (*learner.coefs_, *learner.intercepts_)
    )
    if last.shape[1] > 1:
        last, last_bias = last[:, 1:] - last[:, :1], last_bias[1:] - last_bias[0]
    return Layer(first, first_bias), Layer(last, last_bias)
