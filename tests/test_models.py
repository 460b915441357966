import numpy as np
import pytest
import torch

from simpsons import models
from simpsons.models.cnn import CNN, folded
from simpsons.models.summary import count, layers, statistics
from simpsons.models.xception import SamePool


def test_parameters_are_exactly_the_notebooks():
    assert count(models.build("cnn")) == 2_240_306
    assert count(models.build("xception")) == 768_210
    assert statistics(models.build("cnn")) == 0
    assert statistics(models.build("xception")) == 1_984


def test_the_teacher_is_larger_takes_any_size_and_is_not_one_of_the_two():
    teacher = models.build(models.TEACHER, classes=5).eval()
    assert count(models.build(models.TEACHER)) == 25_189_986
    assert models.TEACHER not in models.NETWORKS
    for size in (32, 48, 64):
        pixels = torch.rand(2, 3, size, size)
        logits, maps = models.with_maps(teacher, pixels)
        torch.testing.assert_close(logits, teacher(pixels))
        assert logits.shape == (2, 5)
        assert [tuple(each.shape[1:]) for each in maps] == [
            (96, size // 2, size // 2),
            (192, size // 4, size // 4),
            (384, size // 8, size // 8),
            (768, size // 16, size // 16),
        ]


def shapes(network, *kinds):
    return [layer.shape for layer in layers(models.build(network)) if layer.kind in kinds]


def test_feature_maps_of_cnn():
    assert shapes("cnn", "Conv2d") == [
        (32, 64, 64),
        (32, 62, 62),
        (64, 31, 31),
        (64, 29, 29),
        (128, 14, 14),
        (128, 12, 12),
        (256, 6, 6),
        (256, 4, 4),
    ]
    assert shapes("cnn", "MaxPool2d") == [(32, 31, 31), (64, 14, 14), (128, 6, 6), (256, 2, 2)]
    assert shapes("cnn", "Linear") == [(1024,), (18,)]


def test_feature_maps_of_xception():
    first = layers(models.build("xception"))[0]
    assert first.shape == (32, 62, 62)
    assert shapes("xception", "SamePool") == [
        (32, 31, 31),
        (64, 16, 16),
        (128, 8, 8),
        (128, 4, 4),
        (256, 2, 2),
    ]
    assert shapes("xception", "Linear") == [(1024,), (256,), (18,)]


def test_multiply_adds_of_a_convolution_by_hand():
    first = layers(models.build("cnn"))[0]
    assert first.multiply_adds == 64 * 64 * 3 * 32 * 9
    total = sum(layer.multiply_adds for layer in layers(models.build("cnn")))
    assert total == pytest.approx(0.29e9 / 2, rel=0.03)  # 0.29 GFLOP forward


@pytest.mark.parametrize(("size", "first_window"), [(62, (0, 1, 2)), (31, (0, 1))])
def test_same_pool_pads_as_keras_does(size, first_window):
    """An even size is padded on the right only, so its first window starts inside."""
    ramp = torch.arange(size, dtype=torch.float32).expand(1, 1, size, size)
    pooled = SamePool()(ramp)
    assert pooled.shape[-1] == -(-size // 2)
    assert pooled[0, 0, 0, 0] == first_window[-1]
    assert pooled[0, 0, -1, -1] == size - 1


def test_folding_batch_norm_away_keeps_the_answers_and_the_parameters():
    torch.manual_seed(0)
    network = CNN(batch_norm=True)
    pictures = torch.rand(16, 3, 64, 64)
    for _ in range(3):  # give the statistics values of their own
        network(pictures)
    network.eval()
    with torch.inference_mode():
        before = network(pictures)
        after = folded(network)(pictures)
    assert count(folded(network)) == 2_240_306
    assert before.abs().max() > 0.01
    torch.testing.assert_close(after, before, atol=1e-5, rtol=1e-4)


def test_other_numbers_of_classes_and_names():
    network = models.build("xception", classes=5)
    assert models.outputs(network) == 5
    network.eval()
    assert network(torch.zeros(2, 3, 64, 64)).shape == (2, 5)
    with pytest.raises(ValueError, match="use cnn, xception, resnet or faces"):
        models.build("vgg")


def test_dropout_is_what_was_asked_for():
    rates = [m.p for m in models.build("cnn").modules() if isinstance(m, torch.nn.Dropout)]
    np.testing.assert_allclose(rates, [0.3, 0.3, 0.3, 0.3, 0.5])
    rates = [m.p for m in models.build("xception").modules() if isinstance(m, torch.nn.Dropout)]
    assert rates == [0.5, 0.5]
