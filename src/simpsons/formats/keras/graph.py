"""The layers of a Keras model, from its config, in the order in which they run.

Models in the model are opened: the result is one chain of layers.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from simpsons.formats.keras.errors import OTHER, REBUILD, KerasImportError

FORK = "the start of a residual"
"""The kind of what `chain` puts in where a residual starts."""

OPERATION = "operation"
"""The kind of `x * 2` and the like; `config` has `does` (`multiply`, ...) and `constant`."""

_WEIGHTED = ("BatchNormalization", "Conv2D", "Dense", "Normalization", "SeparableConv2D")
_MODELS = ("Functional", "Model", "Sequential")
_OLD_NAMES = {  # of TensorFlow 1.13 to 2.0
    "BatchNormalizationV1": "BatchNormalization",
    "BatchNormalizationV2": "BatchNormalization",
}
_OPERATIONS = {
    "add": "add",
    "cast": "cast",
    "divide": "divide",
    "mul": "multiply",
    "multiply": "multiply",
    "sub": "subtract",
    "subtract": "subtract",
    "truedivide": "divide",
    "truediv": "divide",
}
_CONSTANT = "_CONSTANT_VALUE"  # the name of no layer, where Keras 2 has a number first


@dataclass(frozen=True)
class Layer:
    """One layer of the config.

    name: with those of the models around it, `base/conv2d`. own: without. inputs: the names of the
    layers that feed it. inner: the layers of a model in the model, None for a layer.
    """

    name: str
    own: str
    kind: str
    config: dict[str, Any]
    inputs: tuple[str, ...]
    inner: tuple["Layer", ...] | None = None

    def __str__(self) -> str:
        return f"its layer '{self.name}'"

    @property
    def has_arrays(self) -> bool:
        """Whether the file has arrays of it, or of a layer in it, that are read."""
        if self.inner is not None:
            return any(layer.has_arrays for layer in self.inner)
        is_given = self.kind == "Normalization" and self.config.get("mean") is not None
        return self.kind in _WEIGHTED and not is_given


@dataclass
class Model:
    """layers: those of the model itself, in the order of the config. chain: all that compute, from
    input to output, those of models in it included."""

    layers: tuple[Layer, ...]
    chain: list[Layer]


@dataclass
class _Names:
    """All layers by name, and which layer's output a model's is."""

    layers: dict[str, Layer] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)

    def add(self, layer: Layer) -> None:
        if layer.name in self.layers or layer.name in self.outputs:
            raise KerasImportError(f"two of its layers are called '{layer.name}'; {REBUILD}")
        self.layers[layer.name] = layer

    def made_by(self, name: str) -> str:
        while name in self.outputs:
            name = self.outputs[name]
        return name


def read(model: dict[str, Any]) -> Model:
    """The layers of a model, from its config.

    Raises KerasImportError for what can't be one of the networks: code, branches. Whatever a wrong
    config raises else is a LookupError, TypeError, ValueError or AttributeError.
    """
    names = _Names()
    layers, output = _layers(model, "", (), names)
    by_name = {
        name: replace(layer, inputs=tuple(names.made_by(other) for other in layer.inputs))
        for name, layer in names.layers.items()
    }
    chain = _chain(by_name, names.made_by(output))
    _check_input(chain[0], model)
    return Model(layers, chain)


def _layers(
    model: dict[str, Any], prefix: str, feeding: tuple[str, ...], names: _Names
) -> tuple[tuple[Layer, ...], str]:
    """The layers of a model, noted in `names`, and the one that makes its output.

    feeding: the layers that feed the model.
    """
    kind, config = model["class_name"], model["config"]
    if kind not in _MODELS:
        raise KerasImportError(
            f"is a model of the class {kind}; only Sequential and Functional models can be read: "
            f"{REBUILD}"
        )
    in_turn = kind == "Sequential"
    entries = config if isinstance(config, list) else config["layers"]  # before Keras 2.2.3: a list
    layers: list[Layer] = []
    for entry in entries:
        own = entry.get("name") or entry["config"]["name"]
        name = f"{prefix}{own}"
        if in_turn:
            inputs = (layers[-1].name,) if layers else feeding
        else:
            inputs = tuple(f"{prefix}{other}" for other in _inputs(entry))
            inputs = inputs or feeding
        if entry["class_name"] in _MODELS:
            _refuse_code(entry, name)
            names.outputs[name] = ""  # so that no layer has its name
            inner, output = _layers(entry, f"{name}/", inputs, names)
            names.outputs[name] = output
            layers.append(Layer(name, own, entry["class_name"], {}, inputs, inner))
            continue
        layer = _layer(entry, name, own, inputs)
        names.add(layer)
        layers.append(layer)
    if in_turn:
        return tuple(layers), layers[-1].name
    outputs = config["output_layers"]
    if isinstance(outputs[0], str):
        outputs = [outputs]
    if len(outputs) > 1:
        raise KerasImportError(f"it has {len(outputs)} outputs, not one; {REBUILD}")
    return tuple(layers), f"{prefix}{outputs[0][0]}"


def _layer(entry: dict[str, Any], name: str, own: str, inputs: tuple[str, ...]) -> Layer:
    kind = _OLD_NAMES.get(entry["class_name"], entry["class_name"])
    config = entry["config"]
    does = _operation(entry)
    if does and len(inputs) == 1:
        return Layer(name, own, OPERATION, _operands(does, entry["inbound_nodes"][0]), inputs)
    if does == "add" and len(inputs) == 2:
        return Layer(name, own, "Add", config, inputs)
    _refuse_code(entry, name)
    return Layer(name, own, kind, config, inputs)


def _operation(entry: dict[str, Any]) -> str | None:
    """What an operator written as Python's does, None for a layer.

    Keras 2 has the name of a function of TensorFlow, Keras 3 a class of `keras.ops`.
    """
    kind = entry["class_name"]
    if kind in ("TFOpLambda", "SlicingOpLambda"):
        *where, function = str(entry["config"]["function"]).split(".")
        return _OPERATIONS.get(function) if where in ([], ["math"], ["__operators__"]) else None
    is_operation = "trainable" not in entry["config"] and kind in (
        *("Add", "Cast", "Divide", "Multiply", "Subtract", "TrueDivide"),
    )
    return _OPERATIONS[kind.lower()] if is_operation else None


def _operands(does: str, node: Any) -> dict[str, Any]:
    """The constant beside the tensor, and whether it comes first."""
    if isinstance(node, dict):  # Keras 3: args and kwargs
        values = [*node["args"], *node["kwargs"].values()]
        numbers = [value for value in values if _is_number(value)]
        first = bool(values) and _is_number(values[0])
    else:  # Keras 2: name, node, output, kwargs
        numbers = [value for value in node[3].values() if _is_number(value)]
        first = node[0] == _CONSTANT
        numbers = [node[2], *numbers] if first else numbers
    return {"does": does, "constant": numbers[0] if numbers else None, "first": first}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _refuse_code(entry: dict[str, Any], name: str) -> None:
    kind = entry["class_name"]
    if kind in ("TFOpLambda", "SlicingOpLambda"):
        raise KerasImportError(
            f"its layer '{name}' is the operation {entry['config']['function']}, which neither "
            f"network has; {REBUILD}"
        )
    if "Lambda" in kind:
        raise KerasImportError(
            f"its layer '{name}' is a {kind} layer, which holds code, and code in a file is never "
            f"run; {REBUILD}"
        )
    module = str(entry.get("module") or "keras").split(".")[0]
    if module not in ("keras", "tf_keras", "tensorflow") or ">" in str(
        entry.get("registered_name")
    ):
        raise KerasImportError(
            f"its layer '{name}' is of a custom class, {kind}, whose code is not in the file; "
            f"{REBUILD}"
        )


def _inputs(entry: dict[str, Any]) -> tuple[str, ...]:
    """The names of the layers that feed a layer of a Functional model."""
    nodes = entry["inbound_nodes"]
    name = entry["config"]["name"]
    if len(nodes) > 1:
        raise KerasImportError(
            f"its layer '{name}' is used {len(nodes)} times, which neither network does; {REBUILD}"
        )
    return tuple(other for other in _tensors(nodes, name) if other != _CONSTANT)


def _tensors(part: Any, name: str) -> Iterator[str]:
    if isinstance(part, dict):
        if part.get("training") is True:
            raise KerasImportError(
                f"its layer '{name}' is called with training=True, so that its answers are random; "
                f"{REBUILD}"
            )
        if part.get("class_name") == "__keras_tensor__":  # Keras 3
            yield part["config"]["keras_history"][0]
        else:
            for inner in part.values():
                yield from _tensors(inner, name)
    elif isinstance(part, list):
        if len(part) > 2 and isinstance(part[0], str):  # Keras 2: name, node, output, kwargs
            yield part[0]
            part = part[3:]
        for inner in part:
            yield from _tensors(inner, name)


def _chain(layers: dict[str, Layer], output: str) -> list[Layer]:
    """The layers from input to output; at an Add the main branch, the residual, then the Add.

    Follows the graph back from the output, so the order in the config doesn't matter. Where a
    residual starts, a layer of the kind `FORK` is put in.
    """
    chain: list[Layer] = []
    visited: set[str] = set()
    layer = layers[output]
    end = ""
    while True:
        if layer.name in visited:
            raise KerasImportError(f"its layers feed each other in a circle; {REBUILD}")
        visited.add(layer.name)
        chain.append(layer)
        if layer.kind == "Add":
            residuals = [layers[name] for name in layer.inputs if _is_residual(layers[name])]
            if end or len(residuals) != 1 or len(layer.inputs) != 2:
                raise KerasImportError(
                    f"{layer} doesn't add one main branch and one residual Conv2D(kernel_size=1, "
                    f"strides=2), as xception does; {REBUILD}"
                )
            chain += residuals
            end = residuals[0].inputs[0]
            following = next(name for name in layer.inputs if name != residuals[0].name)
        elif len(layer.inputs) > 1:
            raise KerasImportError(f"{layer}, {layer.kind}, has several inputs; {REBUILD}")
        elif layer.inputs:
            following = layer.inputs[0]
        else:
            break
        if following == end:
            chain.append(Layer(end, end, FORK, {}, ()))
            end = ""
        layer = layers[following]
    if end:
        raise KerasImportError(
            f"its residual from the layer '{end}' doesn't lead back to the main branch; {REBUILD}"
        )
    return chain[::-1]


def _is_residual(layer: Layer) -> bool:
    return (
        layer.kind == "Conv2D"
        and layer.config.get("kernel_size") in (1, [1, 1])
        and layer.config.get("strides") in (2, [2, 2])
        and len(layer.inputs) == 1
    )


def _check_input(first: Layer, model: dict[str, Any]) -> None:
    config = model["config"] if isinstance(model["config"], dict) else {}
    shape = (
        first.config.get("batch_shape")
        or first.config.get("batch_input_shape")
        or config.get("build_input_shape")
    )
    if shape and (
        len(shape) != 4
        or any(n not in (None, s) for n, s in zip(shape[1:], (64, 64, 3), strict=True))
    ):
        raise KerasImportError(
            f"it takes inputs of the shape {shape[1:]}, and the notebook's networks [64, 64, 3]; "
            f"{OTHER}"
        )
