"""The arithmetic of an ONNX graph in int8, by ONNX Runtime's static quantisation.

Activations take eight bits without a sign, weights seven with one, a scale for each output
channel: processors without VNNI add two products in 16 bits, which eight bits would exceed. The
ranges of the activations are those of calibration pictures; pixels are eight bits already and go in
as they are. The last layer stays in float32, so that probabilities are as fine as before.
"""

import copy
import tempfile
from collections.abc import Collection
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static

from simpsons.formats.onnx_addition import needed
from simpsons.pixels.images import Pixels

INT8 = "int8"
"""What the metadata of such a file calls its arithmetic."""

CALIBRATION = 500
"""Training pictures that set the ranges of the activations."""

_OPERATIONS = ("Conv", "Gemm", "MaxPool", "Relu", "Add")

_UNIT = {"rmin": np.float32(0), "rmax": np.float32(1)}  # of pixels divided by 255

_MEAN = "GlobalAveragePool"  # all that the familiarity needs of a map


def calibration_rows(training: NDArray[np.int64], seed: int = 0) -> NDArray[np.int64]:
    """`CALIBRATION` of these rows, or all where there are fewer, in their order."""
    rng = np.random.default_rng(seed)
    return np.sort(rng.choice(training, min(len(training), CALIBRATION), replace=False))


def to_int8(model: onnx.ModelProto, output: str, pixels: Pixels) -> onnx.ModelProto:
    """The graph with what `output` is computed from in int8; the others' own parts stay float.

    Of those only the means of the maps are in int8, too. pixels: calibration pictures, uint8
    `[N, 64, 64, 3]`.
    """
    graph = model.graph
    path = needed(graph, [output])
    means = _means(graph, path)
    nodes = [
        node.name
        for node in graph.node
        if node.op_type in _OPERATIONS and path.issuperset(node.output)
    ]
    scaled = _divided_pixels(graph)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "int8.onnx")
        # The other outputs' values have ranges too, some infinite, that nothing uses.
        with np.errstate(invalid="ignore"):
            quantize_static(
                model,
                file,
                _Pictures(graph.input[0].name, pixels),
                per_channel=True,
                reduce_range=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                op_types_to_quantize=(*_OPERATIONS, _MEAN),
                nodes_to_quantize=[*nodes[:-1], *means],
                extra_options={"TensorQuantOverrides": {scaled: [_UNIT]} if scaled else {}},
            )
        quantised = onnx.load(file)
    if scaled:
        _take_pixels_as_they_are(quantised.graph, scaled)
    _dequantise_apart(quantised.graph, output)
    return quantised


class _Pictures(CalibrationDataReader):  # type: ignore[misc]
    """Pictures one by one, as the quantiser asks for them."""

    def __init__(self, name: str, pixels: Pixels) -> None:
        self._inputs = iter([{name: picture[None]} for picture in pixels])

    def get_next(self) -> dict[str, Pixels] | None:
        return next(self._inputs, None)


def _means(graph: onnx.GraphProto, path: Collection[str]) -> list[str]:
    """The names of the nodes that average a whole map, as which they are written.

    Written as an `AveragePool`, they would get the range of the map, far wider than their own.
    path: the values that the probabilities are computed from. An `AveragePool` that makes one of
    these is a layer of a `resnet`, which halves a map.
    """
    means = []
    for node in graph.node:
        if node.op_type == "AveragePool" and node.output[0] not in path:
            node.op_type = _MEAN
            del node.attribute[:]
            means.append(node.name)
    return means


def _divided_pixels(graph: onnx.GraphProto) -> str | None:
    """The name of the pixels divided by 255; None where a network takes other values."""
    floats = {node.output[0] for node in graph.node if node.op_type == "Cast"}
    divided = (n.output[0] for n in graph.node if n.op_type == "Div" and n.input[0] in floats)
    return next(divided, None)


def _take_pixels_as_they_are(graph: onnx.GraphProto, scaled: str) -> None:
    """Leave out that pixels become float, are divided by 255 and become the same integers again."""
    makers = {name: node for node in graph.node for name in node.output}
    again = next(n for n in graph.node if n.op_type == "QuantizeLinear" and n.input[0] == scaled)
    as_float = makers[makers[scaled].input[0]]
    for node in graph.node:
        node.input[:] = [as_float.input[0] if n == again.output[0] else n for n in node.input]
    for node in (as_float, makers[scaled], again):
        graph.node.remove(node)


def _dequantise_apart(graph: onnx.GraphProto, output: str) -> None:
    """Give what `output` does not need its own dequantisation.

    A value that is dequantised for two purposes can't be left in int8 for the first one.
    """
    path = needed(graph, [output])
    makers = {node.output[0]: node for node in graph.node if node.op_type == "DequantizeLinear"}
    nodes = []
    for node in graph.node:
        if not path.issuperset(node.output):
            for place, name in enumerate(node.input):
                if name in makers and name in path:
                    apart = copy.deepcopy(makers[name])
                    apart.name = apart.output[0] = f"{name}.{node.name}"
                    node.input[place] = apart.output[0]
                    nodes.append(apart)
        nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)
