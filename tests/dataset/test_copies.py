"""Distorted drawings are found; another doll in the same take is not."""

import numpy as np
import pytest
from PIL import ImageOps

from benchmarks.distortions import DISTORTIONS
from simpsons import images
from simpsons.dataset import candidates, copies, memory_map, neighbours
from simpsons.demo.drawings import DOLLS, draw

COUNT = 20


@pytest.fixture(scope="module")
def drawings():
    """A drawing of each of the dolls and two more, each in a take of its own."""
    return [take(number, number) for number in range(COUNT)]


@pytest.fixture(scope="module")
def originals(drawings):
    return pixels(drawings)


def take(number, doll):
    return draw(DOLLS[doll % len(DOLLS)], np.random.default_rng(number), 160)


def pixels(pictures):
    return np.stack([images.load(picture) for picture in pictures])


def pairs_of(found):
    return set(zip(found.first.tolist(), found.second.tolist(), strict=True))


@pytest.mark.parametrize("name", DISTORTIONS)
def test_a_distorted_copy_is_found_and_nothing_else(drawings, originals, name):
    rng = np.random.default_rng(1)
    made = pixels([DISTORTIONS[name](picture, rng) for picture in drawings])
    found = copies.find(np.concatenate([originals, made]))
    wanted = {(number, number + COUNT) for number in range(COUNT)}
    assert pairs_of(found) <= wanted
    assert len(found.first) >= 0.95 * COUNT
    assert found.mirrored.all() == found.mirrored.any() == (name == "mirror")
    between = copies.find_between(made, originals)
    assert pairs_of(between) == {(second - COUNT, first) for first, second in pairs_of(found)}


def test_another_doll_in_the_same_take_is_no_copy(originals):
    others = pixels([take(number, number + 7) for number in range(COUNT)])
    assert len(copies.find_between(others, originals).first) == 0


def test_one_picture_twice_is_found_with_a_score_of_one(originals):
    found = copies.find(np.concatenate([originals, originals[3:4]]))
    assert pairs_of(found) == {(3, COUNT)}
    assert found.score == pytest.approx(1, abs=1e-3)
    assert [part.dtype for part in found] == [np.int64, np.int64, np.float32, np.bool_]


def test_the_surest_pairs_come_first_and_a_threshold_leaves_out_the_others(drawings, originals):
    made = [DISTORTIONS["scale 0.25 to 1"](p, np.random.default_rng(4)) for p in drawings[:10]]
    found = copies.find_between(np.concatenate([pixels(made), originals[10:]]), originals)
    assert (np.diff(found.score) <= 0).all()
    assert found.score.min() >= copies.THRESHOLD
    sure = copies.find_between(originals[10:], originals, threshold=0.99)
    assert pairs_of(sure) == {(row, row + 10) for row in range(10)}
    assert len(copies.find_between(pixels(made), originals, threshold=1.01).first) == 0


def test_many_copies_of_one_picture_are_linked(drawings, originals):
    rng = np.random.default_rng(2)
    made = [DISTORTIONS["JPEG quality 30 to 95"](drawings[0], rng) for _ in range(40)]
    mirror = [ImageOps.mirror(drawings[0])]
    found = copies.find(np.concatenate([originals, pixels(made + mirror)]))
    group = neighbours.linked(found.first, found.second, COUNT + 41)
    assert (group[COUNT:] == group[0]).all()
    assert (group[1:COUNT] != group[0]).all()


def test_nothing_to_compare(originals):
    none = originals[:0]
    for found in (
        copies.find(none),
        copies.find(originals[:1]),
        copies.find_between(none, originals),
        copies.find_between(originals, none),
    ):
        assert [len(part) for part in found] == [0, 0, 0, 0]


def test_pictures_of_one_grey_are_no_copies():
    greys = np.stack([np.full((64, 64, 3), value, np.uint8) for value in range(0, 256, 15)])
    with np.errstate(all="raise"):
        found = copies.find(greys)
    assert len(found.first) <= len(greys) * len(greys)


@pytest.mark.parametrize("block", [1, 7, COUNT, 2048])
def test_blocks_change_nothing(monkeypatch, drawings, originals, block):
    made = pixels([DISTORTIONS["mirror"](p, np.random.default_rng(0)) for p in drawings])
    everything = np.concatenate([originals, made])
    whole = copies.find(everything)
    monkeypatch.setattr(candidates, "_BLOCK", block)
    monkeypatch.setattr(copies, "_BATCH", block)
    parts = copies.find(everything)
    assert pairs_of(parts) == pairs_of(whole)
    assert parts.score == pytest.approx(whole.score, abs=1e-3)


def test_memory_mapped_pictures_give_the_same(tmp_path, drawings, originals):
    made = pixels([DISTORTIONS["subtitles"](p, np.random.default_rng(0)) for p in drawings])
    everything = np.concatenate([originals, made])
    np.save(tmp_path / "images.npy", everything)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    found, again = copies.find(everything), copies.find(mapped)
    assert all(np.array_equal(one, other) for one, other in zip(found, again, strict=True))


def test_letting_go_of_pages_never_loses_what_was_written(tmp_path, originals):
    np.save(tmp_path / "images.npy", originals)
    changed = np.load(tmp_path / "images.npy", mmap_mode="c")
    changed[0] = 7
    memory_map.release(changed)
    assert (changed[0] == 7).all()
    memory_map.release(originals)
