"""A list of exclusions changes the training part, and nothing else; a bad list is refused."""

import numpy as np
import pytest

from simpsons.dataset import cache, exclusions
from simpsons.dataset import split as splits
from simpsons.dataset.exclusions import Excluded, Line
from simpsons.dataset.folders import DataError
from simpsons.dataset.split import EXCLUDED, Split


@pytest.fixture
def dataset(tmp_path, paint):
    for seed, name in enumerate(("bart/1", "bart/2", "bart/3", "lisa/1", "lisa/2", "lisa/3")):
        paint(tmp_path / "data" / f"{name}.png", seed)
    return cache.load(tmp_path / "data")


@pytest.fixture
def split():
    part = np.array(["train", "train", "validation", "train", "test", "train"], "<U10")
    return Split("leak-free", 0, part, np.arange(6))


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def test_what_is_written_is_read(tmp_path):
    lines = [
        Line("a/1.png", "drop", "", 'a "reason", with a comma'),
        Line("ä\rb\nc", "relabel", "b", ""),
    ]
    exclusions.write(tmp_path / "list.csv", lines)
    assert exclusions.read(tmp_path / "list.csv") == lines


def test_training_pictures_are_dropped_and_relabelled(tmp_path, dataset, split):
    lines = [
        Line("bart/1.png", "drop", "", ""),
        Line("bart/2.png", "relabel", "lisa", ""),
        Line("lisa/3.png", "relabel", "lisa", "already so"),
    ]
    exclusions.write(tmp_path / "list.csv", lines)
    changed, parts, excluded = exclusions.apply(tmp_path / "list.csv", dataset, split)
    assert excluded == Excluded(dropped=1, relabelled=1)
    assert list(parts.part) == [EXCLUDED, "train", "validation", "train", "test", "train"]
    assert list(changed.labels) == [0, 1, 0, 1, 1, 1]
    assert list(dataset.labels) == [0, 0, 0, 1, 1, 1]


def test_validation_and_test_pictures_stay_as_they_are(tmp_path, dataset, split):
    lines = [Line("bart/3.png", "drop", "", ""), Line("lisa/2.png", "relabel", "bart", "")]
    exclusions.write(tmp_path / "list.csv", lines)
    changed, parts, excluded = exclusions.apply(tmp_path / "list.csv", dataset, split)
    assert excluded == Excluded(0, 0)
    assert np.array_equal(parts.part, split.part)
    assert np.array_equal(changed.labels, dataset.labels)


def test_a_list_that_a_person_edited(tmp_path, dataset, split):
    path = write(
        tmp_path / "list.csv",
        "\ufeffpath,action,character\nbart/1.png, Drop ,\nbart/2.png,RELABEL,lisa\n",
    )
    _, _, excluded = exclusions.apply(path, dataset, split)
    assert excluded == Excluded(1, 1)


@pytest.mark.parametrize("name", ["Homer Simpson", "homer simpson", "homer_simpson"])
def test_a_new_label_may_be_the_name_that_people_say(tmp_path, paint, name):
    for seed, folder in enumerate(("homer_simpson", "lisa_simpson")):
        paint(tmp_path / "data" / folder / "1.png", seed)
    dataset = cache.load(tmp_path / "data")
    split = Split("given", None, np.array(["train", "train"]), np.arange(2))
    path = write(
        tmp_path / "list.csv", f"path,action,character\nlisa_simpson/1.png,relabel,{name}\n"
    )
    changed, _, excluded = exclusions.apply(path, dataset, split)
    assert [dataset.classes[label] for label in changed.labels] == ["homer_simpson"] * 2
    assert excluded == Excluded(0, 1)


@pytest.mark.parametrize(
    ("actions", "counted"),
    [
        (("drop", "drop"), Excluded(1, 0)),
        (("relabel", "relabel"), Excluded(0, 1)),
        (("relabel", "drop"), Excluded(1, 0)),
        (("drop", "relabel"), Excluded(1, 0)),
    ],
)
def test_a_picture_that_is_listed_twice_counts_once(tmp_path, dataset, split, actions, counted):
    lines = [Line("bart/1.png", action, "lisa", "") for action in actions]
    exclusions.write(tmp_path / "list.csv", lines)
    _, _, excluded = exclusions.apply(tmp_path / "list.csv", dataset, split)
    assert excluded == counted


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("path,action\nbart/1.png,burn\n", "line 2: action 'burn'; use drop or relabel"),
        ("path,action,character\nbart/1.png,relabel,\n", "line 2: relabel needs a character"),
        ("path,action,character\nbart/1.png,relabel,moe\n", "line 2: no class moe"),
        ("path,action\nbart/1.png,drop\nbart/9.png,drop\n", "line 3: bart/9.png is not a picture"),
        ("file,action\nbart/1.png,drop\n", "has no column path"),
        ("", "has no column"),
    ],
)
def test_a_bad_list_is_refused_with_its_line(tmp_path, dataset, split, text, says):
    with pytest.raises(DataError, match=says):
        exclusions.apply(write(tmp_path / "list.csv", text), dataset, split)


def test_a_missing_list_and_one_that_is_no_text(tmp_path, dataset, split):
    with pytest.raises(DataError, match="simpsons data clean"):
        exclusions.apply(tmp_path / "none.csv", dataset, split)
    (tmp_path / "list.csv").write_bytes(b"path,action\n\xff\xfe,drop\n")
    with pytest.raises(DataError, match="UTF-8"):
        exclusions.apply(tmp_path / "list.csv", dataset, split)


def test_a_split_with_dropped_pictures_is_read_back(tmp_path, dataset, split):
    exclusions.write(tmp_path / "list.csv", [Line("bart/1.png", "drop", "", "")])
    changed, parts, _ = exclusions.apply(tmp_path / "list.csv", dataset, split)
    splits.write(tmp_path / "split.csv", changed, parts)
    assert np.array_equal(splits.read(tmp_path / "split.csv", dataset).part, parts.part)
