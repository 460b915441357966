"""Several films together."""

import pytest

from simpsons.films import Interval, Timeline, Total, Totals


def film(duration, *intervals):
    made = tuple(Interval(start, end, who, 0.9) for start, end, who in intervals)
    return Timeline(
        film="film.mp4",
        duration=duration,
        rate=5.0,
        minimum=0.5,
        shortest=0.5,
        intervals=made,
        cuts=(),
        tracks=(),
        thumbnails={},
        problem=None,
    )


@pytest.fixture
def totals():
    added = Totals()
    added.add(
        film(60.0, (0, 4, "marge_simpson"), (2, 8, "homer_simpson"), (50, 53, "marge_simpson"))
    )
    added.add(film(40.0, (0, 1.5, "bart_simpson"), (0, 2, "marge_simpson")))
    added.add(film(20.0))
    return added


def test_rows(totals):
    assert totals.duration == 120
    assert totals.rows() == [
        Total("marge_simpson", 9.0, pytest.approx(9 / 120), 2),
        Total("homer_simpson", 6.0, pytest.approx(6 / 120), 1),
        Total("bart_simpson", 1.5, pytest.approx(1.5 / 120), 1),
    ]


def test_csv(totals):
    assert totals.to_csv().splitlines()[:2] == [
        "character,seconds,share,films",
        "marge_simpson,9.000,0.0750,2",
    ]


def test_json(totals):
    written = totals.to_json()
    assert written["duration"] == 120
    assert written["characters"][0] == {
        "character": "marge_simpson",
        "name": "Marge Simpson",
        "seconds": 9.0,
        "share": 0.075,
        "films": 2,
    }


def test_no_film():
    assert Totals().rows() == []
    assert Totals().to_csv() == "character,seconds,share,films\n"
