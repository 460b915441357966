"""How familiar a picture is: like those that a network learnt from, or of nobody it knows.

Three scores or four, each from what the network computes anyway, make one:

- *energy*: the log of the sum of the exponentials of the logits (Liu et al., "Energy-based
  Out-of-distribution Detection", 2020): whether any class answers at all;
- *nearness*: relative Mahalanobis distance (Ren et al., "A Simple Fix to Mahalanobis Distance for
  Improving Near-OOD Detection", 2021) of the last feature map's means: whether it is nearer to
  one class than to pictures in general; only if there are half as many training pictures as that
  map has channels, as fewer say next to nothing of a covariance, and strangers may seem nearer;
- *style*: a logistic regression on the means of the feature maps of all blocks, between training
  pictures and the same ones in wrong colours: whether it is drawn and coloured as they are. It
  counts only where it is unusually low, so that it never vouches for a stranger;
- *acquaintance*, where there are pictures of real strangers to learn from: a logistic regression on
  the same means and the energy, between training pictures and those.

Scores are in standard deviations of the training pictures' scores. Of few pictures, nearness knows
those that it was fitted to by heart, and any others would be tens of deviations away: it is then in
those of pictures that were left out of the fit.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from sklearn.covariance import ledoit_wolf_shrinkage
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn
from torch.nn import functional

from simpsons import models
from simpsons.pixels.images import SIZE, Pixels
from simpsons.progress import Track, silent

KNOWN = 0.95
"""The share of the validation pictures that the threshold lets pass."""

STYLE_FROM, STYLE_WEIGHT = 1.5, 2.0
"""Style counts where it is this many standard deviations below the mean, and how much then."""

ACQUAINTANCE_WEIGHT = 0.5
"""What acquaintance counts beside the mean of energy and nearness, which counts 1."""

ENOUGH_STRANGERS = 100
"""So many pictures of strangers teach acquaintance; of fewer nothing is learnt."""

STRANGERS = 5000
"""At most so many recoloured pictures teach what is strange."""

_LIMIT = 8.0  # standard deviations of a feature: what is further counts as this far
_REGULARISATION = 0.01
_BATCH = 64
_SHRINKAGE = 1e-3
_FEW = 10  # rows for each channel
_ENOUGH = 0.5  # the same, for any nearness
_FOLDS = 5
_SMALLEST = 1e-6

_Array = NDArray[np.float64]


class Familiarity(nn.Module):
    """The score of a picture, from a network's logits and feature maps. Made by `fit`."""

    centre: Tensor
    spread: Tensor
    style: Tensor
    class_means: Tensor
    mean: Tensor
    within: Tensor
    overall: Tensor
    scale: Tensor
    acquaintance: Tensor | None

    def __init__(self, statistics: dict[str, _Array]) -> None:
        super().__init__()
        self.register_buffer("acquaintance", None)
        for name, values in statistics.items():
            self.register_buffer(name, torch.from_numpy(values.astype(np.float32)))

    def forward(self, logits: Tensor, maps: list[Tensor]) -> Tensor:
        """float32 `[N]`, higher is more familiar.

        logits: `[N, classes]`, divided by the temperature. maps: of each block,
        `[N, width, H, W]`.
        """
        return combined(self.scores(logits, pooled(maps)))

    def scores(self, logits: Tensor, means: Tensor) -> Tensor:
        """The scores in standard deviations, in the order of this module, float32 `[N, 3 or 4]`.

        means: the maps' channels, as `pooled` gives them.
        """
        last = means[:, -len(self.mean) :]
        nearness = _nearness(last, self.mean, self.within, self.overall, self.class_means)
        standard = ((means - self.centre) / self.spread).clamp(-_LIMIT, _LIMIT)
        energy = logits.logsumexp(1, keepdim=True)
        raw = [energy, nearness, standard @ self.style[:, None]]
        if self.acquaintance is not None:
            raw.append(torch.cat([standard, energy], 1) @ self.acquaintance[:, None])
        return (torch.cat(raw, 1) - self.scale[:1]) / self.scale[1:]


def combined(scores: Tensor) -> Tensor:
    """The familiarity, `[N]`, of the scores, in the order of this module, `[N, 3 or 4]`."""
    energy, nearness, style, *acquaintance = scores.split(1, 1)
    known = (energy + nearness) / 2
    for one in acquaintance:
        known = (known + ACQUAINTANCE_WEIGHT * one) / (1 + ACQUAINTANCE_WEIGHT)
    found: Tensor = known + STYLE_WEIGHT * (style + STYLE_FROM).clamp(max=0)
    return found.flatten()


def pooled(maps: list[Tensor]) -> Tensor:
    """The mean of each channel of each map, float `[N, sum of widths]`."""
    return torch.cat([functional.avg_pool2d(one, one.shape[2:]).flatten(1) for one in maps], 1)


def fit(
    network: nn.Module,
    pixels: Pixels,
    labels: NDArray[np.int64],
    temperature: float = 1.0,
    seed: int = 0,
    track: Track = silent,
    strangers: Pixels | None = None,
) -> Familiarity:
    """Learn from training pictures what is familiar to a network.

    pixels: uint8 `[N, 64, 64, 3]`, N at least 2. labels: int64 `[N]`; a class may have one
    picture or none. The fewer pictures, the less surely strangers are told. strangers: pictures of
    nobody that the network knows, uint8 `[M, 64, 64, 3]`; `ENOUGH_STRANGERS` or more teach
    acquaintance.
    """
    rng = np.random.default_rng(seed)
    logits, means = features(network, pixels, track)
    chosen = rng.choice(len(pixels), min(len(pixels), STRANGERS), replace=False)
    wrong = recoloured(np.asarray(pixels[np.sort(chosen)]), rng)
    _, strange = features(network, wrong, track)
    _, maps = models.with_maps(network, torch.zeros(1, 3, SIZE, SIZE))
    real = None
    if strangers is not None and len(strangers) >= ENOUGH_STRANGERS:
        their_logits, their_means = features(network, strangers, track)
        real = their_logits / temperature, their_means
    width = maps[-1].shape[1]
    return fit_features(logits / temperature, means, strange, labels, width, real)


def fit_features(
    logits: _Array,
    means: _Array,
    strange: _Array,
    labels: NDArray[np.int64],
    width: int,
    strangers: tuple[_Array, _Array] | None = None,
) -> Familiarity:
    """`fit`, from what `features` gives for training pictures and for recoloured ones.

    logits: `[N, classes]`, divided by the temperature. means, strange: `[N, sum of widths]` and
    `[M, sum of widths]`. width: channels of the last map. strangers: logits, divided by the
    temperature, and means of pictures of real strangers.
    """
    last = means[:, -width:]
    near = _spread_of(last, labels)
    if len(last) < _ENOUGH * width:
        near |= {name: np.zeros_like(near[name]) for name in ("within", "overall", "class_means")}
    centre, spread = means.mean(0), means.std(0) + _SMALLEST
    statistics = {
        "centre": centre,
        "spread": spread,
        "style": _told_apart((means - centre) / spread, (strange - centre) / spread),
        **near,
        "scale": np.stack([np.zeros(3), np.ones(3)]),
    }
    if strangers is not None:
        statistics["acquaintance"] = _acquaintance((logits, means), strangers, centre, spread)
        statistics["scale"] = np.stack([np.zeros(4), np.ones(4)])
    familiarity = Familiarity(statistics)
    raw = familiarity.scores(_tensor(logits), _tensor(means))
    familiarity.scale = torch.stack([raw.mean(0), raw.std(0, correction=0) + _SMALLEST])
    if _ENOUGH * width <= len(last) < _FEW * width:
        left_out = _tensor(_nearness_left_out(last, labels))
        if len(left_out):
            familiarity.scale[0, 1] = left_out.mean()
            familiarity.scale[1, 1] = left_out.std(correction=0) + _SMALLEST
    return familiarity


def _spread_of(last: _Array, labels: NDArray[np.int64]) -> dict[str, _Array]:
    """What `_nearness` takes beside pictures: the mean of these, `[C]`, the whitening of all around
    it and of each class around its own mean, `[C, C]`, and these means, `[classes, C]`."""
    mean = last.mean(0)
    present, number = np.unique(labels, return_inverse=True)
    class_means = np.stack([last[number == one].mean(0) for one in range(len(present))])
    within, overall = whitening(last - class_means[number]), whitening(last - mean)
    return {
        "mean": mean,
        "within": within,
        "overall": overall,
        "class_means": (class_means - mean) @ within,
    }


def _nearness(
    last: Tensor, mean: Tensor, within: Tensor, overall: Tensor, class_means: Tensor
) -> Tensor:
    """`[N, 1]`: how much nearer each of the rows `[N, C]` is to one class than to all pictures."""
    centred = last - mean
    to_class = (centred @ within).unflatten(1, (1, -1)) - class_means
    nearest = to_class.square().sum(2).amin(1, keepdim=True)
    nearness: Tensor = (centred @ overall).square().sum(1, keepdim=True) - nearest
    return nearness


def _nearness_left_out(last: _Array, labels: NDArray[np.int64]) -> _Array:
    """The nearness of each row to a fit without it; one that is alone in its class has none."""
    fold = np.random.default_rng(0).permutation(len(last)) % _FOLDS
    found = []
    for one in range(_FOLDS):
        others = fold != one
        asked = ~others & np.isin(labels, labels[others])
        near = {
            key: _tensor(value) for key, value in _spread_of(last[others], labels[others]).items()
        }
        found.append(_nearness(_tensor(last[asked]), **near).numpy().ravel())
    return np.concatenate(found)


def threshold(values: NDArray[np.float32]) -> float:
    """The familiarity that the share `KNOWN` of these pictures reach."""
    return float(np.quantile(values, 1 - KNOWN, method="lower"))


@torch.inference_mode()
def features(network: nn.Module, pixels: Pixels, track: Track = silent) -> tuple[_Array, _Array]:
    """Logits `[N, classes]` and `pooled` maps `[N, sum of widths]` of uint8 `[N, 64, 64, 3]`."""
    network.eval()
    parts = []
    starts = range(0, len(pixels), _BATCH)
    for start in track(starts, len(starts), "learning what is familiar"):
        batch = torch.from_numpy(np.array(pixels[start : start + _BATCH]))
        scaled = batch.permute(0, 3, 1, 2).float().div_(255)
        scaled = scaled.contiguous(memory_format=torch.channels_last)
        logits, maps = models.with_maps(network, scaled)
        parts.append((logits.double().numpy(), pooled(maps).double().numpy()))
    all_logits, all_means = zip(*parts, strict=True)
    return np.concatenate(all_logits), np.concatenate(all_means)


def recoloured(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """The same pictures in wrong colours: channels exchanged, or hues turned.

    uint8 `[N, 64, 64, 3]` to the same.
    """
    result = pixels.copy()
    orders = ((0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0))
    for row, picture in enumerate(pixels):
        if rng.random() < 0.5:
            result[row] = picture[..., orders[rng.integers(len(orders))]]
        else:
            hsv = np.array(Image.fromarray(picture).convert("HSV"))
            hsv[..., 0] += np.uint8(rng.integers(40, 216))
            result[row] = np.asarray(Image.fromarray(hsv, mode="HSV").convert("RGB"))
    return result


def _tensor(values: _Array) -> Tensor:
    return torch.from_numpy(values.astype(np.float32))


def _acquaintance(
    known: tuple[_Array, _Array], strangers: tuple[_Array, _Array], centre: _Array, spread: _Array
) -> _Array:
    """Weights of the standard means and, last, of the energy. known, strangers: logits, means."""
    energies = [np.logaddexp.reduce(logits, axis=1) for logits, _ in (known, strangers)]
    usual, usual_spread = energies[0].mean(), energies[0].std() + _SMALLEST
    familiar, strange = (
        np.c_[(means - centre) / spread, (energy - usual) / usual_spread]
        for (_, means), energy in zip((known, strangers), energies, strict=True)
    )
    weights = _told_apart(familiar, strange)
    weights[-1] /= usual_spread
    return weights


def _told_apart(familiar: _Array, strange: _Array) -> _Array:
    """Weights of features, by a logistic regression: higher is familiar."""
    both = np.concatenate([familiar, strange]).clip(-_LIMIT, _LIMIT)
    answers = np.repeat([1, 0], [len(familiar), len(strange)])
    learner = LogisticRegression(C=_REGULARISATION, max_iter=200, class_weight="balanced")
    weights: _Array = learner.fit(both, answers).coef_[0]
    return weights


def whitening(centred: _Array) -> _Array:
    """`[C, C]`: rows times it have a covariance of one, shrunk a little.

    centred: `[N, C]`. With few rows it is shrunk as Ledoit and Wolf (2004) do.
    """
    rows, channels = centred.shape
    covariance = centred.T @ centred / rows
    few = rows < _FEW * channels
    shrinkage = ledoit_wolf_shrinkage(centred, assume_centered=True) if few else _SHRINKAGE
    variance = np.trace(covariance) / channels + _SMALLEST**2
    covariance = (1 - shrinkage) * covariance + max(shrinkage, _SHRINKAGE) * variance * np.eye(
        channels
    )
    factor: _Array = np.linalg.cholesky(np.linalg.inv(covariance))
    return factor
