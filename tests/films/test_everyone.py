"""Everyone on screen: several at once, strangers, drop-outs, cuts. The films are of squares."""

import pytest

LEFT, RIGHT = (40, 48), (120, 48)


def summary(found):
    return [
        (round(each.start, 2), round(each.end, 2), each.label.split("_")[0])
        for each in found.intervals
    ]


def names(found):
    return [None if track.label is None else track.label.split("_")[0] for track in found.tracks]


def test_two_at_once_and_one_leaves(read, seconds):
    both = seconds(2, homer_simpson=LEFT, marge_simpson=RIGHT)
    found = read(both + seconds(2, marge_simpson=RIGHT))
    assert summary(found) == [(0.0, 1.9, "homer"), (0.0, 4.0, "marge")]
    assert [each.probability for each in found.intervals] == pytest.approx([0.9, 0.9])
    assert set(found.thumbnails) == {"homer_simpson", "marge_simpson"}
    assert found.thumbnails["homer_simpson"].shape == (64, 64, 3)


def test_a_stranger_has_a_track_and_no_name(read, seconds):
    found = read(seconds(2, homer_simpson=LEFT, stranger=RIGHT))
    assert summary(found) == [(0.0, 2.0, "homer")]
    assert sorted(names(found), key=str) == [None, "homer"]
    assert set(found.thumbnails) == {"homer_simpson"}


def test_one_odd_frame_changes_no_name(read, seconds):
    before, odd = seconds(1.2, homer_simpson=LEFT), seconds(0.2, marge_simpson=LEFT)
    found = read(before + odd + before)
    assert summary(found) == [(0.0, 2.6, "homer")]
    assert names(found) == ["homer"]


def test_a_face_that_is_missed_for_a_while_is_still_there(read, seconds):
    there = seconds(1.2, homer_simpson=LEFT, marge_simpson=RIGHT)
    found = read(there + seconds(0.6, marge_simpson=RIGHT) + there)
    assert summary(found) == [(0.0, 3.0, "homer"), (0.0, 3.0, "marge")]
    assert len(found.tracks) == 2
    found = read(there + seconds(1.6, marge_simpson=RIGHT) + there)
    assert [each[2] for each in summary(found)] == ["homer", "marge", "homer"]


def test_faces_that_move_and_pass_each_other_keep_their_names(read, seconds):
    frames = [
        seconds(0.04, homer_simpson=(16 + step, 30), marge_simpson=(144 - step, 66))[0]
        for step in range(128)
    ]
    found = read(frames)
    assert summary(found) == [(0.0, 5.12, "homer"), (0.0, 5.12, "marge")]
    for track in found.tracks:
        first, last = (track.box(time) for time in (0.0, 5.0))
        assert track.label == ("homer_simpson" if first[0] < last[0] else "marge_simpson")


def test_a_cut_ends_every_track(read, seconds):
    one = seconds(2, "light", homer_simpson=LEFT)
    found = read(one + seconds(2, "dark", homer_simpson=LEFT))
    assert found.cuts == (2.0,)
    assert [(track.start, track.end) for track in found.tracks] == [(0.0, 2.0), (2.0, 4.0)]
    assert summary(found) == [(0.0, 4.0, "homer")]


def test_a_change_in_one_place_without_a_cut(read, seconds):
    found = read(seconds(4, homer_simpson=LEFT) + seconds(4, marge_simpson=LEFT))
    assert found.cuts == ()
    assert summary(found) == [(0.0, 3.9, "homer"), (3.9, 8.0, "marge")]


def test_nobody_is_on_screen_for_less_than_the_shortest_length(read, seconds):
    alone = seconds(1, homer_simpson=LEFT)
    frames = alone + seconds(0.32, homer_simpson=LEFT, marge_simpson=RIGHT) + alone
    assert summary(read(frames)) == [(0.0, 2.32, "homer")]
    assert names(read(frames)) == ["homer"]
    assert [each[2] for each in summary(read(frames, shortest=0))] == ["homer", "marge"]


def test_a_shot_shorter_than_the_shortest_length_has_its_characters(read, seconds):
    shots = [
        ("light", "homer_simpson", 1),
        ("dark", "marge_simpson", 0.48),
        ("light", "lisa_simpson", 1),
    ]
    frames = [one for where, who, length in shots for one in seconds(length, where, **{who: LEFT})]
    found = read(frames)
    assert summary(found) == [(0.0, 1.0, "homer"), (1.0, 1.48, "marge"), (1.48, 2.48, "lisa")]


def test_a_frame_without_a_face_is_named_as_a_whole_if_that_is_sure(read, seconds, squares):
    back = seconds(2, "homers_back")
    found = read(back)
    assert summary(found) == [(0.0, 2.0, "homer")]
    assert [track.boxes for track in found.tracks] == [None]
    assert summary(read(back, squares(probability=0.8))) == []
    assert summary(read(back, squares(familiarity=0.9))) == []
    beside_a_face = read(seconds(2, "homers_back", marge_simpson=RIGHT))
    assert summary(beside_a_face) == [(0.0, 2.0, "marge")]


def test_two_of_one_name_are_one_interval(read, seconds):
    turned = seconds(1, homer_simpson=LEFT) + seconds(1, homer_simpson=RIGHT)
    found = read(turned)
    assert summary(found) == [(0.0, 2.0, "homer")]
    assert len(found.tracks) == 2


def test_a_mean_probability_below_the_minimum_is_no_name(read, seconds, squares):
    frames = seconds(2, homer_simpson=LEFT)
    assert summary(read(frames, squares(probability=0.6), minimum=0.7)) == []
    assert summary(read(frames, squares(probability=0.8), minimum=0.7)) == [(0.0, 2.0, "homer")]


def test_faces_that_are_hardly_one_go_on_with_a_track_but_make_none(read, seconds, squares):
    frames = [
        one
        for step in range(10)
        for one in seconds(0.2, homer_simpson=(40 + step, 48), stranger=(120 - step, 48))
    ]
    assert read(frames, squares(scores=(0.22,))).tracks == ()
    found = read(frames, squares(scores=(0.22, 0.5, 0.22)))
    assert summary(found) == [(0.0, 2.0, "homer")]
    assert sorted(names(found), key=str) == [None, "homer"]


def test_a_track_needs_more_familiarity_than_a_picture(read, seconds, squares):
    frames = seconds(2, homer_simpson=LEFT)
    found = read(frames, squares(familiarity=0.1))
    assert (summary(found), names(found)) == ([], [None])
    assert summary(read(frames, squares(familiarity=0.3))) == [(0.0, 2.0, "homer")]


def test_a_picture_that_is_held_is_looked_at_once(read, seconds, squares):
    detector = squares()
    alone, both = (
        seconds(2, homer_simpson=LEFT),
        seconds(2, homer_simpson=LEFT, marge_simpson=RIGHT),
    )
    found = read(alone + both, detector)
    assert found.cuts == ()
    assert len(detector.looked_at) == 2
    assert summary(found) == [(0.0, 4.0, "homer"), (1.9, 4.0, "marge")]
    homer, _ = found.tracks
    assert len(homer.times) == 20


def test_every_third_frame_and_the_first_of_a_shot_are_looked_at_more_closely(
    read, seconds, squares
):
    detector = squares(sides=(80, 160))
    shots = [
        one
        for background in ("light", "dark")
        for step in range(7)
        for one in seconds(0.2, background, homer_simpson=(40 + 4 * step, 48))
    ]
    found = read(shots, detector)
    assert found.cuts == (1.4,)
    assert detector.looked_at == 2 * [160, 80, 80, 160, 80, 80, 160]
    assert summary(found) == [(0.0, 2.8, "homer")]
