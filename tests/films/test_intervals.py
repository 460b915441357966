"""From tracks to intervals."""

import numpy as np
import pytest

from simpsons.films.intervals import Interval, joined, of_shot, seconds_of
from simpsons.films.tracks import Track


def track(start, end, label, probability=0.9):
    return Track(start, end, label, probability, np.empty(0), None)


def summary(intervals):
    return [(each.start, each.end, each.label) for each in intervals]


def test_characters_overlap_and_strangers_have_none():
    tracks = track(0, 3, "b"), track(1, 2, None), track(0, 4, "a")
    found = of_shot(tracks, 0.5)
    assert summary(found) == [(0, 4, "a"), (0, 3, "b")]


def test_tracks_of_one_character_with_a_gap_are_one():
    [interval] = of_shot([track(0, 1, "a", 0.6), track(1.8, 2.8, "a", 0.8)], 0.5)
    assert interval == Interval(0, 2.8, "a", pytest.approx(0.7))
    assert len(of_shot([track(0, 1, "a"), track(2.2, 3, "a")], 0.5)) == 2


def test_the_shortest_length_is_of_all_tracks_of_a_character():
    parts = track(0, 0.3, "a"), track(0.5, 0.8, "a"), track(0, 0.4, "b")
    assert summary(of_shot(parts, 0.5)) == [(0, 0.8, "a")]


def test_intervals_that_touch_are_joined():
    parts = [
        Interval(0, 3, "a", 0.9),
        Interval(2, 5, "b", 0.7),
        Interval(3, 4, "a", 0.5),
        Interval(6, 7, "b", 0.7),
    ]
    assert joined(parts) == [Interval(0, 4, "a", pytest.approx(0.8)), parts[1], parts[3]]


def test_one_inside_another():
    assert summary(joined([Interval(0, 5, "a", 0.9), Interval(1, 2, "a", 0.9)])) == [(0, 5, "a")]


def test_seconds_of_each_character():
    parts = [Interval(0, 3, "a", 0.9), Interval(2, 7, "b", 0.7), Interval(8, 9, "a", 0.9)]
    assert list(seconds_of(parts).items()) == [("b", 5), ("a", 4)]
