"""`simpsons.predict` and `detect`: many pictures from Python, and what is written for each."""

import numpy as np
import pytest
from PIL import Image

import simpsons
from simpsons import Failure, SimpsonsError
from simpsons.demo.drawings import DOLLS, draw


@pytest.fixture
def folder(tmp_path):
    """Two drawn dolls and a file that is not a picture."""
    rng = np.random.default_rng(0)
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for number in range(2):
        draw(DOLLS[number], rng, 96, difficulty=0).save(pictures / f"{number}.png")
    (pictures / "broken.jpg").write_bytes(b"not a picture")
    return pictures


def test_a_folder_is_answered_in_order_and_what_cant_be_read_is_a_failure(folder):
    answers = list(simpsons.predict(folder, model="dolls"))
    assert [answer.path for answer in answers] == [
        str(folder / name) for name in ("0.png", "1.png", "broken.jpg")
    ]
    assert isinstance(answers[2], Failure)
    assert [answer.label for answer in answers[:2]] == [DOLLS[0].slug, DOLLS[1].slug]


def test_heat_maps_and_sorted_copies_are_written(folder, tmp_path):
    why, into = tmp_path / "why", tmp_path / "sorted"
    answers = list(simpsons.predict(folder, model="dolls", explain=why, sort_into=into))
    named = [answer for answer in answers if not isinstance(answer, Failure)]
    assert len(list(why.glob("*.png"))) == len(named) == 2
    assert sorted(path.name for path in into.glob("*/*")) == ["0.png", "1.png"]
    assert {path.parent.name for path in into.glob("*/*")} == {one.verdict for one in named}


def test_drawings_have_the_size_of_their_pictures(folder, tmp_path):
    answers = list(simpsons.detect(folder / "0.png", model="dolls", draw=tmp_path / "drawn"))
    assert len(answers) == 1
    [drawn] = (tmp_path / "drawn").iterdir()
    with Image.open(drawn) as copy, Image.open(folder / "0.png") as picture:
        assert copy.size == picture.size


def test_wrong_options_are_said_before_any_picture_is_read(tmp_path):
    with pytest.raises(SimpsonsError, match="--link says how to sort"):
        simpsons.predict("missing", link=True)
    (tmp_path / "file").touch()
    with pytest.raises(SimpsonsError, match="explanations can't be written"):
        simpsons.predict("missing", explain=tmp_path / "file")
