"""Planted faults are found, and what is in order is not."""

import shutil
import unicodedata
from dataclasses import replace

import numpy as np
import pytest
import torch

from simpsons import models
from simpsons.auditing import cross_validation, findings, random_claim
from simpsons.auditing.random_claim import Accuracy
from simpsons.dataset import cache
from simpsons.dataset import split as splits
from simpsons.dataset.split import Split
from simpsons.demo.drawings import DOLLS, draw
from simpsons.formats.onnx_import import read_onnx
from simpsons.training import checkpoint


def path(found, row):
    return found.pictures.path(row)


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
    assert {"0/0.png", "0/copy.jpg"} in [{path(found, row) for row in g} for g in found.groups()]


def test_a_mirrored_copy_under_another_label_is_found(found):
    [pair] = found.two_labels()
    assert {path(found, pair.first), path(found, pair.second)} == {
        "1/0.png",
        "2/two_labels.png",
    }
    assert pair.copy
    assert pair.similarity > 0.97


def test_leaks_into_the_test_folder_and_the_split(found):
    folder, validation, test = found.leaks
    [leak] = folder.strongest
    assert (path(found, leak.first), path(found, leak.second)) == (
        "0/1.jpg",
        "0/1.png",
    )
    assert found.leaking_by_class(folder) == [("0", 1, 1, 1), ("1", 1, 0, 0), ("2", 1, 0, 0)]
    assert validation.strongest == ()
    assert [path(found, pair.first) for pair in test.strongest] == ["0/copy.jpg"]
    assert test.copies == 1


def test_odd_and_unreadable_pictures(found):
    assert ("1/uniform.png", "uniform") in [(path(found, o.row), o.kind) for o in found.odd]
    assert [problem.path for problem in found.dataset.problems] == ["1/broken.jpg"]


def test_the_counts_are_those_of_the_lists(found):
    counts, listed = found.counts(), found.to_json()
    assert counts["pictures"] == 33
    assert counts["left_out"] == len(listed["problems"]) == 1
    assert counts["near_duplicate_groups"] == len(listed["groups"]) == 2
    assert counts["copies"] == len(listed["copies"]) == 2
    assert ["0/0.png", "0/copy.jpg"] in [sorted(pair["paths"]) for pair in listed["copies"]]
    assert counts["pairs_with_two_labels"] == len(listed["two_labels"]) == 1
    assert counts["label_errors"] is listed["label_errors"] is None


@pytest.fixture
def short(monkeypatch):
    """Trainings of one epoch in two folds."""
    monkeypatch.setattr(cross_validation, "FOLDS", 2)
    monkeypatch.setattr(cross_validation, "_EPOCHS", {"xception": 1})
    monkeypatch.setattr(cross_validation, "_STEPS", 1)


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

    first = cross_validation.out_of_fold(dataset, group, watch=watch)
    assert first.shape == (33, 3)
    np.testing.assert_allclose(first.sum(axis=1), 1, rtol=1e-5)
    assert trained == ["fold 1 of 2", "fold 2 of 2"]
    again = cross_validation.out_of_fold(dataset, group, watch=not_asked)
    assert np.array_equal(first, again)


@pytest.mark.parametrize("damage", [b"", b"damaged", "half", "another shape", "objects"])
def test_answers_that_are_damaged_are_made_anew(tmp_path, damage):
    right, file = np.full((4, 3), 0.25, np.float32), tmp_path / "probabilities.npy"
    np.save(file, right)
    if damage == "half":
        file.write_bytes(file.read_bytes()[:-9])
    elif damage == "another shape":
        np.save(file, right[:2])
    elif damage == "objects":
        np.save(file, np.array([[{}] * 3] * 4))
    else:
        file.write_bytes(damage)
    made = []
    for _ in range(2):
        kept = cross_validation._kept(tmp_path, (4, 3), lambda: made.append(1) or right)
        assert np.array_equal(kept, right)
    assert made == [1]


@pytest.fixture
def trained(short, monkeypatch):
    """The splits of trainings of which the first always answers class 0, the second class 1."""
    seen = []

    def train(dataset, split, network, recipe, folder, **_):
        built = models.build(network, len(dataset.classes))
        last = [layer for layer in built.modules() if isinstance(layer, torch.nn.Linear)][-1]
        with torch.no_grad():
            last.weight.zero_()
            last.bias.copy_(9 * torch.eye(len(last.bias))[len(seen) % 2])
        weights = checkpoint.weights(built, checkpoint.AVERAGE)
        checkpoint.write(folder / cross_validation.loop.LAST, checkpoint.State(weights, {}))
        seen.append(split)

    monkeypatch.setattr(cross_validation.loop, "train", train)
    monkeypatch.setattr(cross_validation, "_starts_from_shipped", lambda dataset: False)
    return seen


def test_two_frames_that_show_both_by_their_boxes_have_no_two_labels(spoilt, tmp_path):
    shutil.copytree(spoilt / "data", tmp_path / "data")
    lines = ["path,x1,y1,x2,y2,name"]
    lines += [f"{path},1,1,9,9,{name}" for path in ("1/0.png", "2/two_labels.png") for name in "12"]
    (tmp_path / "data" / "faces.csv").write_text("\n".join(lines) + "\n")
    dataset = cache.load(tmp_path / "data")
    found = findings.find(dataset, watch=not_asked)
    assert found.two_labels() == []
    assert {path(found, row) for pair in found.copies() for row in (pair.first, pair.second)} >= {
        "1/0.png",
        "2/two_labels.png",
    }


def test_names_in_boxes_are_those_of_folders_however_they_are_spelt(tmp_path):
    """Folders as macOS spells accents; one frame is filed under each of the two that it shows."""
    folders = [unicodedata.normalize("NFD", name) for name in ("José", "Zoë_Böll")]
    for number, folder in enumerate(folders):
        (tmp_path / folder).mkdir()
        for count in range(2):
            picture = draw(DOLLS[number], np.random.default_rng(count), 64)
            picture.save(tmp_path / folder / f"{count}.png")
    shutil.copy(tmp_path / folders[0] / "0.png", tmp_path / folders[1] / "é.png")
    lines = ["path,x1,y1,x2,y2,name"]
    lines += ["José/0.png,1,1,9,9,josé", "José/0.png,20,20,29,29,Zoë Böll"]
    dataset = cache.load(tmp_path)
    assert len(findings.find(dataset, watch=not_asked).two_labels()) == 1
    (tmp_path / "faces.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    found = findings.find(dataset, watch=not_asked)
    assert found.two_labels() == []
    assert len(found.copies()) == 1


def test_a_test_folder_needs_no_labels(spoilt, tmp_path):
    """Leaks are found in any folder of pictures, flat or not, under any names."""
    for name, source in (("a.png", "0/1.png"), ("deep/er/b.png", "1/2.png")):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(spoilt / "data" / source, tmp_path / name)
    shutil.copy(spoilt / "test" / "1" / "1.jpg", tmp_path / "c.jpg")
    test = cache.load(tmp_path, unlabelled=True)
    found = findings.find(cache.load(spoilt / "data"), test=test, watch=not_asked)
    [leaks] = found.leaks
    pairs = {path(found, pair.first): path(found, pair.second) for pair in leaks.strongest}
    assert pairs == {"a.png": "0/1.png", "deep/er/b.png": "1/2.png"}
    assert found.leaking_by_class(leaks) == [("deep", 1, 1, 1), ("unknown", 2, 1, 1)]
    assert found.to_json()["leaks"][0]["pictures"] == 3


@pytest.fixture
def own_cache(spoilt, tmp_path, monkeypatch):
    """The small data set; answers go to a cache of the test's own."""
    dataset = cache.load(spoilt / "data")
    monkeypatch.setenv("SIMPSONS_CACHE", str(tmp_path / "cache"))
    return dataset


def judged(dataset, group):
    return cross_validation.out_of_fold(dataset, group, watch=lambda name, recipe: Quiet())


def test_no_picture_is_judged_by_a_network_that_learnt_from_its_group(own_cache, trained):
    group = np.arange(len(own_cache)) // 3
    answers = judged(own_cache, group).argmax(axis=1)
    assert len(trained) == 2
    for number, split in enumerate(trained):
        learnt = split.part == "train"
        assert np.array_equal(answers == number, ~learnt)
        assert not set(group[learnt]) & set(group[~learnt])
        assert set(split.part[~learnt]) == {"held-out", "validation"}


@pytest.mark.parametrize("change", ["label", "picture", "group"])
def test_answers_are_asked_again_when_what_they_depend_on_changed(own_cache, trained, change):
    group = np.arange(len(own_cache))
    judged(own_cache, group)
    judged(own_cache, group)
    assert len(trained) == 2
    labels, pixels = own_cache.labels.copy(), np.array(own_cache.images)
    if change == "label":
        labels[4] = (labels[4] + 1) % 3
    elif change == "picture":
        pixels[4] ^= 1
    else:
        group[4] = group[5]
    judged(replace(own_cache, labels=labels, images=pixels), group)
    assert len(trained) == 4


def test_label_errors_are_looked_for_by_groups_of_near_duplicates(spoilt, monkeypatch):
    dataset, groups = cache.load(spoilt / "data"), []

    def certain(seen, group, **_):
        groups.append(group)
        return np.eye(3, dtype=np.float32)[seen.labels] * 0.97 + 0.01

    monkeypatch.setattr(findings, "out_of_fold", certain)
    found = findings.find(dataset, label_errors="xception", watch=not_asked)
    assert found.label_errors == ()
    group = dict(zip(dataset.paths, groups[0], strict=True))
    assert group["0/0.png"] == group["0/copy.jpg"]
    assert group["1/0.png"] == group["2/two_labels.png"]
    assert len(set(groups[0])) == len(dataset) - 2


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

    monkeypatch.setattr(cross_validation.loop, "train", interrupted)
    with pytest.raises(KeyboardInterrupt):
        cross_validation.held_out(
            replace(dataset, listing=listing), np.arange(5), watch=lambda name, recipe: Quiet()
        )
    stems = [network.stem.weight for network in given if network is not None]
    assert len(stems) == is_shipped
    for stem in stems:
        torch.testing.assert_close(stem, read_onnx("xception").stem.weight)


def test_a_claim_is_the_mean_of_leaking_and_clean(spoilt, short):
    dataset = cache.load(spoilt / "data")
    claimed = random_claim.of_random_split(dataset, watch=lambda name, recipe: Quiet())
    assert claimed.claimed.pictures == 7
    assert claimed.leaking.pictures + claimed.clean.pictures == 7
    assert claimed.leaking.correct + claimed.clean.correct == claimed.claimed.correct
    assert claimed.claimed.share == claimed.claimed.correct / 7


def test_a_network_that_knows_only_copies_is_right_where_the_split_leaks(spoilt, monkeypatch):
    dataset = cache.load(spoilt / "data")
    split = splits.make(dataset, "random")
    rows, pixels = split.rows("validation"), np.array(dataset.images)
    pixels[rows] = np.random.default_rng(0).integers(0, 256, pixels[rows].shape, np.uint8)
    pixels[rows[:3]] = pixels[split.rows("train")[:3]]

    def only_copies(seen, held, **_):
        assert np.array_equal(held, rows)
        answers = dataset.labels[held] + (np.arange(len(held)) >= 3)
        return np.eye(3, dtype=np.float32)[answers % 3]

    monkeypatch.setattr(random_claim, "held_out", only_copies)
    claimed = random_claim.of_random_split(replace(dataset, images=pixels), watch=not_asked)
    assert claimed.leaking == Accuracy(3, 3)
    assert claimed.clean == Accuracy(0, 4)
    assert claimed.claimed == Accuracy(3, 7)
