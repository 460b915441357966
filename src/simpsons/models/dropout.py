"""`nn.Dropout`, drawn several times as fast on a CPU.

Source: N. Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting",
JMLR 2014.
"""

import torch
from torch import Tensor, nn

_DRAWN_AT_ONCE = 4  # 16-bit numbers in one of 64 bits
_LEVELS = 2**16


class Dropout(nn.Dropout):
    """Each value is 0 with probability `p` in training, else divided by 1 - p.

    PyTorch draws a number a value on a CPU; here four values share the bits of one, so `p` is
    rounded to a multiple of 2**-16.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Any shape to the same shape."""
        dropped = round(self.p * _LEVELS)
        if not self.training or x.device.type != "cpu" or not 0 < dropped < _LEVELS:
            return super().forward(x)
        share = 1 - dropped / _LEVELS
        kept = _noise(x) >= dropped - _LEVELS // 2
        return x * kept.to(x.dtype).div_(share)


def _noise(like: Tensor) -> Tensor:
    """int16, uniform, of the same shape; in the same order in memory, so that nothing is moved."""
    numbers = torch.empty(-(-like.numel() // _DRAWN_AT_ONCE), dtype=torch.int64)
    flat = numbers.random_(-(2**63), None).view(torch.int16)[: like.numel()]
    if like.ndim == 4 and like.is_contiguous(memory_format=torch.channels_last):
        count, channels, height, width = like.shape
        return flat.view(count, height, width, channels).permute(0, 3, 1, 2)
    return flat.view(like.shape)
