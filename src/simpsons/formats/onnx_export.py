"""From a trained network to one ONNX file that is the whole classifier.

Input `pixels`: uint8 `[N, 64, 64, 3]`, RGB. Output `probabilities`: float32 `[N, classes]`, and
where it was fitted `familiarity`: float32 `[N]`, higher is more like what the network learnt.
Scaling to what the network works with, temperature and softmax are inside; labels, recipe, split,
figures and the data's licence are in the metadata, so that any runtime in any language gives the
same answer. `docs/web.md` says which runtimes are tested.

Of the two networks of this package the metadata also has `heat`, in base64: what is put behind the
bytes of the file makes one with the output `heat`, where the evidence for each class is, 0 to 1,
float32 `[N, classes, 64, 64]`; see `simpsons.formats.onnx_addition`.
"""

import base64
import copy
import json
import logging
import os
import warnings
from collections.abc import Hashable
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from simpsons import models
from simpsons.files import whole
from simpsons.formats.onnx_addition import take_out
from simpsons.formats.quantize import INT8, to_int8
from simpsons.models.class_activation import has_heat, heat
from simpsons.models.cnn import CNN, folded
from simpsons.models.familiarity import Familiarity
from simpsons.models.scaled import Scaled, unscaled
from simpsons.pixels.images import SIZE, Pixels

OPSET = 18

IR_VERSION = 8  # the first with that opset; later ones are refused by older runtimes

_PROBABILITIES, _HEAT = "probabilities", "heat"

_TRACED: dict[Hashable, torch.onnx.ONNXProgram] = {}  # without weights, by structure


class _Classifier(nn.Module):
    """Pixels in; a tuple of outputs, named in the same order by `names`."""

    temperature: Tensor

    def __init__(
        self, network: nn.Module, temperature: float, familiarity: Familiarity | None
    ) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("temperature", torch.tensor(temperature))
        self.familiarity = familiarity
        self.names = [_PROBABILITIES]
        self.names += ["familiarity"] if familiarity else []
        self.names += [_HEAT] if has_heat(unscaled(network)) else []

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        network, values = self.network, pixels.permute(0, 3, 1, 2).float()
        if isinstance(network, Scaled):
            values = network.values(values)
            network = network.network
        else:
            values = values / 255
        logits, maps = models.with_maps(network, values)
        logits = logits / self.temperature
        outputs = [torch.softmax(logits, dim=1)]
        if self.familiarity is not None:
            outputs.append(self.familiarity(logits, maps))
        if _HEAT in self.names:
            outputs.append(heat(network, maps))
        return tuple(outputs)


def export(
    network: nn.Module,
    path: str | os.PathLike[str],
    labels: tuple[str, ...],
    metadata: dict[str, Any],
    temperature: float = 1.0,
    half: bool = False,
    familiarity: Familiarity | None = None,
    calibration: Pixels | None = None,
) -> None:
    """Write a network as ONNX, whole or not at all.

    labels: the class of each output. metadata: JSON values, stored by name next to `labels` and
    `temperature`. temperature: what the logits are divided by (Guo et al., "On Calibration of
    Modern Neural Networks", 2017). half: store large weights as float16, at half the size; the
    arithmetic stays float32. familiarity: fitted for this network; its threshold is the
    metadata's `familiarity_threshold`. calibration: training pictures, uint8 `[N, 64, 64, 3]`,
    for int8 arithmetic; see `simpsons.formats.quantize`. What stays float then is stored as with
    `half`.
    """
    network = network.cpu().eval()
    network = folded(network) if isinstance(network, CNN) else _with_plain_means(network)
    wrapped = _Classifier(network, temperature, familiarity).eval()
    example = torch.zeros(2, SIZE, SIZE, 3, dtype=torch.uint8)
    model = traced(wrapped, example, wrapped.names, {0: torch.export.Dim("N")})
    facts: dict[str, Any] = {"labels": list(labels), "temperature": temperature}
    if calibration is not None:
        facts["arithmetic"] = INT8
        with _quiet("root"):
            model = to_int8(model, _PROBABILITIES, calibration)
    if _HEAT in wrapped.names:
        facts[_HEAT] = base64.b64encode(take_out(model, _HEAT)).decode()
    if isinstance(network, Scaled):
        facts["input"] = network.numbers
    write(model, path, facts | metadata, half or calibration is not None)


class _Mean(nn.AdaptiveAvgPool2d):
    """The same as one operation, where PyTorch's is exported as an index into memory."""

    def __init__(self) -> None:
        super().__init__(1)

    def forward(self, x: Tensor) -> Tensor:
        """`[N, C, H, W]` to `[N, C, 1, 1]`."""
        return x.mean((2, 3), keepdim=True)


def _with_plain_means(network: nn.Module) -> nn.Module:
    plain = copy.deepcopy(network)
    for module in plain.modules():
        for name, layer in module.named_children():
            if isinstance(layer, nn.AdaptiveAvgPool2d):
                setattr(module, name, _Mean())
    return plain


def traced(
    network: nn.Module, example: Tensor, outputs: list[str], dynamic: dict[int, Any]
) -> onnx.ModelProto:
    """The graph of a network. dynamic: `torch.export.Dim` by dimension of the input `pixels`.

    Tracing takes seconds, so networks that differ in their weights and buffers only are traced once
    in a process. The graph is simplified afterwards, with the weights of each.
    """
    weights = network.state_dict()
    structure = (_structure(network), tuple(example.shape), tuple(outputs), repr(dynamic))
    with warnings.catch_warnings(), _quiet("torch.onnx", "onnxscript"):
        warnings.simplefilter("ignore")
        if structure not in _TRACED:
            program = _trace(network, example, outputs, dynamic)
            for name in weights.keys() & program.model.graph.initializers.keys():
                program.model.graph.initializers[name].const_value = None
            _TRACED[structure] = program
        program = copy.copy(_TRACED[structure])
        program.model = program.model.clone()
        program.apply_weights(weights)
        program.optimize()
    model = program.model_proto
    _remove_traces(model)
    return model


def _structure(network: nn.Module) -> Hashable:
    """All that the graph depends on but the values of weights and buffers."""
    settings = tuple(
        (name, type(module), repr({k: v for k, v in vars(module).items() if k[0] != "_"}))
        for name, module in network.named_modules()
    )
    tensors = tuple((key, value.shape, value.dtype) for key, value in network.state_dict().items())
    return settings, tensors


def _trace(
    network: nn.Module, example: Tensor, outputs: list[str], dynamic: dict[int, Any]
) -> torch.onnx.ONNXProgram:
    program = torch.onnx.export(
        network,
        (example,),
        input_names=["pixels"],
        output_names=outputs,
        dynamic_shapes=(dynamic,),
        opset_version=OPSET,
        dynamo=True,
        optimize=False,
        verbose=False,
    )
    assert program is not None
    program.exported_program = None  # which has the weights
    return program


def write(
    model: onnx.ModelProto, path: str | os.PathLike[str], metadata: dict[str, Any], half: bool
) -> None:
    """Check a graph and write it, whole or not at all. metadata, half: as `export` takes them."""
    if half:
        _store_half(model)
    helper.set_model_props(model, {key: json.dumps(value) for key, value in metadata.items()})
    model.ir_version = IR_VERSION
    onnx.checker.check_model(model, full_check=True)
    with whole(path) as temporary:
        onnx.save(model, temporary, format="protobuf")


def add_metadata(path: str | os.PathLike[str], metadata: dict[str, Any]) -> None:
    """Store JSON values by name in an exported file, beside those that it has or instead."""
    model = onnx.load(path, format="protobuf")
    stored = {item.key: item.value for item in model.metadata_props}
    new = {key: json.dumps(value) for key, value in metadata.items()}
    helper.set_model_props(model, stored | new)
    with whole(path) as temporary:
        onnx.save(model, temporary, format="protobuf")


def _remove_traces(model: onnx.ModelProto) -> None:
    """Remove what the exporter notes of the source code, paths of this machine included."""
    graph = model.graph
    for part in (graph, *graph.node, *graph.value_info, *graph.input, *graph.output):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    for tensor in graph.initializer:
        tensor.ClearField("metadata_props")


def _store_half(model: onnx.ModelProto, smallest: int = 1024) -> None:
    """Replace large float32 weights by float16 ones and a cast, which runtimes do at load."""
    casts = []
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < smallest:
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}.half"))
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


class _quiet:  # noqa: N801
    """Silence loggers for a while."""

    def __init__(self, *names: str) -> None:
        self._loggers = [logging.getLogger(name) for name in names]

    def __enter__(self) -> None:
        self._levels = [logger.level for logger in self._loggers]
        for logger in self._loggers:
            logger.setLevel(logging.ERROR)

    def __exit__(self, *_: object) -> None:
        for logger, level in zip(self._loggers, self._levels, strict=True):
            logger.setLevel(level)
