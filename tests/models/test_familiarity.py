"""The familiarity of pictures: fitted, in the ONNX file, and as a verdict."""

import json
from dataclasses import replace

import numpy as np
import onnx
import pytest
import torch
from PIL import Image

from simpsons import Classifier, ModelError, Prediction, models
from simpsons.classifier import UNKNOWN
from simpsons.dataset import cache
from simpsons.dataset import split as splits
from simpsons.dataset.folders import DataError
from simpsons.demo.drawings import DOLLS, draw
from simpsons.formats.onnx_export import export
from simpsons.models import familiarity
from simpsons.pixels import images
from simpsons.runs import exporting

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return models.build("xception", 18).eval()


@pytest.fixture(scope="module")
def dataset(many_drawings):
    return cache.load(many_drawings)


@pytest.fixture(scope="module")
def split(dataset):
    return splits.make(dataset, "leak-free")


@pytest.fixture(scope="module")
def fitted(network, dataset, split):
    rows = split.rows("train")
    return familiarity.fit(network, dataset.images[rows], dataset.labels[rows], 0.5)


@pytest.fixture(scope="module")
def shipped(tmp_path_factory, network, dataset, split):
    path = tmp_path_factory.mktemp("shipped") / "model.onnx"
    exporting.export_fitted(
        network, path, dataset, split, {"network": "x", "split": {}}, 0.5, half=True
    )
    return path


@pytest.fixture(scope="module")
def noise():
    return np.random.default_rng(0).integers(0, 256, (24, 64, 64, 3), np.uint8)


def measured(fitted, network, pixels, temperature=1.0):
    """The familiarity of pictures, by PyTorch."""
    logits, means = familiarity.features(network, pixels)
    tensors = (torch.from_numpy(each).float() for each in (logits / temperature, means))
    return familiarity.combined(fitted.scores(*tensors)).numpy()


def test_noise_is_less_familiar_than_new_pictures(fitted, network, noise):
    rng = np.random.default_rng(9)
    new = np.stack([images.load(draw(doll, rng)) for doll in DOLLS])
    known = measured(fitted, network, new, 0.5)
    assert known.shape == (18,)
    assert known.dtype == np.float32
    strange = measured(fitted, network, noise, 0.5)
    assert (known[:, None] > strange).mean() > 0.95


def test_scores_are_in_deviations_of_the_training_pictures_at_the_temperature(
    fitted, network, dataset, split
):
    logits, means = familiarity.features(network, dataset.images[split.rows("train")])
    tensors = (torch.from_numpy(each).float() for each in (logits / 0.5, means))
    scores = fitted.scores(*tensors)[:, [0, 2]]
    torch.testing.assert_close(scores.mean(0), torch.zeros(2), atol=1e-3, rtol=0)
    torch.testing.assert_close(scores.std(0, correction=0), torch.ones(2), atol=0.02, rtol=0)


@pytest.mark.parametrize("count", [60, 1000])
def test_nearness_is_in_deviations_of_pictures_that_were_not_learnt_from(count):
    """What few pictures are fitted to by heart says nothing of others."""
    rng = np.random.default_rng(0)
    middles = 4 * np.eye(3, 32)
    labels = np.arange(count + 300) % 3
    means = middles[labels] + rng.normal(size=(count + 300, 32))
    logits = rng.normal(size=(count + 300, 3))
    known = means[:count]
    fitted = familiarity.fit_features(logits[:count], known, -known, labels[:count], 32)
    new = torch.from_numpy(means[count:]).float()
    nearness = fitted.scores(torch.zeros(300, 3), new)[:, 1]
    assert abs(nearness.mean()) < 0.7
    assert 0.5 < nearness.std() < 1.5


def test_characters_of_one_picture_each_are_enough_for_nearness():
    rng = np.random.default_rng(0)
    means = rng.normal(size=(20, 8))
    fitted = familiarity.fit_features(rng.normal(size=(20, 20)), means, -means, np.arange(20), 8)
    assert fitted.scores(torch.zeros(20, 20), torch.from_numpy(means).float()).isfinite().all()


def test_style_counts_only_where_it_is_low():
    scores = torch.tensor([[1.0, 3.0, 9.0], [1.0, 3.0, -1.5], [1.0, 3.0, -2.5]])
    assert familiarity.combined(scores).tolist() == [2.0, 2.0, 2.0 - familiarity.STYLE_WEIGHT]


def test_the_threshold_lets_95_of_100_pass():
    values = np.random.default_rng(0).permutation(100).astype(np.float32)
    assert (values >= familiarity.threshold(values)).sum() == 96
    assert familiarity.threshold(values[:1]) == values[0]


def test_recoloured_pictures_keep_their_drawing(dataset):
    pixels = np.array(dataset.images[:20])
    before = pixels.copy()
    changed = familiarity.recoloured(pixels, np.random.default_rng(0))
    assert (pixels == before).all()
    assert changed.dtype == np.uint8
    assert (changed != pixels).any(axis=(1, 2, 3)).all()
    np.testing.assert_allclose(changed.max(axis=3), pixels.max(axis=3), atol=6)  # values stay


def test_recoloured_pictures_have_other_hues():
    """A hue is exchanged with the channels, or turned by at least 40 of 256."""
    hsv = np.full((200, 64, 64, 3), (20, 200, 200), np.uint8)
    pixels = np.stack([np.asarray(Image.fromarray(one, mode="HSV").convert("RGB")) for one in hsv])
    changed = familiarity.recoloured(pixels, np.random.default_rng(0))
    hues = np.array([np.array(Image.fromarray(one).convert("HSV"))[0, 0, 0] for one in changed])
    turned = (hues - 20).astype(np.uint8)  # modulo 256
    assert np.minimum(turned, -turned).min() >= 38  # rounded twice
    assert len(np.unique(turned)) > 50


@pytest.mark.parametrize("counts", [(1, 1), (1, 5), (2, 0)])
def test_few_pictures_are_enough(counts, noise):
    torch.manual_seed(0)
    network = models.build("xception", 2).eval()
    labels = np.repeat([0, 1], counts)
    fitted = familiarity.fit(network, noise[: len(labels)], labels)
    assert np.isfinite(measured(fitted, network, noise)).all()


@pytest.mark.parametrize(("count", "counts"), [(7, False), (8, True)])
def test_nearness_needs_half_as_many_pictures_as_the_map_has_channels(count, counts):
    rng = np.random.default_rng(0)
    labels = np.arange(count) % 2
    means = rng.normal(size=(count, 40)) + 3 * labels[:, None]
    fitted = familiarity.fit_features(rng.normal(size=(count, 2)), means, -means, labels, 16)
    others = torch.from_numpy(rng.normal(size=(30, 40))).float()
    energy, nearness, _ = fitted.scores(torch.zeros(30, 2), others).unbind(1)
    assert energy.isfinite().all()
    assert bool(nearness.any()) == counts


def test_a_picture_at_the_middle_of_any_class_is_near_however_far_the_others_are():
    """Else only what lies between all classes were familiar."""
    rng = np.random.default_rng(0)
    middles = 20 * np.eye(4, 8)
    labels = np.repeat(np.arange(4), 50)
    means = middles[labels] + rng.normal(size=(200, 8))
    fitted = familiarity.fit_features(rng.normal(size=(200, 4)), means, -means, labels, 8)
    asked = torch.from_numpy(np.vstack([middles, middles.mean(0)])).float()
    *at_classes, between = fitted.scores(torch.zeros(5, 4), asked)[:, 1].tolist()
    assert min(at_classes) > 0 > between


def test_equal_pictures_are_enough():
    network = models.build("xception", 2).eval()
    fitted = familiarity.fit(network, np.zeros((4, 64, 64, 3), np.uint8), np.array([0, 0, 1, 1]))
    values = measured(fitted, network, np.full((1, 64, 64, 3), 200, np.uint8))
    assert np.isfinite(values).all()


def test_the_file_gives_the_familiarity_of_the_network(shipped, fitted, network, noise):
    values = Classifier(shipped).probabilities_and_familiarity(noise)[1]
    expected = measured(fitted, network, noise, 0.5)
    np.testing.assert_allclose(values, expected, rtol=2e-2, atol=2e-2)  # weights of half the size


def test_the_file_gives_the_familiarity_that_was_fitted(noise, tmp_path):
    torch.manual_seed(0)
    network = models.build("cnn", 2).eval()
    fitted = familiarity.fit(network, noise[:16], np.arange(16) % 2, 0.5)
    path = tmp_path / "model.onnx"
    export(network, path, ("a", "b"), {}, 0.5, familiarity=fitted)
    probabilities, values = Classifier(path).probabilities_and_familiarity(noise)
    expected = measured(fitted, network, noise, 0.5)
    np.testing.assert_allclose(values, expected, rtol=2e-3, atol=2e-3)
    scaled = torch.from_numpy(noise).permute(0, 3, 1, 2).float() / 255
    with torch.inference_mode():
        own = torch.softmax(network(scaled) / 0.5, 1)
    np.testing.assert_allclose(probabilities, own, atol=1e-6)


def test_nearly_all_validation_pictures_are_known(shipped, dataset, split, noise):
    classifier = Classifier(shipped)
    assert classifier.threshold == classifier.metadata["familiarity_threshold"]
    known = classifier.probabilities_and_familiarity(dataset.images[split.rows("validation")])[1]
    assert (known >= classifier.threshold).mean() >= 0.95
    strange = list(classifier.predict_all(noise))
    assert sum(each.verdict == UNKNOWN for each in strange) > 20


def test_a_prediction_says_the_same_alone_and_in_a_batch(shipped, noise):
    classifier = Classifier(shipped)
    values = classifier.probabilities_and_familiarity(noise)[1]
    together = [each.familiarity for each in classifier.predict_all(noise)]
    assert together == pytest.approx(values, abs=1e-3)
    assert classifier.predict(noise[3]).familiarity == pytest.approx(values[3], abs=1e-2)
    assert classifier.probabilities_and_familiarity(noise[:0])[1].shape == (0,)


def test_the_verdict():
    known = Prediction("a.jpg", (("bee", 0.9),), familiarity=0.5, threshold=0.5)
    assert known.verdict == "bee"
    unknown = replace(known, familiarity=0.49)
    assert unknown.verdict == UNKNOWN
    assert unknown.label == "bee"
    said = json.loads(json.dumps(unknown.to_json()))
    assert (said["verdict"], said["familiarity"], said["label"]) == ("unknown", 0.49, "bee")


@pytest.mark.parametrize("values", [(None, None), (None, 1.0), (-9.0, None)])
def test_the_verdict_is_the_label_where_the_file_does_not_say(values):
    prediction = Prediction("a.jpg", (("bee", 0.9),), *values)
    assert prediction.verdict == "bee"


def test_a_file_without_the_score(onnx_model, noise):
    classifier = Classifier(onnx_model)
    prediction = classifier.predict(noise[0])
    assert classifier.threshold is None
    assert prediction.familiarity is None
    assert prediction.verdict == prediction.label


def test_a_threshold_that_is_no_number(onnx_model, tmp_path):
    path = tmp_path / "model.onnx"
    model = onnx.load(onnx_model)
    model.metadata_props.add(key="familiarity_threshold", value='"high"')
    onnx.save(model, path)
    with pytest.raises(ModelError, match="familiarity_threshold is 'high', no number"):
        Classifier(path)


def test_a_file_written_anew_has_the_same_probabilities(drawings, tmp_path, noise):
    drawn = cache.load(drawings)
    before = Classifier("xception")
    named = replace(drawn, listing=replace_classes(drawn, before.labels))
    part = np.tile(["train", "validation", "train", "test"], len(drawn) // 4)
    split = splits.Split("own", 0, part, np.arange(len(drawn)))
    out = tmp_path / "again.onnx"
    exporting.export_again("xception", out, named, split, half=True)
    after = Classifier(out)
    np.testing.assert_allclose(after.probabilities(noise), before.probabilities(noise), atol=1e-6)
    assert after.threshold is not None
    measured_anew = {"familiarity_threshold": after.threshold, "figures": after.metadata["figures"]}
    kept = before.metadata | measured_anew
    del kept["face_familiarity_threshold"]  # the drawings have no faces cut out
    assert after.metadata == kept


def replace_classes(dataset, classes):
    return replace(dataset.listing, classes=classes)


def test_writing_anew_needs_the_files_own_classes_and_split(onnx_model, drawings, tmp_path):
    drawn = cache.load(drawings)
    split = splits.Split("own", 0, np.full(len(drawn), "train"), np.arange(len(drawn)))
    with pytest.raises(DataError, match="has other classes than"):
        exporting.export_again(onnx_model, tmp_path / "again.onnx", drawn, split)
    named = replace(drawn, listing=replace_classes(drawn, Classifier(onnx_model).labels))
    with pytest.raises(DataError, match="no validation pictures in it; give the split"):
        exporting.export_again(onnx_model, tmp_path / "again.onnx", named, split)


def test_the_command_line_says_unknown(cli, shipped, drawings, tmp_path, noise):
    path = tmp_path / "noise.png"
    Image.fromarray(noise[0]).save(path)
    line = cli("predict", path, "--model", shipped).stdout
    assert line.startswith(f"{path}  unknown, nearest ")
    assert json.loads(cli("predict", path, "--model", shipped, "--json").stdout)["verdict"] == (
        "unknown"
    )
    header, row = cli("predict", path, "--model", shipped, "--csv").stdout.splitlines()
    assert header.endswith(",error,verdict")
    assert row.endswith(",,unknown")


@pytest.mark.parametrize("name", models.NETWORKS)
def test_shipped_weights_refuse_strangers(name, real_dataset, noise):
    classifier = Classifier(name)
    assert classifier.threshold is not None
    rows = splits.shipped_rows(real_dataset, "validation")[::4]
    known = classifier.probabilities_and_familiarity(real_dataset.images[rows])[1]
    assert 0.02 < (known < classifier.threshold).mean() < 0.08
    rng = np.random.default_rng(0)
    drawn = np.stack([images.load(draw(doll, rng)) for doll in DOLLS * 2])
    strange = classifier.probabilities_and_familiarity(np.concatenate([noise, drawn]))[1]
    assert (known[:, None] > strange).mean() > 0.97
