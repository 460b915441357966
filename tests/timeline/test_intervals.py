"""Averaging inside a shot, and what becomes an interval."""

import numpy as np
import pytest

from simpsons.timeline.intervals import WINDOW, Interval, averaged, joined, of_shot

LABELS = ("homer_simpson", "marge_simpson", "lisa_simpson")
HOMER, MARGE, NOBODY = (0.8, 0.1, 0.1), (0.1, 0.8, 0.1), (0.0, 0.0, 0.0)


def found(rows, start=10.0, rate=5.0, minimum=0.5):
    times = start + np.arange(len(rows)) / rate
    end = start + len(rows) / rate
    return of_shot(start, end, times, np.array(rows), LABELS, rate, minimum)


def summary(intervals):
    return [(each.start, each.end, each.label) for each in intervals]


def test_one_character_has_the_whole_shot():
    [interval] = found([HOMER] * 30)
    assert interval == Interval(10.0, 16.0, "homer_simpson", pytest.approx(0.8))
    assert interval.name == "Homer Simpson"


def test_a_few_frames_of_somebody_else_are_smoothed_away():
    [interval] = found([*[HOMER] * 10, *[MARGE] * 3, *[HOMER] * 10])
    assert (interval.start, interval.end) == (10.0, pytest.approx(14.6))
    assert interval.probability == pytest.approx((20 * 0.8 + 3 * 0.1) / 23)


def test_a_change_inside_a_shot_is_found_where_it_is():
    first, second = found([HOMER] * 30 + [MARGE] * 30)
    assert (first.label, second.label) == LABELS[:2]
    assert first.end == second.start == pytest.approx(15.9)


def test_a_shot_that_is_mostly_of_nobody_has_no_interval():
    assert found([HOMER, NOBODY, NOBODY]) == []
    assert found([NOBODY] * 30) == []
    assert len(found([HOMER, HOMER, HOMER, HOMER, NOBODY])) == 1


def test_nobody_for_a_part_of_a_shot():
    [interval] = found([*[NOBODY] * 30, *[MARGE] * 30])
    assert (interval.start, interval.end) == (pytest.approx(15.9, abs=0.3), 22.0)


def test_the_minimum_is_of_the_mean_probability():
    rows = [(0.6, 0.3, 0.1), (0.4, 0.5, 0.1)] * 3
    assert summary(found(rows, minimum=0.49)) == [(10.0, pytest.approx(11.2), "homer_simpson")]
    assert found(rows, minimum=0.51) == []


def test_the_average_looks_half_a_window_to_each_side():
    times, values = np.arange(0, 10, 0.25), np.random.default_rng(0).random((40, 3))
    expected = [values[np.abs(times - time) <= WINDOW / 2].mean(axis=0) for time in times]
    np.testing.assert_allclose(averaged(times, values), expected)


def test_intervals_that_touch_are_joined():
    parts = [
        Interval(0, 3, "a", 0.9),
        Interval(3, 4, "a", 0.5),
        Interval(4, 5, "b", 0.7),
        Interval(6, 7, "b", 0.7),
    ]
    assert joined(parts) == [Interval(0, 4, "a", pytest.approx(0.8)), *parts[2:]]
