import csv
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from simpsons.demo.body import Arm
from simpsons.demo.dolls import DOLLS, any_stranger
from simpsons.demo.groups import BOXES, LEAST_SHARE, draw_scene, write_scenes
from simpsons.demo.head import Expression
from simpsons.demo.stage import Pose, Stage, any_stage, faces, render
from simpsons.errors import SimpsonsError

BALD = next(doll for doll in DOLLS if doll.hair == "ring")
PLAIN = Stage(1.0, 0.75, "backdrop", 0, False, "", (1.0, 1.0, 1.0))
HANGING = Arm(10, 0)


def rng(seed=0):
    return np.random.default_rng(seed)


def standing(unit, x, y):
    expression = Expression("open", (0.0, 0.0), 0.0, "flat")
    return Pose(unit, x, y, 0.0, 0.0, False, (HANGING, HANGING), expression)


def changed(cast, other, stage, size):
    """Where two pictures differ, bool `[H, W]`."""
    one, two = (np.asarray(render(each, stage, size)).astype(int) for each in (cast, other))
    return np.abs(one - two).sum(axis=2) > 30


def outside(box, shape):
    """bool `[H, W]`: the pixels more than one off the box."""
    y, x = np.indices(shape)
    return (x < box.x1 - 2) | (x > box.x2 + 1) | (y < box.y1 - 2) | (y > box.y2 + 1)


def test_the_box_of_an_upright_bald_head_is_the_head():
    size = 200
    [(box, share)] = faces([(BALD, standing(0.15, 0.5, 0.3))], PLAIN, size)
    unit = 0.15 * size
    expected = (100 - 0.86 * unit, 60 - 1.02 * unit, 100 + 0.86 * unit, 60 + 1.02 * unit)
    assert box[:4] == pytest.approx(expected, abs=0.08 * unit)
    assert box.name == BALD.slug
    assert share == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize(
    "changes",
    [{}, {"mirror": True}, {"tilt": 25.0, "lean": -15.0}, {"unit": 0.05}],
    ids=["upright", "mirrored", "tilted", "small"],
)
@pytest.mark.parametrize("doll", [DOLLS[0], DOLLS[7], DOLLS[12]], ids=lambda doll: doll.slug)
def test_eyes_and_mouth_are_in_the_box_and_skin_reaches_all_its_sides(doll, changes):
    size = 160
    pose = replace(standing(0.14, 0.5, 0.3), **changes)
    [(box, _)] = faces([(doll, pose)], PLAIN, size)
    laughing = replace(pose, expression=Expression("closed", (0.0, 0.0), 0.5, "laugh"))
    moved = changed([(doll, pose)], [(doll, laughing)], PLAIN, size)
    assert moved.any()
    assert not (moved & outside(box, moved.shape)).any()
    painted = replace(doll, skin="#00ff00", hair_colour="#00ff00")
    skin = changed([(doll, pose)], [(painted, pose)], PLAIN, size)
    x1, y1, x2, y2 = (round(edge) for edge in box[:4])
    within = skin[y1:y2, x1:x2]
    assert within.mean() > 0.5
    rows, columns = np.flatnonzero(within.any(axis=1)), np.flatnonzero(within.any(axis=0))
    assert max(rows[0], columns[0]) <= 2
    assert y2 - y1 - rows[-1] <= 3
    assert x2 - x1 - columns[-1] <= 3


def test_a_face_behind_another_has_the_box_of_what_is_seen():
    back, front = standing(0.12, 0.4, 0.3), standing(0.14, 0.55, 0.32)
    alone, together = (
        faces(cast, PLAIN, 200)[0] for cast in ([(BALD, back)], [(BALD, back), (DOLLS[0], front)])
    )
    assert alone.share > 0.99
    assert 0.2 < together.share < 0.95
    assert together.box.x1 == alone.box.x1
    assert together.box.x2 < alone.box.x2
    hidden = faces([(BALD, back), (DOLLS[3], replace(front, x=0.4, y=0.3))], PLAIN, 200)[0]
    assert hidden.share < 0.1


def test_a_face_that_the_picture_cuts_has_a_box_inside_it():
    [(box, share)] = faces([(BALD, standing(0.14, 0.0, 0.3))], PLAIN, 200)
    assert box.x1 == 0
    assert share == pytest.approx(0.5, abs=0.1)


def test_every_face_has_a_box_in_the_picture_and_most_of_it_is_seen(monkeypatch):
    shapes, sides, shares = set(), [], []

    def watched(*arguments):
        shown = faces(*arguments)
        shares.append(min(face.share for face in shown))
        return shown

    monkeypatch.setattr("simpsons.demo.groups.faces", watched)
    for seed in range(24):
        dolls = DOLLS[: (1, 2, 4, 6)[seed % 4]]
        picture, boxes = draw_scene(dolls, rng(seed), size=96)
        assert shares[-1] >= LEAST_SHARE
        assert [box.name for box in boxes] == [doll.slug for doll in dolls]
        for box in boxes:
            assert 0 <= box.x1 < box.x2 <= picture.width
            assert 0 <= box.y1 < box.y2 <= picture.height
            sides.append(max(box.x2 - box.x1, box.y2 - box.y1) / 96)
        shapes.add(picture.size)
    assert shapes == {(96, 72), (96, 96), (72, 96), (96, 54)}
    assert min(sides) < 0.08
    assert max(sides) > 0.4


def test_equal_generators_give_equal_scenes():
    (one, boxes), (same, again), (other, _) = (
        draw_scene(DOLLS[:3], rng(seed), size=64) for seed in (5, 5, 6)
    )
    assert one.tobytes() == same.tobytes()
    assert boxes == again
    assert one.tobytes() != other.tobytes()


@pytest.mark.parametrize(
    ("dolls", "size", "message"),
    [((), 64, "takes 1 to 6"), (DOLLS[:7], 64, "takes 1 to 6"), (DOLLS[:1], 63, "at least 64")],
)
def test_too_few_or_many_dolls_and_too_small_a_scene_are_refused(dolls, size, message):
    with pytest.raises(ValueError, match=message):
        draw_scene(dolls, rng(), size)


def test_a_stranger_looks_like_none_of_the_cast():
    strangers = [any_stranger(rng(seed)) for seed in range(20)]
    assert {stranger.slug for stranger in strangers} == {"unknown"}
    assert len({stranger.skin for stranger in strangers}) == 20
    stage = any_stage(rng(), 1.0, 1.0, (1.0, 1.0, 1.0))
    for stranger in strangers:
        [(box, share)] = faces([(stranger, standing(0.2, 0.5, 0.4))], stage, 64)
        assert share > 0.99
        assert box.x2 > box.x1


def read(folder):
    with (folder / BOXES).open(newline="") as file:
        return list(csv.DictReader(file))


def test_scenes_are_written_with_their_boxes_and_a_larger_set_begins_with_a_smaller(tmp_path):
    write_scenes(tmp_path / "small", 3, seed=3, size=64)
    write_scenes(tmp_path / "large", 4, seed=3, size=64)
    rows = read(tmp_path / "small")
    assert list(rows[0]) == ["path", "x1", "y1", "x2", "y2", "name"]
    assert {row["path"] for row in rows} == {f"{number:04d}.jpg" for number in range(3)}
    assert {row["name"] for row in rows} <= {"unknown", *(doll.slug for doll in DOLLS)}
    assert rows == [row for row in read(tmp_path / "large") if row["path"] < "0003.jpg"]
    for path in (tmp_path / "small").glob("*.jpg"):
        assert path.read_bytes() == (tmp_path / "large" / path.name).read_bytes()
        with Image.open(path) as image:
            assert (image.format, max(image.size)) == ("JPEG", 64)


def test_scenes_are_written_whole_or_not_at_all(tmp_path):
    def interrupted(numbers, total, description):
        yield from list(numbers)[:1]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_scenes(tmp_path / "set", 2, size=64, track=interrupted)
    with pytest.raises(ValueError, match="at least 1"):
        write_scenes(tmp_path / "set", 0)
    assert not list(tmp_path.iterdir())
    with pytest.raises(SimpsonsError, match="choose another folder"):
        write_scenes(tmp_path, 1)
