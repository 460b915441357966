"""Model 1, `cnn`: eight 3x3 convolutions in four blocks, then two dense layers.

Source: the reference Keras notebook. 2,240,306 parameters with 18 classes.
"""

import copy

from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from simpsons.models.dropout import Dropout

WIDTHS = (32, 64, 128, 256)


class CNN(nn.Module):
    """The plain convolutional network of the notebook.

    Input: float32 `[N, 3, 64, 64]`, values in [0, 1]. Output: logits, float32 `[N, classes]`.
    `dropout` is that of the dense layer; after each block it is 0.6 times as much.

    `batch_norm=True` puts a batch norm after each convolution for training only. It is linear
    at inference, so `folded` merges it into the convolution before it and returns the plain
    network: same layers, same parameter count, same answers, learnt in far fewer epochs.
    """

    def __init__(self, classes: int = 18, batch_norm: bool = False, dropout: float = 0.5) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for width in WIDTHS:
            layers += [nn.Conv2d(channels, width, 3, padding=1, bias=not batch_norm)]
            layers += [nn.BatchNorm2d(width)] if batch_norm else []
            layers += [nn.ReLU(inplace=True)]
            layers += [nn.Conv2d(width, width, 3, bias=not batch_norm)]
            layers += [nn.BatchNorm2d(width)] if batch_norm else []
            layers += [nn.ReLU(inplace=True), nn.MaxPool2d(2), Dropout(0.6 * dropout)]
            channels = width
        self.features = nn.Sequential(*layers)
        self.head = nn.Sequential(
            nn.Flatten(),
            nn.Linear(256 * 2 * 2, 1024),
            nn.ReLU(inplace=True),
            Dropout(dropout),
            nn.Linear(1024, classes),
        )

    def forward(self, pixels: Tensor) -> Tensor:
        """Logits, float32 `[N, classes]`, of float32 `[N, 3, 64, 64]`."""
        logits: Tensor = self.head(self.features(pixels))
        return logits

    def with_maps(self, pixels: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The logits, and the feature map of each block before its pool, `[N, width, H, W]`."""
        maps = []
        for layer in self.features:
            if isinstance(layer, nn.MaxPool2d):
                maps.append(pixels)
            pixels = layer(pixels)
        return self.head(pixels), maps


def folded(network: CNN) -> CNN:
    """The plain network that gives the same logits as one trained with batch norms.

    `network` must be in evaluation mode; a copy is returned.
    """
    plain = copy.deepcopy(network)
    layers: list[nn.Module] = []
    for layer in plain.features:
        if isinstance(layer, nn.BatchNorm2d):
            convolution = layers.pop()
            assert isinstance(convolution, nn.Conv2d)
            layer = fuse_conv_bn_eval(convolution, layer)
        layers.append(layer)
    plain.features = nn.Sequential(*layers)
    return plain
