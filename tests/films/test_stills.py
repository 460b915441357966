import numpy as np
import pytest

from simpsons import films
from simpsons.pixels import images

from .conftest import COLOURS, HEIGHT, WIDTH, write_film


@pytest.fixture
def read_here(squares, tmp_path):
    """Read a film of these frames that stays where it is."""

    def read(frames, **settings):
        path = write_film(tmp_path / "episode.mp4", frames)
        return films.read(path, squares(), **settings)

    return read


def colours_of(path):
    pixels = images.decode(path)
    assert pixels.shape == (HEIGHT, WIDTH, 3)
    return {
        name
        for name, colour in COLOURS.items()
        if (np.abs(pixels.astype(int) - colour) < 60).all(axis=2).sum() > 200
    }


def test_each_interval_has_a_picture_for_each_of_its_shots(read_here, seconds, tmp_path):
    frames = [
        *seconds(1, "light", homer_simpson=(40, 40)),
        *seconds(1, "dark", homer_simpson=(40, 40), marge_simpson=(100, 50)),
        *seconds(1, "light", stranger=(60, 60)),
    ]
    found = read_here(frames)
    assert len(found.intervals) == 2
    written = films.write_stills(tmp_path / "out", found)
    names = sorted(path.relative_to(tmp_path / "out").as_posix() for path in written)
    assert [name.partition("/")[0] for name in names] == [
        "homer_simpson",
        "homer_simpson",
        "marge_simpson",
    ]
    assert all(name.partition("/")[2].startswith("episode_00h00m0") for name in names)
    for path in written:
        assert path.parent.name in colours_of(path)
    assert colours_of(tmp_path / "out" / names[0]) == {"homer_simpson"}


def test_a_picture_is_of_the_middle(read_here, seconds, tmp_path):
    frames = [
        *seconds(1, homer_simpson=(30, 40)),
        *seconds(1, homer_simpson=(36, 46), lisa_simpson=(110, 50)),
        *seconds(1, homer_simpson=(42, 52)),
    ]
    [path, *_] = [
        path
        for path in films.write_stills(tmp_path / "out", read_here(frames), "another name")
        if path.parent.name == "homer_simpson"
    ]
    assert path.name.startswith("another name_00h00m01.")
    assert colours_of(path) == {"homer_simpson", "lisa_simpson"}


def test_without_an_interval_there_is_no_picture(read_here, seconds, tmp_path):
    assert films.write_stills(tmp_path / "out", read_here(seconds(1))) == []
    assert not (tmp_path / "out").exists()
