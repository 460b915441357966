"""Planted label errors come first in the ranking, and confident learning counts about as many."""

import numpy as np
import pytest
from PIL import Image

from simpsons.auditing import cross_validation
from simpsons.auditing import labels as label_errors
from simpsons.dataset import cache
from simpsons.dataset.folders import DataError


@pytest.fixture
def planted():
    """Probabilities of a good network for 1,000 pictures of 5 classes, 50 labels flipped."""
    rng = np.random.default_rng(0)
    true = rng.integers(0, 5, 1000)
    logits = rng.normal(0, 1, (1000, 5))
    logits[np.arange(1000), true] += 6
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    wrong = rng.choice(1000, 50, replace=False)
    given = true.copy()
    given[wrong] = (true[wrong] + rng.integers(1, 5, 50)) % 5
    return given, true, wrong, probabilities.astype(np.float32)


def test_planted_errors_are_ranked_first(planted):
    given, _, wrong, probabilities = planted
    first = label_errors.ranked(given, probabilities)[: len(wrong)]
    assert len(set(first) & set(wrong)) >= 0.9 * len(wrong)


def test_found_errors_name_the_given_and_the_likely_class(planted):
    given, true, wrong, probabilities = planted
    found = label_errors.find(given, probabilities)
    rows = [error.row for error in found]
    assert 0.8 * len(wrong) <= len(found) <= 1.3 * len(wrong)
    assert len(set(rows) & set(wrong)) >= 0.8 * len(wrong)
    assert len(set(rows)) == len(rows)
    for error in found:
        assert error.given == given[error.row] != error.likely
        assert error.likely_probability == probabilities[error.row].max()
    assert np.mean([error.likely == true[error.row] for error in found]) > 0.9


def test_without_errors_none_are_found():
    given = np.arange(300) % 3
    probabilities = np.full((300, 3), 0.01, np.float32)
    probabilities[np.arange(300), given] = 0.98
    assert label_errors.find(given, probabilities) == []


def test_too_few_pictures_are_refused(tmp_path):
    for name in ("a/0.png", "a/1.png", "b/0.png", "b/1.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (64, 64), "red").save(tmp_path / name)
    dataset = cache.load(tmp_path)
    with pytest.raises(DataError, match="4 pictures are too few for a search for wrong labels"):
        cross_validation.out_of_fold(dataset, np.arange(4), watch=lambda name, recipe: None)
