"""Model 2, `xception`: depthwise separable convolutions with residuals.

Sources: the reference Keras notebook; F. Chollet, "Xception: Deep Learning with Depthwise
Separable Convolutions", CVPR 2017. 768,210 parameters with 18 classes.
"""

from torch import Tensor, nn
from torch.nn import functional

from simpsons.models.dropout import Dropout

WIDTHS = (32, 64, 128, 128, 256)
BATCH_NORM_EPSILON = 1e-3  # Keras's default; PyTorch's is 1e-5


class SeparableConv(nn.Sequential):
    """A 3x3 convolution per channel, then a 1x1 convolution across channels; no bias."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__(
            nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False),
            nn.Conv2d(channels, width, 1, bias=False),
        )


class SamePool(nn.Module):
    """Max pool 3x3, stride 2, with Keras's `same` padding.

    Keras pads an odd size on both sides and an even size only on the right and the bottom.
    """

    def forward(self, x: Tensor) -> Tensor:
        """`[N, C, H, W]` to `[N, C, ceil(H / 2), ceil(W / 2)]`."""
        odd = (x.shape[2] % 2, x.shape[3] % 2)
        return functional.max_pool2d(x, 3, stride=2, padding=odd, ceil_mode=True)


class Block(nn.Module):
    """Twice (batch norm, ReLU, separable convolution), a pool, and a 1x1 stride-2 residual.

    `[N, channels, H, W]` to `[N, width, ceil(H / 2), ceil(W / 2)]`.
    """

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.main = nn.Sequential(
            nn.BatchNorm2d(channels, eps=BATCH_NORM_EPSILON),
            nn.ReLU(inplace=True),
            SeparableConv(channels, width),
            nn.BatchNorm2d(width, eps=BATCH_NORM_EPSILON),
            nn.ReLU(inplace=True),
            SeparableConv(width, width),
            SamePool(),
        )
        self.residual = nn.Conv2d(channels, width, 1, stride=2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """`[N, channels, H, W]` to `[N, width, ceil(H / 2), ceil(W / 2)]`."""
        main: Tensor = self.main(x)
        residual: Tensor = self.residual(x)
        return main + residual


class Xception(nn.Module):
    """The small Xception of the notebook.

    Input: float32 `[N, 3, 64, 64]`, values in [0, 1]. Output: logits, float32 `[N, classes]`.
    """

    def __init__(self, classes: int = 18, dropout: float = 0.5) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 32, 3, bias=False)
        blocks = []
        channels = 32
        for width in WIDTHS:
            blocks.append(Block(channels, width))
            channels = width
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(256, 1024),
            nn.ReLU(inplace=True),
            Dropout(dropout),
            nn.Linear(1024, 256),
            nn.ReLU(inplace=True),
            Dropout(dropout),
            nn.Linear(256, classes),
        )

    def forward(self, pixels: Tensor) -> Tensor:
        """Logits, float32 `[N, classes]`, of float32 `[N, 3, 64, 64]`."""
        logits: Tensor = self.head(self.blocks(self.stem(pixels)))
        return logits

    def with_maps(self, pixels: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The logits, and the feature map after each block, `[N, width, H, W]`."""
        x, maps = self.stem(pixels), []
        for block in self.blocks:
            x = block(x)
            maps.append(x)
        return self.head(x), maps
