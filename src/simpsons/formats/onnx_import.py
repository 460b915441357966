"""From an ONNX file that this package exported back to the network in PyTorch.

A file may have a batch norm that follows a convolution folded into it; such a one comes back as a
batch norm that only adds the bias. The answers are the same.
"""

import json
import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from simpsons import models
from simpsons.classifier import Classifier
from simpsons.detector import FACES
from simpsons.formats.quantize import INT8
from simpsons.models import faces, xception
from simpsons.models.cnn import CNN
from simpsons.models.faces import Faces
from simpsons.models.scaled import Scaled
from simpsons.models.xception import Xception
from simpsons.network import FACES_TASK, ModelError, Network, find


def finds_faces(path: Path) -> bool:
    """Whether a file says that it is a face detector; one that is no ONNX does not."""
    try:
        said = onnx.load(path, format="protobuf", load_external_data=False).metadata_props
    except Exception:  # protobuf's errors share no base class
        return False
    return any(one.key == "task" and one.value == json.dumps(FACES_TASK) for one in said)


def read_onnx(model: str | os.PathLike[str] | Classifier) -> nn.Module:
    """The network of `cnn`, `xception` or an ONNX file, in evaluation mode; logits as trained.

    model: may be open already. The file's temperature is not part of it. Raises ModelError for a
    file that is missing, no ONNX, int8, of a `resnet`, with characters that --keep added, or that
    this package did not export.
    """
    classifier = model if isinstance(model, Classifier) else Classifier(model)
    if classifier.metadata.get("arithmetic") == INT8:
        raise ModelError(
            f"{classifier.path}: its weights are int8, too coarse to go on from; use the float "
            "file of the same network"
        )
    if base := classifier.metadata.get("kept"):
        raise ModelError(
            f"{classifier.path}: names characters that --keep added to {base}, and can't be "
            f"trained on; start from {base}, with the pictures of all new characters"
        )
    if classifier.metadata.get("network") == models.TEACHER:
        raise ModelError(
            f"{classifier.path}: is of a {models.TEACHER}, whose weights are not read back from "
            "ONNX; give the run folder that it is from"
        )
    try:
        weights = dict(_Graph(onnx.load(classifier.path, format="protobuf").graph).weights())
    except _OTHER_NODES:
        weights = {}
    name = "xception" if "stem.weight" in weights else "cnn"
    network = models.build(name, len(classifier.labels))
    if different := _different(network, weights):
        raise ModelError(
            f"{classifier.path}: has other weights than either network ({different[0]}); use a "
            "file that `simpsons export` wrote"
        )
    network.load_state_dict(weights, strict=False)
    numbers = classifier.metadata.get("input")
    if numbers is not None and isinstance(network, CNN | Xception):
        try:
            return Scaled(network, numbers["scale"], numbers["offset"]).eval()
        except (KeyError, TypeError, ValueError):
            raise ModelError(
                f"{classifier.path}: does not say how it scales pixels; import it again"
            ) from None
    return network.eval()


def read_faces(model: str | os.PathLike[str] | Network) -> Faces:
    """The network of `faces` or of a face detector's ONNX file, in evaluation mode.

    model: may be open already. Raises ModelError for a file that is missing, no ONNX, or that this
    package did not export.
    """
    remedy = f"use {FACES}, or a file that `simpsons export` wrote of a run of it"
    opened = model if isinstance(model, Network) else Network(find(model, [FACES]), 1, remedy)
    path = opened.path
    if not opened.says("task", FACES_TASK):
        raise ModelError(f"{path}: is not a face detector; {remedy}")
    network = Faces()
    graph = _Graph(onnx.load(path, format="protobuf").graph)
    try:
        weights = dict(graph.weights_of_faces(_own(network)))
    except _OTHER_NODES:
        weights = {}
    if different := _different(network, weights):
        raise ModelError(f"{path}: has other weights than {FACES} ({different[0]}); {remedy}")
    network.load_state_dict(weights, strict=False)
    return network.eval()


_OTHER_NODES = (LookupError, ValueError, TypeError, AttributeError)
"""What reading a graph raises that has nodes which none of the networks has."""


def _own(network: nn.Module) -> set[str]:
    return {key for key in network.state_dict() if not key.endswith("num_batches_tracked")}


def _different(network: nn.Module, weights: Mapping[str, Tensor]) -> list[str]:
    """The names of weights that only one of the two has, or that have other shapes."""
    shapes = {name: tensor.shape for name, tensor in network.state_dict().items()}
    shared = _own(network) & weights.keys()
    others = (name for name in shared if weights[name].shape != shapes[name])
    return sorted({*(_own(network) ^ weights.keys()), *others})


class _Graph:
    """The weights of a graph's layers. Equal weights are stored once, under one layer's name, so
    that each is found by the node that uses it."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self._nodes = graph.node
        self._makers = {output: node for node in graph.node for output in node.output}
        self._stored = {tensor.name: tensor for tensor in graph.initializer}

    def weights(self) -> Iterator[tuple[str, Tensor]]:
        """Weights by the names that they have in PyTorch."""
        for node in self._nodes:
            if node.op_type in ("Conv", "Gemm"):
                yield from self._layer(node)
            elif node.op_type == "BatchNormalization":
                name = _norm_after(self._convolution_before(node))
                for key, value in zip(_NORM, node.input[1:], strict=True):
                    yield f"{name}.{key}", self._value(value)

    def weights_of_faces(self, own: Collection[str]) -> Iterator[tuple[str, Tensor]]:
        """Those of a face detector, whose weights have the names `own`; each `Conv` alone, or with
        the batch norm that follows it folded in."""
        for node in self._nodes:
            if node.op_type != "Conv":
                continue
            name = _layer_name(node)
            yield f"{name}.weight", self._value(node.input[1])
            bias = self._value(node.input[2])
            norm = f"{name.removesuffix('0')}1"
            if f"{norm}.running_mean" in own:
                yield from _adding(bias, norm, faces.BATCH_NORM_EPSILON)
            else:
                yield f"{name}.bias", bias

    def _layer(self, node: onnx.NodeProto) -> Iterator[tuple[str, Tensor]]:
        name = _layer_name(node)
        weight = self._value(node.input[1])
        yield f"{name}.weight", weight
        if len(node.input) < 3:
            if name.endswith(".main.2.1") and not self._is_normed(node):  # adds zeros
                yield from _adding(weight.new_zeros(len(weight)), _norm_after(name))
            return
        bias = self._value(node.input[2])
        if name.startswith("blocks."):
            yield from _adding(bias, _norm_after(name))
        else:
            yield f"{name}.bias", bias

    def _convolution_before(self, norm: onnx.NodeProto) -> str:
        maker = self._makers.get(norm.input[0])
        if maker is not None and maker.op_type == "Add":
            makers = [self._makers.get(name) for name in maker.input]
            names = [_layer_name(each) for each in makers if each and each.op_type == "Conv"]
            return next((name for name in names if name.endswith(".residual")), "")
        return _layer_name(maker) if maker is not None and maker.op_type == "Conv" else ""

    def _is_normed(self, node: onnx.NodeProto) -> bool:
        norms = (each for each in self._nodes if each.op_type == "BatchNormalization")
        return any(norm.input[0] == node.output[0] for norm in norms)

    def _value(self, name: str) -> Tensor:
        if name in self._makers:  # the cast of a weight that is stored in half the size
            name = self._makers[name].input[0]
        return torch.from_numpy(numpy_helper.to_array(self._stored[name]).astype(np.float32))


_NORM = ("weight", "bias", "running_mean", "running_var")


def _layer_name(node: onnx.NodeProto) -> str:
    name = str(node.input[1]).removesuffix(".weight")
    return name.removeprefix("network.").removeprefix("network.")  # twice in a `Scaled`


def _norm_after(convolution: str) -> str:
    """The batch norm of `xception` that follows the convolution of this name."""
    if convolution == "stem":
        return "blocks.0.main.0"
    _, block, *layer = convolution.split(".")
    return f"blocks.{int(block) + 1}.main.0" if layer == ["residual"] else f"blocks.{block}.main.3"


def _adding(
    bias: Tensor, norm: str, epsilon: float = xception.BATCH_NORM_EPSILON
) -> Iterator[tuple[str, Tensor]]:
    """The weights of a batch norm that adds `bias` and does nothing else."""
    scale = (1 + epsilon) ** 0.5
    values = (torch.full_like(bias, scale), bias, torch.zeros_like(bias), torch.ones_like(bias))
    for key, value in zip(_NORM, values, strict=True):
        yield f"{norm}.{key}", value
