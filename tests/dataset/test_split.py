"""The leak-free split never parts near-duplicates, the random one is the notebook's and leaks."""

import csv
import hashlib
import shutil
import warnings
from importlib.resources import files

import numpy as np
import pytest
import sklearn
from PIL import Image
from sklearn.model_selection import StratifiedGroupKFold, train_test_split

from simpsons.dataset import cache
from simpsons.dataset import split as splits
from simpsons.dataset.folders import DataError
from simpsons.dataset.split import HELD_OUT, PARTS, UNLISTED, Split
from simpsons.demo import drawings

WEIGHTS = files("simpsons") / "weights"


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """Twenty-four drawings each of five dolls, one in five of them in a shot."""
    folder = tmp_path_factory.mktemp("data") / "drawings"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(drawings, "DOLLS", drawings.DOLLS[:5])
        drawings.write_drawings(folder, 24, size=64)
    return cache.load(folder)


@pytest.fixture(scope="module")
def leak_free(dataset):
    """What `make` does by default."""
    return splits.make(dataset)


@pytest.fixture(scope="module")
def random(dataset):
    return splits.with_groups(dataset, splits.make(dataset, "random", seed=9))


@pytest.fixture
def few(tmp_path, paint):
    """Four pictures of two classes."""
    for seed, name in enumerate(("a/1.png", "a/2.png", "b/1.png", "b/2.png")):
        paint(tmp_path / "few" / name, seed)
    return cache.load(tmp_path / "few")


def assert_same(one, other):
    assert np.array_equal(one.part, other.part)
    assert np.array_equal(one.group, other.group)


# ---- leak-free -----------------------------------------------------------------------------


def labels_and_groups(pictures=1000):
    """Four classes of unequal size; groups of 1 to 9, many across two classes or more."""
    rng = np.random.default_rng(0)
    labels = rng.choice(4, pictures, p=[0.4, 0.3, 0.2, 0.1])
    group = np.repeat(np.arange(pictures), rng.integers(1, 10, pictures))[:pictures]
    return labels, rng.permutation(group)


@pytest.fixture(scope="module", params=[0, 1, 20], ids="seed {}".format)
def seeded(request):
    """A seed, labels, groups, and the parts they are given."""
    labels, group = labels_and_groups()
    return request.param, labels, group, splits.leak_free(labels, group, request.param)


def test_leak_free_gives_whole_groups_to_one_part(seeded):
    _, _, group, part = seeded
    assert set(part) == set(PARTS)
    assert all(len(set(part[group == number])) == 1 for number in set(group))


def test_leak_free_is_80_10_10_of_the_whole_and_of_each_class(seeded):
    _, labels, _, part = seeded
    for share, name in zip((0.8, 0.1, 0.1), PARTS, strict=True):
        assert (part == name).mean() == pytest.approx(share, abs=0.02)
        for label in range(4):
            assert (part[labels == label] == name).mean() == pytest.approx(share, abs=0.05)


def test_leak_free_is_decided_by_the_seed(seeded):
    seed, labels, group, part = seeded
    assert np.array_equal(splits.leak_free(labels, group, seed), part)
    assert not np.array_equal(splits.leak_free(labels, group, seed + 1), part)


def test_folds_are_whole_groups_and_hold_each_picture_once():
    rng = np.random.default_rng(0)
    labels, group = rng.integers(0, 4, 300), rng.integers(0, 90, 300)
    held = splits.folds(labels, group, 3, 0, "a test")
    assert sorted(np.concatenate(held)) == list(range(300))
    assert all(len(rows) > 80 for rows in held)
    assert sum(len(np.unique(group[rows])) for rows in held) == len(np.unique(group))


def test_leak_free_takes_a_class_smaller_than_ten_without_a_warning():
    labels = np.array([0] * 50 + [1] * 3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        part = splits.leak_free(labels, np.arange(53), 0)
    assert set(part) == set(PARTS)


def test_a_class_is_given_to_training_with_its_whole_groups():
    """A class of one group in the test or validation part, with pictures of another class in it."""
    labels = np.array([0] * 40 + [1, 1, 0])
    group = np.array([*range(40), 40, 40, 40])
    moved = 0
    for seed in range(20):
        test, validation, *_ = splits.folds(labels, group, 10, seed, "a test")
        moved += bool(np.isin([40, 41, 42], [*test, *validation]).all())
        part = splits.leak_free(labels, group, seed)
        assert part[40:].tolist() == ["train"] * 3
    assert moved


PINNED = {
    0: ([10, 16, 19, 33, 39, 42, 56], [2, 18, 20, 25, 41, 43, 48], "a12561dd076b20db"),
    1: ([5, 6, 28, 29, 51, 52], [4, 7, 27, 30, 50, 53], "2edd45ab2c778b95"),
}


@pytest.mark.parametrize("seed", PINNED)
def test_a_seed_gives_the_same_split_with_every_version_of_every_library(seed):
    """Runs and published figures name a split by its seed alone."""
    validation, test, of_many = PINNED[seed]
    number = np.arange(60)
    part = splits.leak_free(number**2 % 4, number * 7 % 23, seed)
    assert np.flatnonzero(part == "validation").tolist() == validation
    assert np.flatnonzero(part == "test").tolist() == test
    number = np.arange(1000)
    part = splits.leak_free(number**2 % 7 % 5, number * 7 % 331, seed)
    assert hashlib.sha256(",".join(part).encode()).hexdigest()[:16] == of_many


def test_the_folds_are_those_of_scikit_learn_since_1_8():
    if tuple(map(int, sklearn.__version__.split(".")[:2])) < (1, 8):
        pytest.skip("before 1.8 it shuffles in another way")
    for seed in range(3):
        rng = np.random.default_rng(seed)
        labels, group = rng.integers(0, 4, 120), rng.integers(0, 50, 120)
        splitter = StratifiedGroupKFold(3, shuffle=True, random_state=seed)
        expected = [held.tolist() for _, held in splitter.split(labels, labels, group)]
        found = splits.folds(labels, group, 3, seed, "a test")
        assert [held.tolist() for held in found] == expected


def test_a_class_that_would_not_be_for_training_is():
    """One class has 40 pictures, the others one each, so most folds hold some of those alone."""
    labels = np.concatenate([np.zeros(40, np.int64), np.arange(1, 21)])
    for seed in range(3):
        part = splits.leak_free(labels, np.arange(60), seed)
        assert set(labels[part == "train"]) == set(range(21))
        assert {"validation", "test"} < set(part)


@pytest.mark.parametrize(
    ("labels", "group"),
    [(np.arange(27) % 3, np.arange(27)), (np.zeros(40, int), np.arange(40) % 9)],
    ids=["9 pictures of each class", "9 groups"],
)
def test_leak_free_refuses_too_few_pictures(labels, group):
    with pytest.raises(DataError, match=rf"{len(labels)} pictures are too few .*; add pictures"):
        splits.leak_free(labels, group, 0)


def test_leak_free_of_drawings_has_no_near_duplicate_of_a_training_picture(dataset, leak_free):
    assert (leak_free.kind, leak_free.seed) == ("leak-free", 0)
    assert sum(leak_free.counts().values()) == len(dataset)
    assert len(set(leak_free.group)) < len(dataset), "no shots among the drawings, nothing to leak"
    assert splits.leaks(dataset, leak_free, "validation") == 0
    assert splits.leaks(dataset, leak_free, "test") == 0


def test_every_class_of_drawings_is_in_every_part(dataset, leak_free):
    for part in PARTS:
        assert set(dataset.labels[leak_free.rows(part)]) == set(range(5))


def test_the_seed_is_handed_on(dataset, leak_free):
    other = splits.make(dataset, "leak-free", seed=1)
    assert other.seed == 1
    assert np.array_equal(other.group, leak_free.group)
    assert not np.array_equal(other.part, leak_free.part)


# ---- random --------------------------------------------------------------------------------


def test_random_is_the_notebooks_whatever_the_seed(dataset, random):
    rows = np.arange(len(dataset))
    train, validation = train_test_split(rows, test_size=0.2, random_state=3)
    assert random.rows("train").tolist() == sorted(train)
    assert random.rows("validation").tolist() == sorted(validation)
    assert random.counts() == {"train": len(train), "validation": len(validation), "test": 0}
    assert (random.kind, random.seed) == ("random", 3)


def test_random_leaks_and_it_is_counted(dataset, random):
    leaks = splits.leaks(dataset, random, "validation")
    assert 0 < leaks < random.counts()["validation"]
    in_training = set(random.group[random.rows("train")])
    same_group = [row for row in random.rows("validation") if random.group[row] in in_training]
    assert leaks <= len(same_group)
    assert splits.leaks(dataset, random, "test") == 0


def test_random_refuses_one_picture(tmp_path, paint):
    paint(tmp_path / "a" / "1.png", 0)
    with pytest.raises(DataError, match="one picture can't be split"):
        splits.make(cache.load(tmp_path), "random")


def test_leaks_where_nothing_is_for_training(few):
    split = Split("mine", None, np.array(["test"] * 4), np.arange(4))
    assert splits.leaks(few, split, "test") == 0


# ---- shipped -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shipped_names():
    """The first two pictures of each part of the shipped split: path to part."""
    with (WEIGHTS / "split.csv").open(encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    return {
        line["path"]: part
        for part in PARTS
        for line in [line for line in lines if line["split"] == part][:2]
    }


@pytest.mark.parametrize("above", ["", "simpsons_dataset", "simpsons_dataset/simpsons_dataset"])
def test_shipped_goes_by_file_name_and_leaves_out_what_it_does_not_know(
    tmp_path, paint, shipped_names, above
):
    expected = shipped_names | {
        "bart_simpson/mine.jpg": UNLISTED,
        "otto_mann/pic_0000.jpg": UNLISTED,
    }
    for seed, name in enumerate(expected):
        paint(tmp_path / above / name, seed)
    dataset = cache.load(tmp_path, "all")
    split = splits.make(dataset, "shipped")
    names = ["/".join(path.split("/")[-2:]) for path in dataset.paths]
    assert dict(zip(names, split.part, strict=True)) == expected
    assert split.counts() == {"train": 2, "validation": 2, "test": 2}
    assert (split.kind, split.seed) == ("shipped", None)
    for part in (*PARTS, UNLISTED):
        assert np.array_equal(splits.shipped_rows(dataset, part), split.rows(part))


def test_folders_in_a_class_are_part_of_a_name(tmp_path, paint):
    names = [f"{who}/ep{episode}/pic_0.jpg" for who in ("a", "b") for episode in (1, 2)]
    for seed, name in enumerate(names):
        paint(tmp_path / "cartoon" / name, seed)
    dataset = cache.load(tmp_path / "cartoon")
    parts = ["train", "test", "validation", "train"]
    lines = [
        f"{above}{name},{part}"
        for name, part in zip(names, parts, strict=True)
        for above in ("", "cartoon/")
    ]
    for listed in (lines[::2], lines[1::2]):
        (tmp_path / "split.csv").write_text("\n".join(["path,split", *listed]))
        assert splits.parts_by_name(dataset, tmp_path / "split.csv").tolist() == parts


def test_a_list_without_groups_is_a_split(tmp_path, paint, shipped_names):
    for seed, name in enumerate(shipped_names):
        paint(tmp_path / "pictures" / name, seed)
    dataset = cache.load(tmp_path / "pictures")
    split = splits.read(WEIGHTS / "split.csv", dataset)
    assert dict(zip(dataset.paths, split.part, strict=True)) == shipped_names
    assert split.group is None
    assert splits.with_groups(dataset, split).group is not None


def test_shipped_of_pictures_it_does_not_know_is_empty(dataset):
    split = splits.make(dataset, "shipped")
    assert split.counts() == {"train": 0, "validation": 0, "test": 0}


def test_shipped_survives_a_file(tmp_path, paint, shipped_names):
    for seed, name in enumerate([*shipped_names, "bart_simpson/mine.jpg"]):
        paint(tmp_path / "pictures" / name, seed)
    dataset = cache.load(tmp_path / "pictures")
    split = splits.make(dataset, "shipped")
    splits.write(tmp_path / "split.csv", dataset, split)
    expected = splits.with_groups(dataset, split)
    assert_same(splits.read(tmp_path / "split.csv", dataset), expected)


@pytest.mark.parametrize("kind", ["shipped", "random"])
def test_groups_are_not_looked_for_where_nobody_asks(dataset, kind):
    split = splits.make(dataset, kind)
    assert split.group is None
    assert np.array_equal(splits.with_groups(dataset, split).group, splits.groups(dataset))


def test_groups_are_looked_for_once(dataset, leak_free):
    assert splits.with_groups(dataset, leak_free) is leak_free


# ---- written and read ----------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["leak_free", "random"])
def test_what_is_written_is_read(tmp_path, dataset, kind, request):
    split = request.getfixturevalue(kind)
    path = tmp_path / "split.csv"
    splits.write(path, dataset, split)
    for read in (splits.read(path, dataset), splits.make(dataset, str(path))):
        assert_same(read, split)
        assert (read.kind, read.seed) == ("split.csv", None)


def test_a_spreadsheet_may_have_saved_it(tmp_path, dataset, leak_free):
    path = tmp_path / "split.csv"
    splits.write(path, dataset, leak_free)
    path.write_text(path.read_text(encoding="utf-8"), encoding="utf-8-sig")
    assert_same(splits.read(path, dataset), leak_free)


def test_a_written_split_is_a_table_for_people(tmp_path, few):
    part = np.array(["train", "test", "validation", "train"])
    splits.write(tmp_path / "s.csv", few, Split("mine", None, part, np.array([0, 1, 2, 0])))
    assert (tmp_path / "s.csv").read_bytes().decode() == (
        "path,character,group,split\n"
        "a/1.png,a,0,train\n"
        "a/2.png,a,1,test\n"
        "b/1.png,b,2,validation\n"
        "b/2.png,b,0,train\n"
    )


def test_a_file_name_with_a_comma_or_other_letters_survives(tmp_path, paint):
    names = ["a/one, two.png", "a/ä ß.png"]
    for seed, name in enumerate(names):
        paint(tmp_path / "pictures" / name, seed)
    dataset = cache.load(tmp_path / "pictures")
    split = Split("mine", None, np.array(["train", "test"]), np.arange(2))
    splits.write(tmp_path / "split.csv", dataset, split)
    assert_same(splits.read(tmp_path / "split.csv", dataset), split)


def test_a_split_of_more_pictures_does_for_fewer(tmp_path, few, paint):
    split = Split("mine", None, np.array(["train", "test", "validation", "train"]), np.arange(4))
    splits.write(tmp_path / "split.csv", few, split)
    (tmp_path / "few" / "a" / "2.png").unlink()
    fewer = splits.read(tmp_path / "split.csv", cache.load(tmp_path / "few"))
    assert fewer.part.tolist() == ["train", "validation", "train"]
    assert fewer.group.tolist() == [0, 2, 3]


HEADER = "path,character,group,split\n"
LINES = "a/1.png,a,0,train\na/2.png,a,1,test\nb/1.png,b,2,train\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"none of the 4 pictures of .*few is in it, a/1\.png for one; give the folder"),
        (HEADER + LINES + "b/2.png,b,3,holdout\n", "unknown part holdout; use train, validation"),
        (HEADER + LINES + "a/1.png,a,0,test\n", r"lists a/1\.png in two parts; remove one"),
        (HEADER + LINES + "b/2.png,b,three,test\n", "is not a split; make one with"),
        (HEADER + LINES + "b/2.png,b", "is not a split; make one with"),
        ("a,b\n1,2\n", "is not a split; make one with"),
        ("path,set\na/1.png,1\na/2.png,1\nb/1.png,1\nb/2.png,1\n", "is not a split; make one with"),
        (b"\x89PNG\r\n\x1a\n\xff\xfe", "is not a split; make one with"),
    ],
    ids=[
        "empty",
        "unknown part",
        "two parts",
        "group no number",
        "cut off",
        "another table",
        "other columns",
        "a picture",
    ],
)
def test_a_file_that_does_not_fit_is_refused(tmp_path, few, content, message):
    path = tmp_path / "my split.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DataError, match=message) as caught:
        splits.make(few, str(path))
    assert str(caught.value).startswith(f"{path}: ")


def test_a_kind_that_is_neither_known_nor_a_file(few):
    with pytest.raises(DataError, match=r"^radnom: no such split; give leak-free, random"):
        splits.make(few, "radnom")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"], ids=["comma", "semicolon", "tab"])
def test_a_list_as_spreadsheets_save_it(tmp_path, few, encoding, delimiter):
    text = (HEADER + LINES + "b/2.png,b,3,validation\n").replace(",", delimiter)
    (tmp_path / "split.csv").write_bytes(text.replace("\n", "\r\n").encode(encoding))
    split = splits.read(tmp_path / "split.csv", few)
    assert split.part.tolist() == ["train", "test", "train", "validation"]
    assert split.group is not None
    assert split.group.tolist() == [0, 1, 2, 3]
    assert split.note == ""


def test_pictures_that_came_later_are_in_no_part_and_told(tmp_path, few, paint):
    path = tmp_path / "split.csv"
    path.write_text(HEADER + LINES + "b/gone.png,b,3,train\n")
    split = splits.read(path, few)
    assert split.part.tolist() == ["train", "test", "train", UNLISTED]
    assert split.counts() == {"train": 2, "validation": 0, "test": 1}
    assert split.note.startswith("1 pictures are not in the split split.csv, so in no part; 1 pict")
    assert splits.with_groups(few, split).group is not None


@pytest.fixture(scope="module")
def given(tmp_path_factory, paint):
    """Two classes in train, val and test; one picture of the test is one of train, mirrored."""
    folder = tmp_path_factory.mktemp("given")
    for seed in range(24):
        part = "Train" if seed < 20 else "valid" if seed < 22 else "testing"
        paint(folder / part / "ab"[seed % 2] / f"{seed}.png", seed)
    with Image.open(folder / "Train" / "a" / "0.png") as picture:
        picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(folder / "testing" / "a" / "x.png")
    return folder


def test_a_split_that_folders_give_is_kept_and_checked(given):
    dataset = cache.load(given)
    split = splits.make(dataset)
    assert (split.kind, split.seed) == ("given", None)
    assert split.counts() == {"train": 20, "validation": 2, "test": 3}
    named = {"Train": "train", "valid": "validation", "testing": "test"}
    assert split.part.tolist() == [named[path.split("/")[0]] for path in dataset.paths]
    found = {part: splits.leaks(dataset, split, part) for part in HELD_OUT}
    assert found == {"validation": 0, "test": 1}
    assert splits.leak_note(split.counts(), found).startswith("1 of 3 test pictures have a near-")
    assert splits.make(dataset, "leak-free").kind == "leak-free"
    splits.require_parts(dataset, split, "")


def test_without_a_validation_part_a_tenth_of_the_training_part_is_for_it(given, tmp_path):
    shutil.copytree(given, tmp_path / "two", ignore=shutil.ignore_patterns("valid"))
    dataset = cache.load(tmp_path / "two")
    split = splits.make(dataset, seed=1)
    assert split.counts() == {"train": 18, "validation": 2, "test": 3}
    assert splits.leaks(dataset, split, "validation") == 0


def test_a_class_without_training_pictures_is_refused(given, tmp_path, paint):
    shutil.copytree(given, tmp_path / "more")
    paint(tmp_path / "more" / "valid" / "c" / "1.png", 99)
    dataset = cache.load(tmp_path / "more")
    with pytest.raises(DataError, match="has no training picture of c; add some, or do that"):
        splits.require_parts(dataset, splits.make(dataset), "do that")


def test_given_needs_folders_that_give_it(few):
    with pytest.raises(DataError, match="has no folders train and val or test that give a split"):
        splits.make(few, "given")


def test_a_shorter_name_that_two_parts_have_is_in_none(tmp_path):
    path = tmp_path / "split.csv"
    path.write_text(HEADER + "train/a/1.png,a,0,train\nval/a/1.png,a,1,validation\n")
    asked = ["a/1.png", "train/a/1.png", "x/val/a/1.png"]
    assert splits.parts_of(asked, path).tolist() == [UNLISTED, "train", "validation"]


def test_groups_too_large_for_a_part_are_named(few):
    group = np.arange(len(few))
    split = splits.Split("leak-free", 0, np.full(len(few), "train"), group)
    many = np.repeat(group, 30)
    assert [len(rows) for rows in splits.large_groups(np.arange(40))] == []
    assert [len(rows) for rows in splits.large_groups(many)] == [30] * len(few)
    note = splits.fill_note(few, split)
    assert "larger than a tenth of all pictures" in note
    assert few.paths[0] in note
    assert "data clean --copies" in note
    assert splits.fill_note(few, splits.Split("random", 0, split.part)) == ""
