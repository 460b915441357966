"""Planted faults are found, and what is in order is not."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from simpsons.audit import claim, findings
from simpsons.dataset import cache
from simpsons.dataset.split import Split
from simpsons.onnx_import import read_onnx
from simpsons.training import held_out


def not_asked(name, recipe):
    raise AssertionError("nothing is trained unless it is asked for")


@pytest.fixture(scope="module")
def found(spoilt):
    dataset, test = cache.load(spoilt / "data"), cache.load(spoilt / "test")
    part = np.full(len(dataset), "train", "<U10")
    part[dataset.paths.index("0/copy.jpg")] = "test"
    part[dataset.paths.index("1/3.png")] = "validation"
    split = Split("random", 0, part, np.arange(len(dataset)))
    return findings.find(dataset, test=test, split=split, watch=not_asked)


def test_a_copy_is_found_within_a_class(found):
    assert {"0/0.png", "0/copy.jpg"} in [{found.path(row) for row in g} for g in found.groups()]


def test_a_mirrored_copy_under_another_label_is_found(found):
    [pair] = found.two_labels()
    assert {found.path(pair.first), found.path(pair.second)} == {"1/0.png", "2/two_labels.png"}
    assert pair.copy
    assert pair.similarity > 0.97


def test_leaks_into_the_test_folder_and_the_split(found):
    folder, validation, test = found.leaks
    [leak] = folder.strongest
    assert (found.path(leak.first), found.path(leak.second)) == ("0/1.jpg", "0/1.png")
    assert found.leaking_by_class(folder) == [("0", 1, 1, 1), ("1", 1, 0, 0), ("2", 1, 0, 0)]
    assert validation.strongest == ()
    assert [found.path(pair.first) for pair in test.strongest] == ["0/copy.jpg"]
    assert test.copies == 1


def test_odd_and_unreadable_pictures(found):
    assert ("1/uniform.png", "uniform") in [(found.path(o.row), o.kind) for o in found.odd]
    assert [problem.path for problem in found.dataset.problems] == ["1/broken.jpg"]


def test_the_counts_are_those_of_the_lists(found):
    counts, listed = found.counts(), found.to_json()
    assert counts["pictures"] == 33
    assert counts["left_out"] == len(listed["problems"]) == 1
    assert counts["near_duplicate_groups"] == len(listed["groups"]) == 2
    assert counts["copies"] == 2
    assert counts["pairs_with_two_labels"] == len(listed["two_labels"]) == 1
    assert counts["label_errors"] is listed["label_errors"] is None


@pytest.fixture
def short(monkeypatch):
    """Trainings of one epoch in two folds."""
    monkeypatch.setattr(held_out, "FOLDS", 2)
    monkeypatch.setattr(held_out, "_EPOCHS", {"xception": 1})
    monkeypatch.setattr(held_out, "_STEPS", 1)


class Quiet:
    def on_step(self, *_): ...

    def on_epoch(self, *_): ...


def test_out_of_fold_judges_every_picture_once_and_keeps_the_answer(spoilt, short):
    dataset = cache.load(spoilt / "data")
    group = np.arange(len(dataset))
    trained = []

    def watch(name, recipe):
        trained.append(name)
        assert recipe.batch == 8  # there are few pictures
        return Quiet()

    first = held_out.out_of_fold(dataset, group, watch=watch)
    assert first.shape == (33, 3)
    np.testing.assert_allclose(first.sum(axis=1), 1, rtol=1e-5)
    assert trained == ["fold 1 of 2", "fold 2 of 2"]
    again = held_out.out_of_fold(dataset, group, watch=not_asked)
    assert np.array_equal(first, again)


@pytest.mark.parametrize(("third", "is_shipped"), [("homer_simpson", False), ("nobody", True)])
def test_only_strangers_are_judged_from_the_shipped_weights(
    spoilt, short, monkeypatch, third, is_shipped
):
    dataset = cache.load(spoilt / "data")
    listing = replace(dataset.listing, classes=(*dataset.classes[:2], third))
    given = []

    def interrupted(*_args, initial, **_kwargs):
        given.append(initial)
        raise KeyboardInterrupt

    monkeypatch.setattr(held_out.loop, "train", interrupted)
    with pytest.raises(KeyboardInterrupt):
        held_out.held_out(
            replace(dataset, listing=listing), np.arange(5), watch=lambda name, recipe: Quiet()
        )
    stems = [network.stem.weight for network in given if network is not None]
    assert len(stems) == is_shipped
    for stem in stems:
        torch.testing.assert_close(stem, read_onnx("xception").stem.weight)


def test_a_claim_is_the_mean_of_leaking_and_clean(spoilt, short):
    dataset = cache.load(spoilt / "data")
    claimed = claim.of_random_split(dataset, watch=lambda name, recipe: Quiet())
    assert claimed.claimed.pictures == 7
    assert claimed.leaking.pictures + claimed.clean.pictures == 7
    assert claimed.leaking.correct + claimed.clean.correct == claimed.claimed.correct
    assert claimed.claimed.share == claimed.claimed.correct / 7
