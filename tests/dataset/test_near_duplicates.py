"""Copies, mirrored pictures and neighbouring frames share a group; other pictures do not."""

import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from simpsons import images
from simpsons.dataset import near_duplicates as near
from simpsons.dataset import neighbours
from simpsons.demo.drawings import DOLLS, draw
from simpsons.progress import silent


@pytest.fixture(scope="module")
def originals():
    """One drawing of each of twelve dolls, no two in the same take."""
    return [draw(doll, np.random.default_rng(seed), 128) for seed, doll in enumerate(DOLLS[:12])]


def thumbnails(pictures) -> near.Thumbnails:
    return near.thumbnails(np.stack([images.fit(np.asarray(picture)) for picture in pictures]))


def groups(thumbs, threshold=near.GROUP_THRESHOLD, track=silent):
    first, second, _ = near.pairs(thumbs, threshold, track)
    return neighbours.linked(first, second, len(thumbs))


def encoded(picture, kind, **options):
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return Image.open(file).convert("RGB")


COPIES = {
    "JPEG": lambda picture: encoded(picture, "JPEG", quality=75),
    "WebP": lambda picture: encoded(picture, "WEBP", quality=75),
    "half the size": lambda picture: picture.resize((picture.width // 2, picture.height // 2)),
    "three times the size": lambda picture: ImageOps.scale(picture, 3),
    "mirrored": ImageOps.mirror,
    "mirrored and encoded": lambda picture: encoded(ImageOps.mirror(picture), "JPEG", quality=60),
    "brighter": lambda picture: picture.point(lambda value: min(255, value + 8)),
}


@pytest.mark.parametrize("change", COPIES.values(), ids=COPIES)
def test_a_copy_is_known_and_shares_the_group_of_its_original_alone(originals, change):
    count = len(originals)
    thumbs = thumbnails([*originals, *map(change, originals)])
    first, second, similarity = near.pairs(thumbs)
    assert sorted(zip(first, second, strict=True)) == [(n, n + count) for n in range(count)]
    assert similarity.min() > near.GROUP_THRESHOLD
    group = groups(thumbs)
    assert np.array_equal(group[:count], group[count:])
    assert len(set(group)) == count


@pytest.mark.parametrize("turn", [lambda picture: picture, ImageOps.mirror], ids=["", "mirrored"])
def test_a_small_move_of_the_camera_shares_the_group(originals, turn):
    count = len(originals)
    before = [picture.crop((0, 0, picture.width - 2, picture.height)) for picture in originals]
    after = [turn(picture.crop((2, 0, *picture.size))) for picture in originals]
    group = groups(thumbnails([*before, *after]))
    assert np.array_equal(group[:count], group[count:])
    assert len(set(group)) == count
    nearest = near.similarity_to_nearest(thumbnails(after), thumbnails(before))
    assert (nearest > near.GROUP_THRESHOLD).all()


def test_different_drawings_of_one_doll_are_alone():
    pictures = [draw(DOLLS[3], np.random.default_rng(seed), 64) for seed in range(20)]
    assert len(set(groups(thumbnails(pictures)))) == 20


# ---- the same as the plain way to compute it -------------------------------------------------


@pytest.fixture(scope="module")
def pixels():
    """Fifty pictures of coarse noise; some are blends, mirrored or copies of far away ones."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (50, 8, 8, 3)).astype(float)
    coarse[49] = coarse[0]
    coarse[33] = coarse[5][:, ::-1]
    coarse[20] = 0.8 * coarse[19] + 0.2 * coarse[7]
    coarse[41] = (0.75 * coarse[2] + 0.25 * coarse[3])[:, ::-1]
    coarse[12] = 0.5 * coarse[11] + 0.5 * coarse[30]
    return coarse.round().astype(np.uint8).repeat(8, axis=1).repeat(8, axis=2)


def plain_thumbnail(picture):
    corners = range(0, 64, 4)
    cells = [[picture[y : y + 4, x : x + 4].mean(axis=(0, 1)) for x in corners] for y in corners]
    flat = np.array(cells).ravel()
    flat -= flat.mean()
    return flat / np.linalg.norm(flat)


@pytest.fixture(scope="module")
def plain(pixels):
    """The similarity of each two pictures, `[50, 50]`."""
    thumbs = np.array([plain_thumbnail(picture) for picture in pixels])
    turned = np.array([plain_thumbnail(picture[:, ::-1]) for picture in pixels])
    return np.maximum(thumbs @ thumbs.T, thumbs @ turned.T)


@pytest.mark.parametrize("block", [1, 7, 25, 50, 2048])
def test_pairs_are_those_of_brute_force(monkeypatch, pixels, plain, block):
    monkeypatch.setattr(near, "_BLOCK", block)
    thumbs = near.thumbnails(pixels)
    for threshold in (0.3, near.GROUP_THRESHOLD):
        first, second, similarity = near.pairs(thumbs, threshold)
        rows, columns = np.nonzero(np.triu(plain > threshold, k=1))
        assert sorted(zip(first, second, strict=True)) == sorted(zip(rows, columns, strict=True))
        assert similarity == pytest.approx(plain[first, second], abs=1e-5)
    assert set(zip(first, second, strict=True)) >= {(0, 49), (5, 33), (19, 20), (2, 41)}
    assert (11, 12) not in set(zip(first, second, strict=True))


@pytest.mark.parametrize("block", [1, 7, 2048])
def test_nearest_is_that_of_brute_force(monkeypatch, pixels, plain, block):
    monkeypatch.setattr(near, "_BLOCK", block)
    thumbs = near.thumbnails(pixels)
    nearest = near.similarity_to_nearest(thumbs[:15], thumbs[15:])
    assert nearest == pytest.approx(plain[:15, 15:].max(axis=1), abs=1e-5)
    assert nearest[[0, 5]] == pytest.approx(1, abs=1e-3)


def test_progress_sees_every_block(monkeypatch, pixels):
    seen = []

    def track(items, total, description):
        for item in items:
            seen.append((total, description))
            yield item

    monkeypatch.setattr(near, "_BLOCK", 20)
    group = groups(near.thumbnails(pixels), track=track)
    assert seen == [(3, "comparing")] * 3
    assert len(group) == 50


# ---- groups --------------------------------------------------------------------------------


def chain(*degrees):
    """Thumbnails of length 1 in one plane, at these angles; mirrored they are far from it."""
    thumbs = np.zeros((len(degrees), 16, 16, 3), np.float32)
    thumbs[:, 0, 0, 0] = np.cos(np.radians(degrees))
    thumbs[:, 0, 1, 0] = np.sin(np.radians(degrees))
    return thumbs.reshape(len(degrees), -1)


def test_groups_are_linked_from_neighbour_to_neighbour():
    thumbs = chain(0, 120, 40, 20, 141, 60)
    first, second, _ = near.pairs(thumbs)
    assert sorted(zip(first, second, strict=True)) == [(0, 3), (1, 4), (2, 3), (2, 5)]
    group = groups(thumbs)
    assert group[0] == group[2] == group[3] == group[5]
    assert group[1] == group[4] != group[0]


def test_a_higher_threshold_parts_them():
    assert len(set(groups(chain(0, 20, 40)))) == 1
    assert len(set(groups(chain(0, 20, 40), threshold=0.95))) == 3


def test_without_near_duplicates_each_is_its_own_group():
    group = groups(chain(0, 90, 180, 270))
    assert group.dtype == np.int64
    assert sorted(group) == [0, 1, 2, 3]


# ---- pictures of one grey, and nothing to compare with ----------------------------------------


def test_pictures_of_one_grey_are_like_nothing(pixels):
    greys = np.stack([np.full((64, 64, 3), value, np.uint8) for value in range(256)])
    with np.errstate(all="raise"):
        thumbs = near.thumbnails(np.concatenate([greys, greys[:2], pixels[:3]]))
        group = groups(thumbs)
        nearest = near.similarity_to_nearest(thumbs[:256], thumbs[256:])
    assert not thumbs[:258].any()
    assert len(set(group)) == 256 + 2 + 3
    assert not nearest.any()


def test_thumbnails_have_length_one_and_no_mean(pixels):
    thumbs = near.thumbnails(pixels)
    assert thumbs.dtype == np.float32
    assert np.linalg.norm(thumbs, axis=1) == pytest.approx(1, abs=1e-5)
    assert thumbs.mean(axis=1) == pytest.approx(0, abs=1e-5)


def test_mirrored_twice_is_the_same_and_once_is_of_the_mirrored_picture(pixels):
    thumbs = near.thumbnails(pixels)
    assert np.array_equal(near.mirrored(near.mirrored(thumbs)), thumbs)
    turned = near.thumbnails(pixels[:, :, ::-1])
    assert near.mirrored(thumbs) == pytest.approx(turned, abs=1e-6)


def test_no_queries_and_no_references(pixels):
    thumbs = near.thumbnails(pixels[:3])
    assert near.similarity_to_nearest(thumbs[:0], thumbs).shape == (0,)
    assert near.similarity_to_nearest(thumbs, thumbs[:0]).tolist() == [-1, -1, -1]
