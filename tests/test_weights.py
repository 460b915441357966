"""The shipped weights: what they are, and what they score on pictures they never saw."""

import numpy as np
import onnx
import pytest

from simpsons import Classifier
from simpsons.characters import DOLLS, SLUGS
from simpsons.classifier import SHIPPED, model_path
from simpsons.dataset import split as splits
from simpsons.demo import drawings
from simpsons.evaluation.measure import measure
from simpsons.pixels import images

SIMPSONS = [network for network in SHIPPED if network != "dolls"]
PARAMETERS = {"cnn": 2_240_306, "xception": 768_210}
FLOORS = {"cnn": 0.9665, "xception": 0.9615}


@pytest.mark.parametrize("network", SIMPSONS)
def test_it_is_the_whole_classifier_with_its_provenance(network):
    classifier = Classifier(network)
    assert classifier.labels == SLUGS
    assert classifier.metadata["network"] == network.removesuffix("-int8")
    assert classifier.metadata["split"]["kind"] == "shipped"
    assert "CC BY-NC-SA 4.0" in classifier.metadata["data_licence"]
    card = model_path(network).with_suffix(".md").read_text(encoding="utf-8")
    assert "CC BY-NC-SA 4.0" in card
    assert "| test (" in card


@pytest.mark.parametrize("network", PARAMETERS)
def test_it_has_the_parameters_of_the_architecture(network):
    """Batch norms may be merged at export, so fewer are possible; more are not."""
    model = onnx.load(model_path(network))
    stored = sum(
        np.prod(tensor.dims, dtype=int)
        for tensor in model.graph.initializer
        if tensor.name.startswith("network.")
    )
    assert 0.99 * PARAMETERS[network] < stored < PARAMETERS[network] + 100


@pytest.mark.parametrize("network", PARAMETERS)
def test_accuracy_on_the_leak_free_test_part(network, real_dataset):
    rows = splits.shipped_rows(real_dataset, "test")
    measured = measure(Classifier(network), real_dataset, rows)
    assert measured.evaluation.n == 1708
    assert measured.evaluation.accuracy >= FLOORS[network]


def test_int8_is_as_accurate_as_float(real_dataset):
    rows = splits.shipped_rows(real_dataset, "validation")
    accuracy = {
        name: measure(Classifier(name), real_dataset, rows).evaluation.accuracy
        for name in ("cnn", "cnn-int8")
    }
    assert accuracy["cnn-int8"] >= accuracy["cnn"] - 0.002


def test_int8_is_smaller_and_says_what_it_is():
    small, whole = model_path("cnn-int8"), model_path("cnn")
    assert small.stat().st_size < 0.6 * whole.stat().st_size
    assert Classifier("cnn-int8").metadata["arithmetic"] == "int8"
    assert "`cnn` in int8" in small.with_suffix(".md").read_text(encoding="utf-8")


def test_the_dolls_are_of_drawings_alone_under_the_licence_of_the_code():
    classifier = Classifier("dolls")
    card = model_path("dolls").with_suffix(".md").read_text(encoding="utf-8")
    assert classifier.labels == DOLLS
    assert not classifier.metadata["initial"]
    assert classifier.metadata["teachers"] == 0
    for said in (classifier.metadata["data_licence"], card):
        assert "MIT, drawings made by simpsons.demo" in said
        assert "CC BY" not in said
    assert "benchmarks.train_dolls" in card
    assert "| test, faces (" in card
    assert model_path("dolls").stat().st_size < 1_200_000


def test_the_dolls_are_named_on_drawings_that_nothing_learnt_from():
    rng = np.random.default_rng(2026)
    classifier = Classifier("dolls")
    pixels = np.stack(
        [images.load(drawings.draw(doll, rng)) for doll in drawings.DOLLS for _ in range(3)]
    )
    right = [
        answer.label == doll
        for answer, doll in zip(classifier.predict_pixels(pixels), np.repeat(DOLLS, 3), strict=True)
    ]
    assert np.mean(right) >= 0.95
