"""From an ONNX file that this package exported back to the network in PyTorch.

The exporter folds a batch norm that follows a convolution into it; such a one comes back as a
batch norm that only adds the bias. The answers are the same.
"""

import os

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from simpsons import models
from simpsons.classifier import Classifier, ModelError
from simpsons.models import xception

_HALF, _FOLDED = ".half", ".weight_bias"


def read_onnx(model: str | os.PathLike[str]) -> nn.Module:
    """The network of `cnn`, `xception` or an ONNX file, in evaluation mode; logits as trained.

    The file's temperature is not part of it. Raises ModelError for a file that is missing, no
    ONNX, or that this package did not export.
    """
    classifier = Classifier(model)
    weights = _weights(onnx.load(classifier.path))
    name = "xception" if "stem.weight" in weights else "cnn"
    network = models.build(name, len(classifier.labels))
    for key in [key for key in weights if key.endswith(_FOLDED)]:
        weights |= _unfolded(key, weights.pop(key))
    own = {key for key in network.state_dict() if not key.endswith("num_batches_tracked")}
    if different := sorted(own ^ set(weights)):
        raise ModelError(
            f"{classifier.path}: has other weights than either network ({different[0]}); use a "
            "file that `simpsons export` wrote"
        )
    network.load_state_dict(weights, strict=False)
    return network.eval()


def _weights(model: onnx.ModelProto) -> dict[str, Tensor]:
    """Weights by the names they have in PyTorch."""
    start = "network."
    return {
        tensor.name.removeprefix(start).removesuffix(_HALF): torch.from_numpy(
            numpy_helper.to_array(tensor).astype(np.float32)
        )
        for tensor in model.graph.initializer
        if tensor.name.startswith(start)
    }


def _unfolded(key: str, bias: Tensor) -> dict[str, Tensor]:
    """The batch norm after a separable convolution that adds `bias` and nothing else."""
    block, layer = key.removesuffix(".1" + _FOLDED).rsplit(".", 1)
    norm = f"{block}.{int(layer) + 1}"
    return {
        f"{norm}.weight": torch.full_like(bias, (1 + xception.BATCH_NORM_EPSILON) ** 0.5),
        f"{norm}.bias": bias,
        f"{norm}.running_mean": torch.zeros_like(bias),
        f"{norm}.running_var": torch.ones_like(bias),
    }
