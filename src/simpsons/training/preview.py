"""One augmented batch, to look at."""

import numpy as np
import torch
from numpy.typing import NDArray

from simpsons.dataset.cache import Dataset
from simpsons.pixels.images import Pixels
from simpsons.training.augment import augment
from simpsons.training.recipe import Augmentation


def augmented(
    dataset: Dataset, how: Augmentation, count: int = 32, seed: int = 0
) -> tuple[Pixels, NDArray[np.int64]]:
    """Pictures chosen and changed at random: uint8 `[count, 64, 64, 3]`, labels `[count]`."""
    count = min(count, len(dataset))
    rows = np.random.default_rng(seed).choice(len(dataset), count, replace=False)
    torch.manual_seed(seed)
    pixels = torch.from_numpy(np.array(dataset.images[rows])).permute(0, 3, 1, 2).float() / 255
    changed = augment(pixels, how).mul(255).round().byte().permute(0, 2, 3, 1)
    return changed.numpy(), dataset.labels[rows]
