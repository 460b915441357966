"""A last layer for the classes of a data set, for a network that has learnt others.

A last layer of random weights performs at chance, and its first gradients undo in the layers before
it what the network knew. So the first weights come from what the network says of the training
pictures: of classes that it knows the rows of its own last layer, else a logistic regression on
what its last layer sees (the linear part of A. Kumar et al., "Fine-Tuning can Distort Pretrained
Features and Underperform Out-of-Distribution", 2022).
"""

from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from simpsons.dataset.cache import Dataset
from simpsons.dataset.split import Split
from simpsons.models.inference import predict_logits

REGULARISATION = 0.03
"""`C` of the logistic regression, on features whose variance is 1 in the mean. All have one scale:
a feature that hardly varies would get a weight that no training recovers from."""

_MOST = 4096  # pictures that it learns from
_ABSENT = -8.0  # log odds of a class without a picture
_SMALLEST = 1e-6


def of(network: nn.Module) -> nn.Linear:
    """The last layer of a network with a `head`, as all that name pictures have."""
    return cast(nn.Linear, cast(nn.Sequential, network.head)[-1])


def set_layer(network: nn.Module, weight: Tensor, bias: Tensor) -> None:
    """Give a network another last layer, in place. weight: `[classes, width]`; bias `[classes]`."""
    layer = nn.Linear(weight.shape[1], weight.shape[0])
    with torch.no_grad():
        layer.weight.copy_(weight)
        layer.bias.copy_(bias)
    cast(nn.Sequential, network.head)[-1] = layer.train(network.training)


def adapt(network: nn.Module, known: tuple[str, ...], dataset: Dataset, split: Split) -> None:
    """Make a network answer for the classes of a data set, in place.

    known: the classes that it has learnt, in the order of its answers.
    """
    if known == dataset.classes:
        return
    layer = of(network)
    if set(dataset.classes) <= set(known):
        rows = [known.index(name) for name in dataset.classes]
        set_layer(network, layer.weight[rows], layer.bias[rows])
        return
    rows_of_train = dataset.known(split.rows("train"))
    if len(rows_of_train) > _MOST:
        chosen = np.random.default_rng(0).choice(len(rows_of_train), _MOST, replace=False)
        rows_of_train = rows_of_train[np.sort(chosen)]
    seen = features(network, dataset.images[rows_of_train])
    weight, bias = fitted(seen, dataset.labels[rows_of_train], len(dataset.classes))
    set_layer(network, torch.from_numpy(weight), torch.from_numpy(bias))


def features(network: nn.Module, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """What the last layer sees, float32 `[N, width]`, of uint8 `[N, 64, 64, 3]`."""
    layer = of(network)
    cast(nn.Sequential, network.head)[-1] = nn.Identity()
    try:
        seen = predict_logits(network, torch.from_numpy(pixels), torch.arange(len(pixels)))
    finally:
        cast(nn.Sequential, network.head)[-1] = layer
    found: NDArray[np.float32] = seen.numpy()
    return found


def fitted(
    seen: NDArray[np.float32], labels: NDArray[np.int64], classes: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Weights `[classes, width]` and biases `[classes]` of a logistic regression.

    seen: float32 `[N, width]`. labels: int64 `[N]`, indices of the classes, two or more of them.
    """
    from sklearn.linear_model import LogisticRegression  # heavy, and needed only here

    centre = seen.mean(0)
    spread = float(np.sqrt(np.square(seen - centre).mean())) + _SMALLEST
    learner = LogisticRegression(C=REGULARISATION, max_iter=300)
    learner.fit((seen - centre) / spread, labels)
    present = learner.classes_
    rows, offsets = learner.coef_, learner.intercept_
    if len(present) == 2:  # one row, for the second class
        rows, offsets = np.concatenate([-rows, rows]) / 2, np.concatenate([-offsets, offsets]) / 2
    weight = np.zeros((classes, seen.shape[1]), np.float32)
    bias = np.full(classes, _ABSENT, np.float32)
    weight[present] = rows / spread
    bias[present] = offsets - weight[present] @ centre
    return weight, bias
