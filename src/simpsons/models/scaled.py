"""A network that works with other values of pixels than [0, 1]."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from simpsons.models.cnn import CNN
from simpsons.models.xception import Xception


class Scaled(nn.Module):
    """Another network, given `scale * value + offset` of the values 0 to 255.

    Input: float32 `[N, 3, 64, 64]`, values in [0, 1], as every network here. network: a `CNN` or an
    `Xception`. scale, offset: one number for each channel, RGB, or one for all.
    """

    scale: Tensor
    offset: Tensor
    network: CNN | Xception

    def __init__(
        self, network: CNN | Xception, scale: Sequence[float], offset: Sequence[float]
    ) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("scale", torch.tensor(scale, dtype=torch.float32).reshape(-1, 1, 1))
        self.register_buffer("offset", torch.tensor(offset, dtype=torch.float32).reshape(-1, 1, 1))

    def forward(self, pixels: Tensor) -> Tensor:
        """Logits, float32 `[N, classes]`, of float32 `[N, 3, 64, 64]` in [0, 1]."""
        logits: Tensor = self.network(self.values(255 * pixels))
        return logits

    def values(self, pixels: Tensor) -> Tensor:
        """What the network is given, of float32 `[N, 3, 64, 64]` from 0 to 255."""
        return pixels * self.scale + self.offset

    def with_maps(self, pixels: Tensor) -> tuple[Tensor, list[Tensor]]:
        """What the network itself gives, of float32 `[N, 3, 64, 64]` in [0, 1]."""
        return self.network.with_maps(self.values(255 * pixels))

    @property
    def numbers(self) -> dict[str, list[float]]:
        """scale and offset, as they were given."""
        return {name: getattr(self, name).ravel().tolist() for name in ("scale", "offset")}


def unscaled(network: nn.Module) -> nn.Module:
    """The network inside a `Scaled`, else itself."""
    return network.network if isinstance(network, Scaled) else network
