"""More characters for the network of an ONNX file, whose answers for those it knows stay as they
are.

The familiarity of a file is made of the means of all feature maps and the energy. From the same
numbers a small network says how much likelier each new character is than everybody else, as log
odds `z`. The logit of a new character is the highest logit of the old ones plus its `z`, so a
picture gets a new name where `z` is above 0, and among the old names nothing changes.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from simpsons.network import ModelError
from simpsons.pixels.images import Pixels
from simpsons.progress import Track, silent

_PREFIX = "more."
_PROBABILITIES, _FAMILIARITY = "probabilities", "familiarity"
_BATCH = 64

Array = NDArray[np.float32]


class Layer(NamedTuple):
    """A dense layer. weight: float32 `[width before, width]`. bias: float32 `[width]`."""

    weight: Array
    bias: Array


class _Places(NamedTuple):
    """Names of values in the graph.

    logits: divided by the temperature, `[N, classes]`. features: means of maps, standardised, and
    the energy, `[N, F]`.
    """

    logits: str
    features: str


class Reader:
    """Gives the features of pictures that the small network sees.

    Raises ModelError for a file without familiarity.
    """

    def __init__(self, path: Path) -> None:
        model = onnx.load(path, format="protobuf", load_external_data=False)
        features = _places(path, model.graph).features
        del model.graph.output[:]
        model.graph.output.append(helper.make_tensor_value_info(features, TensorProto.FLOAT, None))
        self._session = onnxruntime.InferenceSession(
            model.SerializeToString(), providers=["CPUExecutionProvider"]
        )

    def __call__(self, pixels: Pixels, track: Track = silent) -> Array:
        """float32 `[N, F]` of uint8 `[N, 64, 64, 3]`."""
        starts = range(0, len(pixels), _BATCH)
        parts = [
            self._session.run(None, {"pixels": np.ascontiguousarray(pixels[at : at + _BATCH])})[0]
            for at in track(starts, len(starts), "looking at pictures")
        ]
        return np.concatenate(parts)


def extended(path: Path, layers: Sequence[Layer], level: float) -> onnx.ModelProto:
    """The graph of a file, with more characters.

    layers: from features to the log odds of each new character, with ReLU between them. level: a
    familiarity that no threshold of the file is above; a picture of a new character has that and
    more. Raises ModelError for a file without familiarity.
    """
    model = onnx.load(path, format="protobuf", load_external_data=False)
    graph = model.graph
    places = _places(path, graph)
    [softmax] = [node for node in graph.node if _PROBABILITIES in node.output]
    graph.node.remove(softmax)
    before = f"{_PREFIX}before"
    for node in graph.node:
        node.output[:] = [before if name == _FAMILIARITY else name for name in node.output]
    del graph.value_info[:]
    odds = _dense(graph, places.features, layers)
    axis = _constant(graph, "axis", np.array([1], np.int64))
    top = _node(graph, "ReduceMax", "top", places.logits, axis, keepdims=1)
    new = _node(graph, "Add", "logits", top, odds)
    both = _node(graph, "Concat", "both", places.logits, new, axis=1)
    graph.node.append(helper.make_node("Softmax", [both], [_PROBABILITIES], axis=1))
    best = _node(graph, "ReduceMax", "best", odds, axis, keepdims=0)
    is_new = _node(graph, "Greater", "is_new", best, _constant(graph, "zero", np.float32(0)))
    known = _node(graph, "Add", "known", best, _constant(graph, "level", np.float32(level)))
    higher = _node(graph, "Max", "higher", known, before)
    graph.node.append(helper.make_node("Where", [is_new, higher, before], [_FAMILIARITY]))
    [output] = [each for each in graph.output if each.name == _PROBABILITIES]
    output.type.tensor_type.shape.dim[1].dim_value += len(layers[-1].bias)
    return model


def _places(path: Path, graph: onnx.GraphProto) -> _Places:
    makers = {name: node for node in graph.node for name in node.output}
    kinds = [
        (node.output[0], [makers[name].op_type for name in node.input if name in makers])
        for node in graph.node
        if node.op_type == "Concat"
    ]
    features = [name for name, inputs in kinds if inputs == ["Clip", "ReduceLogSumExp"]]
    softmax = makers.get(_PROBABILITIES)
    if _FAMILIARITY not in makers or not features or not softmax or softmax.op_type != "Softmax":
        raise ModelError(
            f"{path}: has no familiarity learnt with strangers, which --keep learns from; start "
            "from cnn or xception"
        )
    return _Places(softmax.input[0], features[0])


def _dense(graph: onnx.GraphProto, features: str, layers: Sequence[Layer]) -> str:
    values = features
    for number, layer in enumerate(layers):
        if number:
            values = _node(graph, "Relu", f"{number}.relu", values)
        weight = _constant(graph, f"{number}.weight", layer.weight)
        bias = _constant(graph, f"{number}.bias", layer.bias)
        values = _node(graph, "MatMul", f"{number}.product", values, weight)
        values = _node(graph, "Add", f"{number}.sum", values, bias)
    return values


def _constant(graph: onnx.GraphProto, name: str, value: Any) -> str:
    graph.initializer.append(numpy_helper.from_array(np.asarray(value), _PREFIX + name))
    return _PREFIX + name


def _node(graph: onnx.GraphProto, kind: str, name: str, *inputs: str, **attributes: Any) -> str:
    graph.node.append(helper.make_node(kind, inputs, [_PREFIX + name], **attributes))
    return _PREFIX + name
