import itertools

import numpy as np
import pytest
import torch
from torch import nn

from simpsons import models
from simpsons.classifier import Classifier
from simpsons.models.class_activation import Part, cut, heat, layer_cam, scaled

QUADRANTS = [(0, 0), (0, 1), (1, 0), (1, 1)]


def trained(name):
    """A network whose batch norms are no identities, as after training."""
    torch.manual_seed(0)
    network = models.build(name)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.normal_(0, 0.1)
            layer.running_var.uniform_(0.5, 2)
            nn.init.uniform_(layer.weight, 0.5, 1.5)
            nn.init.normal_(layer.bias, 0, 0.1)
        if isinstance(layer, nn.ReLU):
            layer.inplace = False
    return network.eval()


def heat_of(network, pixels):
    return heat(network, models.with_maps(network, pixels)[1])


def pictures(n=2):
    return torch.rand(n, 3, 64, 64, generator=torch.Generator().manual_seed(0))


def outputs_of_blocks(network, pixels):
    """What each block from the third on puts out, and the logits of it, with their graph."""
    below, parts = cut(network)
    outputs = [below(pixels).detach().requires_grad_(True)]
    for part in parts:
        outputs.append(part.layers(outputs[-1]))
    return outputs[:-1], outputs[-1], parts


@pytest.mark.parametrize("name", models.NETWORKS)
def test_it_is_the_product_of_layer_cams_by_autograd(name):
    network, pixels = trained(name), pictures()
    outputs, logits, parts = outputs_of_blocks(network, pixels)
    assert len(outputs) == {"cnn": 2, "xception": 3}[name]
    with torch.no_grad():
        hot = heat_of(network, pixels)
    for label in (0, 11):
        gradients = torch.autograd.grad(logits[:, label].sum(), outputs, retain_graph=True)
        expected = torch.ones(())
        for output, gradient, part in zip(outputs, gradients, parts, strict=True):
            assert (gradient.relu() * output).sum(dim=1).max() > 0
            expected = expected * layer_cam(output.detach()[:, None], gradient[:, None], part)
        np.testing.assert_allclose(hot[:, label], scaled(expected)[:, 0], atol=1e-4)


@pytest.mark.parametrize("name", models.NETWORKS)
def test_cells_lie_where_the_pixels_are_that_change_them(name):
    network = trained(name)
    pixels = torch.zeros(1, 3, 64, 64)
    below, [part, *_] = cut(network)
    with torch.no_grad():
        plain = below(pixels)
        for row, column in ((20, 20), (20, 44), (44, 44)):
            changed = pixels.clone()
            changed[:, :, row - 2 : row + 3, column - 2 : column + 3] = 1
            moved = (below(changed) - plain).abs().sum(dim=(0, 1))
            centres = part.start + part.stride * torch.arange(moved.shape[-1])
            found = [(moved.sum(dim=1 - axis) @ centres / moved.sum()).item() for axis in (0, 1)]
            np.testing.assert_allclose(found, (row, column), atol=5)


@pytest.mark.parametrize("name", models.NETWORKS)
def test_a_later_part_lies_as_the_layers_before_it_halve_it(name):
    """The first cell of a pool is centred between the first two it takes, in unpadded
    convolutions one further in."""
    _, parts = cut(trained(name))
    further = {"cnn": 1, "xception": 0}[name]
    for part, later in itertools.pairwise(parts):
        assert later.stride == 2 * part.stride
        assert later.start == part.start + part.stride * (further + 0.5)


def test_layer_cam_weighs_activations_by_the_positive_gradient():
    part = Part(nn.Identity(), 16, 32)
    activations = torch.zeros(1, 1, 2, 2, 2)
    activations[0, 0, 0] = torch.tensor([[3.0, 0.0], [0.0, 1.0]])
    activations[0, 0, 1] = 5
    gradient = torch.stack([torch.ones(2, 2), -torch.ones(2, 2)])[None, None]
    found = layer_cam(activations, gradient, part)[0, 0]
    assert found[16, 16] == 3
    assert found[16, 48] == 0
    assert found[48, 48] == 1
    assert found[32, 32] == pytest.approx(1)  # of four corners the mean


@pytest.mark.parametrize("name", models.NETWORKS)
def test_heat_is_0_to_1_with_1_at_the_hottest_place(name):
    with torch.no_grad():
        hot = heat_of(trained(name), pictures())
    assert hot.shape == (2, 18, 64, 64)
    assert hot.min() == 0
    hottest = hot.amax(dim=(2, 3))
    assert ((hottest - 1).abs() < 1e-6).logical_or(hottest == 0).all()
    assert hottest.max() > 0


@pytest.mark.parametrize("quadrant", QUADRANTS)
def test_a_network_that_looks_at_one_quadrant_is_hottest_there(quadrant):
    network = trained("cnn")
    convolutions = [layer for layer in network.features if isinstance(layer, nn.Conv2d)]
    with torch.no_grad():
        for layer in convolutions[6:]:  # the fourth block sees only the middle of each window
            centre = layer.weight[:, :, 1, 1].clone()
            layer.weight.zero_()
            layer.weight[:, :, 1, 1] = centre
        weight = network.head[1].weight.unflatten(1, (256, 2, 2))
        mask = torch.zeros(2, 2)
        mask[quadrant] = 1
        weight *= mask
        hot = heat_of(network, pictures(4))
    answered = hot.flatten(2).amax(dim=2) > 0
    assert answered.float().mean() > 0.9
    rows, columns = np.divmod(hot.flatten(2).argmax(dim=2)[answered].numpy(), 64)
    assert (rows // 32 == quadrant[0]).all()
    assert (columns // 32 == quadrant[1]).all()


def test_a_class_that_nothing_speaks_for_is_cold():
    network = trained("xception")
    with torch.no_grad():
        network.head[-1].weight[3] = 0
        hot = heat_of(network, pictures())
    assert hot[:, 3].max() == 0
    assert hot[:, 4].max() > 0


def test_the_onnx_file_gives_the_same_maps(onnx_model):
    pixels = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), dtype=np.uint8)
    maps = Classifier(onnx_model).class_activations(pixels)
    torch.manual_seed(0)
    network = models.build("xception").eval()  # as in `onnx_model`
    with torch.no_grad():
        scaled = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
        expected = heat_of(network, scaled)
    assert maps.dtype == np.float32
    np.testing.assert_allclose(maps, expected.numpy(), atol=1e-3)
    assert maps.max() == 1


def test_another_network_is_refused():
    with pytest.raises(TypeError, match="no class activation for Linear"):
        heat(nn.Linear(1, 1), [pictures()] * 3)
