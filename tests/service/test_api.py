import asyncio
import base64
import io
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import webbrowser
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from http.client import HTTPConnection

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from starlette.testclient import TestClient

from simpsons import explain, processors
from simpsons.cli import main
from simpsons.errors import SimpsonsError
from simpsons.service import inference, server, uploads
from simpsons.service.app import create_app
from simpsons.service.guard import HEADERS
from simpsons.service.limits import Limits
from simpsons.service.server import LOOPBACK

SMALL = Limits(file_bytes=50_000, request_bytes=100_000, pictures=4, body_seconds=0.5, requests=2)
GIGABYTE = 10**9
HEADER = b'--b\r\nContent-Disposition: form-data; name="pictures"; filename="a.png"\r\n\r\n'
FORM = {"Content-Type": "multipart/form-data; boundary=b"}
URL = "http://127.0.0.1"


@pytest.fixture(scope="module")
def client(classifiers, detector):
    with TestClient(create_app(classifiers, detector, SMALL, LOOPBACK), URL) as client:
        yield client


def files(*pictures):
    return [("pictures", (name, content)) for name, content in pictures]


def pictures(response, network=0):
    assert response.status_code == 200, response.text
    return response.json()["results"][network]["pictures"]


def refused(response, status, *words):
    """Whether an answer is the error that it should be, in the one shape."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    said = response.json()
    assert set(said) == {"error", "remedy"}
    assert said["error"]
    assert said["remedy"]
    for word in words:
        assert word in said["error"]
    return True


# Answers


def test_a_picture_gets_what_predict_says(client, classifiers, doll):
    answer = client.post("/predict", files=files(("doll.png", doll)))
    [result] = answer.json()["results"]
    assert result["network"] == "xception"
    [picture] = result["pictures"]
    expected = classifiers["xception"].predict(doll, top=5).to_json()
    assert set(picture) == set(expected) | {"verdict", "familiarity", "heat_map"}
    assert picture["path"] == "doll.png"
    assert picture["label"] == expected["label"]
    assert picture["probability"] == pytest.approx(expected["probability"], abs=2e-6)
    assert [entry["label"] for entry in picture["top"]] == [
        entry["label"] for entry in expected["top"]
    ]
    assert picture["verdict"] == expected["verdict"]
    assert picture["heat_map"] is None


def test_both_networks(client, classifiers, doll):
    answer = client.post("/predict?model=both&top=3", files=files(("doll.png", doll)))
    results = answer.json()["results"]
    assert [result["network"] for result in results] == ["xception", "cnn"]
    for result in results:
        [picture] = result["pictures"]
        assert picture["label"] == classifiers[result["network"]].predict(doll).label
        assert len(picture["top"]) == 3
    [only] = client.post("/predict?model=cnn", files=files(("doll.png", doll))).json()["results"]
    assert only["network"] == "cnn"


def test_more_characters_than_there_are(client, doll):
    [picture] = pictures(client.post("/predict?top=1000", files=files(("doll.png", doll))))
    assert len(picture["top"]) == 18
    assert sum(entry["probability"] for entry in picture["top"]) == pytest.approx(1, abs=1e-5)


def test_a_heat_map_is_a_transparent_picture(client, monkeypatch, doll):
    asked = []

    def heat_map(classifier, pixels, label=None):
        asked.append((pixels.shape, pixels.dtype, label))
        return np.tri(64, dtype=np.float32)

    monkeypatch.setattr(explain, "heat_map", heat_map)
    sent = files(("doll.png", doll), ("notes.txt", b"text"))
    picture, failure = pictures(client.post("/predict?explain=true", files=sent))
    start, content = picture["heat_map"].split(",")
    assert start == "data:image/png;base64"
    layer = Image.open(io.BytesIO(base64.b64decode(content)))
    assert (layer.size, layer.mode) == ((64, 64), "RGBA")
    alpha = np.asarray(layer)[..., 3]
    assert alpha[56, 8] > 190
    assert alpha[8, 56] == 0
    assert asked == [((64, 64, 3), np.uint8, picture["label"])]
    assert set(failure) == {"path", "error"}


def test_the_real_heat_map(client, doll):
    [picture] = pictures(client.post("/predict?explain=true", files=files(("doll.png", doll))))
    layer = Image.open(io.BytesIO(base64.b64decode(picture["heat_map"].partition(",")[2])))
    assert np.ptp(np.asarray(layer)[..., 3]) > 50


def test_a_bad_picture_is_reported_in_its_place(client, doll):
    sent = [("a.png", doll), ("notes.txt", b"not a picture"), ("empty", b""), ("b.png", doll)]
    answer = client.post("/predict?model=both", files=files(*sent))
    for network in (0, 1):
        first, text, empty, last = pictures(answer, network)
        assert text == {
            "path": "notes.txt",
            "error": "notes.txt: not a picture in a format known here; convert it to JPEG or PNG",
        }
        assert empty == {"path": "empty", "error": "empty: the file is empty; fetch it again"}
        assert first | {"path": ""} == last | {"path": ""}
        assert (first["path"], last["path"]) == ("a.png", "b.png")


def test_nothing_but_bad_pictures(client):
    [failure] = pictures(client.post("/predict", files=files(("a.png", b"text"))))
    assert set(failure) == {"path", "error"}


def test_an_own_network(onnx_model, detector, doll):
    [(name, classifier)] = server.load(str(onnx_model)).items()
    assert name == "untrained"
    with TestClient(create_app({name: classifier}, detector), URL) as client:
        [network] = client.get("/service").json()["networks"]
        assert network["name"] == "untrained"
        [result] = client.post("/predict", files=files(("a", doll))).json()["results"]
        assert result["network"] == "untrained"
        assert refused(client.post("/predict?model=both", files=files(("a", doll))), 422)


def test_the_networks_that_a_model_names(tmp_path, onnx_model):
    assert list(server.load("both")) == ["xception", "cnn"]
    assert list(server.load("cnn")) == ["cnn"]
    run = tmp_path / "my_run"
    run.mkdir()
    (run / "model.onnx").write_bytes(onnx_model.read_bytes())
    assert list(server.load(str(run))) == ["my_run"]


# Everyone


def everyone(client, *sent, query="", network=0):
    return pictures(client.post(f"/detect{query}", files=files(*sent)), network)


def test_everyone_in_a_picture(client, detector, row):
    [picture] = everyone(client, ("row.png", row))
    expected = detector.detect(row)
    assert set(picture) == {"path", "width", "height", "faces"}
    assert (picture["path"], picture["width"], picture["height"]) == ("row.png", 240, 120)
    assert [face["score"] for face in picture["faces"]] == [0.875, 0.75, 0.625]
    for face, known in zip(picture["faces"], expected.faces, strict=True):
        said = known.to_json()
        assert set(face) == set(said) | {"square", "crop"}
        assert face["box"] == said["box"]
        assert face["label"] == said["label"]
        assert face["probability"] == pytest.approx(said["probability"], abs=2e-6)
        assert face["verdict"] == said["verdict"]
        assert len(face["top"]) == 5
        assert face["crop"] is None


def test_no_face_and_bad_pictures_among_good(client, doll, row):
    sent = [("a.png", row), ("notes.txt", b"text"), ("b.png", doll), ("empty", b"")]
    for network in (0, 1):
        first, text, nobody, empty = everyone(client, *sent, query="?model=both", network=network)
        assert len(first["faces"]) == 3
        assert set(text) == set(empty) == {"path", "error"}
        assert text["error"].startswith("notes.txt: not a picture")
        assert empty["error"] == "empty: the file is empty; fetch it again"
        assert nobody["faces"] == []
        assert nobody["width"] > 0


def test_who_names_the_faces(client, classifiers, detector, row):
    sent = files(("row.png", row))
    crops = detector.find(row).crops

    def labels(result):
        return [face["label"] for face in result["pictures"][0]["faces"]]

    both = client.post("/detect?model=both&top=2", files=sent).json()["results"]
    assert [result["network"] for result in both] == ["xception", "cnn"]
    for result in both:
        named = classifiers[result["network"]].predict_faces(crops)
        assert labels(result) == [one.label for one in named]
        assert all(len(face["top"]) == 2 for face in result["pictures"][0]["faces"])
    assert client.get("/service").json()["names"] == "cnn"
    [result] = client.post("/detect", files=sent).json()["results"]
    assert result["network"] == "cnn"


def test_a_crop_gets_the_same_answer_and_its_heat_map(client, row):
    [picture] = everyone(client, ("row.png", row), query="?crops=true")
    for face in picture["faces"]:
        start, content = face["crop"].split(",")
        assert start == "data:image/png;base64"
        crop = base64.b64decode(content)
        [alone] = pictures(
            client.post("/predict?model=cnn&explain=true", files=files(("face.png", crop)))
        )
        assert alone["label"] == face["label"]
        assert alone["probability"] == pytest.approx(face["probability"], abs=2e-6)
        assert alone["verdict"] == face["verdict"]
        assert alone["heat_map"].startswith("data:image/png;base64,")


def test_the_square_is_around_the_face_and_in_the_picture(client, row):
    [picture] = everyone(client, ("row.png", row))
    for face in picture["faces"]:
        left, top, right, bottom = face["square"]
        x1, y1, x2, y2 = face["box"]
        assert 0 <= left <= x1 < x2 <= right <= 240
        assert 0 <= top <= y1 < y2 <= bottom <= 120
    assert picture["faces"][-1]["box"][2] == 240  # a face at the border


def test_boxes_are_those_of_the_picture_as_people_see_it(client, row):
    turned = Image.Exif()
    turned[0x0112] = 6
    stored = io.BytesIO()
    sideways = Image.open(io.BytesIO(row)).transpose(Image.Transpose.ROTATE_90)
    sideways.save(stored, "JPEG", exif=turned, quality=95)
    [picture] = everyone(client, ("row.jpg", stored.getvalue()))
    assert (picture["width"], picture["height"]) == (240, 120)
    upright = everyone(client, ("row.png", row))[0]["faces"]
    assert [face["box"] for face in picture["faces"]] == [face["box"] for face in upright]


def test_a_crowd(client, crowd):
    [picture] = everyone(client, ("crowd.png", crowd), query="?model=xception")
    assert len(picture["faces"]) == 200
    scores = [face["score"] for face in picture["faces"]]
    assert scores == sorted(scores, reverse=True)


def test_what_detect_refuses(client, doll):
    sent = files(("a.png", doll))
    for query, word in [
        ("model=resnet", "model: no network 'resnet'"),
        ("top=0", "top: "),
        ("crops=perhaps", "crops: "),
        ("explain=true", "no parameter 'explain'"),
    ]:
        assert refused(client.post(f"/detect?{query}", files=sent), 422, word)
    assert refused(client.get("/detect"), 405, "GET")
    assert refused(client.post("/detect", content=b"x"), 415)
    large = files(("big.png", doll + bytes(SMALL.file_bytes)))
    assert refused(client.post("/detect", files=large), 413, "big.png")
    many = files(*((f"{number}.png", b"x") for number in range(5)))
    assert refused(client.post("/detect", files=many), 413, "at most 4")
    assert refused(
        client.post("/detect", files=sent, headers={"Origin": "https://evil.example"}), 403
    )
    failure, picture = everyone(client, ("bomb.png", bomb(60_000, 60_000)), ("a.png", doll))
    assert failure["error"].startswith("bomb.png: ")
    assert picture["faces"] == []


def test_many_pictures_of_one_leave_room_for_one_of_another(
    classifiers, detector, doll, monkeypatch
):
    monkeypatch.setattr(processors, "count", lambda: 2)
    found, at_work, all_are_read = [], threading.Semaphore(0), threading.Event()
    read = threading.Semaphore(0)

    def find(detector, upload, reduced, *, real=inference.find_faces):
        found.append(upload.name)
        at_work.release()
        assert all_are_read.wait(60)
        return real(detector, upload, reduced)

    async def counted(*given, real=uploads.read):
        pictures = await real(*given)
        read.release()
        return pictures

    monkeypatch.setattr(inference, "find_faces", find)
    monkeypatch.setattr(uploads, "read", counted)
    with TestClient(create_app(classifiers, detector), URL) as client, ThreadPoolExecutor() as pool:
        many = pool.submit(everyone, client, *[(f"{number}", doll) for number in range(16)])
        assert at_work.acquire(timeout=60)
        assert at_work.acquire(timeout=60)  # both threads have a picture
        one = pool.submit(everyone, client, ("other", doll))
        assert read.acquire(timeout=60)
        assert read.acquire(timeout=60)
        client.get("/health")  # the service has done what it can until a thread is free
        all_are_read.set()
        assert len(one.result()) == 1
        assert len(many.result()) == 16
    assert found.index("other") <= 5  # of 17: decoded and looked at in between


def test_health_answers_while_faces_are_found(classifiers, detector, monkeypatch, doll):
    done = threading.Event()
    real = inference.find_faces
    monkeypatch.setattr(inference, "find_faces", lambda *given: done.wait(60) and real(*given))
    with TestClient(create_app(classifiers, detector), URL) as client, ThreadPoolExecutor() as pool:
        slow = pool.submit(partial(client.post, "/detect", files=files(("a.png", doll))))
        assert client.get("/health").status_code == 200
        assert not slow.done()
        done.set()
        assert slow.result().status_code == 200


# Facts and the page


def test_health_and_service(client):
    assert client.get("/health").json() == {"status": "ok"}
    service = client.get("/service").json()
    assert [network["name"] for network in service["networks"]] == ["xception", "cnn"]
    labels = {entry["label"]: entry["name"] for entry in service["networks"][0]["labels"]}
    assert len(labels) == 18
    assert labels["charles_montgomery_burns"] == "Mr. Burns"
    assert (service["file_bytes"], service["pictures"]) == (50_000, 4)


@pytest.mark.parametrize(("path", "model"), [("/predict", "Answer"), ("/detect", "Everyone")])
def test_the_description_documents_answers_and_errors(client, path, model):
    description = client.get("/openapi.json").json()
    route = description["paths"][path]["post"]
    assert set(route["responses"]) == {"200", "400", "403", "408", "413", "415", "422", "503"}
    for status, answer in route["responses"].items():
        name = model if status == "200" else "ErrorMessage"
        schema = answer["content"]["application/json"]["schema"]
        assert schema == {"$ref": f"#/components/schemas/{name}"}
    form = route["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert form["properties"]["pictures"]["maxItems"] == 4
    [which] = [each for each in route["parameters"] if each["name"] == "model"]
    assert which["schema"]["enum"] == ["xception", "cnn", "both"]


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_no_page_that_loads_from_elsewhere(client, path):
    assert refused(client.get(path), 404)


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("/", "text/html"),
        ("/page.css", "text/css"),
        ("/page.js", "text/javascript"),
        ("/card.js", "text/javascript"),
        ("/faces.js", "text/javascript"),
        ("/camera.js", "text/javascript"),
        ("/filter.js", "text/javascript"),
        ("/save.js", "text/javascript"),
        ("/zip.js", "text/javascript"),
        ("/icon.svg", "image/svg+xml"),
        ("/examples/0.jpg", "image/jpeg"),
    ],
)
def test_the_page_is_all_here(client, path, media_type):
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith(media_type)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "http" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    if media_type.startswith("text/"):
        assert "//" not in answer.text.replace("// ", "")  # no address of another machine


# What is refused


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ("model=resnet", "model: no network 'resnet'"),
        ("top=0", "top: "),
        ("top=many", "top: "),
        ("explain=perhaps", "explain: "),
        ("modle=cnn", "no parameter 'modle'"),
    ],
)
def test_parameters_that_are_wrong(client, doll, query, word):
    assert refused(client.post(f"/predict?{query}", files=files(("a.png", doll))), 422, word)


def test_paths_and_methods_that_are_none(client):
    assert refused(client.get("/nothing"), 404, "/nothing")
    assert refused(client.get("/predict/"), 404)
    answer = client.get("/predict")
    assert refused(answer, 405, "GET")
    assert answer.headers["allow"] == "POST"
    assert refused(client.post("/"), 405)


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{}", {"Content-Type": "application/json"}, 415),
        (b"x", {}, 415),
        (b"pictures=x", {"Content-Type": "application/x-www-form-urlencoded"}, 415),
        (HEADER + b"x\r\n--b--\r\n", FORM | {"Content-Encoding": "gzip"}, 415),
        (b"x", {"Content-Type": "multipart/form-data"}, 400),
        (b"no boundary in here", FORM, 400),
        (b"", FORM, 400),
        (HEADER + b"the end is missing", FORM, 400),
        (b"--b--\r\n", FORM, 422),
        (HEADER.replace(b"pictures", b"file") + b"x\r\n--b--\r\n", FORM, 422),
        (HEADER.replace(b' filename="a.png"', b"") + b"x\r\n--b--\r\n", FORM, 400),
        (HEADER.replace(b' name="pictures";', b"") + b"x\r\n--b--\r\n", FORM, 400),
    ],
)
def test_bodies_that_are_no_pictures(client, body, headers, status):
    assert refused(client.post("/predict", content=body, headers=headers), status)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("../../etc/passwd", "../../etc/passwd"),
        ("/etc/passwd", "/etc/passwd"),
        (r"..\..\boot.ini", r"..\..\boot.ini"),
        (r"C:\x.png", "x.png"),
        ("a\nb", "a%0Ab"),
        ("\u202e.png", "\u202e.png"),
        ("", "picture 1"),
    ],
)
def test_a_name_from_outside_is_only_said_again(client, doll, name, said, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    body = HEADER.replace(b"a.png", name.replace("\n", "%0A").encode()) + doll + b"\r\n--b--\r\n"
    [picture] = pictures(client.post("/predict", content=body, headers=FORM))
    assert picture["path"] == said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ("filename*=UTF-8''Homer%20Simpson.jpg", "Homer Simpson.jpg"),
        ("filename*=utf-8'de'M%C3%BCller.jpg", "Müller.jpg"),
        ("filename*=ISO-8859-1''M%FCller.jpg", "Müller.jpg"),
        ("filename*=\"UTF-8''a%20b.jpg\"", "a b.jpg"),
        ("filename=\"plain.jpg\"; filename*=UTF-8''better%20one.jpg", "better one.jpg"),
        ("filename*=UTF-8''better%20one.jpg; filename=\"plain.jpg\"", "better one.jpg"),
        ("FileName*=UTF-8''a.jpg", "a.jpg"),
        ("filename*=UTF-8''%22quoted%22%3B%20%5Cx.jpg", '"quoted"; \\x.jpg'),
        ("filename*=UTF-8''..%2F..%2Fetc%2Fpasswd", "../../etc/passwd"),
        ("filename*=UTF-8''%FF.jpg", "\ufffd.jpg"),
        ("filename*=no-such-charset''a.jpg", "a.jpg"),
        ("filename*=a.jpg", "a.jpg"),
        ("filename*=UTF-8''", "picture 1"),
        ('filename="filename*=x.jpg"', "filename*=x.jpg"),
    ],
)
def test_a_name_in_an_encoding_of_its_own(client, doll, names, said):
    body = HEADER.replace(b'filename="a.png"', names.encode()) + doll + b"\r\n--b--\r\n"
    [picture] = pictures(client.post("/predict", content=body, headers=FORM))
    assert picture["path"] == said


@pytest.mark.parametrize("names", ["filename*1*=a; filename*=b", "filename*x=a"])
def test_a_name_that_is_malformed(client, doll, names):
    body = HEADER.replace(b'filename="a.png"', names.encode()) + doll + b"\r\n--b--\r\n"
    assert refused(client.post("/predict", content=body, headers=FORM), 400)


def test_pictures_are_never_on_disk(classifiers, detector, doll, monkeypatch):
    def rollover(_):
        raise AssertionError("a temporary file is written")

    monkeypatch.setattr(tempfile.SpooledTemporaryFile, "rollover", rollover)
    with TestClient(create_app(classifiers, detector), URL) as client:
        large = doll + bytes(5_000_000)
        [picture] = pictures(client.post("/predict", files=files(("large.png", large))))
    assert picture["label"]


@pytest.mark.parametrize(
    "path", ["/../pyproject.toml", "/%2e%2e/app.py", "/examples/../../app.py", "/examples/%2Fetc/x"]
)
def test_no_path_leads_out_of_the_page(client, path):
    assert refused(client.get(path), 404)


def bomb(width, height):
    """A PNG of so many pixels in few bytes."""

    def chunk(kind, data):
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(b"\0" * 1_000_000, 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def text_bomb():
    """A PNG with a comment of 200 MB."""
    picture = bomb(8, 8)
    packer = zlib.compressobj(9)
    text = b"".join(packer.compress(bytes(10**6)) for _ in range(20)) + packer.flush()
    data = b"zTXt" + b"Comment\0\0" + text
    part = struct.pack(">I", len(data) - 4) + data + struct.pack(">I", zlib.crc32(data))
    return picture[:33] + part + picture[33:]


@pytest.mark.parametrize("content", [bomb(60_000, 60_000), bomb(2**31 - 1, 2**31 - 1)])
def test_a_picture_of_too_many_pixels(client, doll, content):
    failure, picture = pictures(
        client.post("/predict", files=files(("bomb.png", content), ("a.png", doll)))
    )
    assert failure["error"].startswith("bomb.png: ")
    assert "pixels" in failure["error"]
    assert picture["label"]


def test_a_comment_that_unpacks_to_much(client):
    [answer] = pictures(client.post("/predict", files=files(("bomb.png", text_bomb()))))
    assert answer["error"].startswith("bomb.png: the picture is damaged")


def test_too_large(client, doll):
    large = doll + bytes(SMALL.file_bytes)
    assert refused(client.post("/predict", files=files(("big.png", large))), 413, "big.png")
    two = [("a.png", bytes(49_000)), ("b.png", bytes(49_000)), ("c.png", bytes(49_000))]
    assert refused(client.post("/predict", files=files(*two)), 413, "the request")
    many = [(f"{number}.png", b"x") for number in range(5)]
    assert refused(client.post("/predict", files=files(*many)), 413, "at most 4")


def test_each_picture_may_have_all_that_a_picture_may(client):
    half_more = bytes(SMALL.file_bytes * 6 // 10)
    sent = files(("a.png", half_more), ("b.png", half_more))
    assert len(pictures(client.post("/predict", files=sent))) == 2
    exact = bytes(SMALL.file_bytes)
    assert len(pictures(client.post("/predict", files=files(("a.png", exact))))) == 1
    assert refused(client.post("/predict", files=files(("a.png", exact + b"0"))), 413, "a.png")


@pytest.mark.parametrize("has_length", [True, False], ids=["length", "chunks"])
def test_a_request_may_have_all_that_a_request_may(client, has_length):
    end = b"\r\n--b--\r\n"
    first = HEADER + bytes(SMALL.file_bytes - 50) + b"\r\n"
    last = HEADER + bytes(SMALL.request_bytes - len(first + HEADER + end))

    def answer(*chunks):
        content = b"".join(chunks) if has_length else iter(chunks)
        return client.post("/predict", content=content, headers=FORM)

    assert len(pictures(answer(first, last, end))) == 2
    assert refused(answer(first, last, b"0", end), 413, "the request")


@pytest.mark.parametrize("length", ["12,3", "-1", "1e3", "", "٣"])
def test_a_length_that_is_no_number(client, length):
    headers = FORM | {"Content-Length": length.encode()}
    assert refused(client.post("/predict", content=b"", headers=headers), 400, "Content-Length")


async def ask(app, receive, headers=(), method="POST", path="/predict"):
    """Status, headers and JSON of an answer, straight from the application."""
    sent = []

    async def send(message):
        sent.append(message)

    given = {"Host": "127.0.0.1", **FORM, **dict(headers)}
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": b"",
        "headers": [(key.lower().encode(), value.encode()) for key, value in given.items()],
    }
    await app(scope, receive, send)
    body = b"".join(message.get("body", b"") for message in sent)
    return sent[0]["status"], dict(sent[0]["headers"]), json.loads(body)


@pytest.mark.parametrize("length", [{}, {"Content-Length": "100"}], ids=["none", "a lie"])
def test_a_body_is_counted_whatever_it_says_of_its_length(classifiers, detector, length):
    """Straight to the application: a server in front of it may let more through."""
    read = []

    async def receive():
        read.append(10_000)
        part = HEADER if len(read) == 1 else bytes(10_000)
        return {"type": "http.request", "body": part, "more_body": sum(read) < GIGABYTE}

    limits = Limits(file_bytes=GIGABYTE, request_bytes=100_000)
    status, headers, said = asyncio.run(
        ask(create_app(classifiers, detector, limits), receive, length)
    )
    assert status == 413
    assert headers[b"connection"] == b"close"
    assert said["error"].startswith("the request is too large")
    assert sum(read) <= limits.request_bytes + 20_000


def test_a_body_that_does_not_come(classifiers, detector):
    async def receive():
        await asyncio.Event().wait()

    status, _, said = asyncio.run(ask(create_app(classifiers, detector, SMALL), receive))
    assert status == 408
    assert said["error"] == "the body was not there after 0.5 s"


def test_too_many_requests_at_once(classifiers, detector, doll, monkeypatch):
    body = {"type": "http.request", "body": HEADER + doll + b"\r\n--b--\r\n"}
    done = threading.Event()
    real = inference.find_faces
    monkeypatch.setattr(inference, "find_faces", lambda *given: done.wait(60) and real(*given))

    async def prompt():
        return body

    async def crowd():
        app = create_app(classifiers, detector, SMALL)
        ask_detect = partial(ask, app, prompt, path="/detect")
        first = [asyncio.create_task(ask_detect()) for _ in range(SMALL.requests)]
        await asyncio.sleep(0.05)
        refused = await ask(app, prompt)
        health = await ask(app, prompt, method="GET", path="/health")
        done.set()
        return refused, health, await asyncio.gather(*first), await ask(app, prompt)

    refused, health, first, after = asyncio.run(crowd())
    assert refused[0] == 503
    assert set(refused[2]) == {"error", "remedy"}
    assert refused[1][b"retry-after"] == b"1"
    assert health[0] == 200
    assert [answer[0] for answer in first] == [200] * SMALL.requests
    assert after[0] == 200


def test_bodies_that_stall_take_no_place_and_are_given_up(classifiers, detector, doll):
    body = {"type": "http.request", "body": HEADER + doll + b"\r\n--b--\r\n"}

    async def never():
        await asyncio.Event().wait()

    async def prompt():
        return body

    async def crowd():
        app = create_app(classifiers, detector, replace(SMALL, stalled_seconds=0.3))
        stalled = [asyncio.create_task(ask(app, never)) for _ in range(3 * SMALL.requests)]
        await asyncio.sleep(0.05)
        return await ask(app, prompt), await asyncio.gather(*stalled)

    answered, stalled = asyncio.run(crowd())
    assert answered[0] == 200
    assert {answer[0] for answer in stalled} == {408}
    assert stalled[0][2]["error"] == "nothing of the body came for 0.3 s"


def test_bodies_have_so_much_memory_together(classifiers, detector, doll):
    body = HEADER + doll + b"\r\n--b--\r\n"

    async def crowd():
        limits = replace(SMALL, waiting_bytes=int(1.5 * len(body)))
        app = create_app(classifiers, detector, limits)
        whole = asyncio.Event()
        parts = iter([body[:-9], body[-9:]])

        async def slow():
            part = next(parts, None)
            if part is None:
                await asyncio.Event().wait()
            if len(part) < 10:
                await whole.wait()
            return {"type": "http.request", "body": part, "more_body": len(part) > 9}

        async def prompt():
            return {"type": "http.request", "body": body}

        first = asyncio.create_task(ask(app, slow))
        await asyncio.sleep(0.05)
        refused = await ask(app, prompt)
        whole.set()
        return refused, await first, await ask(app, prompt)

    refused, first, after = asyncio.run(crowd())
    assert [answer[0] for answer in (refused, first, after)] == [503, 200, 200]


def test_the_work_for_a_client_that_has_gone_is_given_up(classifiers, detector, doll, monkeypatch):
    monkeypatch.setattr(processors, "count", lambda: 1)
    looked_at, at_work, done = [], threading.Event(), threading.Event()

    def find(detector, upload, reduced):
        looked_at.append(upload.name)
        at_work.set()
        assert done.wait(60)
        return "given up"

    monkeypatch.setattr(inference, "find_faces", find)
    body = b"\r\n".join([HEADER + doll] * 3) + b"\r\n--b--\r\n"
    messages = iter([{"type": "http.request", "body": body}, {"type": "http.disconnect"}])

    async def receive():
        message = next(messages)
        while message["type"] == "http.disconnect" and not at_work.is_set():
            await asyncio.sleep(0.01)
        return message

    async def leave():
        status, *_ = await ask(create_app(classifiers, detector), receive, path="/detect")
        done.set()
        await asyncio.sleep(0.1)
        return status

    assert asyncio.run(leave()) == 400
    assert looked_at == ["a.png"]


def test_health_answers_while_a_network_works(classifiers, detector, monkeypatch, doll):
    done = threading.Event()
    monkeypatch.setattr(explain, "heat_map", lambda *_: done.wait(60) and np.zeros((64, 64)))
    with TestClient(create_app(classifiers, detector), URL) as client, ThreadPoolExecutor() as pool:
        send = partial(client.post, "/predict?explain=true", files=files(("a.png", doll)))
        slow = pool.submit(send)
        assert client.get("/health").status_code == 200
        assert not slow.done()
        done.set()
        assert slow.result().status_code == 200


def test_a_fault_of_ours_is_said_in_the_same_shape(
    classifiers, detector, monkeypatch, doll, caplog
):
    def fail(*_):
        raise RuntimeError("out of order")

    monkeypatch.setattr(explain, "heat_map", fail)
    with TestClient(
        create_app(classifiers, detector), URL, raise_server_exceptions=False
    ) as client:
        answer = client.post("/predict?explain=true", files=files(("a.png", doll)))
        assert refused(answer, 500)
        assert all(answer.headers[name] == value for name, value in HEADERS.items())
        allowed = answer.headers["Content-Security-Policy"].split("; ")
        assert {"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"} <= {*allowed}
        assert "out of order" not in answer.text
        assert "out of order" in caplog.text
        assert client.get("/health").status_code == 200


# Who may ask


@pytest.mark.parametrize("host", ["127.0.0.1:80", "localhost", "LOCALHOST:8000", "[::1]:8000"])
def test_hosts_of_this_machine(client, host):
    assert client.get("/health", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "10.0.0.1", "", "[", "@"]
)
def test_a_foreign_host(client, host):
    assert refused(client.get("/health", headers={"Host": host}), 400, "Host")


def test_any_host_where_other_machines_may_ask(classifiers, detector):
    with TestClient(create_app(classifiers, detector), "http://192.0.2.1:8000") as client:
        assert client.get("/health").status_code == 200


def test_a_page_of_another_site(client, doll):
    sent = files(("a.png", doll))
    for origin in ("https://evil.example", "http://127.0.0.1:9999", "http://[", "null"):
        answer = client.post("/predict", files=sent, headers={"Origin": origin})
        assert refused(answer, 403, "another site")
        assert "access-control-allow-origin" not in answer.headers
    assert client.post("/predict", files=sent, headers={"Origin": URL}).status_code == 200


# A real server


@contextmanager
def running(detector, *arguments):
    """The command in a process, and its port."""
    given = ["--model", "xception", "--faces", detector.path, "--port", "0", *arguments]
    command = [sys.executable, "-m", "simpsons", "serve", *given]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            line = process.stdout.readline().decode()
            yield process, int(line.split("/")[2].rpartition(":")[2])
        finally:
            process.kill()


@pytest.fixture(scope="module")
def service(detector):
    with running(detector) as (process, port):
        yield process, port


def connect(port, head):
    connection = socket.create_connection(("127.0.0.1", port), timeout=30)
    connection.sendall(head.encode() + b"\r\n\r\n")
    return connection


def post(*headers):
    lines = ["POST /predict HTTP/1.1", "Host: localhost", *headers]
    return "\r\n".join([*lines, *(f"{key}: {value}" for key, value in FORM.items())])


def received(connection):
    """The status and the JSON of an answer, read until the server closes."""
    answer = b""
    while part := connection.recv(65536):
        answer += part
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


def test_a_gigabyte_is_refused_before_it_is_sent(service):
    _, port = service
    with connect(port, post(f"Content-Length: {GIGABYTE}")) as connection:
        status, said = received(connection)
    assert status == 413
    assert "64 MB" in said["error"]


def test_a_gigabyte_in_chunks_is_refused_at_the_limit(service):
    _, port = service
    chunk = bytes(1_000_000)
    sent = 0
    with connect(port, post("Transfer-Encoding: chunked")) as connection:
        connection.sendall(b"%x\r\n%s\r\n" % (len(HEADER), HEADER))
        try:
            while sent < GIGABYTE:
                connection.sendall(b"%x\r\n%s\r\n" % (len(chunk), chunk))
                sent += len(chunk)
        except OSError:  # the server has closed
            pass
        status, said = received(connection)
    assert status == 413
    assert "a.png is too large: at most 20 MB" in said["error"]
    assert sent < Limits().request_bytes


@pytest.mark.skipif(sys.platform != "linux", reason="has no other address of its own")
def test_another_address_of_this_machine_may_be_asked_by_its_name(detector):
    with running(detector, "--host", "127.0.0.2") as (_, port):
        for host, status in (("127.0.0.2", 200), ("localhost", 200), ("127.0.0.3", 400)):
            connection = HTTPConnection("127.0.0.2", port, timeout=30)
            connection.request("GET", "/health", headers={"Host": f"{host}:{port}"})
            assert connection.getresponse().status == status
            connection.close()


def test_a_path_that_takes_no_body_reads_none(service):
    _, port = service
    head = "POST /nothing HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000"
    with connect(port, head) as connection:
        status, _ = received(connection)
    assert status == 404


def test_a_taken_port_is_said(service, detector):
    _, port = service
    faces = ["--faces", str(detector.path)]
    result = CliRunner().invoke(main, ["serve", "--model", "cnn", *faces, "--port", str(port)])
    assert result.exit_code == 2
    assert result.stderr.startswith(f"Error: 127.0.0.1 port {port}: ")
    assert "--port" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("host", ["no.such.host.invalid", "a" * 70 + ".example"])
def test_an_address_that_is_none(host):
    with pytest.raises(SimpsonsError, match="choose another"):
        server.listen(host, 0)


def test_a_network_that_is_none(cli):
    result = cli("serve", "--model", "resnet", "--port", 0)
    assert result.exit_code == 2
    assert "resnet: no such weights" in result.stderr


def test_the_page_is_opened_where_that_is_asked(cli, detector, monkeypatch):
    opened = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    monkeypatch.setattr(server, "serve", lambda *arguments: arguments[-1]("http://x/"))
    asked = ("serve", "--model", "cnn", "--faces", detector.path)
    assert cli(*asked).stdout == "http://x/  (Ctrl+C stops)\n"
    assert opened == []
    assert cli(*asked, "--open").exit_code == 0
    assert opened == ["http://x/"]


def test_without_the_extra(cli, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("simpsons.service")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    result = cli("serve")
    assert result.exit_code == 2
    assert result.stderr.startswith(
        "Error: this command needs uvicorn: run pip install '.[app]' in "
    )


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM to send")
def test_what_is_under_way_is_finished_when_it_is_told_to_stop(service, doll):
    process, port = service
    body = HEADER + doll + b"\r\n--b--\r\n"
    with connect(port, post(f"Content-Length: {len(body)}")) as connection:
        connection.sendall(body[:-50])
        with socket.create_connection(("127.0.0.1", port)) as other:  # so the first is under way
            other.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            assert received(other) == (200, {"status": "ok"})
        process.send_signal(signal.SIGTERM)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)
        connection.sendall(body[-50:])
        status, said = received(connection)
    assert status == 200
    assert said["results"][0]["pictures"][0]["path"] == "a.png"
    process.wait(60)
    assert process.stderr.read() == b""


def test_strangers_need_a_score_of_their_own(client, row, detector, monkeypatch):
    def scores():
        [result] = client.post("/detect", files=files(("a.png", row))).json()["results"]
        return [face["score"] for face in result["pictures"][0]["faces"]]

    before = scores()
    monkeypatch.setattr(detector, "counts", lambda face: face.score > min(before))
    assert scores() == [score for score in before if score > min(before)]
    assert 0 < len(scores()) < len(before)
