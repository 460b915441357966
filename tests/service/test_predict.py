"""`/predict` answers as `simpsons predict` does, also for a picture of several."""

import base64
import io

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from simpsons.classifier import Classifier
from simpsons.detector import FACES, Detector
from simpsons.predictor import ByFaces, Predictor
from simpsons.service.app import create_app

HOMER, MARGE, GREY = (0, 255, 0), (0, 0, 255), (200, 200, 200)


def scene(*people, ground=(255, 255, 255)):
    """640x480, as PNG; people: what is around a face, and how blue it is, from the left."""
    pixels = np.full((480, 640, 3), ground, np.uint8)
    pixels[:60] = pixels[:60] // 2  # bars would be taken off
    for place, (colour, blue) in enumerate(people):
        x = 20 + 150 * place
        pixels[150:300, x : x + 140] = colour
        pixels[205:245, x + 50 : x + 90] = (255, 0, blue)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=1)
    return file.getvalue()


SCENES = {
    "several": scene((HOMER, 200), (MARGE, 255), (GREY, 255)),
    "one": scene(ground=HOMER),
    "strangers": scene((GREY, 255), (GREY, 200)),
    "nobody": scene(),
}


@pytest.fixture(scope="module")
def names(spot_names):
    return Classifier(spot_names, threads=1)


@pytest.fixture(scope="module")
def detector(spots, names):
    return Detector(spots, names, threads=1)


@pytest.fixture(scope="module")
def client(names, detector):
    with TestClient(create_app({"one": names, "other": names}, detector)) as client:
        yield client


def ask(client, query=""):
    sent = [("pictures", (name, content)) for name, content in SCENES.items()]
    sent.append(("pictures", ("notes.txt", b"no picture")))
    answer = client.post(f"/predict{query}", files=sent)
    assert answer.status_code == 200, answer.text
    return [result["pictures"] for result in answer.json()["results"]]


def test_it_is_what_predict_says(client, names, detector):
    predictor = Predictor(names, detector)
    [pictures] = ask(client, "?top=2")
    assert set(pictures.pop()) == {"path", "error"}
    for picture, (name, content) in zip(pictures, SCENES.items(), strict=True):
        expected = predictor.predict(content, top=2)
        assert isinstance(expected, ByFaces) == (name == "several")
        said = expected.to_json() | {"path": name, "heat_map": None}
        said.pop("faces", None)
        assert picture == said
    verdicts = [picture["verdict"] for picture in pictures]
    assert verdicts == ["marge_simpson", "homer_simpson", "unknown", "unknown"]


def test_the_whole_alone_where_that_is_asked(client, names):
    [pictures] = ask(client, "?faces=false")
    for picture, content in zip(pictures, SCENES.values(), strict=False):
        assert picture["verdict"] == names.predict(content).verdict
        assert picture["label"] == names.predict(content).label


def test_faces_are_found_once_where_the_whole_says_nothing(client, monkeypatch):
    found = []
    boxes = Detector._boxes
    monkeypatch.setattr(
        Detector, "_boxes", lambda self, *given: found.append(1) or boxes(self, *given)
    )
    first, second = ask(client, "?model=both")
    assert first == second
    assert len(found) == 3
    ask(client, "?faces=false")
    assert len(found) == 3


def test_the_heat_is_of_the_answer_in_the_whole_picture(client):
    [pictures] = ask(client, "?explain=true")
    start, content = pictures[0]["heat_map"].split(",")
    assert start == "data:image/png;base64"
    assert np.ptp(np.asarray(Image.open(io.BytesIO(base64.b64decode(content))))[..., 3]) > 50


def test_a_network_of_one_s_own_looks_at_no_faces_by_itself(names, monkeypatch):
    """It has not learnt from them; nor does `simpsons predict` look then."""
    monkeypatch.setattr(Detector, "find", None)
    detector = Detector(FACES, names, threads=1)
    with TestClient(create_app({"own": names}, detector)) as client:
        [pictures] = ask(client)
    assert pictures[0]["verdict"] == Predictor(names).predict(SCENES["several"]).verdict
