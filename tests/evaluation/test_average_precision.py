"""The figures are COCO's: known cases, and agreement with a few lines of our own."""

import numpy as np
import pytest

from simpsons.evaluation.average_precision import Scene, average_precision
from simpsons.evaluation.overlap import area, covered, iou

FACE, OTHER = (10, 10, 30, 30), (50, 10, 70, 30)


def scene(true=(), found=(), scores=(), ignored=()):
    return Scene(true, ignored, found, scores)


def test_all_found_and_nothing_else_is_one(capfd):
    perfect = average_precision([scene([FACE, OTHER], [OTHER, FACE], [0.9, 0.4])])
    assert perfect == pytest.approx((1, 1))
    assert capfd.readouterr().out == ""


def test_nothing_found_is_zero_and_nothing_to_find_is_none():
    assert average_precision([scene([FACE])]) == (0, 0)
    assert average_precision([scene(found=[FACE], scores=[0.9])]) == (None, None)
    assert average_precision([]) == (None, None)
    assert average_precision([scene(ignored=[FACE])]) == (None, None)


def test_a_false_face_costs_more_the_surer_it_is():
    pictures = [scene([FACE], [FACE, OTHER], [0.5, score]) for score in (0.4, 0.9)]
    unsure, sure = (average_precision([one]).at_50 for one in pictures)
    assert unsure == pytest.approx(1)
    assert sure == pytest.approx(0.5)


def test_a_second_box_on_one_face_is_false():
    twice = [FACE, (10, 10, 30, 29)]
    assert average_precision([scene([FACE], twice, [0.5, 0.9])]).at_50 == pytest.approx(1)
    two = [scene([FACE, OTHER], [*twice, OTHER], [0.9, 0.8, 0.7])]
    assert average_precision(two).at_50 == pytest.approx(0.5 + 0.5 * 2 / 3, abs=0.01)


def test_a_loose_box_counts_at_half_and_not_above():
    loose = average_precision([scene([FACE], [(10, 10, 30, 22)], [0.9])])
    assert iou([FACE], [(10, 10, 30, 22)]) == pytest.approx(0.6)
    assert loose.at_50 == pytest.approx(1)
    assert loose.mean == pytest.approx(0.3)  # at 0.5, 0.55 and 0.6 of ten


def test_what_lies_in_an_ignored_region_counts_for_nothing():
    crowd = (40, 0, 100, 60)
    found = [FACE, OTHER, (41, 1, 50, 10)]
    judged = average_precision([scene([FACE], found, [0.5, 0.9, 0.8], [crowd])])
    assert judged == pytest.approx((1, 1))


def test_a_crowd_counts_whole():
    row = [(20.0 * place, 0, 20.0 * place + 10, 10) for place in range(200)]
    assert average_precision([scene(row, row, np.linspace(1, 0.1, 200))]).at_50 == pytest.approx(1)


def test_agreement_with_the_definition():
    rng = np.random.default_rng(0)
    scenes = []
    for _ in range(30):
        corners = rng.uniform(0, 80, (3, 2))
        true = np.hstack([corners, corners + 20])
        found = np.vstack([true + rng.normal(0, 3, true.shape), rng.uniform(0, 50, (2, 4))])
        found[3:, 2:] = found[3:, :2] + 20
        scenes.append(scene(true, found, rng.random(5)))
    hits, scores = [], []
    for one in scenes:
        free = np.ones(3, bool)
        for place in np.argsort(-one.scores):
            overlap = np.where(free, iou(one.found[place], one.true)[0], 0)
            hits.append(overlap.max() >= 0.5)
            free[overlap.argmax()] &= not hits[-1]
            scores.append(one.scores[place])
    right = np.cumsum(np.array(hits)[np.argsort(-np.array(scores), kind="stable")])
    precision = np.maximum.accumulate((right / np.arange(1, len(right) + 1))[::-1])[::-1]
    wanted = np.searchsorted(right / 90, np.linspace(0, 1, 101))
    expected = np.append(precision, 0)[np.minimum(wanted, len(precision))].mean()
    assert average_precision(scenes).at_50 == pytest.approx(expected, abs=1e-6)


def test_overlaps():
    assert iou([FACE], [FACE, OTHER, (20, 10, 40, 30)])[0] == pytest.approx([1, 0, 1 / 3])
    assert covered([FACE], [(0, 0, 20, 100)]) == pytest.approx(0.5)
    assert iou([], [FACE]).shape == (0, 1)
    assert area([FACE, (5, 5, 5, 9)]) == pytest.approx([400, 0])
