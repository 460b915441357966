"""520 malformed requests: each is refused with the one shape of error, and the service lives on."""

import random

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from starlette.testclient import TestClient

from simpsons.service.app import create_app
from simpsons.service.limits import Limits

GENERATED, MUTATED = 40, 440
LIMITS = Limits(file_bytes=20_000, request_bytes=50_000, pictures=3)

START = b"--bound\r\n"
DISPOSITION = b"Content-Disposition"
FIELD = b"pictures"
END = b"\r\n--bound--\r\n"
HEADER = START + DISPOSITION + b': form-data; name="' + FIELD + b'"; filename="a.png"\r\n\r\n'
MULTIPART = "multipart/form-data; boundary=bound"
NO_LETTERS = bytes(byte for byte in range(256) if not chr(byte).isalpha() and byte not in b"\r\n-")


@pytest.fixture(scope="module")
def client(classifiers, detector):
    with TestClient(
        create_app(classifiers, detector, LIMITS), raise_server_exceptions=False
    ) as client:
        yield client


def is_refused(response):
    assert 400 <= response.status_code < 500, response.text
    said = response.json()
    assert set(said) == {"error", "remedy"}
    assert all(said.values())


def still_answers(client, doll, path="/predict"):
    assert client.get("/health").status_code == 200
    answer = client.post(path, files={"pictures": ("a.png", doll)})
    assert answer.json()["results"][0]["pictures"][0]["path"] == "a.png"


@pytest.mark.parametrize("path", ["/predict", "/detect"])
def test_requests_that_break_the_description(client, doll, path):
    """Made by Schemathesis from the OpenAPI description, against what it says of the body."""
    schemathesis = pytest.importorskip("schemathesis", reason="Schemathesis is not installed")
    requests = pytest.importorskip("requests")  # comes with it, and encodes what it makes
    description = client.get("/openapi.json").json()
    route = schemathesis.openapi.from_dict(description)[path]["POST"]
    count = 0

    @settings(
        max_examples=GENERATED,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=route.as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE))
    def refuse(case):
        nonlocal count
        count += 1
        sent = case.as_transport_kwargs(base_url=str(client.base_url))
        ready = requests.Request(**{key: sent[key] for key in SENT & sent.keys()}).prepare()
        headers = {key: value for key, value in ready.headers.items() if key != "Content-Length"}
        is_refused(client.post(ready.url, content=ready.body or b"", headers=headers))

    refuse()
    assert count >= GENERATED
    still_answers(client, doll, path)


SENT = {"method", "url", "headers", "params", "files", "data"}


def changed(body, region, rng):
    """The body with one byte of a region turned into one that can't be right there."""
    place = body.index(region) + rng.randrange(len(region))
    wrong = rng.choice([byte for byte in NO_LETTERS if byte != body[place]])
    return body[:place] + bytes([wrong]) + body[place + 1 :]


def mutations(doll):
    """Malformed bodies with their media types, the same ones each time."""
    rng = random.Random(0)
    body = HEADER + doll[:500] + END
    for _ in range(200):
        yield MULTIPART, body[: rng.randrange(len(body) - len(END) + 2)]
    for region in (START[:-2], DISPOSITION, FIELD, END[2:-2]):
        for _ in range(40):
            yield MULTIPART, changed(body, region, rng)
    for _ in range(40):
        yield MULTIPART, rng.randbytes(rng.randrange(2000))
    for _ in range(40):
        junk = bytes(rng.choice(NO_LETTERS) for _ in range(12)).decode("latin-1")
        yield f"multipart/form-data; boundary={junk}", body
    for media_type in ("", "multipart", "multipart/mixed; boundary=bound", "image/png", "\xff"):
        yield media_type, body
    yield "multipart/form-data; boundary=" + "b" * 10_000, body
    yield MULTIPART, HEADER + bytes(LIMITS.file_bytes + 1) + END
    yield MULTIPART, bytes(LIMITS.request_bytes + 1)
    yield MULTIPART, (HEADER + b"x\r\n") * (LIMITS.pictures + 1) + END
    yield MULTIPART, START + b"A: b\r\n" * 2000 + b"\r\n" + END


def test_bodies_that_are_broken(client, doll):
    broken = list(mutations(doll))
    assert len(broken) >= MUTATED
    for media_type, body in broken:
        headers = {"Content-Type": media_type.encode("latin-1")}
        is_refused(client.post("/predict", content=body, headers=headers))
    still_answers(client, doll)
