import numpy as np
import pytest
from PIL import Image

from simpsons import characters
from simpsons.characters import display_name
from simpsons.dataset import boxes
from simpsons.demo import drawings
from simpsons.demo.drawings import BOXES, DOLLS, draw, draw_boxed, write_drawings
from simpsons.demo.scenes import PROPS, SCENES
from simpsons.demo.stage import render
from simpsons.errors import SimpsonsError


def rng(seed=0):
    return np.random.default_rng(seed)


def pixels(image):
    return np.asarray(image).astype(int)


def similarity(one, other):
    """Cosine of the mean-removed 16x16 thumbnails."""
    thumbnails = [pixels(image.resize((16, 16), Image.Resampling.BOX)) for image in (one, other)]
    a, b = ((thumbnail - thumbnail.mean(axis=(0, 1))).ravel() for thumbnail in thumbnails)
    return a @ b / np.linalg.norm(a) / np.linalg.norm(b)


def files(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.jpg")
    }


@pytest.fixture
def three_dolls(monkeypatch):
    monkeypatch.setattr(drawings, "DOLLS", DOLLS[:3])


def test_eighteen_dolls_in_the_order_of_their_folders():
    slugs = [doll.slug for doll in DOLLS]
    assert len(set(slugs)) == 18
    assert slugs == sorted(slugs)
    assert [doll.name.lower().replace(" ", "_") for doll in DOLLS] == slugs
    assert [display_name(slug) for slug in characters.DOLLS] == [doll.name for doll in DOLLS]


def test_every_two_dolls_look_different_in_the_same_pose_and_scene():
    pictures = [pixels(draw(doll, rng(3), size=48)) for doll in DOLLS]
    for i, one in enumerate(pictures):
        for other in pictures[i + 1 :]:
            assert np.abs(one - other).mean() > 5


@pytest.mark.parametrize("size", [1, 7, 33, 128])
def test_longer_side_is_the_size(size):
    for seed in range(3):
        image = draw(DOLLS[seed], rng(seed), size)
        assert image.mode == "RGB"
        assert max(image.size) == size


def test_equal_generators_give_equal_pictures():
    one, same, other = (pixels(draw(DOLLS[4], rng(seed), size=32)) for seed in (7, 7, 8))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_every_scene_and_prop_occurs_and_face_and_chest_are_inside():
    takes = [drawings._take(rng(seed)) for seed in range(200)]
    assert {take.stage.scene for take in takes} == set(SCENES)
    assert {take.stage.prop for take in takes} == {"", *PROPS}
    for pose, stage in ((take.pose, take.stage) for take in takes):
        assert 1.4 * pose.unit <= pose.x <= stage.width - 1.4 * pose.unit
        assert 1.8 * pose.unit <= pose.y <= stage.height - 2 * pose.unit


def test_a_boxed_drawing_is_the_same_drawing():
    for seed, doll in enumerate(DOLLS[:3]):
        picture, box = draw_boxed(doll, rng(seed), size=48)
        assert np.array_equal(pixels(picture), pixels(draw(doll, rng(seed), size=48)))
        assert box.name == doll.slug
        assert 0 < box.x1 < box.x2 < picture.width
        assert 0 < box.y1 < box.y2 < picture.height


def test_folder_layout(tmp_path):
    folder = tmp_path / "set" / "of" / "drawings"
    write_drawings(folder, per_character=2, size=16)
    expected = {f"{doll.slug}/pic_{number:04d}.jpg" for doll in DOLLS for number in range(2)}
    assert set(files(folder)) == expected
    assert [path.name for path in folder.parent.iterdir()] == ["drawings"]
    with Image.open(folder / DOLLS[0].slug / "pic_0001.jpg") as image:
        assert image.format == "JPEG"
        assert max(image.size) == 16


@pytest.mark.usefixtures("three_dolls")
def test_only_seed_doll_and_number_decide(tmp_path):
    seen = []

    def backwards(jobs, total, description):
        seen.append(total)
        return list(jobs)[::-1]

    write_drawings(tmp_path / "small", 2, seed=5, size=32)
    write_drawings(tmp_path / "large", 3, seed=5, size=32, track=backwards)
    write_drawings(tmp_path / "other", 2, seed=6, size=32)
    small, large, other = (files(tmp_path / name) for name in ("small", "large", "other"))
    assert seen == [9]
    assert small.items() <= large.items()
    assert all(small[name] != other[name] for name in small)


@pytest.mark.usefixtures("three_dolls")
def test_the_boxes_of_drawings(tmp_path):
    write_drawings(tmp_path / "plain", 2, seed=5, size=64)
    write_drawings(tmp_path / "boxed", 2, seed=5, size=64, boxed=True)
    assert files(tmp_path / "plain") == files(tmp_path / "boxed")
    listed = boxes.read(tmp_path / "boxed" / BOXES, tmp_path / "boxed")
    assert listed.pictures.keys() == files(tmp_path / "boxed").keys()
    assert not listed.bad
    for path, [box] in listed.pictures.items():
        assert path.startswith(f"{box.name}/")
        assert 8 < box.x2 - box.x1 < 40


def test_existing_folder_is_refused_and_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(SimpsonsError, match="choose another folder"):
        write_drawings(tmp_path, 1)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(("per_character", "size"), [(0, 64), (1, 0)])
def test_nothing_to_draw_is_refused(tmp_path, per_character, size):
    with pytest.raises(ValueError, match="at least 1"):
        write_drawings(tmp_path / "set", per_character, size=size)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
@pytest.mark.usefixtures("three_dolls")
def test_interrupted_write_leaves_nothing(tmp_path, error):
    def interrupted(jobs, total, description):
        yield from jobs[:2]
        raise error

    with pytest.raises(error):
        write_drawings(tmp_path / "set", 1, size=16, track=interrupted)
    assert not list(tmp_path.iterdir())


def test_one_picture_in_five_belongs_to_a_shot():
    shots = [np.bincount(drawings._shot_starts(0, doll, 400)) for doll in range(len(DOLLS))]
    assert max(sizes.max() for sizes in shots) <= max(drawings.SHOT_FRAMES)
    in_shots = sum(sizes[sizes > 1].sum() for sizes in shots)
    assert in_shots / (400 * len(DOLLS)) == pytest.approx(0.2, abs=0.03)


def test_frames_of_a_shot_are_near_duplicates_and_other_pictures_are_not():
    starts = drawings._shot_starts(0, 2, 20)
    takes = [drawings._frame(0, 2, number, first) for number, first in enumerate(starts)]
    frames = [render([(DOLLS[2], take.pose)], take.stage, 48) for take in takes]
    within, across = [], []
    for i, one in enumerate(frames):
        for j in range(i):
            same = starts[i] == starts[j]
            (within if same else across).append(similarity(one, frames[j]))
            assert not same or not np.array_equal(pixels(one), pixels(frames[j]))
    assert within
    assert min(within) > 0.9
    assert max(across) < 0.9
