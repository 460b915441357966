"""Films whose timestamps start anew, jump, wrap or are missing."""

import pytest

from simpsons import films

RED_BLUE = [(0, "red"), (1, "blue")]


def joined(target, *parts):
    target.write_bytes(b"".join(part.read_bytes() for part in parts))
    return target


@pytest.mark.parametrize(
    ("kind", "codec", "sound", "coding"),
    [
        ("ts", "libx264", None, None),
        ("ts", "libx264", "aac", {"bf": "3"}),
        ("mpg", "mpeg2video", "mp2", {"bf": "2"}),
        ("vob", "mpeg2video", "ac3", None),
        ("mkv", "libx264", None, {"bf": "3"}),
    ],
)
def test_a_film_joined_of_parts_is_as_long_as_they_are(
    hues, changes, tmp_path, kind, codec, sound, coding
):
    part = hues(tmp_path / f"part.{kind}", codec=codec, sound=sound, coding=coding)
    count = 2 if kind == "mkv" else 3  # FFmpeg reads no further part of an MKV
    whole = joined(tmp_path / f"whole.{kind}", *[part] * count)
    found = changes(whole)
    late = found[0][0].expected  # sound may begin a little sooner than the pictures
    assert late < 0.03
    assert found == [
        *((second + late, ("red", "blue")[second % 2]) for second in range(2 * count)),
        (2 * count + late, "end"),
    ]


def test_who_is_seen_when_in_parts_whose_clocks_have_nothing_in_common(
    seconds, squares, tmp_path, frames_as_ts
):
    parts = [
        frames_as_ts(tmp_path / "a.ts", seconds(2, homer_simpson=(80, 48)), 90_000),
        frames_as_ts(tmp_path / "b.ts", seconds(2, marge_simpson=(80, 48)), 0),
        frames_as_ts(tmp_path / "c.ts", seconds(2, lisa_simpson=(80, 48)), 2_000),
    ]
    found = films.read(joined(tmp_path / "whole.ts", *parts), squares())
    assert [each.label for each in found.intervals] == [
        "homer_simpson",
        "marge_simpson",
        "lisa_simpson",
    ]
    spans = [(each.start, each.end) for each in found.intervals]
    assert spans == [pytest.approx((start, start + 2), abs=0.15) for start in (0, 2, 4)]
    assert found.duration == pytest.approx(6, abs=0.05)
    assert found.problem is None


@pytest.mark.parametrize(
    ("kind", "codec"),
    [("ts", "libx264"), ("mpg", "mpeg2video"), ("flv", "libx264"), ("mkv", "libx264")],
)
def test_a_jump_of_an_hour_lasts_no_time(hues, changes, tmp_path, kind, codec):
    stamps = [*range(25), *range(90_000, 90_025)]
    film = hues(tmp_path / f"film.{kind}", codec=codec, stamps=stamps)
    assert changes(film) == [*RED_BLUE, (2, "end")]


def test_an_mp4_says_how_long_each_frame_is_shown(hues, changes, tmp_path):
    stamps = [*range(25), *range(90_000, 90_025)]
    assert changes(hues(tmp_path / "film.mp4", stamps=stamps)) == [
        (0, "red"),
        (3600, "blue"),
        (3601, "end"),
    ]


def test_pictures_that_stand_still_while_the_sound_goes_on_have_not_jumped(hues, changes, tmp_path):
    stamps = [0, *range(500, 549)]
    film = hues(tmp_path / "film.ts", stamps=stamps, sound=None)
    assert changes(film)[-1] == (2, "end")
    film = hues(tmp_path / "sound.ts", ("red",) * 12 + ("blue",), sound="aac", hold=12)
    assert changes(film)[-2:] == [(12.02, "blue"), (13.02, "end")]


@pytest.mark.parametrize(("before", "step"), [(10, 1), (1600, 40)])
def test_a_counter_that_wraps(hues, changes, tmp_path, before, step):
    """33 bits of 1/90,000 s, as MPEG has them: after 26.5 hours."""
    start = 2**33 * 25 // 90_000 - before
    stamps = [start + step * number for number in range(50)]
    film = hues(tmp_path / "film.ts", stamps=stamps)
    assert changes(film)[:2] == [(0, "red"), (step, "blue")]


@pytest.mark.parametrize(("kind", "codec"), [("h264", "libx264"), ("m2v", "mpeg2video")])
def test_without_timestamps_the_frame_rate_counts(hues, changes, tmp_path, kind, codec):
    name = {"h264": "h264", "m2v": "mpeg2video"}[kind]
    film = hues(tmp_path / f"film.{kind}", codec=codec, muxer=name, rate=24)
    assert changes(film) == [*RED_BLUE, (2, "end")]


def test_varying_frame_rate(hues, changes, tmp_path):
    stamps = [*range(0, 100, 4), *range(100, 125)]
    assert changes(hues(tmp_path / "film.mkv", stamps=stamps)) == [
        (0, "red"),
        (4, "blue"),
        (5, "end"),
    ]


def test_a_frame_that_stays_is_seen_for_as_long(seconds, squares, tmp_path, frames_as_ts):
    frames = seconds(0.04, homer_simpson=(80, 48)) + seconds(1, "dark", lisa_simpson=(80, 48))
    stamps = [0, *range(100, 125)]
    film = frames_as_ts(tmp_path / "film.ts", frames, stamps=stamps)
    found = films.read(film, squares())
    homer, lisa = found.intervals
    assert (homer.label, lisa.label) == ("homer_simpson", "lisa_simpson")
    assert (homer.start, homer.end, lisa.end) == pytest.approx((0, 4, 5), abs=0.05)


def test_the_next_part_waits_for_the_sound_of_the_one_before(hues, changes, tmp_path):
    part = hues(tmp_path / "part.ts", sound="aac", late=3.0)
    assert changes(joined(tmp_path / "whole.ts", part, part)) == [
        *[(0, "red"), (1, "blue")],
        *[(5.02, "red"), (6.02, "blue")],
        (7.02, "end"),
    ]
