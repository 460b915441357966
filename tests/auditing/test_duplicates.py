"""The audit finds re-encoded training pictures, and finds the same through the index."""

import itertools
import os

import numpy as np
import pytest
from PIL import Image

from benchmarks import scale
from simpsons.auditing import duplicates
from simpsons.dataset import cache
from simpsons.dataset import split as splits
from simpsons.demo.drawings import DOLLS, draw
from simpsons.duplicates import candidates, near_duplicates, neighbours
from simpsons.pixels import images, memory_map


def saved_again(path, to, share, quality=80):
    """Write a picture at a share of its size."""
    picture = Image.fromarray(images.decode(path))
    width, height = (max(1, round(share * side)) for side in picture.size)
    to.parent.mkdir(parents=True, exist_ok=True)
    picture.resize((width, height), Image.Resampling.LANCZOS).save(to, quality=quality)


def test_a_test_folder_of_saved_again_drawings_is_all_copies(many_drawings, tmp_path):
    dataset = cache.load(many_drawings)
    for number, path in enumerate(dataset.paths):
        character, name = path.split("/")
        if number % 2:
            saved_again(many_drawings / path, tmp_path / "test" / character / name, 0.7)
    for number in range(10):
        picture = draw(DOLLS[number], np.random.default_rng((9, number)), 80)
        picture.save(tmp_path / "test" / DOLLS[number].slug / "new.jpg")
    test = cache.load(tmp_path / "test")
    found = duplicates.find(dataset, test)
    held = np.arange(len(dataset), len(dataset) + len(test))
    leaks = found.leaks("test", held, np.arange(len(dataset)))
    copied = {pair.first for pair in leaks.strongest if pair.copy}
    new = {len(dataset) + row for row, path in enumerate(test.paths) if path.endswith("new.jpg")}
    assert len(new) == 10
    assert not copied & new
    assert len(copied) >= 0.995 * (len(test) - 10)


def test_of_saved_again_real_pictures_nearly_all_are_found(real_dataset, tmp_path):
    rows = np.random.default_rng(0).choice(len(real_dataset), 300, replace=False)
    made = []
    for row in rows:
        saved_again(real_dataset.root / real_dataset.paths[row], tmp_path / "copy.jpg", 0.7)
        made.append(images.load(tmp_path / "copy.jpg"))
    found = near_duplicates.find_between(np.stack(made), real_dataset.images[np.sort(rows)])
    true = found.second == np.argsort(np.argsort(rows))[found.first]
    assert len(np.unique(found.first[true])) >= 0.995 * len(rows)


def test_unrelated_real_pictures_are_not_linked(real_dataset):
    """1,000 pictures of nine characters against 1,000 of the nine others."""
    rows = np.random.default_rng(0).permutation(len(real_dataset))
    early = real_dataset.labels[rows] < 9
    one, other = (real_dataset.images[np.sort(part[:1000])] for part in (rows[early], rows[~early]))
    assert len(one) == len(other) == 1000
    assert len(near_duplicates.find_between(one, other).first) <= 1


@pytest.fixture(scope="module")
def pixels(many_drawings):
    """Drawings with copies among them: smaller, mirrored."""
    drawn = cache.load(many_drawings).images
    small = [images.fit(np.asarray(Image.fromarray(p).resize((40, 40)))) for p in drawn[::5]]
    return np.concatenate([drawn, np.stack(small), drawn[1::7, :, ::-1]])


def test_the_index_finds_nearly_what_comparing_all_finds(monkeypatch, pixels):
    exact = duplicates.within(pixels)
    monkeypatch.setattr(neighbours, "EXACT_UP_TO", 10)
    indexed = duplicates.within(pixels)
    one, other = (
        {(pair.first, pair.second): pair for pair in found.pairs} for found in (exact, indexed)
    )
    assert len(one) > 40
    assert len(one.keys() & other.keys()) >= 0.95 * len(one.keys() | other.keys())
    both = one.keys() & other.keys()
    assert sum(one[pair].copy != other[pair].copy for pair in both) <= 0.05 * len(both)
    for pair in both:
        assert one[pair].similarity == pytest.approx(other[pair].similarity, abs=0.05)
    same = (exact.group[:, None] == exact.group) == (indexed.group[:, None] == indexed.group)
    assert same.mean() > 0.999


def test_of_a_mapped_file_little_is_in_memory_at_once(monkeypatch, tmp_path, mapped):
    path = tmp_path / "images.npy"
    painted = scale.paint(400, np.random.default_rng(0))
    darker = (0.9 * painted[:200]).astype(np.uint8)
    np.save(path, np.concatenate([painted, darker]))
    pixels = np.load(path, mmap_mode="r")
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    monkeypatch.setattr(neighbours, "EXACT_UP_TO", 10)
    monkeypatch.setattr(candidates, "_BLOCK", 64)
    monkeypatch.setattr(near_duplicates, "_BATCH", 32)
    monkeypatch.setattr(memory_map, "_READ", 1)  # a page that is read may map 2 MiB around it
    calls, during, release = itertools.count(), [], memory_map.release

    def watched(pictures):
        if next(calls) % 32 == 0:
            during.append(mapped(path))
        release(pictures)

    monkeypatch.setattr(memory_map, "release", watched)
    found = duplicates.within(pixels)
    assert sum(pair.copy for pair in found.pairs) >= 198
    assert 0 < max(*during, mapped(path)) < path.stat().st_size / 2


def test_the_audit_and_the_split_agree(many_drawings):
    """Drawings come in shots: a random split tears them apart, a leak-free one does not."""
    dataset = cache.load(many_drawings)
    found = duplicates.find(dataset)
    for kind in ("random", "leak-free"):
        split = splits.make(dataset, kind)
        told = [len(leaks.strongest) for leaks in duplicates.leaks_of_split(found, split)]
        parts = [part for part in splits.HELD_OUT if len(split.rows(part))]
        assert told == [splits.leaks(dataset, split, part) for part in parts]
        assert any(told) == (kind == "random")


# ---- very many pictures that are alike -----------------------------------------------------


@pytest.fixture(scope="module")
def title_card():
    return images.fit(np.asarray(draw(DOLLS[0], np.random.default_rng(4), 64)))


def test_of_very_many_that_are_the_same_pairs_grow_with_the_pictures(title_card):
    other = images.fit(np.asarray(draw(DOLLS[5], np.random.default_rng(5), 64)))
    pixels = np.stack([title_card] * 300 + [other] * 3 + [np.zeros_like(other)] * 50)
    found = duplicates.within(pixels)
    assert [len(rows) for rows in found.groups()] == [300, 50, 3]
    assert all(pair.copy for pair in found.pairs)
    assert len(found.pairs) == 299 + 49 + 3


def test_very_many_copies_are_all_copies_of_the_first(title_card):
    """Of each only some neighbours are looked at, and the first of the group."""
    rng = np.random.default_rng(6)
    noise = rng.integers(-5, 6, (80, *title_card.shape))
    pixels = np.clip(title_card + noise, 0, 255).astype(np.uint8)
    found = duplicates.within(pixels)
    copied = {pair.second for pair in found.pairs if pair.copy and pair.first == 0}
    assert copied == set(range(1, 80))
    assert len(found.pairs) < 80 * 30


def test_what_leaks_is_found_through_pictures_that_are_the_same(title_card):
    """The first 40 are held out as test, 20 as validation, 40 trained on; so is one that is alike;
    all validation pictures are the same as the first test picture."""
    darker = (0.9 * title_card).astype(np.uint8)
    pixels = np.stack([title_card] * 60 + [darker] * 40)
    found = duplicates.within(pixels)
    test, validation, training = np.arange(40), np.arange(40, 60), np.arange(60, 100)
    for held in (test, validation):
        leaks = found.leaks("held", held, training)
        assert {pair.first for pair in leaks.strongest} == set(held.tolist())
        assert all(pair.second >= 60 for pair in leaks.strongest)
        assert leaks.copies == len(held)
    within = found.leaks("held", test, validation)
    assert {pair.second for pair in within.strongest} == {40}
    assert found.leaks("held", training, np.empty(0, np.int64)).strongest == ()
