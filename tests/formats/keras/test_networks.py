"""The fixtures come from Keras itself: see tests/fixtures/make_keras_fixture.py."""

import copy
import io
import json
import struct
import tracemalloc
import zipfile
from collections import defaultdict
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from simpsons.formats.keras import KerasImportError, containers, read, read_keras
from simpsons.models.cnn import CNN
from simpsons.models.dropout import Dropout
from simpsons.models.xception import Block, SamePool, SeparableConv, Xception

FIXTURES = Path(__file__).parents[2] / "fixtures"
PARITY = json.loads((FIXTURES / "keras_parity.json").read_text(encoding="utf-8"))
NETWORKS = {"cnn": CNN, "xception": Xception}

Config = dict[str, Any]


def fixture(name: str) -> Path:
    return FIXTURES / f"keras_{name}.keras"


def pictures(count: int) -> np.ndarray:
    """The same as in make_keras_fixture.py."""
    n, y, x, channel = np.ogrid[:count, :64, :64, :3]
    rings = (x - 9 * n) ** 2 * (n + 1) + (y - 7 * channel) ** 2 * (count - n)
    values = (rings // 16 + x * y * (channel + 1) // 8 + 41 * n * channel) % 256
    return np.asarray(values, np.uint8)


def pixels() -> Tensor:
    values = pictures(PARITY["pictures"]).astype(np.float32) / 255
    return torch.from_numpy(values).permute(0, 3, 1, 2)


def difference(name: str, network: nn.Module) -> float:
    """The largest difference between the network's probabilities and Keras's."""
    with torch.inference_mode():
        ours = network(pixels()).softmax(1).numpy()
    return float(np.abs(ours - np.array(PARITY["networks"][name]["probabilities"])).max())


# Parity with Keras


@pytest.mark.parametrize("name", NETWORKS)
def test_probabilities_are_those_of_keras(name: str) -> None:
    found, network = read_keras(fixture(name))
    assert found == name
    assert type(network) is NETWORKS[name]
    assert not any(module.training for module in network.modules())
    assert all(p.requires_grad and p.is_contiguous() for p in network.parameters())
    assert (
        sum(p.numel() for p in network.parameters())
        + sum(b.numel() for b in network.buffers() if b.dim())
        == (PARITY["networks"][name]["parameters"])
    )
    assert difference(name, network) < 1e-5


def test_parameter_counts_are_those_of_the_notebook() -> None:
    assert PARITY["networks"]["cnn"]["parameters"] == 2_240_306
    assert PARITY["networks"]["xception"]["parameters"] == 768_210


@pytest.mark.parametrize("name", NETWORKS)
def test_the_fixture_can_tell_pictures_apart(name: str) -> None:
    probabilities = np.array(PARITY["networks"][name]["probabilities"])
    assert np.abs(probabilities.sum(1) - 1).max() < 1e-6
    assert np.ptp(probabilities, axis=0).max() > 0.3
    assert 0.15 < probabilities.max(1).min() < probabilities.max() < 0.9


@pytest.mark.parametrize("name", NETWORKS)
def test_feature_maps_have_the_shapes_of_keras(name: str) -> None:
    """Per class of layer, in the order in which the layers run."""
    kinds: dict[type[nn.Module], str] = {
        nn.Conv2d: "Conv2D",
        nn.BatchNorm2d: "BatchNormalization",
        SeparableConv: "SeparableConv2D",
        nn.MaxPool2d: "MaxPooling2D",
        SamePool: "MaxPooling2D",
        Block: "Add",
        nn.Linear: "Dense",
        Dropout: "Dropout",
        nn.Flatten: "Flatten" if name == "cnn" else "GlobalAveragePooling2D",
    }
    if name == "xception":
        kinds[nn.ReLU] = "Activation"
    ours: dict[str, list[list[int]]] = defaultdict(list)
    _, network = read_keras(fixture(name))
    for path, module in network.named_modules():
        inside = path.split(".")[-2:-1] and isinstance(
            network.get_submodule(path.rpartition(".")[0]), SeparableConv
        )
        dense_relu = isinstance(module, nn.ReLU) and path.startswith("head")
        if type(module) in kinds and not inside and not dense_relu:

            def note(module: nn.Module, _: Any, output: Tensor) -> None:
                ours[kinds[type(module)]].append(list(output.shape[2:]) + list(output.shape[1:2]))

            module.register_forward_hook(note)
    with torch.inference_mode():
        network(pixels()[:1])
    theirs: dict[str, list[list[int]]] = defaultdict(list)
    for layer in PARITY["networks"][name]["layers"]:
        if layer["class"] != "InputLayer":
            theirs[layer["class"]].append(layer["shape"])
    assert ours == theirs


# The parity check fails when something is wrong


def wrong_epsilon(network: nn.Module) -> None:
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps = 1e-5


def wrong_flatten(network: nn.Module) -> None:
    dense = network.get_submodule("head.1").weight
    assert isinstance(dense, Tensor)
    dense.copy_(dense.unflatten(1, (256, 2, 2)).permute(0, 2, 3, 1).flatten(1))


def wrong_padding(network: nn.Module) -> None:
    """PyTorch's usual `padding=1`, which shifts even sizes by one."""

    def forward(x: Tensor) -> Tensor:
        return nn.functional.max_pool2d(x, 3, stride=2, padding=1)

    for module in network.modules():
        if isinstance(module, SamePool):
            module.forward = forward  # type: ignore[method-assign]


def wrong_channels(network: nn.Module) -> None:
    """BGR for RGB."""
    first = next(network.parameters())
    first.copy_(first.flip(1))


def wrong_kernels(network: nn.Module) -> None:
    """Height and width swapped."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            module.weight.copy_(module.weight.transpose(2, 3).clone())


def wrong_statistics(network: nn.Module) -> None:
    """Gamma and beta swapped, in one batch norm of ten."""
    norm = next(module for module in network.modules() if isinstance(module, nn.BatchNorm2d))
    gamma = norm.weight.clone()
    norm.weight.copy_(norm.bias)
    norm.bias.copy_(gamma)


@pytest.mark.parametrize(
    ("name", "mistake"),
    [
        ("cnn", wrong_flatten),
        ("cnn", wrong_channels),
        ("cnn", wrong_kernels),
        ("xception", wrong_channels),
        ("xception", wrong_epsilon),
        ("xception", wrong_kernels),
        ("xception", wrong_padding),
        ("xception", wrong_statistics),
    ],
)
def test_a_mistake_is_noticed(name: str, mistake: Callable[[nn.Module], None]) -> None:
    _, network = read_keras(fixture(name))
    with torch.no_grad():
        mistake(network)
    assert difference(name, network) > 1e-4


# Other ways in which Keras writes the same networks


def contents(name: str) -> tuple[Config, dict[str, np.ndarray]]:
    """A fixture's config, and its arrays by their path in model.weights.h5."""
    config, arrays = unpacked(name)
    return copy.deepcopy(config), dict(arrays)


@cache
def unpacked(name: str) -> tuple[Config, dict[str, np.ndarray]]:
    with zipfile.ZipFile(fixture(name)) as archive:
        config = json.loads(archive.read("config.json"))
        arrays = {}
        with h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as file:

            def collect(name: str, item: Any) -> None:
                if isinstance(item, h5py.Dataset):
                    arrays[name] = item[()]

            file.visititems(collect)
    return config, arrays


def write(path: Path, config: Any, arrays: dict[str, np.ndarray], **attributes: str) -> Path:
    """`attributes` are what each group of arrays records as the name of its layer."""
    weights = io.BytesIO()
    with h5py.File(weights, "w") as file:
        for name, array in arrays.items():
            file[name] = array
        for group, name in attributes.items():
            file[f"layers/{group}/vars"].attrs["name"] = name
    return write_zip(path, config, weights.getvalue())


def write_zip(path: Path, config: Any, weights: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", '{"keras_version": "3.15.1"}')
        archive.writestr("config.json", config if isinstance(config, str) else json.dumps(config))
        archive.writestr("model.weights.h5", weights)
    return path


def layers(config: Config) -> list[Config]:
    found: list[Config] = config["config"]["layers"]
    return found


def layer_of(config: Config, kind: str, number: int = 0) -> Config:
    return [layer for layer in layers(config) if layer["class_name"] == kind][number]


def simple(kind: str, name: str, **config: Any) -> Config:
    return {
        "module": "keras.layers",
        "class_name": kind,
        "config": {"name": name, **config},
        "registered_name": None,
    }


def tensor(name: str) -> Config:
    return {"class_name": "__keras_tensor__", "config": {"keras_history": [name, 0, 0]}}


def node(name: str) -> Config:
    return {"args": [tensor(name)], "kwargs": {"mask": None}}


def renamed(value: Any, names: dict[str, str]) -> Any:
    """The config with other names of layers, wherever they stand."""
    if isinstance(value, dict):
        return {key: renamed(inner, names) for key, inner in value.items()}
    if isinstance(value, list):
        return [renamed(inner, names) for inner in value]
    return names.get(value, value) if isinstance(value, str) else value


def groups(config: Config) -> dict[str, str]:
    """The group of arrays of each layer with weights, by the layer's name."""
    kinds = {
        "Conv2D": "conv2d",
        "SeparableConv2D": "separable_conv2d",
        "BatchNormalization": "batch_normalization",
        "Dense": "dense",
    }
    found: dict[str, str] = {}
    for kind, group in kinds.items():
        same = [layer for layer in layers(config) if layer["class_name"] == kind]
        for number, layer in enumerate(same):
            found[layer["config"]["name"]] = f"{group}_{number}" if number else group
    return found


def regrouped(
    arrays: dict[str, np.ndarray], names: dict[str, str], root: str = "layers"
) -> dict[str, np.ndarray]:
    """The arrays of the layers, with other names of their groups."""
    result = {}
    for path, array in arrays.items():
        top, group, *rest = path.split("/")
        if top == "layers" and group in names:
            result["/".join([root, names[group], *rest])] = array
    return result


@cache
def reference(name: str) -> dict[str, Tensor]:
    return read_keras(fixture(name))[1].state_dict()


def assert_same(path: Path, name: str) -> None:
    """The file gives the same network as the fixture, bit for bit."""
    found, network = read_keras(path)
    assert found == name
    state, expected = network.state_dict(), reference(name)
    assert state.keys() == expected.keys()
    assert all(torch.equal(state[key], expected[key]) for key in expected)


@pytest.mark.parametrize("name", NETWORKS)
def test_names_of_layers_do_not_matter(name: str, tmp_path: Path) -> None:
    config, arrays = contents(name)
    names = {layer["config"]["name"]: f"x {i * 7}" for i, layer in enumerate(layers(config))}
    assert_same(write(tmp_path / "a.keras", renamed(config, names), arrays), name)


@pytest.mark.parametrize("name", NETWORKS)
def test_groups_may_be_named_after_the_layers(name: str, tmp_path: Path) -> None:
    config, arrays = contents(name)
    names = {layer: f"{layer}_x" for layer in groups(config)}
    own = {group: names[layer] for layer, group in groups(config).items()}
    path = write(tmp_path / "a.keras", renamed(config, names), regrouped(arrays, own))
    assert_same(path, name)


def test_groups_that_record_their_layers_decide_which_naming_it_is(tmp_path: Path) -> None:
    """Group names that are both counters and layers' names, in another order."""
    config, arrays = contents("cnn")
    names = {layer: f"conv2d_{7 - i}" for i, layer in enumerate(groups(config)) if i < 8}
    names |= {layer: group for layer, group in groups(config).items() if layer not in names}
    names |= {layer: "conv2d" for layer, new in names.items() if new == "conv2d_0"}
    config = renamed(config, names)
    own = {group: layer for layer, group in groups(config).items()}
    assert_same(write(tmp_path / "counted.keras", config, arrays, **own), "cnn")
    path = write(
        tmp_path / "own.keras", config, regrouped(arrays, own), **{v: v for v in own.values()}
    )
    assert_same(path, "cnn")


@pytest.mark.parametrize("name", NETWORKS)
def test_the_groups_of_keras_2_12_and_2_13(name: str, tmp_path: Path) -> None:
    """There each layer counts twice."""
    config, arrays = contents(name)
    twice = {}
    for group in groups(config).values():
        stem, _, number = group.rpartition("_")
        twice[group] = f"{stem}_{2 * int(number)}" if number.isdigit() else group
    arrays = regrouped(arrays, twice, "_layer_checkpoint_dependencies")
    assert_same(write(tmp_path / "a.keras", config, arrays), name)


def test_optimizer_state_is_ignored(tmp_path: Path) -> None:
    config, arrays = contents("xception")
    for number in range(3):
        arrays[f"optimizer/vars/{number}"] = np.ones((3, 3, 3, 32), np.float32)
    config["compile_config"] = {"optimizer": "adam", "loss": "categorical_crossentropy"}
    assert_same(write(tmp_path / "a.keras", config, arrays), "xception")


@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_other_floats_become_float32(dtype: str, tmp_path: Path) -> None:
    config, arrays = contents("xception")
    arrays = {name: array.astype(dtype) for name, array in arrays.items()}
    _, network = read_keras(write(tmp_path / "a.keras", config, arrays))
    assert {p.dtype for p in network.parameters()} == {torch.float32}
    assert difference("xception", network) < (0.01 if dtype == "float16" else 1e-5)


def separate_activations(config: Config, kinds: tuple[Config, Config, Config]) -> None:
    """Move the activations of a Sequential model into layers of their own."""
    result = []
    for layer in layers(config):
        activation = layer["config"].get("activation", "linear")
        result.append(layer)
        if activation != "linear":
            layer["config"]["activation"] = "linear"
            added = copy.deepcopy(kinds[2] if activation == "softmax" else kinds[len(result) % 2])
            added["config"]["name"] = f"act_{len(result)}"
            result.append(added)
    config["config"]["layers"] = result


RELU = simple("ReLU", "", max_value=None, negative_slope=0.0, threshold=0.0)
# Keras 2 writes the numbers of a ReLU as NumPy's.
NUMPY_ZERO = {"class_name": "__numpy__", "config": {"value": 0.0, "dtype": "float32"}}
RELU_2 = simple("ReLU", "", max_value=None, negative_slope=NUMPY_ZERO, threshold=NUMPY_ZERO)


@pytest.mark.parametrize(
    "kinds",
    [
        (RELU, simple("Activation", "", activation="relu"), simple("Softmax", "", axis=-1)),
        (RELU_2, RELU_2, simple("Activation", "", activation="softmax")),
        (
            simple("Activation", "", activation={"class_name": "function", "config": "relu"}),
            simple("Activation", "", activation={"class_name": "ReLU", "config": {}}),
            simple("Activation", "", activation="linear"),
        ),
    ],
)
def test_activations_as_layers(
    kinds: tuple[Config, Config, Config], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    config, arrays = contents("cnn")
    separate_activations(config, kinds)
    if "kinds2" in request.node.name:
        relu = {"module": "keras.activations", "class_name": "function", "config": "relu"}
        layer_of(config, "Conv2D")["config"]["activation"] = relu
        del layers(config)[2]
    assert_same(write(tmp_path / "a.keras", config, arrays), "cnn")


def functional(config: Config, keras_2: bool = False) -> None:
    """Turn a Sequential model into a Functional one."""
    before = ""
    for layer in layers(config):
        layer["name"] = layer["config"]["name"]
        if not before:
            layer["inbound_nodes"] = []
        elif keras_2:
            layer["inbound_nodes"] = [[[before, 0, 0, {}]]]
        else:
            layer["inbound_nodes"] = [node(before)]
        before = layer["name"]
    config["class_name"] = "Functional"
    config["config"]["output_layers"] = [[before, 0, 0]] if keras_2 else [before, 0, 0]


@pytest.mark.parametrize("keras_2", [False, True])
@pytest.mark.parametrize("separate", [False, True])
def test_functional_cnn(keras_2: bool, separate: bool, tmp_path: Path) -> None:
    config, arrays = contents("cnn")
    if separate:
        separate_activations(config, (RELU, RELU, simple("Softmax", "")))
    functional(config, keras_2)
    assert_same(write(tmp_path / "a.keras", config, arrays), "cnn")


def nodes_of_keras_2(config: Config) -> None:
    for layer in layers(config):
        arguments = [node["args"] for node in layer["inbound_nodes"]]
        tensors = [a[0] if isinstance(a[0], list) else a for a in arguments]
        layer["inbound_nodes"] = [
            [[*tensor["config"]["keras_history"], {"training": False}] for tensor in node]
            for node in tensors
        ]
    config["config"]["output_layers"] = [config["config"]["output_layers"]]


def add_as_operation(config: Config) -> None:
    """`x + residual` instead of `layers.add([x, residual])`."""
    for layer in layers(config):
        if layer["class_name"] == "Add":
            layer["module"] = "keras.src.ops.numpy"
            layer["registered_name"] = "Add"
            layer["inbound_nodes"][0]["args"] = layer["inbound_nodes"][0]["args"][0]


def add_the_other_way(config: Config) -> None:
    for layer in layers(config):
        if layer["class_name"] == "Add":
            layer["inbound_nodes"][0]["args"][0].reverse()


def relu_layers(config: Config) -> None:
    for layer in layers(config):
        if layer["class_name"] == "Activation":
            layer.update(class_name="ReLU", config={**RELU["config"], "name": layer["name"]})


def details_of_keras_2(config: Config) -> None:
    for layer in layers(config):
        if layer["class_name"] == "BatchNormalization":
            layer["config"]["axis"] = [3]
        if layer["class_name"] == "InputLayer":
            layer["config"]["batch_input_shape"] = layer["config"].pop("batch_shape")
        if layer["config"].get("kernel_size") == [1, 1]:
            layer["config"]["padding"] = "valid"


@pytest.mark.parametrize(
    "change",
    [nodes_of_keras_2, add_as_operation, add_the_other_way, relu_layers, details_of_keras_2],
)
def test_ways_to_write_xception(change: Callable[[Config], None], tmp_path: Path) -> None:
    config, arrays = contents("xception")
    change(config)
    assert_same(write(tmp_path / "a.keras", config, arrays), "xception")


def test_the_graph_decides_not_the_order_of_the_layers(tmp_path: Path) -> None:
    config, arrays = contents("xception")
    before = groups(config)
    layers(config).reverse()
    moved = {before[layer]: group for layer, group in groups(config).items()}
    assert_same(write(tmp_path / "a.keras", config, regrouped(arrays, moved)), "xception")


@pytest.mark.parametrize("scale", [1 / 255, float(np.float32(1 / 255))])
def test_rescaling_is_left_out(scale: float, tmp_path: Path) -> None:
    config, arrays = contents("cnn")
    layers(config).insert(1, simple("Rescaling", "rescaling", scale=scale, offset=0.0))
    assert_same(write(tmp_path / "a.keras", config, arrays), "cnn")


@pytest.mark.parametrize(("name", "features"), [("cnn", 1024), ("xception", 256)])
@pytest.mark.parametrize("classes", [2, 42])
def test_any_number_of_classes(name: str, features: int, classes: int, tmp_path: Path) -> None:
    config, arrays = contents(name)
    last = layer_of(config, "Dense", -1)
    last["config"]["units"] = classes
    group = groups(config)[last["config"]["name"]]
    arrays[f"layers/{group}/vars/0"] = np.zeros((features, classes), np.float32)
    arrays[f"layers/{group}/vars/1"] = np.arange(classes, dtype=np.float32)
    found, network = read_keras(write(tmp_path / "a.keras", config, arrays))
    assert found == name
    with torch.inference_mode():
        assert network(pixels()[:1]).tolist() == [list(range(classes))]


def test_the_random_state_is_left_alone() -> None:
    state = torch.get_rng_state()
    read_keras(fixture("xception"))
    assert torch.equal(state, torch.get_rng_state())


# Wrong files


def assert_refused(path: Path, *parts: str) -> None:
    with pytest.raises(KerasImportError) as error:
        read_keras(path)
    message = str(error.value)
    assert message.startswith(f"{path}: ")
    assert "; " in message or ": build" in message, "names no remedy"
    for part in parts:
        assert part in message


def test_missing_file(tmp_path: Path) -> None:
    assert_refused(tmp_path / "a.keras", "no such file")


def test_folder(tmp_path: Path) -> None:
    assert_refused(tmp_path, "is a folder")


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04" + bytes(100)])
def test_not_a_zip(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.keras"
    path.write_bytes(content)
    assert_refused(path, "is not a .keras file, or a damaged one")


def test_truncated(tmp_path: Path) -> None:
    path = tmp_path / "a.keras"
    path.write_bytes(fixture("cnn").read_bytes()[:-1000])
    assert_refused(path, "damaged")


def test_damaged_member(tmp_path: Path) -> None:
    content = bytearray(fixture("cnn").read_bytes())
    content[40_000:40_100] = bytes(100)
    path = tmp_path / "a.keras"
    path.write_bytes(content)
    assert_refused(path, "save the model in Keras with model.save('name.keras') again")


@pytest.mark.parametrize("missing", ["config.json", "model.weights.h5"])
def test_missing_member(missing: str, tmp_path: Path) -> None:
    path = tmp_path / "a.keras"
    with zipfile.ZipFile(path, "w") as archive:
        for name in {"config.json", "model.weights.h5"} - {missing}:
            archive.writestr(name, "{}")
    assert_refused(path, f"has no {missing}")


@pytest.mark.parametrize(
    "config", ["", "{", "[]", "3", '{"class_name": "Sequential"}', "[" * 10**5]
)
def test_config_that_is_none(config: str, tmp_path: Path) -> None:
    weights = io.BytesIO()
    h5py.File(weights, "w").close()
    path = write_zip(tmp_path / "a.keras", config, weights.getvalue())
    assert_refused(path, "config.json is not that of")


def test_weights_that_are_no_hdf5(tmp_path: Path) -> None:
    config, _ = contents("cnn")
    path = write_zip(tmp_path / "a.keras", config, b"nothing")
    assert_refused(path, "model.weights.h5 is damaged")


def test_missing_weights(tmp_path: Path) -> None:
    config, arrays = contents("cnn")
    arrays = {name: array for name, array in arrays.items() if "/conv2d_3/" not in name}
    path = write(tmp_path / "a.keras", config, arrays)
    assert_refused(path, "no weights of the layer 'conv2d_3'")


def test_missing_array(tmp_path: Path) -> None:
    config, arrays = contents("cnn")
    del arrays["layers/conv2d_3/vars/1"]
    path = write(tmp_path / "a.keras", config, arrays)
    assert_refused(path, "array 1 of the layer 'conv2d_3', Conv2D, is missing")


def test_weights_of_a_wrong_shape(tmp_path: Path) -> None:
    config, arrays = contents("xception")
    arrays["layers/separable_conv2d_1/vars/0"] = np.zeros((3, 3, 1, 32), np.float32)
    path = write(tmp_path / "a.keras", config, arrays)
    assert_refused(path, "'separable_conv2d_1'", "shape [3, 3, 1, 32]", "needs [3, 3, 32, 1]")


@pytest.mark.parametrize(
    ("value", "reason"),
    [(np.int8(1), "int8, not floats"), (np.float32("nan"), "finite"), (1e300, "finite")],
)
def test_weights_that_are_no_numbers(value: Any, reason: str, tmp_path: Path) -> None:
    config, arrays = contents("cnn")
    arrays["layers/dense_1/vars/1"] = np.full(18, value)
    assert_refused(write(tmp_path / "a.keras", config, arrays), "array 1", "'dense_1'", reason)


def refused_config(
    name: str, tmp_path: Path, change: Callable[[Config], None], *parts: str
) -> None:
    config, _ = contents(name)
    change(config)
    assert_refused(write(tmp_path / "a.keras", config, {}), *parts)


def setting(kind: str, number: int, **values: Any) -> Callable[[Config], None]:
    def change(config: Config) -> None:
        layer_of(config, kind, number)["config"].update(values)

    return change


@pytest.mark.parametrize(
    ("name", "change", "parts"),
    [
        (
            "cnn",
            setting("Conv2D", 2, filters=48),
            ("'conv2d_2' is Conv2D(filters=48, kernel_size=3, padding=same)", "cnn has", "=64"),
        ),
        ("cnn", setting("Conv2D", 0, kernel_size=[5, 5]), ("is Conv2D(", "=5,", "xception has")),
        ("cnn", setting("Conv2D", 1, strides=[2, 2]), ("'conv2d_1' is", "strides=2")),
        ("cnn", setting("Conv2D", 1, padding="same"), ("'conv2d_1' is", "padding=same")),
        ("cnn", setting("Conv2D", 1, dilation_rate=[1, 2]), ("dilation_rate=[1, 2]",)),
        ("cnn", setting("Conv2D", 1, use_bias=False), ("use_bias=False",)),
        ("cnn", setting("Conv2D", 1, activation="gelu"), ("Activation(gelu)", "cnn has ReLU")),
        ("cnn", setting("Conv2D", 1, data_format="channels_first"), ("channels_first",)),
        ("cnn", setting("MaxPooling2D", 1, padding="same"), ("'max_pooling2d_1' is",)),
        ("cnn", setting("Dense", 0, units=512), ("'dense' is Dense(units=512)", "=1024")),
        ("cnn", setting("Dense", 1, activation="sigmoid"), ("sigmoid", "cnn has Softmax")),
        ("cnn", setting("InputLayer", 0, batch_shape=[None, 32, 32, 3]), ("[32, 32, 3]",)),
        ("cnn", setting("InputLayer", 0, batch_shape=[None, 64, 64, 1]), ("[64, 64, 1]",)),
        ("cnn", lambda config: layers(config).pop(), ("it ends where cnn has",)),
        ("cnn", lambda config: layers(config).pop(3), ("where cnn has",)),
        (
            "cnn",
            lambda config: layers(config).append(simple("Dense", "d", units=3)),
            ("'dense_1' is Dense(units=18) where cnn has Dense(units=3)",),
        ),
        ("cnn", setting("Dense", 1, units=1), ("1 classes",)),
        ("cnn", setting("Dense", 1, units=10**15), ("from 2 to 10,000",)),
        ("xception", setting("BatchNormalization", 3, epsilon=1e-5), ("epsilon=1e-05",)),
        ("xception", setting("BatchNormalization", 3, scale=False), ("scale=False",)),
        ("xception", setting("SeparableConv2D", 3, depth_multiplier=2), ("depth_multiplier=2",)),
        ("xception", setting("MaxPooling2D", 0, padding="valid"), ("'max_pooling2d' is",)),
        ("xception", setting("Conv2D", 1, strides=[1, 1]), ("'add' doesn't add",)),
        ("xception", setting("Conv2D", 1, activation="relu"), ("'conv2d_1' is ReLU", "has Add")),
        ("xception", setting("GlobalAveragePooling2D", 0, keepdims=True), ("keepdims=True",)),
    ],
)
def test_another_network(
    name: str, change: Callable[[Config], None], parts: tuple[str, ...], tmp_path: Path
) -> None:
    refused_config(name, tmp_path, change, *parts)


def test_another_network_altogether(tmp_path: Path) -> None:
    config = {"class_name": "Sequential", "config": {"layers": [simple("Dense", "d", units=9)]}}
    path = write(tmp_path / "a.keras", config, {})
    assert_refused(path, "'d' is Dense(units=9)", "cnn has Conv2D(", "and xception has Conv2D(")


def test_subclassed_model(tmp_path: Path) -> None:
    def change(config: Config) -> None:
        config["class_name"] = "MyModel"

    refused_config("cnn", tmp_path, change, "MyModel", "Sequential and Functional")


def test_branches_that_are_not_xceptions(tmp_path: Path) -> None:
    def from_elsewhere(config: Config) -> None:
        """A residual that starts within the main branch."""
        layer_of(config, "Conv2D", 1)["inbound_nodes"] = [node("batch_normalization")]

    def shared(config: Config) -> None:
        layer_of(config, "Dropout")["inbound_nodes"] *= 2

    def two_inputs(config: Config) -> None:
        tensors = layer_of(config, "Dropout")["inbound_nodes"][0]["args"]
        tensors.append(tensor("dense_1"))

    def circle(config: Config) -> None:
        layer_of(config, "BatchNormalization")["inbound_nodes"] = [node("dense_2")]

    def lost(config: Config) -> None:
        layer_of(config, "Dropout")["inbound_nodes"] = [node("nowhere")]

    def two_outputs(config: Config) -> None:
        config["config"]["output_layers"] = [["dense_1", 0, 0], ["dense_2", 0, 0]]

    def training(config: Config) -> None:
        layer_of(config, "Dropout")["inbound_nodes"][0]["kwargs"]["training"] = True

    for change, part in (
        (from_elsewhere, "where xception has the start of a residual"),
        (shared, "'dropout' is used 2 times"),
        (two_inputs, "'dropout', Dropout, has several inputs"),
        (circle, "circle"),
        (lost, "nowhere"),
        (two_outputs, "2 outputs"),
        (training, "'dropout' is called with training=True"),
    ):
        refused_config("xception", tmp_path, change, part)


COLOURS = np.array([100.0, 120.0, 140.0], np.float32)


@pytest.mark.parametrize(
    ("first", "given"),
    [
        ([simple("Rescaling", "r", scale=1 / 127.5, offset=-1.0)], lambda x: x / 127.5 - 1),
        ([simple("Rescaling", "r", scale=1 / 255, offset=-0.5)], lambda x: x / 255 - 0.5),
        ([simple("Rescaling", "r", scale=[1 / 255] * 3, offset=0)], lambda x: x / 255),
        (
            [simple("Rescaling", "r", scale=[0.01, 0.02, 0.03], offset=[0.0, -1.0, -2.0])],
            lambda x: x * np.array([0.01, 0.02, 0.03]) - np.array([0, 1, 2]),
        ),
        (
            [simple("Normalization", "n", axis=[-1], mean=COLOURS.tolist(), variance=[2500.0] * 3)],
            lambda x: (x - COLOURS) / 50,
        ),
        (
            [
                simple("RandomFlip", "f", mode="horizontal"),
                simple("Rescaling", "r", scale=1 / 255, offset=0.0),
                simple("RandomContrast", "c", factor=0.2),
                simple("Normalization", "n", mean=0.5, variance=0.25),
                simple("GaussianNoise", "g", stddev=0.1),
            ],
            lambda x: (x / 255 - 0.5) / 0.5,
        ),
        (
            [
                simple("Sequential", "s", layers=[simple("RandomZoom", "z", height_factor=0.2)]),
                simple("Resizing", "h", height=64, width=64),
                simple("Rescaling", "r", scale=1 / 255, offset=0.0),
            ],
            lambda x: x / 255,
        ),
    ],
)
def test_preprocessing_is_taken_into_account(
    first: list[Config], given: Callable[[np.ndarray], np.ndarray], tmp_path: Path
) -> None:
    config, arrays = contents("cnn")
    for layer in reversed(first):
        layers(config).insert(1, layer)
    imported = read(write(tmp_path / "a.keras", config, arrays))
    assert imported.says_values
    assert imported.resize is None
    values = given(pictures(PARITY["pictures"])[:3].astype(np.float32)).astype(np.float32)
    _, plain = read_keras(fixture("cnn"))
    with torch.inference_mode():
        expected = plain(torch.from_numpy(values).permute(0, 3, 1, 2))
        assert torch.allclose(imported.network(pixels()[:3]), expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
def test_a_model_that_fits_pictures_itself(interpolation: str, tmp_path: Path) -> None:
    config, arrays = contents("cnn")
    layers(config)[0]["config"]["batch_shape"] = [None, None, None, 3]
    config["config"].pop("build_input_shape", None)
    resizing = simple("Resizing", "r", height=64, width=64, interpolation=interpolation)
    layers(config).insert(1, resizing)
    assert read(write(tmp_path / "a.keras", config, arrays)).resize == interpolation
    resizing["config"]["antialias"] = True
    assert_refused(write(tmp_path / "a.keras", config, arrays), "in a way that can't be imported")


@pytest.mark.parametrize(
    ("place", "layer", "part"),
    [
        (4, simple("Rescaling", "r", scale=1 / 255, offset=0.0), "between layers"),
        (4, simple("Resizing", "r", height=64, width=64), "before all other layers"),
        (1, simple("Resizing", "r", height=32, width=32), "Resizing(64, 64)"),
        (1, simple("Rescaling", "r", scale=[1, 2], offset=0.0), "a scale that is not a number"),
        (1, simple("Rescaling", "r", scale=2.0, offset=-1.0), "say it with --values"),
        (1, simple("Normalization", "r", mean=[float("nan")], variance=[1]), "a mean that is no"),
        (1, simple("Normalization", "r", mean=1, variance=1, invert=True), "the other way round"),
    ],
)
def test_preprocessing_that_can_not_be_read(
    place: int, layer: Config, part: str, tmp_path: Path
) -> None:
    config, arrays = contents("cnn")
    layers(config).insert(place, layer)
    assert_refused(write(tmp_path / "a.keras", config, arrays), part)


# Files made to harm


@pytest.mark.parametrize(
    ("layer", "part"),
    [
        (simple("Lambda", "code", function={"class_name": "__lambda__"}), "holds code"),
        (simple("TFOpLambda", "code", function="io.read_file"), "is the operation io.read_file"),
        ({**simple("Conv2D", "code"), "module": "os.path"}, "custom class"),
        ({**simple("Conv2D", "code"), "registered_name": "Custom>Conv2D"}, "custom class"),
        (simple("Activation", "code", activation={"class_name": "__lambda__", "config": {}}), "is"),
        (simple("Sequential", "code", layers=[simple("Lambda", "l")]), "holds code"),
    ],
)
def test_code_is_refused(layer: Config, part: str, tmp_path: Path) -> None:
    refused_config("cnn", tmp_path, lambda c: layers(c).insert(1, layer), "layer 'code", part)


def test_large_members_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers, "MAX_BYTES", 2**20)
    assert_refused(fixture("cnn"), "9 MiB unpacked, more than the 1 MiB")


def test_a_zip_that_lies_about_its_sizes_fills_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.keras"
    size = 2**25 + 12_345
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", bytes(size))
        archive.writestr("model.weights.h5", b"")
    content = path.read_bytes()
    assert content.count(struct.pack("<L", size)) == 2
    path.write_bytes(content.replace(struct.pack("<L", size), struct.pack("<L", 100)))
    tracemalloc.start()
    assert_refused(path, "damaged")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < size / 8


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compression_is_refused(method: int, tmp_path: Path) -> None:
    path = tmp_path / "a.keras"
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("config.json", "{}")
        archive.writestr("model.weights.h5", b"")
    assert_refused(path, "neither stored nor deflated")


def test_links_out_of_the_file_are_not_followed(tmp_path: Path) -> None:
    config, arrays = contents("cnn")
    secret = tmp_path / "secret.h5"
    bias = arrays.pop("layers/conv2d/vars/1")
    with h5py.File(secret, "w") as file:
        file["bias"] = bias
    bias.tofile(tmp_path / "secret.bin")
    layout = h5py.VirtualLayout((32,), "f4")
    layout[:] = h5py.VirtualSource(secret, "bias", (32,))

    def link(file: h5py.File, name: str) -> None:
        file[name] = h5py.ExternalLink(secret, "bias")

    def soft(file: h5py.File, name: str) -> None:
        file[name] = h5py.SoftLink("/layers/conv2d_1/vars/1")

    def virtual(file: h5py.File, name: str) -> None:
        file.create_virtual_dataset(name, layout)

    def external(file: h5py.File, name: str) -> None:
        file.create_dataset(name, (32,), "f4", external=[(tmp_path / "secret.bin", 0, 128)])

    for make, part in (
        (link, "is missing"),
        (soft, "is missing"),
        (virtual, "not stored plainly"),
        (external, "not stored plainly"),
    ):
        weights = io.BytesIO()
        with h5py.File(weights, "w") as file:
            for name, array in arrays.items():
                file[name] = array
            make(file, "layers/conv2d/vars/1")
        path = write_zip(tmp_path / "a.keras", config, weights.getvalue())
        assert_refused(path, "array 1 of the layer 'conv2d'", part)


def test_an_array_that_unpacks_to_much_is_not_read(tmp_path: Path) -> None:
    config, arrays = contents("cnn")
    del arrays["layers/conv2d/vars/1"]
    weights = io.BytesIO()
    with h5py.File(weights, "w") as file:
        for name, array in arrays.items():
            file[name] = array
        file.create_dataset("layers/conv2d/vars/1", (2**40,), "f4", chunks=(2**20,))
    path = write_zip(tmp_path / "a.keras", config, weights.getvalue())
    assert_refused(path, "has the shape [1099511627776], and the layer needs [32]")
