import numpy as np
import pytest

from simpsons.dataset import boxes
from simpsons.demo import drawings
from simpsons.demo.body import Arm
from simpsons.demo.dolls import DOLLS
from simpsons.demo.drawings import BOXES, draw, write_drawings
from simpsons.demo.hardships import harder
from simpsons.demo.head import Expression
from simpsons.demo.stage import Cover, Pose, Stage, faces, render

CLEAR = Stage(1.0, 0.75, "backdrop", 0, False, "", (1.0, 1.0, 1.0))
HANGING = Arm(10, 0)
STRAIGHT = Pose(
    0.14, 0.5, 0.3, 0.0, 0.0, False, (HANGING, HANGING), Expression("open", (0.0, 0.0), 0.0, "flat")
)
BALD = next(doll for doll in DOLLS if doll.hair == "ring")


def rng(seed=0):
    return np.random.default_rng(seed)


def pixels(cast, stage, size=96):
    return np.asarray(render(cast, stage, size)).astype(int)


def test_every_hardship_at_once():
    for seed in range(12):
        cast, stage = harder(DOLLS[0], STRAIGHT, CLEAR, rng(seed), 1.0)
        (behind, there), (doll, pose) = cast
        assert doll.slug == DOLLS[0].slug
        assert behind.slug != doll.slug
        assert there.unit < pose.unit < 0.7 * STRAIGHT.unit
        assert 0.5 <= abs(pose.turn) <= 1
        assert stage.cover is not None
        assert stage.light != CLEAR.light or stage.haze > 0
        assert (doll.skin, doll.hair) == (DOLLS[0].skin, DOLLS[0].hair)


def test_the_difficulty_is_the_chance_of_each():
    made = [harder(BALD, STRAIGHT, CLEAR, rng(seed), 0.3) for seed in range(300)]
    for happened in (
        [len(cast) == 2 for cast, _ in made],
        [cast[-1][1].turn != 0 for cast, _ in made],
        [cast[-1][1].unit < STRAIGHT.unit for cast, _ in made],
        [stage.cover is not None for _, stage in made],
        [stage.light != CLEAR.light or stage.haze > 0 for _, stage in made],
    ):
        assert np.mean(happened) == pytest.approx(0.3, abs=0.09)
    behind = {cast[0][0].slug for cast, _ in made if len(cast) == 2}
    assert "unknown" in behind
    assert len(behind) > 10
    assert len({cast[-1][0] for cast, _ in made}) > 10  # in others' clothes


def test_a_turned_head_moves_the_face_to_that_side_and_hides_the_far_ear():
    straight, left, right = (
        pixels([(BALD, Pose(**{**vars(STRAIGHT), "turn": turn}))], CLEAR, 200)
        for turn in (0.0, -0.8, 0.8)
    )
    ear = slice(56, 70), slice(124, 130)
    assert np.abs(straight[ear] - right[ear]).mean() > 10
    assert np.abs(straight[ear] - left[ear]).mean() < 1


def test_what_is_covered_has_no_share_of_the_face():
    whole = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
    half = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
    grey = (128, 128, 128)
    shares = []
    for corners in (whole, half):
        stage = Stage(**{**vars(CLEAR), "cover": Cover(corners, grey)})
        [shown] = faces([(BALD, STRAIGHT)], stage, 96)
        shares.append(shown.share)
        assert (pixels([(BALD, STRAIGHT)], stage)[:, :48] == grey).all()
    assert shares[0] == 0
    assert shares[1] == pytest.approx(0.5, abs=0.03)
    assert shown.box.x1 >= 48


def test_haze_takes_contrast():
    hazy = Stage(**{**vars(CLEAR), "haze": 0.7})
    clear, grey = (pixels([(BALD, STRAIGHT)], stage) for stage in (CLEAR, hazy))
    assert grey.std() == pytest.approx(0.3 * clear.std(), rel=0.05)


def test_hard_drawings_repeat_and_differ_from_clear_ones():
    one, same, clear = (
        np.asarray(draw(DOLLS[2], rng(4), 48, difficulty)) for difficulty in (0.9, 0.9, 0.0)
    )
    assert np.array_equal(one, same)
    assert not np.array_equal(one, clear)
    assert np.array_equal(clear, np.asarray(draw(DOLLS[2], rng(4), 48)))


def test_hard_sets_have_boxes_of_whoever_is_to_be_seen(tmp_path, monkeypatch):
    monkeypatch.setattr(drawings, "DOLLS", DOLLS[:2])
    for count in (4, 6):
        write_drawings(tmp_path / str(count), count, 1, 64, boxed=True, difficulty=0.5)
    listed = boxes.read(tmp_path / "6" / BOXES, tmp_path / "6")
    assert not listed.bad
    found = [box for each in listed.pictures.values() for box in each]
    assert {box.name for box in found} > {doll.slug for doll in DOLLS[:2]}
    assert min(min(box.x2 - box.x1, box.y2 - box.y1) for box in found) >= 5
    for path in (tmp_path / "4").rglob("*.jpg"):
        again = tmp_path / "6" / path.relative_to(tmp_path / "4")
        assert path.read_bytes() == again.read_bytes()


@pytest.mark.parametrize("difficulty", [-0.1, 1.1, float("nan")])
def test_a_difficulty_that_is_no_chance_is_refused(tmp_path, difficulty):
    with pytest.raises(ValueError, match="from 0 to 1"):
        write_drawings(tmp_path / "set", 1, difficulty=difficulty)
    assert not list(tmp_path.iterdir())
