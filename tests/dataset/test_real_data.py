"""The real pictures, where there are any: the shipped split fits them and hardly leaks."""

import csv
from dataclasses import replace
from importlib.resources import files

import numpy as np
import pytest

from simpsons.characters import SLUGS
from simpsons.dataset import cache
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


@pytest.fixture(scope="module")
def few_pictures(split_pictures):
    """2,000 of them: looking for near-duplicates takes its time."""
    rows = np.sort(np.random.default_rng(0).choice(PICTURES, 2000, replace=False))
    pixels = np.array(split_pictures.images[rows])
    pixels.flags.writeable = False
    return replace(
        split_pictures,
        images=pixels,
        labels=split_pictures.labels[rows],
        paths=tuple(split_pictures.paths[row] for row in rows),
    )


def test_the_shipped_split_has_the_parts_that_it_had(split_pictures):
    shipped = splits.make(split_pictures, "shipped")
    counts = shipped.counts()
    assert sum(counts.values()) == PICTURES
    assert counts["validation"] == pytest.approx(0.1 * PICTURES, rel=0.01)
    assert counts["test"] == pytest.approx(0.1 * PICTURES, rel=0.01)


def test_a_random_split_leaks_and_the_shipped_one_hardly(few_pictures):
    """Its groups were made of thumbnails, which miss some frames of a shot."""
    random, shipped = (splits.make(few_pictures, kind) for kind in ("random", "shipped"))
    leaking = splits.leaks(few_pictures, random, "validation")
    assert leaking > 0.04 * len(random.rows("validation"))
    missed = splits.leaks(few_pictures, shipped, "test")
    assert missed < 0.02 * len(shipped.rows("test"))
