"""The last layer of a network that goes on with other classes."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from simpsons import models
from simpsons.dataset import cache
from simpsons.dataset.split import Split
from simpsons.formats.onnx_import import read_onnx
from simpsons.models.inference import predict_logits
from simpsons.training import last_layer


@pytest.fixture(scope="module")
def dataset(drawings):
    return cache.load(drawings)


@pytest.fixture(scope="module")
def split(dataset):
    part = np.tile(["train", "validation"], len(dataset) // 2)
    return Split("given", None, part, np.arange(len(dataset)))


def logits(network, dataset):
    pixels = torch.from_numpy(np.array(dataset.images))
    return predict_logits(network, pixels, torch.arange(len(dataset)))


def with_classes(dataset, classes):
    return replace(dataset, listing=replace(dataset.listing, classes=classes))


@pytest.mark.parametrize(
    "name", ["cnn", "xception", pytest.param("resnet", marks=pytest.mark.slow)]
)
def test_of_known_classes_the_answers_stay(name, dataset, split):
    torch.manual_seed(0)
    network = models.build(name, 20).eval()
    known = ("a", *dataset.classes[::-1], "z")
    before = logits(network, dataset)
    last_layer.adapt(network, known, dataset, split)
    wanted = [known.index(one) for one in dataset.classes]
    torch.testing.assert_close(logits(network, dataset), before[:, wanted])


def test_the_same_classes_leave_the_network_as_it_is(dataset, split):
    network = models.build("cnn", len(dataset.classes))
    layer = last_layer.of(network)
    last_layer.adapt(network, dataset.classes, dataset, split)
    assert last_layer.of(network) is layer


def test_of_new_classes_the_training_pictures_are_told_apart(dataset, split):
    network = read_onnx("xception")
    others = tuple(f"other {number}" for number in range(18))
    chance = (logits(network, dataset).argmax(1).numpy() == dataset.labels).mean()
    last_layer.adapt(network, others, dataset, split)
    rows = split.rows("train")
    right = (logits(network, dataset).argmax(1).numpy() == dataset.labels)[rows].mean()
    assert models.outputs(network) == len(dataset.classes)
    assert chance < 0.2 < 0.5 < right


def test_the_classes_of_another_network_are_not_taken_for_these_by_their_number(dataset, split):
    torch.manual_seed(0)
    network = models.build("cnn", len(dataset.classes))
    before = last_layer.of(network).weight.clone()
    last_layer.adapt(network, ("none", *dataset.classes[1:]), dataset, split)
    assert not torch.allclose(last_layer.of(network).weight, before)


@pytest.mark.parametrize("present", [[0, 2], [0, 1, 2]])
def test_a_class_without_a_training_picture_is_never_the_answer(present):
    rng = np.random.default_rng(0)
    labels = np.repeat(present, 20)
    seen = (labels[:, None] + rng.normal(size=(len(labels), 4)) / 20).astype(np.float32)
    weight, bias = last_layer.fitted(seen, labels, 4)
    assert ((seen @ weight.T + bias).argmax(1) == labels).all()
