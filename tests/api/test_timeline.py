"""`simpsons.timeline` from Python: files for each film, and what can't be read."""

import pytest

import simpsons
from simpsons import SimpsonsError
from simpsons.films import FilmError
from tests.films.conftest import picture, write_film


@pytest.fixture
def film(tmp_path):
    path = tmp_path / "film.mp4"
    write_film(path, [picture()] * 25)
    return path


def test_of_several_films_one_that_cant_be_read_has_no_time_line(film, tmp_path):
    (tmp_path / "notes.txt").write_text("not a film")
    told = []
    found = simpsons.timeline(
        [film, tmp_path / "notes.txt"], out=tmp_path / "out", rate=2, watch=told.append
    )
    assert told == list(found.answers)
    good, bad = found.answers
    assert good.timeline.duration == pytest.approx(1, abs=0.1)
    assert {path.name for path in good.files} >= {"timeline.csv", "timeline.json", "timeline.png"}
    assert bad.timeline is None
    assert "notes.txt" in bad.problems[0]
    assert (tmp_path / "out" / "totals.csv").is_file()


def test_the_only_film_raises_what_is_wrong_with_it(tmp_path):
    (tmp_path / "notes.txt").write_text("not a film")
    with pytest.raises(FilmError, match=r"notes\.txt"):
        simpsons.timeline(tmp_path / "notes.txt")


def test_wrong_settings_are_said_before_a_film_is_read(film, tmp_path):
    with pytest.raises(SimpsonsError, match="rate"):
        simpsons.timeline(film, rate=0)
    with pytest.raises(SimpsonsError, match="is a file"):
        simpsons.timeline(film, out=film)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["film.mp4"]
