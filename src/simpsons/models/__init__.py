"""The two networks that are studied, one that teaches them, and the face detector."""

from torch import Tensor, nn

from simpsons.models.cnn import CNN
from simpsons.models.faces import Faces
from simpsons.models.resnet import ResNet
from simpsons.models.scaled import Scaled
from simpsons.models.xception import Xception

NETWORKS = ("cnn", "xception")
"""Those that are studied, shipped and compared."""

TEACHER = "resnet"
"""The larger one that teaches them."""

DETECTOR = "faces"
"""The one that finds faces."""

TYPES = {"cnn": CNN, "xception": Xception, TEACHER: ResNet, DETECTOR: Faces}
"""What `build` makes."""


def build(
    network: str, classes: int = 18, dropout: float = 0.5, batch_norm: bool = False
) -> nn.Module:
    """A network with new weights.

    network: `cnn`, `xception` or `resnet`; `faces` has neither classes nor dropout. `batch_norm` is
    for training `cnn`; see `CNN`. Raises ValueError for another name.
    """
    if network == "cnn":
        return CNN(classes, batch_norm, dropout)
    if network == "xception":
        return Xception(classes, dropout)
    if network == TEACHER:
        return ResNet(classes, dropout)
    if network == DETECTOR:
        return Faces()
    names = ", ".join((*NETWORKS, TEACHER))
    raise ValueError(f"no network {network!r}; use {names} or {DETECTOR}")


def outputs(network: nn.Module) -> int:
    """The number of classes of a network."""
    return [layer.out_features for layer in network.modules() if isinstance(layer, nn.Linear)][-1]


def with_maps(network: nn.Module, pixels: Tensor) -> tuple[Tensor, list[Tensor]]:
    """Logits `[N, classes]` and the feature map of each block, `[N, width, H, W]`.

    pixels: float32 `[N, 3, 64, 64]`, values in [0, 1]. Raises TypeError for another network.
    """
    if not isinstance(network, CNN | Xception | ResNet | Scaled):
        raise TypeError(f"{type(network).__name__} has no blocks; use one that `build` makes")
    return network.with_maps(pixels)
