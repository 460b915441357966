import numpy as np
import pytest

from simpsons.training import more_characters
from simpsons.training.memory import Memory

DIMENSIONS, PLACES = 12, 6


def at(place, count, rng, spread=0.4):
    """Features of somebody: near a place of one's own."""
    centre = np.zeros(DIMENSIONS)
    centre[place] = 4
    return (centre + spread * rng.normal(size=(count, DIMENSIONS))).astype(np.float32)


@pytest.fixture
def memory():
    """Of a network that knows whom is at the places 0 and 1; strangers are at 2 and 3."""
    rng = np.random.default_rng(0)
    return Memory(
        known=np.concatenate([at(0, 60, rng), at(1, 60, rng)]),
        held_out=np.concatenate([at(0, 300, rng), at(1, 300, rng)]),
        is_face=np.zeros(600, np.bool_),
        strangers=np.concatenate([at(2, 20, rng), at(3, 20, rng)]),
        stranger=np.repeat([0, 1], 20),
        centre=np.zeros(DIMENSIONS, np.float32),
        basis=np.eye(DIMENSIONS, dtype=np.float32),
        fingerprint="",
    )


NONE = np.empty((0, DIMENSIONS), np.float32)


def learnt(memory, places, strangers=NONE, known=NONE, held_out=NONE):
    rng = np.random.default_rng(1)
    features = np.concatenate([at(place, 40, rng) for place in places])
    labels = np.repeat(np.arange(len(places)), 40)
    return more_characters.fit(features, labels, memory, strangers, known, held_out)


def odds(layers, place, count=200):
    return more_characters.answered(layers, at(place, count, np.random.default_rng(2)))


def test_each_new_character_is_told_from_the_known_and_from_the_others(memory):
    layers = learnt(memory, [4, 5])
    for label, place in enumerate([4, 5]):
        found = odds(layers, place)
        assert (found.argmax(1) == label).mean() > 0.98
        assert (found.max(1) > 0).mean() > 0.98
    for place in (0, 1):
        assert (odds(layers, place) > 0).mean() < 0.02


def test_hardly_any_held_out_picture_gets_a_new_name(memory):
    rng = np.random.default_rng(3)
    hard = np.concatenate([memory.held_out, at(4, 60, rng)])  # a tenth looks new
    for is_face in (np.zeros(660, np.bool_), np.arange(660) >= 400):
        like_new = Memory(**{**vars(memory), "held_out": hard, "is_face": is_face})
        given = more_characters.answered(learnt(like_new, [4]), hard).max(1) > 0
        assert given[is_face].sum() <= more_characters.LOST * is_face.sum()
        assert given[~is_face].sum() <= more_characters.LOST * (~is_face).sum()


def test_held_out_pictures_of_the_data_count_too(memory):
    hard = at(4, 300, np.random.default_rng(3))
    layers = learnt(memory, [4], held_out=hard)
    assert (more_characters.answered(layers, hard) > 0).mean() < 0.1


def test_strangers_are_not_taken_for_the_new(memory):
    layers = learnt(memory, [4])
    assert (odds(layers, 2) > 0).mean() < 0.1 or (odds(layers, 3) > 0).mean() < 0.1
    strangers = at(6, 40, np.random.default_rng(4))
    assert (odds(learnt(memory, [4], strangers=strangers), 6) > 0).mean() < 0.05


def test_a_new_character_may_be_one_of_the_strangers_of_the_memory(memory):
    assert (odds(learnt(memory, [2]), 2) > 0).mean() > 0.98


def test_pictures_of_those_it_knows_help(memory):
    other_look = at(7, 40, np.random.default_rng(5))  # of somebody known
    layers = learnt(memory, [4], known=other_look)
    assert (odds(layers, 7) > 0).mean() < 0.05


def test_the_layers_take_features_as_they_are(memory):
    rng = np.random.default_rng(6)
    basis = np.linalg.qr(rng.normal(size=(DIMENSIONS, DIMENSIONS)))[0].astype(np.float32)
    centre = rng.normal(size=DIMENSIONS).astype(np.float32)
    turned = Memory(
        **{
            **vars(memory),
            "basis": basis,
            "centre": centre,
            **{
                name: ((getattr(memory, name) - centre) @ basis)
                for name in ("known", "held_out", "strangers")
            },
        }
    )
    layers = learnt(turned, [4])
    assert layers[0].weight.shape == (DIMENSIONS, more_characters.WIDTH * more_characters.NETWORKS)
    assert (odds(layers, 4) > 0).mean() > 0.98
    assert (odds(layers, 0) > 0).mean() < 0.02


def test_the_same_seed_gives_the_same_layers(memory):
    one, two = learnt(memory, [4]), learnt(memory, [4])
    for first, second in zip(one, two, strict=True):
        np.testing.assert_array_equal(first.weight, second.weight)
        np.testing.assert_array_equal(first.bias, second.bias)
