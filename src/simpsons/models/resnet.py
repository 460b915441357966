"""`resnet`: a larger network that only teaches the two that are studied.

Source: K. He et al., "Deep Residual Learning for Image Recognition", CVPR 2016, with basic blocks;
shortcuts that halve the picture average it first (T. He et al., "Bag of Tricks for Image
Classification with Convolutional Neural Networks", CVPR 2019). 25,189,986 parameters with 18
classes, 14,496 of them batch-norm statistics.
"""

from torch import Tensor, nn

from simpsons.models.dropout import Dropout

WIDTHS = (96, 192, 384, 768)
_BLOCKS = 2  # of each width
_STEM = 48


class Block(nn.Module):
    """Two 3x3 convolutions with batch norms, and a shortcut around them.

    `[N, channels, H, W]` to `[N, width, ceil(H / stride), ceil(W / stride)]`.
    """

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.main = nn.Sequential(
            *_normed(channels, width, stride), nn.ReLU(inplace=True), *_normed(width, width)
        )
        self.shortcut = nn.Sequential()
        if channels != width:
            self.shortcut = nn.Sequential(
                nn.AvgPool2d(stride, ceil_mode=True),
                nn.Conv2d(channels, width, 1, bias=False),
                nn.BatchNorm2d(width),
            )
        self.activation = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """`[N, channels, H, W]` to `[N, width, ceil(H / stride), ceil(W / stride)]`."""
        result: Tensor = self.activation(self.main(x) + self.shortcut(x))
        return result


class ResNet(nn.Module):
    """A residual network of eight blocks.

    Input: float32 `[N, 3, 64, 64]`, values in [0, 1]; other sizes work too. Output: logits, float32
    `[N, classes]`. `dropout` is that of what the dense layer sees.
    """

    def __init__(self, classes: int = 18, dropout: float = 0.5) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            *_normed(3, _STEM),
            nn.ReLU(inplace=True),
            *_normed(_STEM, WIDTHS[0], stride=2),
            nn.ReLU(inplace=True),
        )
        blocks = []
        channels = WIDTHS[0]
        for width in WIDTHS:
            for _ in range(_BLOCKS):
                blocks.append(Block(channels, width, stride=1 if channels == width else 2))
                channels = width
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            Dropout(dropout),
            nn.Linear(WIDTHS[-1], classes),
        )

    def forward(self, pixels: Tensor) -> Tensor:
        """Logits, float32 `[N, classes]`, of float32 `[N, 3, 64, 64]`."""
        logits: Tensor = self.head(self.blocks(self.stem(pixels)))
        return logits

    def with_maps(self, pixels: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The logits, and the feature map of each width after its blocks, `[N, width, H, W]`."""
        x, maps = self.stem(pixels), []
        for number, block in enumerate(self.blocks, start=1):
            x = block(x)
            if number % _BLOCKS == 0:
                maps.append(x)
        return self.head(x), maps


def _normed(channels: int, width: int, stride: int = 1) -> tuple[nn.Module, nn.Module]:
    return nn.Conv2d(channels, width, 3, stride, padding=1, bias=False), nn.BatchNorm2d(width)
