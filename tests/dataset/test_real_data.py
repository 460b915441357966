"""The real pictures, where there are any: the shipped split fits them and does not leak."""

import csv
from importlib.resources import files

import numpy as np
import pytest

from simpsons.characters import SLUGS
from simpsons.dataset import cache, near_duplicates
from simpsons.dataset import split as splits
from simpsons.dataset.folders import find

PICTURES = 17_077


def names(paths) -> list[str]:
    return ["/".join(path.split("/")[-2:]) for path in paths]


@pytest.fixture(scope="module")
def listed():
    """The pictures of the shipped split."""
    with (files("simpsons") / "weights" / "split.csv").open(encoding="utf-8") as file:
        return {line["path"] for line in csv.DictReader(file)}


@pytest.fixture(scope="module")
def split_pictures(real_dataset):
    """The data set, if it is the one that the shipped split was made of."""
    if len(real_dataset) != PICTURES:
        pytest.skip(f"the split was made of {PICTURES:,} pictures, here are {len(real_dataset):,}")
    return real_dataset


def test_every_picture_of_the_shipped_split_is_listed_once(real_data, listed):
    listing = find(real_data)
    listing.require_classes()
    assert listing.classes == SLUGS
    found = names(picture.path for picture in listing.pictures)
    assert len(set(found)) == len(found)
    assert len(listed) == PICTURES
    assert listed <= set(found)


def test_every_picture_can_be_read_and_the_second_load_is_the_same(
    real_data, real_cache, real_dataset, monkeypatch
):
    assert len(real_dataset) == len(real_dataset.listing.pictures)
    monkeypatch.setenv("SIMPSONS_CACHE", str(real_cache))
    again = cache.load(real_data)
    assert again.paths == real_dataset.paths
    assert np.array_equal(again.labels, real_dataset.labels)
    assert np.array_equal(again.images, real_dataset.images)


@pytest.fixture
def quick(split_pictures, monkeypatch):
    """Thumbnails made once: they take their time."""
    thumbs = near_duplicates.thumbnails(split_pictures.images)
    monkeypatch.setattr(near_duplicates, "thumbnails", lambda _: thumbs)


@pytest.mark.usefixtures("quick")
def test_the_shipped_split_does_not_leak_and_the_random_one_does(split_pictures):
    shipped = splits.make(split_pictures, "shipped")
    counts = shipped.counts()
    assert sum(counts.values()) == PICTURES
    assert counts["validation"] == pytest.approx(0.1 * PICTURES, rel=0.01)
    assert counts["test"] == pytest.approx(0.1 * PICTURES, rel=0.01)
    assert splits.leaks(split_pictures, shipped, "validation") == 0
    assert splits.leaks(split_pictures, shipped, "test") == 0
    random = splits.make(split_pictures, "random")
    random.part[random.rows("validation")[300:]] = splits.UNLISTED
    assert splits.leaks(split_pictures, random, "validation") > 0.2 * 300
