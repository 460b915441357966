"""The page's example pictures, and the network that knows who is on them."""

import pytest
from starlette.testclient import TestClient

from simpsons.characters import display_name
from simpsons.classifier import Classifier
from simpsons.demo.drawings import DOLLS
from simpsons.detector import Detector
from simpsons.service import examples, server
from simpsons.service.app import create_app


@pytest.fixture(scope="module")
def client(classifiers):
    detector = Detector(names=classifiers["cnn"], threads=1)
    dolls = Classifier(examples.NETWORK, threads=1)
    with TestClient(create_app(classifiers, detector, dolls=dolls)) as client:
        yield client


def sent(number):
    return {"pictures": (f"{number}.jpg", examples.picture(number))}


def test_every_doll_on_them_is_named(client):
    group = {DOLLS[index].name for index in examples._GROUP}
    expected = [group, *({name} for name in examples.names()[1:])]
    for number, names in enumerate(expected):
        answer = client.post("/detect?model=dolls", files=sent(number)).json()
        [result] = answer["results"]
        assert result["network"] == "dolls"
        [picture] = result["pictures"]
        assert {display_name(face["verdict"]) for face in picture["faces"]} == names


def test_it_can_be_asked_and_both_does_not_ask_it(client):
    service = client.get("/service").json()
    assert service["examples_by"] == "dolls"
    assert [network["name"] for network in service["networks"]] == ["xception", "cnn", "dolls"]
    for path in ("/predict", "/detect"):
        both = client.post(f"{path}?model=both", files=sent(1)).json()["results"]
        assert [result["network"] for result in both] == ["xception", "cnn"]
        [unasked] = client.post(path, files=sent(1)).json()["results"]
        assert unasked["network"] != "dolls"


@pytest.mark.parametrize(
    ("model", "networks", "by"),
    [("xception", ["xception", "dolls"], "dolls"), ("dolls", ["dolls"], None)],
)
def test_every_service_has_it_once(monkeypatch, detector, model, networks, by):
    apps = []
    monkeypatch.setattr(server, "run", lambda make_app, *_: apps.append(make_app(None)))
    server.serve(server.load(model), detector)
    with TestClient(apps[0]) as client:
        service = client.get("/service").json()
    assert [network["name"] for network in service["networks"]] == networks
    assert service["examples_by"] == by
