"""An exported network comes back from its ONNX file with the same answers."""

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from simpsons import models
from simpsons.classifier import Classifier, ModelError
from simpsons.formats.onnx_export import export
from simpsons.formats.onnx_import import read_onnx


def probabilities(network, pixels, temperature):
    scaled = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
    with torch.inference_mode():
        return torch.softmax(network(scaled) / temperature, 1).numpy()


@pytest.mark.parametrize("name", ["cnn", "xception"])
def test_shipped_weights_come_back(name):
    pixels = np.random.default_rng(0).integers(0, 256, (4, 64, 64, 3), np.uint8)
    classifier = Classifier(name)
    again = probabilities(read_onnx(name), pixels, classifier.metadata["temperature"])
    np.testing.assert_allclose(again, classifier.probabilities(pixels), atol=1e-5)


def test_equal_weights_that_are_stored_once_come_back(onnx_model):
    pixels = np.random.default_rng(0).integers(0, 256, (4, 64, 64, 3), np.uint8)
    again = probabilities(read_onnx(onnx_model), pixels, 0.05)
    np.testing.assert_allclose(again, Classifier(onnx_model).probabilities(pixels), atol=1e-5)


def test_a_foreign_network_is_refused(onnx_model, tmp_path):
    wrong = "network.stem.weight"
    model = onnx.load(onnx_model)
    for tensor in model.graph.initializer:
        tensor.name = tensor.name.replace(wrong, "foreign")
    for node in model.graph.node:
        node.input[:] = [name.replace(wrong, "foreign") for name in node.input]
    onnx.save(model, tmp_path / "foreign.onnx")
    with pytest.raises(ModelError, match="has other weights than either network"):
        read_onnx(tmp_path / "foreign.onnx")


def test_a_network_trained_with_batch_norm_comes_back_plain(tmp_path):
    torch.manual_seed(0)
    network = models.build("cnn", 3, batch_norm=True).eval()
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.bias)
    export(network, tmp_path / "cnn.onnx", ("a", "b", "c"), {})
    pixels = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), np.uint8)
    again = probabilities(read_onnx(tmp_path / "cnn.onnx"), pixels, 1)
    np.testing.assert_allclose(again, probabilities(network, pixels, 1), atol=1e-5)


@pytest.mark.parametrize("damage", ["shape", "no inputs", "no weight"])
def test_a_network_of_odd_weights_is_refused(onnx_model, tmp_path, damage, monkeypatch):
    model = onnx.load(onnx_model)
    if damage == "shape":
        bias = next(one for one in model.graph.initializer if one.name.endswith(".bias"))
        bias.CopyFrom(onnx.numpy_helper.from_array(np.zeros(7, np.float32), bias.name))
    else:
        node = next(one for one in model.graph.node if one.op_type == "Conv")
        node.input[:] = [] if damage == "no inputs" else [node.input[0], "nowhere"]
    monkeypatch.setattr(onnx, "load", lambda *_args, **_how: model)
    with pytest.raises(ModelError, match="has other weights than either network"):
        read_onnx(onnx_model)
