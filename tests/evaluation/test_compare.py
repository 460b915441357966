import json

import numpy as np
import pytest

from simpsons.evaluation.compare import compare


def outcomes(both, only_first, only_second, neither):
    """Two networks' probabilities for class 0, 1 and labels 0 that give these four counts."""
    first = [0] * (both + only_first) + [1] * (only_second + neither)
    second = [0] * both + [1] * only_first + [0] * only_second + [1] * neither
    return np.eye(2)[first], np.eye(2)[second], np.zeros(len(first), dtype=int)


@pytest.mark.parametrize(
    ("table", "p_value"),
    [  # statsmodels' own test of its exact McNemar test, from Vassar College's calculator
        ((101, 121, 59, 33), 0.000004),
        ((101, 70, 59, 33), 0.378688),
        ((101, 80, 59, 33), 0.089452),
        ((101, 30, 60, 33), 0.00206),
        ((101, 10, 30, 33), 0.002221),
        ((101, 10, 10, 33), 1.0),
    ],
)
def test_mcnemar_as_published(table, p_value):
    result = compare(*outcomes(*table))
    assert result.p_value == pytest.approx(p_value, abs=1e-6)
    assert (result.both, result.only_first, result.only_second, result.neither) == table


def test_a_case_computed_by_hand():
    result = compare(*outcomes(5, 3, 0, 2))
    assert result.accuracies == (0.8, 0.5)
    assert result.difference == pytest.approx(0.3)
    assert result.p_value == pytest.approx(2 * 0.5**3)
    assert result.accuracy_intervals[1] == pytest.approx((0.2366, 0.7634), abs=1e-4)


def test_the_bootstrap_agrees_with_resampling_the_pictures():
    first, second, labels = outcomes(800, 90, 60, 50)
    difference = first[:, 0] - second[:, 0]
    generator = np.random.default_rng(1)
    means = difference[generator.integers(0, 1000, (5000, 1000))].mean(axis=1)
    result = compare(first, second, labels)
    assert result.difference_interval == pytest.approx(np.percentile(means, [2.5, 97.5]), abs=3e-3)


def test_the_bootstrap_agrees_with_the_normal_approximation():
    n, only_first, only_second = 10_000, 500, 300
    result = compare(*outcomes(9000, only_first, only_second, 200))
    difference = (only_first - only_second) / n
    deviation = np.sqrt(((only_first + only_second) / n - difference**2) / n)
    expected = (difference - 1.96 * deviation, difference + 1.96 * deviation)
    assert result.difference_interval == pytest.approx(expected, abs=3e-4)


def test_the_seed_decides_the_interval():
    case = outcomes(800, 90, 60, 50)
    assert compare(*case, seed=3) == compare(*case, seed=3)
    assert (
        compare(*case, seed=3, resamples=50).difference_interval
        != compare(*case, seed=4, resamples=50).difference_interval
    )


def test_a_real_difference_in_words():
    result = compare(*outcomes(1600, 40, 15, 45), names=("xception", "cnn"))
    assert result.real
    assert result.sentence == (
        "xception is better than cnn by 1.5 points (95 % interval 0.6 to 2.4, McNemar p = 0.001): "
        "the difference is real."
    )


def test_the_sentence_starts_with_the_better_network():
    first, second, labels = outcomes(1600, 40, 15, 45)
    result = compare(second, first, labels, names=("cnn", "xception"))
    assert result.difference < 0
    assert result.sentence == (
        "xception is better than cnn by 1.5 points (95 % interval 0.6 to 2.4, McNemar p = 0.001): "
        "the difference is real."
    )


def test_a_difference_by_chance_in_words():
    result = compare(*outcomes(1600, 30, 25, 45), names=("xception", "cnn"))
    assert not result.real
    assert result.sentence == (
        "xception scored 0.3 points above cnn (95 % interval -0.5 to 1.2, McNemar p = 0.59): "
        "the 1,700 pictures do not tell them apart."
    )


def test_equal_accuracies_in_words():
    result = compare(*outcomes(80, 6, 6, 8))
    assert result.sentence.startswith("A and B are right on equally many pictures (95 % interval -")
    assert result.sentence.endswith("p = 1): the 100 pictures do not tell them apart.")


@pytest.mark.parametrize("right", [0, 7, 10])
def test_identical_predictions(right):
    first, _, labels = outcomes(right, 0, 0, 10 - right)
    result = compare(first, first, labels)
    assert (result.difference, result.difference_interval, result.p_value) == (0, (0, 0), 1)
    assert result.sentence == (
        "A and B are right and wrong on the same pictures: the 10 pictures do not tell them apart."
    )


def test_one_picture():
    result = compare(*outcomes(0, 1, 0, 0))
    assert result.p_value == 1
    assert result.sentence.endswith("one picture does not tell them apart.")


def test_a_few_discordant_pictures_are_no_proof():
    """The bootstrap alone would exclude 0 here."""
    result = compare(*outcomes(95, 5, 0, 0))
    assert result.difference_interval[0] > 0
    assert result.p_value > 0.05
    assert not result.real


def test_a_very_small_p_value_in_words():
    assert "p < 0.001" in compare(*outcomes(500, 300, 10, 100)).sentence


def test_json_has_plain_types():
    document = compare(*outcomes(80, 10, 2, 8)).to_json()
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert document["names"] == ["A", "B"]
    assert document["sentence"]


def test_other_shapes_are_refused():
    first, second, labels = outcomes(5, 1, 1, 1)
    with pytest.raises(ValueError, match="same pictures and classes"):
        compare(first, np.hstack([second, np.zeros((8, 1))]), labels)
    with pytest.raises(ValueError, match=r"must be \[N, C\]"):
        compare(first, second[:5], labels)
    with pytest.raises(ValueError, match="resamples"):
        compare(first, second, labels, resamples=0)
