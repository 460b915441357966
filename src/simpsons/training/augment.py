"""Augmentation of a whole batch on its device: one affine resampling, then colour.

What is drawn at random is apart from what is done: it is drawn on the CPU for all pictures of an
epoch at once, so that it depends on neither the batches nor the processes nor the device.
"""

import math
from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from simpsons.dataset.cache import Dataset
from simpsons.pixels.images import Pixels
from simpsons.training.recipe import Augmentation

_GREY = (0.299, 0.587, 0.114)  # ITU-R BT.601 luma
_LARGEST_ERASED_SIDE = 0.5
_LARGEST_MIXED_AREA = 0.5


class Changes(NamedTuple):
    """What happens to each of N pictures; None is nothing.

    matrix: from output to input coordinates, float32 `[N, 2, 3]`; see `affine`. brightness,
    contrast, saturation: factors, float32 `[N, 1, 1, 1]`. erased: float32 `[N, 4]`, a rectangle:
    its height, its top edge as a share of the room above and below it, and likewise its width and
    left edge, 0 to 1. Height and width are 0 where nothing is erased.
    """

    matrix: Tensor
    brightness: Tensor | None
    contrast: Tensor | None
    saturation: Tensor | None
    erased: Tensor | None

    def of(self, rows: Tensor) -> "Changes":
        """The changes of some of the pictures, int64 `[M]`."""
        return Changes(
            self.matrix[rows], *(None if values is None else values[rows] for values in self[1:])
        )


class Mixture(NamedTuple):
    """Which other picture a square of each of N pictures shows.

    other: its row, int64 `[N]`. square: float32 `[N, 4]`, a rectangle as in `Changes`.
    """

    other: Tensor
    square: Tensor

    def pixels(self, rows: Tensor, pixels: Tensor, others: Tensor) -> Tensor:
        """The mixed pictures, float `[M, 3, H, W]`, of those in `rows` and their others."""
        return torch.where(_inside(self.square[rows], pixels), others, pixels)

    def labels(self, rows: Tensor, labels: Tensor, others: Tensor) -> Tensor:
        """Their labels' shares, float `[M, classes]`, from those of both."""
        height, _, width, _ = self.square[rows].unbind(1)
        return torch.lerp(labels, others, (height * width).unsqueeze(1))


def draw(count: int, how: Augmentation, device: torch.device) -> Changes:
    """Random changes for so many pictures, from PyTorch's random state of the CPU."""
    changes = Changes(
        matrix=affine(count, how),
        brightness=_factor(count, how.brightness),
        contrast=_factor(count, how.contrast),
        saturation=_factor(count, how.saturation),
        erased=_rectangle(count, how.erase) if how.erase else None,
    )
    others = (None if values is None else values.to(device) for values in changes[1:])
    return Changes(changes.matrix.to(device), *others)


def draw_mixture(
    count: int, rows: Tensor, how: Augmentation, device: torch.device
) -> Mixture | None:
    """A random mixture of so many pictures; None if `how` mixes none.

    rows: of the pictures that learn, int64 `[M]` on the CPU; the others are drawn from them.
    """
    if not how.mix:
        return None
    other = torch.arange(count)
    other[rows] = rows[torch.randperm(len(rows))]
    chosen = torch.rand(count) < how.mix
    area = torch.rand(count) * _LARGEST_MIXED_AREA
    side = torch.where(chosen, area.sqrt(), 0)
    down, across = torch.rand(2, count)
    square = torch.stack([side, down, side, across], dim=1)
    return Mixture(other.to(device), square.to(device))


def change(pixels: Tensor, changes: Changes) -> Tensor:
    """Apply changes to a batch.

    pixels: float `[N, 3, H, W]` in [0, 1]. Returns the same shape and range. Pixels from
    outside the picture take the colour of the nearest edge.
    """
    grid = _grid(changes.matrix, *pixels.shape[2:])
    pixels = functional.grid_sample(pixels, grid, padding_mode="border", align_corners=False)
    pixels = change_colours(pixels, changes)
    if changes.erased is not None:
        pixels = torch.where(_inside(changes.erased, pixels), 0.5, pixels)
    return pixels


def change_colours(pixels: Tensor, changes: Changes) -> Tensor:
    """Apply brightness, contrast and saturation alone; as `change`."""
    if changes.brightness is not None:
        pixels = pixels * changes.brightness
    if changes.contrast is not None:
        mean = pixels.mean(dim=(1, 2, 3), keepdim=True)
        pixels = mean + (pixels - mean) * changes.contrast
    if changes.saturation is not None:
        grey = (pixels * _luma(pixels.device, pixels.dtype)).sum(dim=1, keepdim=True)
        pixels = grey + (pixels - grey) * changes.saturation
    if any(factor is not None for factor in changes[1:4]):
        pixels = pixels.clamp(0, 1)
    return pixels


def augment(pixels: Tensor, how: Augmentation) -> Tensor:
    """Change each picture of a batch at random; see `draw` and `change`."""
    return change(pixels, draw(len(pixels), how, pixels.device))


def smaller(pixels: Tensor, size: int) -> Tensor:
    """The same pictures, float `[N, 3, size, size]`, resized with anti-aliasing."""
    if pixels.shape[-1] == size:
        return pixels
    resized = functional.interpolate(pixels, size=(size, size), mode="bilinear", antialias=True)
    return resized.contiguous(memory_format=torch.channels_last)


def affine(count: int, how: Augmentation) -> Tensor:
    """Random maps from output to input coordinates, float32 `[count, 2, 3]`.

    Coordinates are x and y in [-1, 1] over the picture. The maps are, as in Keras's
    `ImageDataGenerator`, rotation x shift x shear x zoom about the centre, then the mirror.
    """
    angle = torch.deg2rad(_spread(count, how.rotation))
    shear = torch.deg2rad(_spread(count, how.shear))
    shift_x, shift_y = (2 * _spread(count, how.shift) for _ in range(2))
    zoom_x, zoom_y = _zoom(count, how)
    mirror = torch.ones(count)
    if how.flip:
        mirror = 1 - 2 * torch.randint(2, (count,)).float()
    cos, sin = torch.cos(angle), torch.sin(angle)
    cos_sheared, sin_sheared = torch.cos(angle + shear), torch.sin(angle + shear)
    across_x, across_y = cos_sheared * zoom_x, sin * zoom_y
    down_x, down_y = -sin_sheared * zoom_x, cos * zoom_y
    offset_x = cos * shift_x + sin * shift_y
    offset_y = cos * shift_y - sin * shift_x
    rows = [across_x * mirror, across_y, offset_x, down_x * mirror, down_y, offset_y]
    return torch.stack(rows, dim=1).view(count, 2, 3)


def _zoom(count: int, how: Augmentation) -> tuple[Tensor, Tensor]:
    if not how.keep_aspect:
        return 1 + _spread(count, how.zoom), 1 + _spread(count, how.zoom)
    both = torch.exp(_spread(count, math.log1p(how.zoom)))
    apart = torch.exp(_spread(count, math.log1p(how.stretch)))
    return both * apart, both / apart


def _spread(count: int, limit: float) -> Tensor:
    """float32 `[count]`, uniform from -limit to limit."""
    return (2 * torch.rand(count) - 1) * limit


def _factor(count: int, limit: float) -> Tensor | None:
    return (1 + _spread(count, limit)).view(-1, 1, 1, 1) if limit else None


def _rectangle(count: int, probability: float) -> Tensor:
    """float32 `[count, 4]`, as in `Changes`: for the share `probability` of the pictures."""
    chosen = torch.rand(count) < probability
    sides = []
    for _ in range(2):
        size = torch.rand(count) * _LARGEST_ERASED_SIDE
        sides += [torch.where(chosen, size, 0), torch.rand(count)]
    return torch.stack(sides, dim=1)


def _grid(matrix: Tensor, height: int, width: int) -> Tensor:
    """Where each output pixel takes its colour from, `[N, H, W, 2]`: x and y in [-1, 1].

    As `functional.affine_grid` makes it, which loads a library for matrix products on a GPU.
    """
    across, down, offset = matrix.view(-1, 1, 1, 2, 3).unbind(4)
    x = _centres(matrix.device, matrix.dtype, width).view(1, 1, -1, 1)
    y = _centres(matrix.device, matrix.dtype, height).view(1, -1, 1, 1)
    return across * x + down * y + offset


def _inside(rectangle: Tensor, pixels: Tensor) -> Tensor:
    """bool `[N, 1, H, W]`: which pixels a rectangle of `Changes` covers."""
    height, width = pixels.shape[2:]
    size_y, start_y, size_x, start_x = rectangle.view(-1, 4, 1, 1, 1).unbind(1)
    return _between(start_y, size_y, height, (1, 1, -1, 1)) & _between(
        start_x, size_x, width, (1, 1, 1, -1)
    )


def _between(start: Tensor, size: Tensor, length: int, shape: tuple[int, ...]) -> Tensor:
    place = torch.arange(length, device=size.device).view(shape)
    size = size * length
    start = start * (length - size)
    return (place >= start) & (place < start + size)


@cache
def _centres(device: torch.device, dtype: torch.dtype, length: int) -> Tensor:
    """The middle of each of so many pixels in [-1, 1], `[length]`; see `_luma`."""
    return ((2 * torch.arange(length, dtype=dtype) + 1) / length - 1).to(device)


@cache
def _luma(device: torch.device, dtype: torch.dtype) -> Tensor:
    """`[1, 3, 1, 1]`, copied to the device once: a copy each step would wait for it."""
    return torch.tensor(_GREY, device=device, dtype=dtype).view(1, 3, 1, 1)


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
