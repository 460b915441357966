import os
import shlex
from pathlib import Path

import pytest

from simpsons import Classifier, Detector, Failure, ImageError, ModelError
from simpsons.dataset import boxes, folders
from simpsons.errors import DataError
from simpsons.pixels.picture_names import PictureNames
from simpsons.predictor import Predictor
from simpsons.urls import refusal

PAGE = "https://example.org/a//homer.jpg?size=1&kind=2"


def commands(said):
    """What a message tells to type, as words."""
    return [shlex.split(part) for part in said.split("`")[1::2]]


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (PAGE, ["curl", "-sL", PAGE]),
        ("FTP://example.org/homer.jpg", ["curl", "-sL", "FTP://example.org/homer.jpg"]),
        ("s3://bucket/it's.jpg", ["aws", "s3", "cp", "s3://bucket/it's.jpg", "-"]),
        ("gs://bucket/homer.jpg", ["gcloud", "storage", "cat", "gs://bucket/homer.jpg"]),
    ],
)
def test_a_picture_is_piped(url, words):
    said = refusal(url, command="detect")
    assert said.startswith(f"{url}: is a URL, and nothing is fetched; ")
    assert commands(said) == [[*words, "|", "simpsons", "detect", "-"]]


@pytest.mark.parametrize(
    ("url", "what", "command"),
    [
        ("https://example.org/x?y=1", "film", "curl -Lo film.mp4 'https://example.org/x?y=1'"),
        ("s3://bucket/x.mp4", "film", "aws s3 cp s3://bucket/x.mp4 film.mp4"),
        ("gs://bucket/x.csv", "file", "gcloud storage cp gs://bucket/x.csv FILE"),
        ("s3://bucket/x", "folder", "aws s3 cp --recursive s3://bucket/x pictures"),
        ("s3://bucket/x/*.jpg", "picture", "aws s3 cp --recursive s3://bucket/x/ pictures"),
        ("gs://bucket/x/", "picture", "gcloud storage cp --recursive gs://bucket/x/ pictures"),
        ("data:video/mp4;base64,AAAA", "film", "base64 -d > film.mp4"),
        ("data:image/png;base64,iVBO", "picture", "base64 -d | simpsons predict -"),
    ],
)
def test_the_rest_is_downloaded(url, what, command):
    said = refusal(url, what)
    assert said.startswith(f"{url}: is a URL")
    assert f"`{command}`" in said


@pytest.mark.parametrize(
    "url", ["hdfs://node/x.jpg", "blob:https://x/1", "data:,hello", "az://c/x"]
)
def test_a_scheme_without_a_command_has_a_remedy_too(url):
    said = refusal(url)
    assert said.startswith(f"{url}: is a URL")
    assert "`" not in said
    assert "give" in said


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("file:///home/me/a%20b.jpg", "/home/me/a b.jpg"),
        ("file://localhost/home/me/x.jpg", "/home/me/x.jpg"),
        ("file:x.jpg", "x.jpg"),
        ("file:///C:/Users/x.jpg", "C:/Users/x.jpg"),
    ],
)
def test_a_file_url_has_a_path(url, path):
    assert refusal(url) == f"{url}: is a URL; give its path: {path}"


def test_nothing_is_written_to_a_url():
    said = refusal("s3://bucket/x", "output")
    assert (
        said == "s3://bucket/x: is a URL, and files are written on this machine alone; give a path"
    )


@pytest.mark.parametrize(
    "path",
    ["homer.jpg", "C:/x.jpg", r"C:\x.jpg", "a:b", "./https://x", "10:30.jpg", "", "-", "a\0"],
)
def test_a_path_is_none(path):
    assert refusal(path) is None


def test_what_pathlib_made_of_it_is_said_as_it_was():
    assert str(Path("https://example.org/x.jpg")) != "https://example.org/x.jpg"
    assert refusal(Path("https://example.org/x.jpg")).startswith("https://example.org/x.jpg: ")


def test_a_long_one_is_cut():
    said = refusal("data:image/png;base64," + "A" * 100_000)
    assert len(said) < 400
    assert "...: is a URL" in said


@pytest.mark.skipif(os.name == "nt", reason="no file can be called so")
def test_a_file_of_that_name_is_no_url(tmp_path, monkeypatch, drawings):
    monkeypatch.chdir(tmp_path)
    Path("data:x.jpg").write_bytes(next(drawings.rglob("*.jpg")).read_bytes())
    assert refusal("data:x.jpg") is None
    assert Classifier("cnn-int8", threads=1).predict("data:x.jpg").label


@pytest.mark.parametrize("given", [PAGE, Path("https://example.org/x.jpg")])
def test_the_python_api_says_the_same(given, drawings):
    said = refusal(given)
    classifier = Classifier("cnn-int8", threads=1)
    for asked in (classifier, Predictor(classifier)):
        with pytest.raises(ImageError) as error:
            asked.predict(given)
        assert str(error.value) == said
    with pytest.raises(ImageError) as error:
        Detector(names=classifier, threads=1).detect(given)
    assert str(error.value) == said
    picture = next(drawings.rglob("*.jpg"))
    failure, answer = classifier.predict_all([given, picture])
    assert failure == Failure(os.fspath(given), said)
    assert answer.path == str(picture)


def test_folders_boxes_and_weights():
    url = "s3://bucket/set"
    for find in (folders.find, PictureNames):
        with pytest.raises(DataError) as error:
            find(url)
        assert str(error.value) == refusal(url, "folder")
    with pytest.raises(DataError, match=r"^https://example\.org/x\.csv: is a URL"):
        boxes.read("https://example.org/x.csv")
    with pytest.raises(ModelError) as error:
        Classifier("https://example.org/model.onnx")
    assert str(error.value) == refusal("https://example.org/model.onnx", "file")
