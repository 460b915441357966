import gc

import av
import numpy as np
import pytest

from simpsons.films.film import Film
from simpsons.project import selection

from .conftest import held, room, write_film


@pytest.fixture
def shots(tmp_path):
    """The shots of a film of these frames."""

    def shots(frames, **settings):
        with Film(write_film(tmp_path / "film.mp4", frames)) as film:
            return list(selection.shots(film, **settings))

    return shots


def blurred(pixels):
    sums = sum(np.roll(pixels.astype(int), (y, x), (0, 1)) for x in range(9) for y in range(9))
    return (sums // 81).astype(np.uint8)


def test_the_sharpest_of_frames_that_are_looked_at(shots):
    drawing = room(1, (40, 40))
    soft = (0.7 * drawing + 0.3 * blurred(drawing)).astype(np.uint8)
    [shot] = shots([*[soft] * 5, *[drawing] * 5, *[soft] * 5])
    assert [picture.time for picture in shot.pictures] == pytest.approx([0.2])


def test_a_fast_movement_is_left_out(shots):
    frames = held(room(1, (40, 40)), blurred(room(1, (110, 60))), frames=6)
    [shot] = shots(frames)
    assert len(shot.pictures) == 1
    assert shot.left_out == {"blurred": 1}


def test_plain_frames_are_left_out(shots):
    black, white = np.zeros((96, 160, 3), np.uint8), np.full((96, 160, 3), 250, np.uint8)
    first, second, third, *_ = shots(held(black, room(1, (40, 40)), white, frames=12))
    assert (first.pictures, third.pictures) == ((), ())
    assert first.left_out["flat"] == 3
    assert len(second.pictures) == 1


@pytest.mark.parametrize("length", [6, 12, 20])
def test_what_dissolves_is_left_out(shots, length):
    one, other = room(1, (40, 40)), room(2, (110, 60))
    shares = (np.arange(length) + 1) / (length + 1)
    between = [((1 - share) * one + share * other).astype(np.uint8) for share in shares]
    found = shots([*[one] * 12, *between, *[other] * 12])
    pure = [one, other]
    pictures = [picture for shot in found for picture in shot.pictures]
    assert len(pictures) == 2
    for picture, drawing in zip(pictures, pure, strict=True):
        assert np.abs(picture.pixels.astype(int) - drawing).mean() < 12


@pytest.mark.parametrize("length", [25, 50])
def test_a_slow_dissolve_is_between_two_shots(shots, length):
    one, other = room(1, (40, 40)), room(2, (110, 60))
    shares = (np.arange(length) + 1) / (length + 1)
    between = [((1 - share) * one + share * other).astype(np.uint8) for share in shares]
    first, second = shots([*[one] * 12, *between, *[other] * 12], per_shot=1)
    assert (first.number, second.number) == (0, 1)
    for shot, drawing in ((first, one), (second, other)):
        [picture] = shot.pictures
        assert np.abs(picture.pixels.astype(int) - drawing).mean() < 12


def test_what_moves_is_no_mixture():
    wide = room(1).repeat(2, axis=1)
    light = (wide @ np.float32((0.299, 0.587, 0.114))).astype(np.float32)
    for step in (2, 5, 10, 30):
        before, now, after = (light[:, at : at + 160] for at in (0, step, 2 * step))
        assert not selection.is_mixture(before, now, after)
    assert selection.is_mixture(
        light[:, :160], (light[:, :160] + light[:, 50:210]) / 2, light[:, 50:210]
    )


def test_a_shot_gives_the_same_frames_wherever_it_is(shots):
    shot = held(*(room(1, (x, 40)) for x in (40, 80, 120)), frames=5)
    for before in (11, 12, 13, 14):
        *_, last = shots([*[room(2)] * before, *shot])
        times = [picture.time - before / 25 for picture in last.pictures]
        assert times == pytest.approx([0, 0.2, 0.4])


def test_shots_that_are_done_are_passed_over(shots):
    frames = held(*(room(seed, (40, 40)) for seed in range(4)), frames=12)
    whole = shots(frames)
    rest = shots(frames, done=2)
    assert [shot.number for shot in whole] == [0, 1, 2, 3]
    assert [shot.number for shot in rest] == [2, 3]
    np.testing.assert_array_equal(rest[0].pictures[0].pixels, whole[2].pictures[0].pixels)


def test_sharpness_and_flatness_of_tiny_pictures():
    assert selection.sharpness(np.zeros((2, 2, 3), np.uint8)) == 0
    assert selection.is_flat(np.zeros((1, 1, 3), np.uint8))


@pytest.fixture
def without_collection():
    """No collection of garbage, so that what is alive is what somebody holds."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def alive():
    return sum(isinstance(each, av.VideoFrame) for each in gc.get_objects())


@pytest.mark.usefixtures("without_collection")
def test_frames_are_let_go_when_their_shot_is_over(tmp_path):
    rooms = [room(seed, (40, 40)) for seed in range(12)]
    path = write_film(tmp_path / "film.mp4", held(*rooms, frames=15))
    with Film(path) as film:
        counts = [alive() for _ in selection.shots(film)]
    assert len(counts) == 12
    assert max(counts) < 15  # those of a shot, the samples beside it, and what the decoder has
