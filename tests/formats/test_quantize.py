"""int8 arithmetic: nearly the same answers, and everything else as in the float file."""

from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from simpsons import Classifier, ModelError, models
from simpsons.dataset import cache
from simpsons.dataset import split as splits
from simpsons.formats import quantize
from simpsons.formats.onnx_export import export
from simpsons.formats.onnx_import import read_onnx
from simpsons.models.scaled import Scaled
from simpsons.runs import exporting, pretrained

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def dataset(drawings):
    """Drawings whose classes are the shipped networks'."""
    drawn = cache.load(drawings)
    return replace(drawn, listing=replace(drawn.listing, classes=Classifier("cnn").labels))


@pytest.fixture(scope="module")
def split(dataset):
    part = np.tile(["train", "validation", "train", "test"], len(dataset) // 4)
    return splits.Split("own", 0, part, np.arange(len(dataset)))


@pytest.fixture(scope="module")
def int8(dataset, split, tmp_path_factory):
    path = tmp_path_factory.mktemp("exported") / "int8.onnx"
    exporting.export_again("cnn", path, dataset, split, int8=True)
    return Classifier(path)


def test_it_answers_as_the_float_file_does(int8, dataset):
    expected = Classifier("cnn").probabilities(dataset.images)
    probabilities = int8.probabilities(dataset.images)
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert (probabilities.argmax(axis=1) == expected.argmax(axis=1)).mean() >= 0.9
    assert np.abs(probabilities - expected).mean() < 0.01


def test_its_familiarity_is_that_of_a_float_file(int8, dataset, split, tmp_path):
    exporting.export_again("cnn", tmp_path / "float.onnx", dataset, split)
    float32 = Classifier(tmp_path / "float.onnx")
    expected = float32.probabilities_and_familiarity(dataset.images)[1]
    familiarity = int8.probabilities_and_familiarity(dataset.images)[1]
    assert correlation(familiarity, expected) > 0.985


def test_pixels_and_maps_stay_integers(int8):
    """A convolution takes the pixels as they are, and of a map only its mean becomes float."""
    graph = onnx.load(int8.path).graph
    [transpose] = [node for node in graph.node if "pixels" in node.input]
    [dequantise] = [node for node in graph.node if transpose.output[0] in node.input]
    assert (transpose.op_type, dequantise.op_type) == ("Transpose", "DequantizeLinear")
    means = [node for node in graph.node if node.op_type == "GlobalAveragePool"]
    after = [node.op_type for node in graph.node for mean in means if mean.output[0] in node.input]
    assert after == ["QuantizeLinear"] * 4


def test_it_is_smaller_and_says_what_it_is(int8):
    half = Classifier("cnn")
    assert int8.path.stat().st_size < 0.6 * half.path.stat().st_size
    assert int8.labels == half.labels
    assert int8.metadata["arithmetic"] == "int8"
    measured = ("arithmetic", "familiarity_threshold", "figures")
    kept = {key: value for key, value in int8.metadata.items() if key not in measured}
    assert kept.items() <= half.metadata.items()
    assert b".py" not in int8.path.read_bytes()


def test_the_threshold_and_the_figures_are_its_own(int8, dataset, split):
    rows = split.rows("validation")
    probabilities, familiarity = int8.probabilities_and_familiarity(dataset.images[rows])
    assert (familiarity >= int8.threshold).sum() == np.ceil(0.95 * len(rows))
    right = probabilities.argmax(axis=1) == dataset.labels[rows]
    assert int8.metadata["figures"]["validation_accuracy"] == right.mean()


def test_inputs_and_outputs_are_those_of_the_float_file(int8):
    def described(path):
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        session = onnxruntime.InferenceSession(path, options)
        values = [
            session.get_inputs(),
            session.get_overridable_initializers(),
            session.get_outputs(),
        ]
        return [[(each.name, each.type, each.shape) for each in part] for part in values]

    assert described(int8.path) == described(Classifier("cnn").path)


def test_the_heat_is_that_of_the_float_file(int8, dataset):
    pixels = dataset.images[::9]
    expected = Classifier("cnn").class_activations(pixels)
    heat = int8.class_activations(pixels)
    assert heat.shape == expected.shape
    answers = np.arange(len(pixels)), Classifier("cnn").probabilities(pixels).argmax(axis=1)
    assert correlation(heat[answers], expected[answers]) > 0.98
    assert correlation(heat, expected) > 0.95  # of most classes a picture has faint evidence


def correlation(one, other):
    return np.corrcoef(one.ravel(), other.ravel())[0, 1]


def test_xception_without_familiarity(onnx_model, dataset, tmp_path):
    path, pixels = tmp_path / "model.onnx", dataset.images[:8]
    before = Classifier(onnx_model)
    export(read_onnx(onnx_model), path, before.labels, {}, 0.05, calibration=pixels)
    expected = before.probabilities(pixels)
    np.testing.assert_allclose(Classifier(path).probabilities(pixels), expected, atol=0.02)


def test_a_network_that_takes_other_values_of_pixels(onnx_model, dataset, split, tmp_path):
    before = Classifier(onnx_model)
    network = Scaled(read_onnx(onnx_model), (1 / 255,), (0.0,))
    drawn = replace(dataset, listing=replace(dataset.listing, classes=before.labels))
    path = tmp_path / "int8.onnx"
    exporting.export_fitted(network, path, drawn, split, {}, 0.05, int8=True)
    expected = before.probabilities(dataset.images)
    assert np.abs(Classifier(path).probabilities(dataset.images) - expected).mean() < 0.01


def test_a_resnet_whose_shortcuts_average(dataset, split, tmp_path):
    torch.manual_seed(0)
    network, paths = models.build("resnet").eval(), {}
    for name in ("float", "int8"):
        paths[name] = tmp_path / f"{name}.onnx"
        exporting.export_fitted(network, paths[name], dataset, split, {}, 0.05, int8=name == "int8")
    expected, found = (Classifier(path).probabilities(dataset.images) for path in paths.values())
    assert np.abs(found - expected).mean() < 0.02


def test_nothing_learns_from_it(int8, dataset, split, tmp_path):
    with pytest.raises(ModelError, match=r"int8.onnx: its weights are int8, .* use the float file"):
        read_onnx(int8.path)
    with pytest.raises(ModelError, match="int8, too coarse"):
        _ = pretrained.Pretrained(int8.path).network
    with pytest.raises(ModelError, match="int8, too coarse"):
        exporting.export_again(int8.path, tmp_path / "again.onnx", dataset, split)


def test_calibration_pictures_are_some_of_the_training_part_and_always_the_same():
    training = np.arange(1000, 3000)
    rows = quantize.calibration_rows(training)
    assert len(np.unique(rows)) == quantize.CALIBRATION
    assert np.isin(rows, training).all()
    np.testing.assert_array_equal(rows, quantize.calibration_rows(training))
    np.testing.assert_array_equal(quantize.calibration_rows(training[:5]), training[:5])
