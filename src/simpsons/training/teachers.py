"""Teachers: trained networks that say what they see in the training pictures, as augmented.

Where the pictures of an epoch come again (`Recipe.views`), the answers are kept in the cache, so
that neither this run nor another with the same teachers and pictures asks twice.
"""

import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from simpsons.dataset.cache import Dataset, cache_folder
from simpsons.dataset.split import Split
from simpsons.files import write_bytes
from simpsons.training.device import describe
from simpsons.training.recipe import Recipe

_CHUNK = 1024  # pictures copied at once


class Teachers:
    """Trained networks that answer together; there may be none.

    Of several processes each has a part of the answers, which are not kept then.
    """

    def __init__(
        self,
        networks: Sequence[nn.Module],
        dataset: Dataset,
        split: Split,
        recipe: Recipe,
        device: torch.device,
    ) -> None:
        self._networks = [network.to(device).eval() for network in networks]
        self._views = recipe.views if networks else 0
        self._rows = torch.from_numpy(split.rows("train")).to(device)
        self._empty = torch.full((len(dataset), len(dataset.classes)), torch.nan, device=device)
        self._answers = self._empty
        self._known = False
        self._name = ""
        if self._views:
            answers = _name(networks, dataset, split, recipe)
            self._name = f"{answers}-{describe(device, recipe.precision).precision}"

    def begin(self, seed: int, epoch: int) -> tuple[int, int]:
        """Begin an epoch. Returns what the random changes of its pictures are to be drawn from:
        the run's seed and the epoch, or where pictures come again the same for every run."""
        if not self._views:
            return seed, epoch
        view = epoch % self._views
        self._file = cache_folder() / "answers" / f"{self._name}-{view}.npy"
        kept = _read(self._file, self._empty)
        self._known = kept is not None
        self._answers = self._empty.clone() if kept is None else kept
        return 0, view

    @torch.no_grad()
    def answer(self, pixels: Tensor, rows: Tensor) -> Tensor | None:
        """The mean of their probabilities, float32 `[N, classes]`; None if there are none.

        pixels: what the network sees too, float32 `[N, 3, 64, 64]` in [0, 1]. rows: of the data
        set, int64 `[N]`.
        """
        if not self._networks:
            return None
        if not self._known:
            each = [network(pixels).float().softmax(1) for network in self._networks]
            self._answers[rows] = torch.stack(each).mean(0)
        return self._answers[rows]

    def end(self) -> None:
        """End an epoch: keep its answers, if all are there and its pictures come again."""
        if self._views and not self._known and self._answers[self._rows].isfinite().all():
            content = io.BytesIO()
            np.save(content, self._answers.cpu().numpy())
            write_bytes(self._file, content.getvalue())


def _read(file: Path, like: Tensor) -> Tensor | None:
    try:
        answers = torch.from_numpy(np.load(file)).to(like)
    except (OSError, ValueError, EOFError):
        return None
    return answers if answers.shape == like.shape else None


def _name(networks: Sequence[nn.Module], dataset: Dataset, split: Split, recipe: Recipe) -> str:
    """A name for everything that the answers depend on."""
    rows = split.rows("train")
    content = hashlib.sha256(json.dumps(asdict(recipe.augmentation)).encode())
    content.update(rows.tobytes())
    for start in range(0, len(rows), _CHUNK):
        content.update(dataset.images[rows[start : start + _CHUNK]].tobytes())
    for network in networks:
        for name, tensor in network.state_dict().items():
            content.update(name.encode())
            content.update(tensor.cpu().numpy().tobytes())
    return content.hexdigest()[:16]
