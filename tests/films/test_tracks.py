"""Linking faces, averaging inside a track, and its names."""

import numpy as np
import pytest

from simpsons.films.tracks import GAP, WINDOW, Sighting, Track, averaged, linked, named

LABELS = ("homer_simpson", "marge_simpson", "lisa_simpson")
HOMER, MARGE, NOBODY = (0.8, 0.1, 0.1), (0.1, 0.8, 0.1), (0.0, 0.0, 0.0)
BOX = (0.4, 0.4, 0.6, 0.6)


def sightings(rows, start=10.0, rate=5.0, box=BOX):
    return [Sighting(start + number / rate, np.array(row), box) for number, row in enumerate(rows)]


def found(rows, minimum=0.5):
    return named(sightings(rows), 10.0, 10.0 + len(rows) / 5, LABELS, minimum)


def summary(tracks):
    return [(each.start, each.end, each.label) for each in tracks]


def test_one_character_has_the_whole_track():
    [track] = found([HOMER] * 30)
    assert track == Track(10.0, 16.0, "homer_simpson", pytest.approx(0.8), None, None)
    assert track.boxes.shape == (30, 4)


def test_a_few_frames_of_somebody_else_are_smoothed_away():
    [track] = found([*[HOMER] * 10, *[MARGE] * 3, *[HOMER] * 10])
    assert (track.start, track.end) == (10.0, pytest.approx(14.6))
    assert track.probability == pytest.approx((20 * 0.8 + 3 * 0.1) / 23)


def test_a_change_inside_a_track_is_found_where_it_is():
    first, second = found([HOMER] * 30 + [MARGE] * 30)
    assert (first.label, second.label) == LABELS[:2]
    assert first.end == second.start == pytest.approx(15.9)
    assert (len(first.times), len(second.boxes)) == (30, 30)


def test_a_face_that_is_mostly_nobodys_is_a_strangers():
    assert [track.label for track in found([HOMER, NOBODY, NOBODY])] == [None]
    assert found([NOBODY] * 30)[0].probability == 1
    assert [track.label for track in found([*[HOMER] * 4, NOBODY])] == ["homer_simpson"]


def test_a_stranger_for_a_part_of_a_track():
    stranger, marge = found([*[NOBODY] * 30, *[MARGE] * 30])
    assert (stranger.label, marge.label) == (None, "marge_simpson")
    assert (marge.start, marge.end) == (pytest.approx(15.9, abs=0.3), 22.0)


def test_the_minimum_is_of_the_mean_probability():
    rows = [(0.6, 0.3, 0.1), (0.4, 0.5, 0.1)] * 3
    assert summary(found(rows, minimum=0.49)) == [(10.0, pytest.approx(11.2), "homer_simpson")]
    assert summary(found(rows, minimum=0.51)) == [(10.0, pytest.approx(11.2), None)]


@pytest.mark.parametrize(
    ("familiarity", "label"),
    [((0.3, 0.3, 0.3), LABELS[0]), ((0.1, 0.1, 0.9), None), ((-9, 0.3, 0.3), LABELS[0])],
)
def test_a_name_needs_a_familiarity_above_the_threshold_in_most_frames(familiarity, label):
    seen = [
        one._replace(familiarity=value)
        for one, value in zip(sightings([HOMER] * 3), familiarity, strict=True)
    ]
    [track] = named(seen, 10.0, 10.6, LABELS)
    assert track.label == label


def test_the_average_looks_half_a_window_to_each_side():
    times, values = np.arange(0, 10, 0.25), np.random.default_rng(0).random((40, 3))
    expected = [values[np.abs(times - time) <= WINDOW / 2].mean(axis=0) for time in times]
    np.testing.assert_allclose(averaged(times, values), expected)


def test_a_box_between_two_frames_lies_on_the_line_and_stays_at_the_ends():
    ends = np.array([[0.0, 0.0, 0.2, 0.2], [0.4, 0.2, 0.6, 0.4]])
    track = Track(0.9, 3.1, None, 0.9, np.array([1.0, 3.0]), ends)
    assert track.box(1.5) == pytest.approx((0.1, 0.05, 0.3, 0.25))
    assert (track.box(0.9), track.box(3.1)) == (tuple(ends[0]), tuple(ends[1]))
    assert Track(0, 1, "homer_simpson", 0.9, np.zeros(1), None).box(0.5) is None


def frame(time, *faces):
    return [Sighting(time, np.array(row), box) for row, box in faces]


def moved(box, x, y=0.0):
    return box[0] + x, box[1] + y, box[2] + x, box[3] + y


def test_the_nearer_box_goes_on_whatever_the_order():
    left, right = (0.1, 0.4, 0.2, 0.6), (0.35, 0.4, 0.45, 0.6)
    one, other = linked(
        [
            frame(0.0, (HOMER, left), (HOMER, right)),
            frame(0.2, (HOMER, moved(right, 0.03)), (HOMER, moved(left, 0.03))),
        ]
    )
    assert [each.box for each in one] == [left, moved(left, 0.03)]
    assert [each.box for each in other] == [right, moved(right, 0.03)]


def test_of_two_that_overlap_the_name_tells_which_is_which():
    homer, marge = (0.4, 0.4, 0.6, 0.6), (0.44, 0.4, 0.64, 0.6)
    tracks = linked(
        [
            frame(0.0, (HOMER, homer), (MARGE, marge)),
            frame(0.2, (MARGE, homer), (HOMER, marge)),
        ]
    )
    assert [[int(np.argmax(each.probabilities)) for each in one] for one in tracks] == [
        [0, 0],
        [1, 1],
    ]


def test_a_face_far_away_or_of_another_size_is_another_one():
    assert len(linked([frame(0.0, (HOMER, BOX)), frame(0.2, (HOMER, moved(BOX, 0.35)))])) == 2
    assert len(linked([frame(0.0, (HOMER, BOX)), frame(0.2, (HOMER, (0.0, 0.0, 1.0, 1.0)))])) == 2


@pytest.mark.parametrize(("gap", "tracks"), [(GAP, 1), (GAP + 0.2, 2)])
def test_a_face_may_be_missed_for_a_while(gap, tracks):
    assert len(linked([frame(0.0, (HOMER, BOX)), [], frame(gap, (HOMER, BOX))])) == tracks


def test_whole_frames_are_a_track_of_their_own():
    assert len(linked([frame(0.0, (HOMER, None)), frame(0.2, (HOMER, BOX))])) == 2
    assert len(linked([frame(0.0, (HOMER, None)), frame(0.2, (HOMER, None))])) == 1
