import json

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from simpsons import models
from simpsons.export import add_metadata, export

LABELS = ("ant", "bee", "cat")


@pytest.fixture(scope="module")
def pixels():
    return np.random.default_rng(0).integers(0, 256, (5, 64, 64, 3), dtype=np.uint8)


def run(path, pixels):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(["probabilities"], {"pixels": pixels})[0]


@pytest.mark.parametrize(
    ("network", "batch_norm"), [("cnn", False), ("cnn", True), ("xception", False)]
)
def test_the_file_gives_the_networks_probabilities(network, batch_norm, pixels, tmp_path):
    torch.manual_seed(0)
    module = models.build(network, 3, batch_norm=batch_norm)
    module(torch.rand(8, 3, 64, 64))  # gives batch norms statistics of their own
    module.eval()
    scaled = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
    with torch.inference_mode():
        expected = torch.softmax(module(scaled) / 0.5, dim=1).numpy()
    path = tmp_path / "model.onnx"
    export(module, path, LABELS, {"network": network}, temperature=0.5)
    np.testing.assert_allclose(run(path, pixels), expected, atol=1e-6)
    np.testing.assert_allclose(run(path, pixels[:1]), expected[:1], atol=1e-6)


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
    assert stored == {"labels": list(LABELS), "temperature": 1.5, **METADATA}


def test_the_file_says_nothing_of_the_machine_it_was_made_on(full):
    assert b".py" not in full.read_bytes()
