"""Copies and frames of one shot share a group; poses, borders and dark rooms do not make one."""

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps

from benchmarks import limited_animation as cels
from simpsons.demo.drawings import DOLLS, draw
from simpsons.duplicates import near_duplicates as near
from simpsons.duplicates import neighbours
from simpsons.duplicates.near_duplicates import Links
from simpsons.pixels import images

COUNT = 12


@pytest.fixture(scope="module")
def originals():
    """One drawing of each of twelve dolls, no two in the same take."""
    return [draw(doll, np.random.default_rng(seed), 128) for seed, doll in enumerate(DOLLS[:COUNT])]


def pixels(pictures):
    return np.stack([images.load(picture) for picture in pictures])


def pairs_of(links):
    return set(zip(links.first.tolist(), links.second.tolist(), strict=True))


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
    "grey": lambda picture: picture.convert("L").convert("RGB"),
}


@pytest.mark.parametrize("change", COPIES.values(), ids=COPIES)
def test_a_copy_is_linked_to_its_original_alone(originals, change):
    found = near.find(pixels([*originals, *map(change, originals)]))
    assert pairs_of(found.links) == {(number, number + COUNT) for number in range(COUNT)}
    assert np.array_equal(found.group[:COUNT], found.group[COUNT:])
    assert len(set(found.group)) == COUNT


@pytest.mark.parametrize("turn", [lambda picture: picture, ImageOps.mirror], ids=["", "mirrored"])
def test_a_small_move_of_the_camera_shares_the_group(originals, turn):
    before = [picture.crop((0, 0, picture.width - 4, picture.height)) for picture in originals]
    after = [turn(picture.crop((4, 0, *picture.size))) for picture in originals]
    group = near.groups(pixels([*before, *after]))
    assert np.array_equal(group[:COUNT], group[COUNT:])
    assert len(set(group)) == COUNT


def test_a_slow_pan_is_one_group(originals):
    """Each frame might be a copy of the next; the first and the last have nothing in common."""
    scene = np.concatenate([picture.resize((128, 96)) for picture in originals[:4]], axis=1)
    shown = [Image.fromarray(scene[:, left : left + 96]) for left in range(0, 121, 8)]
    assert set(near.groups(pixels(shown))) == {0}


def cut_out(picture, share, place):
    """A part whose sides are that share of the picture's; place: 0 upper left, 1 lower right."""
    left, upper = (place * (1 - share) * side for side in picture.size)
    right, lower = left + share * picture.width, upper + share * picture.height
    return picture.crop([round(edge) for edge in (left, upper, right, lower)])


def test_a_corner_cut_out_is_linked_to_its_original(originals):
    """The thumbnails of the whole pictures are too unlike; those of parts are compared too."""
    corners = [cut_out(picture, 0.82, place=1) for picture in originals]
    found = near.find(pixels([*originals, *corners]))
    assert pairs_of(found.links) == {(number, number + COUNT) for number in range(COUNT)}


def test_a_middle_cut_out_of_very_many_is_linked_to_its_original(originals, monkeypatch):
    """Of so many that an index is searched, and no parts are compared."""
    monkeypatch.setattr(neighbours, "EXACT_UP_TO", COUNT)
    middles = [cut_out(picture, 0.85, place=0.5) for picture in originals]
    found = near.find(pixels([*originals, *middles]))
    assert pairs_of(found.links) == {(number, number + COUNT) for number in range(COUNT)}


def test_different_drawings_of_one_doll_are_alone():
    pictures = [draw(DOLLS[3], np.random.default_rng(seed), 64) for seed in range(20)]
    assert len(set(near.groups(pixels(pictures)))) == 20


def test_links_between_two_sets_are_those_among_all(originals):
    made = [encoded(picture, "JPEG", quality=70) for picture in originals[3:]]
    links = near.find_between(pixels(made), pixels(originals))
    assert pairs_of(links) == {(number, number + 3) for number in range(COUNT - 3)}


# ---- a cartoon that is drawn sparingly -----------------------------------------------------


@pytest.mark.parametrize("dark", [False, True], ids=["bright", "dark"])
def test_one_pose_on_many_backgrounds_is_no_group(dark):
    """Three characters, twenty backgrounds, each with and without a black border."""
    made = cels.stock_poses(3, 20, dark=dark)
    found = near.find(pixels([each[0] for each in made]))
    character = np.array([each[1] for each in made])
    for group in range(found.group.max() + 1):
        assert len(set(character[found.group == group])) == 1
    assert np.bincount(found.group).max() <= (4 if dark else 2)
    with_border = found.group.reshape(-1, 2)
    assert (with_border[:, 0] == with_border[:, 1]).mean() >= (0.85 if dark else 1)


def with_logo(picture):
    """A station's logo in the upper right corner."""
    picture, (width, height) = picture.copy(), picture.size
    pen = ImageDraw.Draw(picture)
    box = (0.8 * width, 0.05 * height, 0.96 * width, 0.17 * height)
    pen.rectangle(box, fill=(255, 255, 255))
    pen.ellipse(box, fill=(220, 0, 0))
    return picture


def with_watermark(picture):
    """Two white lines from corner to corner, half transparent."""
    mask, (width, height) = Image.new("L", picture.size), picture.size
    for line in ((0, 0, width, height), (width, 0, 0, height)):
        ImageDraw.Draw(mask).line(line, fill=110, width=3)
    return Image.composite(Image.new("RGB", picture.size, "white"), picture, mask)


def in_rounded_corners(picture):
    """In a black border whose inner corners are round."""
    mask, (width, height) = Image.new("L", picture.size), picture.size
    box = (0.08 * width, 0.08 * width, 0.92 * width, height - 0.08 * width)
    ImageDraw.Draw(mask).rounded_rectangle(box, 0.1 * width, fill=255)
    return Image.composite(picture, Image.new("RGB", picture.size), mask)


EVERYWHERE = {
    "a logo": with_logo,
    "a watermark": with_watermark,
    "round corners": in_rounded_corners,
    "a red border": lambda picture: ImageOps.expand(picture, 16, (200, 20, 30)),
    "pillarbox": lambda picture: ImageOps.expand(picture, (30, 0), 0),
    "black and white": lambda picture: picture.convert("L").convert("RGB"),
}


@pytest.fixture(scope="module")
def one_pose():
    """One pose of three characters on six backgrounds."""
    return [picture for picture, *_, bordered in cels.stock_poses(3, 6, 3) if not bordered]


@pytest.mark.parametrize("change", EVERYWHERE.values(), ids=EVERYWHERE)
def test_what_all_pictures_have_links_none(one_pose, change):
    """Each is there twice, saved again."""
    made = [change(picture) for picture in one_pose]
    again = [encoded(picture, "JPEG", quality=60) for picture in made]
    group = near.groups(pixels([*made, *again]))
    assert np.array_equal(group[: len(made)], group[len(made) :])
    assert len(set(group)) == len(made)


@pytest.mark.parametrize("dark", [False, True], ids=["bright", "dark"])
def test_a_figure_that_moves_stays_in_its_shot_and_another_is_none_of_it(dark):
    shots, others = [], []
    for number in range(10):
        rng = np.random.default_rng((1, number))
        pose, stage = cels.any_pose(rng), cels.any_background(rng, dark)
        doll, other = (DOLLS[row] for row in rng.permutation(len(DOLLS))[:2])
        shots += [cels.frame(doll, pose, stage)]
        shots += [cels.frame(doll, cels.a_moment_later(pose, rng), stage) for _ in range(2)]
        others += [cels.frame(other, pose, stage)]
    group = near.groups(pixels([*shots, *others]))
    shot = group[: len(shots)].reshape(-1, 3)
    assert (shot == shot[:, :1]).mean() > (0.9 if dark else 0.97)
    assert not set(group[: len(shots)]) & set(group[len(shots) :])


# ---- how much is enough --------------------------------------------------------------------


def compared(plain, foreign):
    """Pairs that agree so well unmirrored and mirrored, all of other pictures."""
    shot = np.array([*plain, *foreign], np.float32)
    count = len(shot)
    rows = np.arange(2 * count).reshape(-1, 2)
    windows = np.tile(np.array((0, 1, 0, 1), np.float32), (count, 1))
    return Links(rows[:, 0], rows[:, 1], np.arange(count) >= len(plain), shot, windows)


def test_few_mirrored_pairs_leave_the_threshold():
    links = compared(np.linspace(0.4, 1, 400), [0.75, 0.7])
    assert near.threshold_of(links) == near.THRESHOLD


def test_a_cartoon_whose_shots_look_alike_needs_more_agreement():
    """As many of its mirrored pairs agree as would of two shots unmirrored."""
    links = compared(np.linspace(0.5, 1, 200), np.linspace(0.66, 0.78, 15))
    threshold = near.threshold_of(links)
    assert 0.72 < threshold < 0.78
    assert near.linked(links, threshold).shot.min() >= threshold


def test_a_symmetric_scene_says_nothing_of_the_threshold():
    links = compared(np.linspace(0.5, 1, 20), np.linspace(0.66, 0.78, 20))
    again = links.chosen(np.tile(np.arange(20, 40), 2))
    again.mirrored[:20] = False
    assert near.threshold_of(again) == near.THRESHOLD


def test_mirrored_pictures_have_to_agree_more():
    links = near.linked(compared([0.75, 0.85], [0.75, 0.85]), near.THRESHOLD)
    assert links.mirrored.tolist() == [False, False, True]


# ---- the rest ------------------------------------------------------------------------------


def test_what_was_found_of_pictures_that_do_not_change_is_kept(originals, monkeypatch):
    made = pixels([*originals, originals[0]])
    made.flags.writeable = False
    found = near.find(made)
    monkeypatch.setattr(near, "_find", None)
    assert near.find(made) is found


def test_pictures_of_one_grey_are_like_nothing(originals):
    greys = np.stack([np.full((64, 64, 3), value, np.uint8) for value in range(0, 256, 8)])
    with np.errstate(all="raise"):
        group = near.groups(np.concatenate([greys, pixels(originals[:3])]))
    assert len(set(group)) == len(greys) + 3


def test_pictures_with_the_same_pixels_share_a_group_even_if_black(originals):
    black, some = np.zeros((1, 64, 64, 3), np.uint8), pixels(originals[:4])
    found = near.find(np.concatenate([some[:2], black, some, black]))
    assert found.original.tolist() == [0, 1, 2, 0, 1, 5, 6, 2]
    assert found.group.tolist() == [0, 1, 2, 0, 1, 3, 4, 2]
    assert pairs_of(found.links) == {(0, 3), (1, 4), (2, 7)}


def test_near_some_is_what_is_linked_with_them_or_the_same(originals):
    again = [encoded(picture, "JPEG", quality=75) for picture in originals[:3]]
    made = pixels([*originals[:3], *again])
    found = near.find(np.concatenate([made, made[3:5]]))  # 0-3, 1-4, 2-5, 3 = 6, 4 = 7
    some = np.zeros(8, np.bool_)
    some[[0, 7]] = True
    assert np.flatnonzero(found.near(some)).tolist() == [1, 3, 4, 6, 7]


def test_between_two_sets_all_with_the_same_pixels_are_named(originals):
    some = pixels(originals[:3])
    black = np.zeros((1, 64, 64, 3), np.uint8)
    queries = np.concatenate([some[[0, 1, 0]], black])
    references = np.concatenate([some[[2, 0, 0, 0]], black, black])
    links = near.find_between(queries, references)
    assert pairs_of(links) == {(0, 1), (0, 2), (0, 3), (2, 1), (3, 4), (3, 5)}
    assert len(links.first) == 6


def test_nothing_to_compare(originals):
    one = pixels(originals[:1])
    for some in (one[:0], one):
        found = near.find(some)
        assert found.group.tolist() == list(range(len(some)))
        assert [len(part) for part in found.links] == [0] * 5
    for queries, references in ((one[:0], one), (one, one[:0])):
        assert len(near.find_between(queries, references).first) == 0
