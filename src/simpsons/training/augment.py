"""Augmentation of a whole batch on its device: one affine resampling, then colour."""

import math

import torch
from torch import Tensor
from torch.nn import functional

from simpsons.training.recipe import Augmentation

_GREY = (0.299, 0.587, 0.114)  # ITU-R BT.601 luma
_LARGEST_ERASED_SIDE = 0.5


def augment(pixels: Tensor, how: Augmentation) -> Tensor:
    """Change each picture of a batch at random, from PyTorch's random state.

    pixels: float `[N, 3, H, W]` in [0, 1]. Returns the same shape and range. Pixels from
    outside the picture take the colour of the nearest edge.
    """
    count = len(pixels)
    matrix = affine(count, how, pixels.device)
    grid = functional.affine_grid(matrix, list(pixels.shape), align_corners=False)
    pixels = functional.grid_sample(pixels, grid, padding_mode="border", align_corners=False)
    if how.brightness:
        pixels = pixels * _factor(count, how.brightness, pixels.device)
    if how.contrast:
        mean = pixels.mean(dim=(1, 2, 3), keepdim=True)
        pixels = mean + (pixels - mean) * _factor(count, how.contrast, pixels.device)
    if how.saturation:
        luma = torch.tensor(_GREY, device=pixels.device).view(1, 3, 1, 1)
        grey = (pixels * luma).sum(dim=1, keepdim=True)
        pixels = grey + (pixels - grey) * _factor(count, how.saturation, pixels.device)
    if how.brightness or how.contrast or how.saturation:
        pixels = pixels.clamp(0, 1)
    if how.erase:
        pixels = torch.where(_rectangles(pixels, how.erase), 0.5, pixels)
    return pixels


def affine(count: int, how: Augmentation, device: torch.device) -> Tensor:
    """Random maps from output to input coordinates, float32 `[count, 2, 3]`.

    Coordinates are x and y in [-1, 1] over the picture. The maps are, as in Keras's
    `ImageDataGenerator`, rotation x shift x shear x zoom about the centre, then the mirror.
    """
    angle = torch.deg2rad(_spread(count, how.rotation, device))
    shear = torch.deg2rad(_spread(count, how.shear, device))
    shift_x, shift_y = (2 * _spread(count, how.shift, device) for _ in range(2))
    zoom_x, zoom_y = _zoom(count, how, device)
    mirror = torch.ones(count, device=device)
    if how.flip:
        mirror = 1 - 2 * torch.randint(2, (count,), device=device).float()
    cos, sin = torch.cos(angle), torch.sin(angle)
    cos_sheared, sin_sheared = torch.cos(angle + shear), torch.sin(angle + shear)
    across_x, across_y = cos_sheared * zoom_x, sin * zoom_y
    down_x, down_y = -sin_sheared * zoom_x, cos * zoom_y
    offset_x = cos * shift_x + sin * shift_y
    offset_y = cos * shift_y - sin * shift_x
    rows = [across_x * mirror, across_y, offset_x, down_x * mirror, down_y, offset_y]
    return torch.stack(rows, dim=1).view(count, 2, 3)


def _zoom(count: int, how: Augmentation, device: torch.device) -> tuple[Tensor, Tensor]:
    if not how.keep_aspect:
        return 1 + _spread(count, how.zoom, device), 1 + _spread(count, how.zoom, device)
    both = torch.exp(_spread(count, math.log1p(how.zoom), device))
    apart = torch.exp(_spread(count, math.log1p(how.stretch), device))
    return both * apart, both / apart


def _spread(count: int, limit: float, device: torch.device) -> Tensor:
    """float32 `[count]`, uniform from -limit to limit."""
    return (2 * torch.rand(count, device=device) - 1) * limit


def _factor(count: int, limit: float, device: torch.device) -> Tensor:
    return (1 + _spread(count, limit, device)).view(-1, 1, 1, 1)


def _rectangles(pixels: Tensor, probability: float) -> Tensor:
    """bool `[N, 1, H, W]`: a random rectangle in the share `probability` of the pictures."""
    count, _, height, width = pixels.shape
    device = pixels.device
    chosen = torch.rand(count, device=device) < probability
    inside = chosen.view(-1, 1, 1, 1)
    for length, shape in ((height, (1, 1, -1, 1)), (width, (1, 1, 1, -1))):
        size = torch.rand(count, device=device) * _LARGEST_ERASED_SIDE * length
        start = torch.rand(count, device=device) * (length - size)
        place = torch.arange(length, device=device).view(shape)
        start, size = start.view(-1, 1, 1, 1), size.view(-1, 1, 1, 1)
        inside = inside & (place >= start) & (place < start + size)
    return inside
