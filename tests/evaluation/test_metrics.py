import json

import numpy as np
import pytest
import sklearn.metrics
from scipy.special import softmax

from simpsons.characters import SLUGS
from simpsons.evaluation.metrics import (
    BINS,
    confident_errors,
    confused_sentences,
    evaluate,
    fit_temperature,
    wilson_interval,
)

FIVE = np.array([[0.8, 0.1, 0.1], [0.3, 0.6, 0.1], [0.2, 0.7, 0.1], [0.5, 0.4, 0.1], [0, 0, 1.0]])
FIVE_LABELS = [0, 0, 1, 1, 2]


def random_case(n=400, classes=18, seed=0, strength=2.0):
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, classes, n)
    logits = generator.normal(size=(n, classes))
    logits[np.arange(n), labels] += strength
    return softmax(logits, axis=1), labels


def test_a_case_computed_by_hand():
    result = evaluate(FIVE, FIVE_LABELS, ["a", "b", "c"])
    assert result.n == 5
    assert result.accuracy == pytest.approx(3 / 5)
    assert result.confusion.tolist() == [[1, 1, 0], [1, 1, 0], [0, 0, 1]]
    assert [score.precision for score in result.per_class] == [0.5, 0.5, 1]
    assert [score.recall for score in result.per_class] == [0.5, 0.5, 1]
    assert [score.support for score in result.per_class] == [2, 2, 1]
    assert result.macro_f1 == pytest.approx((0.5 + 0.5 + 1) / 3)
    assert result.log_loss == pytest.approx(-np.log([0.8, 0.3, 0.7, 0.4, 1]).mean())
    # Five bins with one picture each: the gaps are 0.2, 0.6, 0.3, 0.5 and 0.
    assert result.calibration_error == pytest.approx((0.2 + 0.6 + 0.3 + 0.5 + 0) / 5)
    assert result.mean_confidence == pytest.approx((0.8 + 0.6 + 0.7 + 0.5 + 1) / 5)
    assert result.top_3_accuracy == 1


@pytest.mark.parametrize("seed", range(3))
def test_agrees_with_scikit_learn(seed):
    probabilities, labels = random_case(seed=seed)
    predictions = probabilities.argmax(axis=1)
    result = evaluate(probabilities, labels, SLUGS)
    assert result.accuracy == sklearn.metrics.accuracy_score(labels, predictions)
    assert result.macro_f1 == pytest.approx(
        sklearn.metrics.f1_score(labels, predictions, average="macro")
    )
    assert result.log_loss == pytest.approx(sklearn.metrics.log_loss(labels, probabilities))
    assert result.top_3_accuracy == sklearn.metrics.top_k_accuracy_score(labels, probabilities, k=3)
    assert (result.confusion == sklearn.metrics.confusion_matrix(labels, predictions)).all()


@pytest.mark.parametrize(
    ("right", "n", "low", "high"),
    [  # R. Newcombe, Statistics in Medicine 17 (1998), table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_intervals_as_published(right, n, low, high):
    assert wilson_interval(right, n) == pytest.approx((low, high), abs=5e-5)


def test_the_headline_says_the_accuracy_in_words():
    probabilities = np.eye(2)[[0] * 1703]
    labels = np.array([0] * 1623 + [1] * 80)
    assert evaluate(probabilities, labels, ["a", "b"]).headline == (
        "95.3 % of 1,703 pictures (95 % interval 94.2 to 96.2)"
    )


def test_a_calibrated_network_has_no_calibration_error():
    generator = np.random.default_rng(0)
    confidence = generator.uniform(0.5, 1, 200_000)
    labels = (generator.uniform(size=200_000) > confidence).astype(int)
    result = evaluate(np.stack([confidence, 1 - confidence], axis=1), labels, ["a", "b"])
    assert result.calibration_error < 0.005


def test_an_overconfident_network_has_its_gap_as_calibration_error():
    probabilities = np.tile([0.95, 0.05], (100, 1))
    result = evaluate(probabilities, [0] * 70 + [1] * 30, ["a", "b"])
    assert result.calibration_error == pytest.approx(0.25)
    (only,) = result.reliability
    assert (only.count, only.low, only.high) == (100, 14 / BINS, 1)


def test_a_bin_contains_its_upper_edge():
    result = evaluate([[0.6, 0.4], [1.0, 0.0]], [0, 0], ["a", "b"])
    assert [each.high for each in result.reliability] == pytest.approx([0.6, 1])


def test_zero_for_the_true_class_does_not_make_the_log_loss_infinite():
    assert 10 < evaluate([[1.0, 0.0]], [1], ["a", "b"]).log_loss < 20


def test_classes_without_pictures_do_not_count():
    """A folder with 3 of the 18 characters."""
    labels = np.array([2, 2, 7, 7, 10, 10])
    predictions = np.array([2, 2, 7, 15, 10, 10])
    result = evaluate(np.eye(18)[predictions], labels, SLUGS)
    assert result.macro_f1 == pytest.approx((1 + 2 / 3 + 1) / 3)
    nelson, apu = result.per_class[15], result.per_class[1]
    assert (nelson.precision, nelson.recall, nelson.f1, nelson.support) == (0, None, 0, 0)
    assert (apu.precision, apu.recall, apu.f1, apu.support) == (None, None, None, 0)


def test_a_class_that_is_never_predicted_has_f1_0_and_no_precision():
    result = evaluate([[1.0, 0.0], [1.0, 0.0]], [0, 1], ["a", "b"])
    assert result.per_class[1].precision is None
    assert result.per_class[1].f1 == 0
    assert result.macro_f1 == pytest.approx((2 / 3 + 0) / 2)


@pytest.mark.parametrize("label", [0, 17])
def test_one_picture(label):
    result = evaluate(np.eye(18)[[0]], [label], SLUGS)
    assert result.accuracy == (label == 0)
    assert result.headline.endswith("% of 1 picture (95 % interval 20.7 to 100.0)") == (label == 0)
    json.dumps(result.to_json(), allow_nan=False)


def test_of_equal_probabilities_the_first_class_is_the_prediction():
    result = evaluate([[0.25] * 4, [0.25] * 4], [0, 3], list("abcd"))
    assert result.accuracy == 0.5
    assert result.top_3_accuracy == 0.5


def test_json_has_plain_types_and_no_nan():
    labels = [2, 7, 10]
    document = evaluate(np.eye(18)[[2, 7, 15]], labels, SLUGS).to_json()
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert set(document) >= {
        "accuracy",
        "accuracy_interval",
        "macro_f1",
        "log_loss",
        "calibration_error",
        "n",
        "per_class",
        "confusion",
        "classes",
        "confused_pairs",
    }
    assert document["confused_pairs"] == [
        {"true": "lisa_simpson", "predicted": "nelson_muntz", "count": 1, "share": 1.0}
    ]


def test_confused_pairs_are_sorted_by_count_then_share():
    labels = [0] * 10 + [1] * 4 + [2] * 2
    predictions = [1] * 3 + [2] + [0] * 6 + [0] + [1] * 3 + [0] + [2]
    result = evaluate(np.eye(3)[predictions], labels, ["a", "b", "c"])
    pairs = [(pair.true, pair.predicted, pair.count) for pair in result.confused_pairs()]
    assert pairs == [("a", "b", 3), ("c", "a", 1), ("b", "a", 1), ("a", "c", 1)]
    assert result.confused_pairs(1)[0].share == pytest.approx(0.3)


def test_confusions_in_words():
    labels = np.array([10] * 131 + [7] * 8)
    predictions = labels.copy()
    predictions[:4] = 2
    predictions[-1] = 3
    result = evaluate(np.eye(18)[predictions], labels, SLUGS)
    assert confused_sentences(result) == [
        "Lisa Simpson was taken for Bart Simpson 4 times (3.1 % of 131)",
        "Homer Simpson was taken for Mr. Burns once (12.5 % of 8)",
    ]
    assert confused_sentences(result, k=1) == confused_sentences(result)[:1]


def test_the_surest_errors_come_first():
    assert confident_errors(FIVE, FIVE_LABELS) == [1, 3]
    assert confident_errors(FIVE, FIVE_LABELS, k=1) == [1]
    assert confident_errors(FIVE[[0]], [0]) == []


@pytest.mark.parametrize(
    ("probabilities", "labels", "message"),
    [
        ([[0.5, 0.5]], [2], "labels must be 0 to 1, but there are 2 to 2"),
        ([[0.5, 0.5]], [-1], "labels must be 0 to 1"),
        ([[0.5, 0.5]], [0.0], "must be integers"),
        ([[0.5, 0.5]], [0, 1], r"not \[1, 2\] and \[2\]"),
        ([0.5, 0.5], [0, 1], r"must be \[N, C\]"),
        (np.zeros((0, 2)), np.zeros(0, int), "nothing to evaluate"),
        ([[np.nan, 1.0]], [0], "NaN"),
        ([[3.0, -2.0]], [0], "softmax"),
        ([[0.9, 0.9]], [0], "softmax"),
        ([[0.2, 0.3, 0.5]], [0], "2 classes are named, but the probabilities have 3"),
    ],
)
def test_what_is_refused(probabilities, labels, message):
    with pytest.raises(ValueError, match=message):
        evaluate(probabilities, labels, ["a", "b"])


@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.5])
def test_the_temperature_of_synthetic_logits_is_recovered(temperature):
    generator = np.random.default_rng(0)
    logits = generator.normal(scale=2, size=(40_000, 5))
    labels = (logits + generator.gumbel(size=logits.shape)).argmax(axis=1)  # samples of softmax
    assert fit_temperature(logits * temperature, labels) == pytest.approx(temperature, rel=0.03)


def test_few_pictures_that_are_all_right_do_not_make_a_network_certain():
    assert 0.3 < fit_temperature(4 * np.eye(8), np.arange(8)) < 1
    assert 1 < fit_temperature(4 * np.eye(8), (np.arange(8) + 1) % 8) < 20


def test_the_temperature_stays_in_its_range():
    many = np.tile(np.arange(3), 20_000)
    assert fit_temperature(0.02 * np.eye(3)[many], many) == pytest.approx(0.05, rel=0.01)
    assert fit_temperature(9 * np.eye(3)[many], (many + 1) % 3) == pytest.approx(20, rel=0.01)
    assert 0.05 <= fit_temperature(1e4 * np.eye(3), [0, 1, 1]) <= 20


def test_the_temperature_needs_finite_logits():
    with pytest.raises(ValueError, match="logits contain NaN"):
        fit_temperature([[np.inf, 0]], [0])
