"""Distorted drawings are told to be copies; another doll, pose or mouth is not."""

import numpy as np
import pytest
from PIL import Image

from benchmarks import limited_animation as cels
from benchmarks.distortions import DISTORTIONS
from benchmarks.near_duplicates import KINDS
from simpsons.dataset import cache, file_copies
from simpsons.demo.drawings import DOLLS, draw
from simpsons.duplicates import copies
from simpsons.duplicates import near_duplicates as near
from simpsons.pixels import images, memory_map

COUNT = 10


@pytest.fixture(scope="module")
def drawings():
    """A drawing of each of ten dolls, each in a take of its own."""
    return [take(number, number) for number in range(COUNT)]


def take(number, doll):
    return draw(DOLLS[doll % len(DOLLS)], np.random.default_rng(number), 240)


def found(queries, references):
    """Pairs that are told to be copies of each other, and how surely."""
    one, other = ([images.load(picture) for picture in some] for some in (queries, references))
    links = near.find_between(np.stack(one), np.stack(other))
    larger = (loader(some) for some in (queries, references))
    score = copies.scores(links, *larger)
    pairs = zip(links.first.tolist(), links.second.tolist(), score.tolist(), strict=True)
    return {(a, b): number for a, b, number in pairs if number >= copies.THRESHOLD}


def loader(pictures):
    def load(rows, size):
        return np.stack([images.load(pictures[row], size) for row in rows])

    return copies.Larger(load, np.array([min(picture.size) for picture in pictures]))


@pytest.mark.parametrize("name", KINDS)
def test_a_distorted_copy_is_found_and_nothing_else(drawings, name):
    rng = np.random.default_rng(1)
    made = [KINDS[name](picture, rng) for picture in drawings]
    pairs = found(made, drawings)
    assert pairs.keys() <= {(number, number) for number in range(COUNT)}
    assert len(pairs) >= (0.6 if name.startswith("scale") else 0.85) * COUNT


def test_one_picture_twice_has_a_score_of_one(drawings):
    pairs = found(drawings[3:4], drawings)
    assert pairs == {(0, 3): pytest.approx(1, abs=1e-3)}


def test_another_doll_in_the_same_take_is_no_copy(drawings):
    assert not found([take(number, number + 7) for number in range(COUNT)], drawings)


@pytest.mark.parametrize("moves", [cels.lips_moved, cels.a_moment_later])
def test_of_a_held_cel_only_the_same_drawing_is_a_copy(moves):
    held, later, saved_again = [], [], []
    for number in range(COUNT):
        rng = np.random.default_rng((3, number))
        pose, stage = cels.any_pose(rng), cels.any_background(rng)
        doll = DOLLS[number]
        held.append(cels.frame(doll, pose, stage))
        saved_again.append(cels.frame(doll, pose, stage, quality=60))
        later.append(cels.frame(doll, moves(pose, rng), stage))
    same = {(number, number) for number in range(COUNT)}
    assert len(found(later, held)) <= 0.1 * COUNT
    again = found(saved_again, held)
    assert again.keys() <= same
    assert len(again) >= 0.9 * COUNT


def test_the_files_of_a_data_set_are_compared(tmp_path, drawings):
    for number, picture in enumerate(drawings[:8]):
        folder = tmp_path / str(number % 2)
        folder.mkdir(exist_ok=True)
        picture.save(folder / f"{number}.png")
        DISTORTIONS["crop up to 10 %"](picture, np.random.default_rng(number)).save(
            folder / f"{number}_again.jpg"
        )
    dataset = cache.load(tmp_path)
    rows = np.array([row for row, path in enumerate(dataset.paths) if "again" in path])
    links = file_copies.find_between(dataset, rows, dataset)
    pairs = {
        (dataset.paths[a], dataset.paths[b])
        for a, b in zip(links.first, links.second, strict=True)
        if a != b
    }
    assert {one.replace("_again.jpg", ".png") for one, _ in pairs} == {b for _, b in pairs}
    assert len(pairs) >= 7
    files = file_copies.from_files(dataset)
    assert files.shorter.tolist() == [min(size) for size in dataset.sizes.tolist()]
    assert files.load(rows[:2], copies.SIZE).shape == (2, copies.SIZE, copies.SIZE, 3)
    (tmp_path / dataset.paths[0]).unlink()
    again = files.load(np.array([0]), copies.SIZE)[0]  # as it is in the cache
    assert np.array_equal(again[::3, ::3], dataset.images[0])


def test_many_copies_of_one_picture_share_a_group(drawings):
    rng = np.random.default_rng(2)
    made = [DISTORTIONS["JPEG quality 30 to 95"](drawings[0], rng) for _ in range(40)]
    group = near.groups(np.stack([images.load(picture) for picture in [*drawings, *made]]))
    assert (group[COUNT:] == group[0]).all()
    assert (group[1:COUNT] != group[0]).all()


def test_nothing_to_compare(drawings):
    none = near.find(np.empty((0, 64, 64, 3), np.uint8)).links
    assert len(copies.scores(none, loader(drawings), loader(drawings))) == 0


def test_letting_go_of_pages_never_loses_what_was_written(tmp_path):
    originals = np.asarray(Image.new("RGB", (64, 64), (1, 2, 3)))[None]
    np.save(tmp_path / "images.npy", originals)
    changed = np.load(tmp_path / "images.npy", mmap_mode="c")
    changed[0] = 7
    memory_map.release(changed)
    assert (changed[0] == 7).all()
    memory_map.release(originals)
