import csv

import numpy as np
import pytest

from benchmarks import other_cartoon
from benchmarks.other_cartoon import BLOCK, BLOCKS, FOLDERS, NEXT_TO


@pytest.fixture(scope="module")
def paths():
    numbered = [
        f"{folder}/{number:04d}.jpg"
        for folder in FOLDERS
        for number in range(1, BLOCK * BLOCKS + 1)
    ]
    return [*numbered, *(f"held_out/{number:03d}.jpg" for number in range(1, 21))]


@pytest.fixture(scope="module")
def thumbs(paths):
    """Each is like no other."""
    rng = np.random.default_rng(0)
    thumbs = rng.normal(size=(len(paths), 768)).astype(np.float32)
    return thumbs / np.linalg.norm(thumbs, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def parts(paths, thumbs):
    return other_cartoon.parts_of(paths, thumbs)


def test_whole_blocks_of_each_folder_are_held_out(paths, parts):
    parts = dict(zip(paths, parts.tolist(), strict=True))
    for folder in FOLDERS:
        for part in ("test", "validation"):
            numbers = np.array(
                [
                    int(path[-8:-4])
                    for path in paths
                    if path.startswith(folder) and parts[path] == part
                ]
            )
            blocks, sizes = np.unique((numbers - 1) // BLOCK, return_counts=True)
            assert len(blocks) == 2
            assert set(sizes) == {BLOCK}
    assert {parts[path] for path in paths if path.startswith("held_out")} == {"train"}


def test_neighbours_of_what_is_held_out_are_in_no_part(paths, parts):
    row_of = {path: row for row, path in enumerate(paths)}
    train = [paths[row] for row in np.flatnonzero(parts == "train") if "held" not in paths[row]]
    for path in train:
        folder, number = path.split("/")[0], int(path[-8:-4])
        for other in range(number - NEXT_TO, number + NEXT_TO + 1):
            row = row_of.get(f"{folder}/{other:04d}.jpg")
            assert row is None or parts[row] in ("train", "unlisted")
    assert (parts == "unlisted").sum() <= 2 * NEXT_TO * 4 * len(FOLDERS)


def test_copies_of_what_is_held_out_are_in_no_part_mirrored_too(paths, thumbs, parts):
    test, validation = (np.flatnonzero(parts == part) for part in ("test", "validation"))
    train = np.flatnonzero(parts == "train")
    copied = thumbs.copy()
    copied[train[0]] = thumbs[test[0]]
    copied[train[1]] = thumbs[validation[0]].reshape(16, 16, 3)[:, ::-1].reshape(-1)
    copied[validation[1]] = thumbs[test[1]]
    changed = other_cartoon.parts_of(paths, copied)
    rows = [train[0], train[1], validation[1]]
    assert changed[rows].tolist() == ["unlisted"] * 3
    others = np.setdiff1d(np.arange(len(paths)), rows)
    assert (changed[others] == parts[others]).all()


def test_what_is_held_out_follows_the_seed():
    assert other_cartoon.held_out(0) == other_cartoon.held_out(0)
    assert other_cartoon.held_out(0) != other_cartoon.held_out(1)


def test_a_written_split_is_one_that_training_takes(tmp_path):
    parts = {"dad/0001.jpg": "train", "mom/0950.jpg": "unlisted"}
    other_cartoon.write_split(tmp_path / "split.csv", parts)
    with (tmp_path / "split.csv").open(newline="") as file:
        assert {row["path"]: row["split"] for row in csv.DictReader(file)} == parts
