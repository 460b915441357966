"""Which names stand under the picture when."""

from itertools import pairwise

from simpsons.films import Interval
from simpsons.films.subtitles import Cue, cues

HOMER, MARGE, LISA = "Homer Simpson", "Marge Simpson", "Lisa Simpson"


def shown(*intervals, shortest=0.5, end=20.0):
    made = [Interval(start, end, f"{who}_simpson", 0.9) for start, end, who in intervals]
    return [(cue.start, cue.end, cue.names) for cue in cues(made, shortest, end)]


def test_a_cue_has_all_who_are_on_screen_in_the_order_of_their_appearance():
    assert shown((0, 6, "marge"), (2, 4, "homer")) == [
        (0, 2, (MARGE,)),
        (2, 4, (MARGE, HOMER)),
        (4, 6, (MARGE,)),
    ]


def test_none_where_nobody_is():
    assert shown((0, 2, "homer"), (5, 6, "homer")) == [(0, 2, (HOMER,)), (5, 6, (HOMER,))]
    assert shown() == []


def test_a_change_that_lasts_too_short_a_time_is_not_shown():
    assert shown((0, 2.2, "homer"), (2, 4, "marge")) == [(0, 2.2, (HOMER,)), (2.2, 4, (MARGE,))]
    assert shown((0, 6, "homer"), (2, 4, "marge"), (4.25, 6, "marge")) == [
        (0, 2, (HOMER,)),
        (2, 6, (HOMER, MARGE)),
    ]


def test_names_that_are_all_there_too_shortly_are_shown_together():
    crowd = (0, 0.5, "homer"), (0.25, 0.75, "marge"), (0.375, 0.875, "lisa")
    [(start, end, names)] = shown(*crowd)
    assert (start, end, set(names)) == (0, 0.875, {HOMER, MARGE, LISA})


def test_a_cue_of_a_short_shot_lasts_for_longer_where_there_is_room():
    assert shown((0, 2, "homer"), (4, 4.25, "marge")) == [(0, 2, (HOMER,)), (4, 4.5, (MARGE,))]
    assert shown((19.75, 20, "marge")) == [(19.5, 20, (MARGE,))]
    assert shown((0, 0.25, "marge"), end=0.25) == [(0, 0.25, (MARGE,))]
    assert shown((1, 1.25, "homer"), (1.375, 4, "marge")) == [
        (0.875, 1.375, (HOMER,)),
        (1.375, 4, (MARGE,)),
    ]


def test_no_cue_is_too_short_and_none_overlap():
    steps = [
        (second / 8, second / 8 + 0.3, who) for second in range(0, 80, 3) for who in ("homer",)
    ]
    steps += [(second / 8, second / 8 + 0.7, "marge") for second in range(0, 80, 7)]
    found = shown(*sorted(steps))
    assert all(end - start >= 0.5 - 1e-6 for start, end, _ in found)
    assert all(one[1] <= other[0] for one, other in pairwise(found))


def test_length():
    assert Cue(1.0, 2.5, (HOMER,)).length == 1.5
