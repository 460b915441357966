"""What users hand to `predict_all` and its twins: folders, patterns, single pictures."""

import errno
import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from simpsons import Classifier, Detector, Failure, Prediction, Predictor
from simpsons.errors import DataError
from simpsons.pixels import images
from simpsons.pixels.picture_files import each

RED, BLUE = (250, 10, 10), (10, 10, 250)


@pytest.fixture
def folder(tmp_path):
    """Three pictures, one of them deeper, a note, and what must not be looked at."""
    root = tmp_path / "frames"
    for name, colour in (("b.png", RED), ("a.jpg", BLUE), ("deeper/c.png", RED)):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (80, 70), colour).save(root / name)
    (root / "note.txt").write_text("no picture")
    (root / ".hidden.png").write_bytes(b"")
    (root / "__MACOSX").mkdir()
    (root / "__MACOSX" / "d.png").write_bytes(b"")
    return root


@pytest.fixture(scope="module")
def ways(spot_names, spots):
    """The functions that take any number of pictures."""
    classifier = Classifier(spot_names)
    detector = Detector(spots, classifier)
    return {
        "predict_all": classifier.predict_all,
        "detect_all": detector.detect_all,
        "Predictor": Predictor(classifier, detector).predict_all,
    }


WAYS = pytest.mark.parametrize("way", ["predict_all", "detect_all", "Predictor"])


@WAYS
@pytest.mark.parametrize("kind", [str, Path])
def test_a_folder_is_the_pictures_in_it(ways, way, kind, folder):
    answers = list(ways[way](kind(folder)))
    expected = [folder / name for name in ("a.jpg", "b.png", "deeper/c.png")]
    assert [answer.path for answer in answers] == [str(path) for path in expected]
    assert not [answer for answer in answers if isinstance(answer, Failure)]


@WAYS
def test_one_picture_is_one_picture(ways, way, folder):
    path = folder / "b.png"
    pixels = images.decode(path)
    with path.open("rb") as file, Image.open(path) as picture:
        for one in (str(path), path, path.read_bytes(), file, picture, pixels, pixels[..., 0]):
            [answer] = ways[way](one)
            assert not isinstance(answer, Failure), answer
    assert len(list(ways[way](np.stack([pixels] * 3)))) == 3


@WAYS
def test_a_pattern_is_what_it_matches(ways, way, folder):
    [answer] = ways[way](f"{folder}/*.jpg")
    assert answer.path == str(folder / "a.jpg")


@WAYS
def test_what_is_no_picture_is_said_at_once(ways, way, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="empty: the folder has no pictures"):
        ways[way](tmp_path / "empty")
    for wrong in (None, 5, 2.5):
        with pytest.raises(TypeError, match=r"no picture: .*give a path, bytes, a file object"):
            ways[way](wrong)
    [failure] = ways[way](str(tmp_path / "gone.jpg"))
    assert "no such file; check the path" in failure.error


@WAYS
def test_several_are_taken_as_they_are(ways, way, folder):
    """So that each has its answer: a folder among them has none."""
    first, second = ways[way](path for path in (folder / "a.jpg", folder))
    assert first.path == str(folder / "a.jpg")
    assert "is a folder, not a picture; give a file in it" in second.error


def test_a_folder_is_read_as_it_is_asked_for(folder):
    found = iter(each(folder))
    assert next(found) == str(folder / "a.jpg")
    Image.new("RGB", (9, 9)).save(folder / "deeper" / "later.png")
    assert [Path(path).name for path in found] == ["b.png", "c.png", "later.png"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read all")
def test_a_folder_that_may_not_be_read(tmp_path):
    (tmp_path / "shut").mkdir(mode=0)
    with pytest.raises(DataError, match=r"can't be read \(Permission denied\)"):
        each(tmp_path / "shut")


def test_a_folder_below_that_may_not_be_read_is_reported(folder, monkeypatch):
    shut = str(folder / "deeper")
    scandir, access = os.scandir, os.access

    def refuse(path):
        if str(path) == shut:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), shut)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    monkeypatch.setattr(os, "access", lambda path, mode: path != shut and access(path, mode))
    *seen, last = Classifier("cnn-int8").predict_all(folder)
    assert seen
    assert all(isinstance(one, Prediction) for one in seen)
    assert last == Failure(shut, f"{shut}: the folder can't be read; change its permissions")


def test_a_stream_that_has_no_lines_of_pictures_is_one_picture():
    file = io.BytesIO()
    Image.new("RGB", (9, 9)).save(file, "PNG")
    file.seek(0)
    assert list(each(file)) == [file]
