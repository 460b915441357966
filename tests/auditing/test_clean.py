"""The list says what to do with each picture once, and training takes it."""

from dataclasses import replace

import numpy as np
import pytest

from simpsons.auditing import clean, findings
from simpsons.auditing.duplicates import Duplicates, Pair
from simpsons.auditing.labels import LabelError
from simpsons.dataset import cache, exclusions
from simpsons.dataset.exclusions import DROP, RELABEL
from simpsons.dataset.split import Split


@pytest.fixture(scope="module")
def found(spoilt):
    dataset, test = cache.load(spoilt / "data"), cache.load(spoilt / "test")
    return findings.find(dataset, test=test, watch=lambda name, recipe: None)


def with_label_errors(found, *errors):
    rows = {path: row for row, path in enumerate(found.dataset.paths)}
    listed = tuple(LabelError(rows[path], *rest) for path, *rest in errors)
    return replace(found, label_errors=listed)


def actions(lines):
    return {line.path: line.action for line in lines}


def test_leaks_and_pictures_with_two_labels_are_dropped(found):
    lines = clean.suggestions(found)
    assert actions(lines) == {"0/1.png": DROP, "1/0.png": DROP, "2/two_labels.png": DROP}
    reasons = {line.path: line.reason for line in lines}
    assert "0/1.jpg in the test folder" in reasons["0/1.png"]
    assert "2/two_labels.png" in reasons["1/0.png"]


def test_a_label_error_is_relabelled_when_sure_and_settles_two_labels(found):
    errors = (("2/two_labels.png", 2, 1, 0.01, 0.97), ("0/5.png", 0, 2, 0.2, 0.5))
    lines = clean.suggestions(with_label_errors(found, *errors))
    assert actions(lines) == {"0/1.png": DROP, "0/5.png": DROP, "2/two_labels.png": RELABEL}
    assert next(line.character for line in lines if line.action == RELABEL) == "1"


def test_copies_keep_one(found):
    lines = clean.suggestions(found, copies=True)
    assert actions(lines)["0/copy.jpg"] == DROP
    assert "0/0.png" not in actions(lines)


def test_what_is_dropped_is_a_copy_of_what_is_kept(found):
    """Of three pictures in a row the last is no copy of the first, so it stays."""
    rows = [row for row, label in enumerate(found.dataset.labels) if label == 0][-4:]
    pairs = tuple(Pair(rows[i], rows[i + 1], 0.99, copy=True) for i in range(3))
    alone = Duplicates(pairs, found.duplicates.group, found.duplicates.original)
    only = replace(found, duplicates=alone, leaks=())
    names = [found.dataset.paths[row] for row in rows]
    lines = clean.suggestions(only, copies=True)
    assert [(line.path, line.reason) for line in lines] == [
        (names[1], f"copy of {names[0]}"),
        (names[3], f"copy of {names[2]}"),
    ]
    wrong = with_label_errors(only, (names[0], 0, 2, 0.2, 0.5))
    lines = clean.suggestions(wrong, copies=True)
    assert [line.path for line in lines] == [names[0], names[2]]
    assert lines[-1].reason == f"copy of {names[1]}"


def test_training_takes_the_list(found, tmp_path):
    exclusions.write(tmp_path / "exclude.csv", clean.suggestions(found, copies=True))
    count = len(found.dataset)
    split = Split("leak-free", 0, np.full(count, "train", "<U10"), np.arange(count))
    _, parts, excluded = exclusions.apply(tmp_path / "exclude.csv", found.dataset, split)
    assert excluded.dropped == 4
    assert len(parts.rows("train")) == count - 4
