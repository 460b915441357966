"""`faces`: where every face of a picture is, of any size and aspect.

Residual blocks down to a 32nd of the size and a path back up to an eighth. Each place of that last
map says how likely the middle of a face is there, and how far the face reaches to each side
(Z. Liu et al., "Training-Time-Friendly Network for Real-Time Object Detection", 2020).
"""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

STRIDE = 8
"""Pixels of the picture for each place of the last map."""

BATCH_NORM_EPSILON = 1e-5

_WIDTHS = (16, 32, 64, 128, 128)
_NECK = 64
_TYPICAL = 24.0  # pixels from the middle of a face to its side
_LIMIT = 4.0  # of the logarithm of a side in typical ones
_RARE = -4.6  # log-odds of 1 %: few places are the middle of a face


class Faces(nn.Module):
    """A face detector.

    Takes float `[N, 3, H, W]` in [0, 1]; gives the log-odds of a face's middle, `[N, H', W']`, and
    the distances to the left, upper, right and lower side in pixels, `[N, 4, H', W']`, where H' and
    W' are H and W divided by `STRIDE`, rounded up.
    """

    def __init__(self) -> None:
        super().__init__()
        first, quarter, eighth, sixteenth, last = _WIDTHS
        self.quarter = nn.Sequential(
            _convolution(3, first, 2), _convolution(first, quarter, 2), _Residual(quarter)
        )
        self.eighth = nn.Sequential(_convolution(quarter, eighth, 2), _Residual(eighth))
        self.sixteenth = nn.Sequential(_convolution(eighth, sixteenth, 2), _Residual(sixteenth))
        self.last = nn.Sequential(_convolution(sixteenth, last, 2), _Residual(last))
        self.from_last = _convolution(last, _NECK, size=1)
        self.from_sixteenth = _convolution(sixteenth, _NECK, size=1)
        self.from_eighth = _convolution(eighth, _NECK, size=1)
        self.merge_sixteenth = _convolution(_NECK, _NECK)
        self.merge_eighth = _convolution(_NECK, _NECK)
        self.middle = nn.Sequential(_convolution(_NECK, _NECK), nn.Conv2d(_NECK, 1, 1))
        self.sides = nn.Sequential(_convolution(_NECK, _NECK), nn.Conv2d(_NECK, 4, 1))
        nn.init.constant_(cast(Tensor, cast(nn.Conv2d, self.middle[1]).bias), _RARE)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Log-odds and sides; see the class."""
        eighth = self.eighth(self.quarter(pixels))
        sixteenth = self.sixteenth(eighth)
        merged = _onto(self.from_last(self.last(sixteenth)), self.from_sixteenth(sixteenth))
        merged = _onto(self.merge_sixteenth(merged), self.from_eighth(eighth))
        merged = self.merge_eighth(merged)
        sides = self.sides(merged).float().clamp(-_LIMIT, _LIMIT).exp() * _TYPICAL
        return self.middle(merged).float()[:, 0], sides


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = _convolution(width, width)
        self.second = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width, BATCH_NORM_EPSILON),
        )

    def forward(self, pixels: Tensor) -> Tensor:
        return functional.relu(pixels + self.second(self.first(pixels)))


def _convolution(before: int, after: int, stride: int = 1, size: int = 3) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, size, stride, padding=size // 2, bias=False),
        nn.BatchNorm2d(after, BATCH_NORM_EPSILON),
        nn.ReLU(),
    )


def _onto(small: Tensor, large: Tensor) -> Tensor:
    """The small map at the size of the large one, added to it."""
    return large + functional.interpolate(small, size=large.shape[2:], mode="nearest")


def boxes(sides: Tensor) -> Tensor:
    """The box that each place says, float `[N, 4, H', W']`: x1, y1, x2, y2 in pixels.

    sides: as `Faces` gives them.
    """
    height, width = sides.shape[2:]
    x = (torch.arange(width, device=sides.device, dtype=sides.dtype) + 0.5) * STRIDE
    y = (torch.arange(height, device=sides.device, dtype=sides.dtype) + 0.5) * STRIDE
    left, upper, right, lower = sides.unbind(1)
    x, y = x.view(1, 1, -1), y.view(1, -1, 1)
    return torch.stack([x - left, y - upper, x + right, y + lower], dim=1)


def peaks(log_odds: Tensor) -> Tensor:
    """Scores, 0 to 1, `[N, H, W]`, of places that beat their neighbours; 0 of others."""
    scores = log_odds.sigmoid()
    highest = functional.max_pool2d(scores[:, None], 3, 1, 1)[:, 0]
    return scores * (scores == highest)
