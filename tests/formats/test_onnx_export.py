import base64
import inspect
import json

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from simpsons import models
from simpsons.formats import onnx_export as exporting
from simpsons.formats.onnx_export import add_metadata, export, traced
from simpsons.models import familiarity

LABELS = ("ant", "bee", "cat")


@pytest.fixture(scope="module")
def pixels():
    return np.random.default_rng(0).integers(0, 256, (5, 64, 64, 3), dtype=np.uint8)


def run(path, pixels, output="probabilities"):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run([output], {"pixels": pixels})[0]


@pytest.mark.parametrize(
    ("network", "batch_norm"), [("cnn", False), ("cnn", True), ("xception", False)]
)
def test_the_file_gives_the_networks_probabilities(network, batch_norm, pixels, tmp_path):
    scaled = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
    for seed, temperature in enumerate((0.5, 1.5)):  # the second is not traced
        torch.manual_seed(seed)
        module = models.build(network, 3, batch_norm=batch_norm)
        module(torch.rand(8, 3, 64, 64))  # gives batch norms statistics of their own
        module.eval()
        with torch.inference_mode():
            expected = torch.softmax(module(scaled) / temperature, dim=1).numpy()
        path = tmp_path / f"{seed}.onnx"
        export(module, path, LABELS, {"network": network}, temperature)
        np.testing.assert_allclose(run(path, pixels), expected, atol=1e-6)
        np.testing.assert_allclose(run(path, pixels[:1]), expected[:1], atol=1e-6)


@pytest.mark.slow
def test_networks_of_one_structure_are_traced_once(pixels, tmp_path, monkeypatch):
    """Each file is the one that tracing its network alone gives."""
    monkeypatch.setattr(exporting, "_trace", inspect.unwrap(exporting._trace))
    traces, trace = [], torch.onnx.export
    monkeypatch.setattr(exporting, "_TRACED", {})
    monkeypatch.setattr(torch.onnx, "export", lambda *a, **k: traces.append(a) or trace(*a, **k))
    torch.manual_seed(0)
    special, usual = (models.build("cnn", 3).eval() for _ in range(2))
    with torch.no_grad():  # what is simplified in a graph: zeros, equal weights, division by one
        special.head[1].bias.zero_()
        special.features[2].bias.copy_(special.features[0].bias)

    def write(name, network, temperature):
        fitted = familiarity.fit(network, pixels, np.arange(len(pixels)) % 3, temperature)
        path = tmp_path / name
        export(network, path, LABELS, {}, temperature, familiarity=fitted)
        return path, fitted

    first, _ = write("first.onnx", special, 1.0)
    path, fitted = write("second.onnx", usual, 0.5)
    assert len(traces) == 1
    exporting._TRACED.clear()
    assert write("anew.onnx", usual, 0.5)[0].read_bytes() == path.read_bytes()
    assert write("again.onnx", special, 1.0)[0].read_bytes() == first.read_bytes()
    assert len(traces) == 2

    scaled = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
    with torch.inference_mode():
        logits, maps = models.with_maps(usual, scaled)
        expected = fitted(logits / 0.5, maps)
    np.testing.assert_allclose(run(path, pixels, "familiarity"), expected, atol=0.02)
    with torch.no_grad():
        usual.head[1].bias.add_(1)
    assert write("other.onnx", usual, 0.5)[0].read_bytes() != path.read_bytes()


def test_networks_of_different_settings_are_traced_apart():
    batch = {0: torch.export.Dim("N")}
    for slope in (0.25, 0.5):
        model = traced(torch.nn.LeakyReLU(slope), torch.zeros(2, 3), ["values"], batch)
        session = onnxruntime.InferenceSession(model.SerializeToString())
        assert session.run(None, {"pixels": np.full((1, 3), -4, np.float32)})[0][0, 0] == -4 * slope


METADATA = {"network": "cnn", "split": {"kind": "leak-free", "seed": 0}}


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return models.build("cnn", 3)


@pytest.fixture(scope="module")
def full(network, tmp_path_factory):
    path = tmp_path_factory.mktemp("exported") / "full.onnx"
    export(network, path, LABELS, METADATA, temperature=1.5)
    return path


def test_half_is_half_the_size_and_nearly_the_same(network, full, pixels, tmp_path):
    half = tmp_path / "half.json"  # whatever it is called, it is an ONNX file
    export(network, half, LABELS, METADATA, temperature=1.5, half=True)
    assert half.stat().st_size < 0.6 * full.stat().st_size
    assert run(half, pixels).dtype == np.float32
    add_metadata(half, {"figures": {}})
    np.testing.assert_allclose(run(half, pixels), run(full, pixels), atol=2e-3)


def test_the_file_carries_its_labels_and_metadata(full):
    stored = {item.key: json.loads(item.value) for item in onnx.load(full).metadata_props}
    heat = stored.pop("heat")
    assert stored == {"labels": list(LABELS), "temperature": 1.5, **METADATA}
    whole = onnx.load_from_string(full.read_bytes() + base64.b64decode(heat))
    assert [output.name for output in whole.graph.output] == ["probabilities", "heat"]


def test_the_file_says_nothing_of_the_machine_it_was_made_on(full):
    assert b".py" not in full.read_bytes()
