"""The service below a path of a reverse proxy on this machine: `simpsons serve --root-path`."""

import http.client
import json
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from starlette.testclient import TestClient

from simpsons.errors import SimpsonsError
from simpsons.service.app import create_app
from simpsons.service.server import LOOPBACK

NAME = "cartoon.example"
"""What browsers call the proxy."""

ALLOWED = "allowed.example"
"""What a proxy that passes the Host on is called."""


@pytest.fixture(scope="module")
def port(detector):
    """Of a service of its own process."""
    words = ["--model", "cnn-int8", "--faces", detector.path, "--port", "0"]
    words += ["--root-path", "/simpsons/", "--allow-host", ALLOWED]
    command = [sys.executable, "-m", "simpsons", "serve", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            url = process.stdout.readline().decode().split()[0]
            assert url.endswith("/simpsons/")
            yield int(url.split("/")[2].rpartition(":")[2])
        finally:
            process.kill()


@contextmanager
def proxy(port, *, strips, host=None, forwarded=NAME):
    """A reverse proxy of `/simpsons`. strips: takes that off. host: it sends, None for the
    service's own. forwarded: its X-Forwarded-Host, None for none. Yields a function that asks."""

    class Proxy(BaseHTTPRequestHandler):
        def pass_on(self):
            path = self.path.removeprefix("/simpsons") if strips else self.path
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            kept = {key: self.headers[key] for key in self.headers if key.lower() in KEPT}
            kept |= {"Host": host or f"127.0.0.1:{port}", "X-Forwarded-For": "203.0.113.7"}
            kept |= {"X-Forwarded-Proto": "https"}
            kept |= {"X-Forwarded-Host": forwarded} if forwarded else {}
            service = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            service.request(self.command, path, body, kept)
            answer = service.getresponse()
            content = answer.read()
            service.close()
            self.send_response(answer.status)
            self.send_header("Content-Length", str(len(content)))
            for key in ("Content-Type", "Location"):
                if answer.headers[key]:
                    self.send_header(key, answer.headers[key])
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_OPTIONS = pass_on  # noqa: N815

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()

        def ask(path, method="GET", body=None, **headers):
            connection = http.client.HTTPConnection(*server.server_address, timeout=30)
            headers = {key.replace("_", "-"): value for key, value in headers.items()}
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
            connection.close()
            return answer.status, answer.headers, content

        yield ask
        server.shutdown()
        thread.join()


KEPT = {"content-type", "origin", "accept"}


def form(doll):
    head = b'--b\r\nContent-Disposition: form-data; name="pictures"; filename="a.png"\r\n\r\n'
    return head + doll + b"\r\n--b--\r\n", {"Content-Type": "multipart/form-data; boundary=b"}


@pytest.mark.parametrize("strips", [True, False], ids=["strips", "keeps"])
@pytest.mark.parametrize(
    ("host", "forwarded", "origin"),
    [
        (None, NAME, f"https://{NAME}"),
        (None, f"{NAME}:8443", f"https://{NAME}:8443"),
        (None, f"{NAME}:443", f"https://{NAME}"),
        (ALLOWED, None, f"https://{ALLOWED}"),
        (f"{ALLOWED}:8443", None, f"https://{ALLOWED}:8443"),
    ],
)
def test_the_page_and_its_answers_come_through_a_proxy(port, doll, strips, host, forwarded, origin):
    body, headers = form(doll)
    with proxy(port, strips=strips, host=host, forwarded=forwarded) as ask:
        status, _, page = ask("/simpsons/")
        assert status == 200
        assert b'href="page.css"' in page
        assert ask("/simpsons/page.js")[0] == ask("/simpsons/examples/0.jpg")[0] == 200
        description = json.loads(ask("/simpsons/openapi.json")[2])
        assert description["servers"] == [{"url": "/simpsons"}]
        status, _, said = ask("/simpsons/predict", "POST", body, Origin=origin, **headers)
        assert status == 200
        assert json.loads(said)["results"][0]["pictures"][0]["path"] == "a.png"
        for other in ("https://evil.example", f"https://{NAME}.evil.example", "null"):
            status, _, said = ask("/simpsons/predict", "POST", body, Origin=other, **headers)
            assert status == 403, said
            assert "X-Forwarded-Host" in json.loads(said)["remedy"]
        asked = {"Access-Control-Request-Method": "POST"}
        status, answered, _ = ask("/simpsons/predict", "OPTIONS", Origin=origin, **asked)
        assert status == 405
        assert "Access-Control-Allow-Origin" not in answered


def test_the_path_without_its_last_slash_leads_to_the_page(port):
    with proxy(port, strips=False) as ask:
        status, headers, _ = ask("/simpsons")
        assert (status, headers["Location"]) == (307, "/simpsons/")
        assert ask("/simpsonsx")[0] == 404


def test_a_host_that_nobody_allowed_is_refused_with_the_remedy(port):
    with proxy(port, strips=True, host=NAME) as ask:
        status, _, said = ask("/simpsons/")
    assert status == 400
    assert "--allow-host" in json.loads(said)["remedy"]


@pytest.mark.parametrize("peer", ["198.51.100.3", "127.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_only_this_machine_says_what_a_proxy_was_asked_for(classifiers, detector, doll, peer):
    """The service is open to other machines here, so any of them can send these headers."""
    origin = {"Origin": f"https://{NAME}"}
    forwarded = {"X-Forwarded-Host": NAME, "X-Forwarded-For": "127.0.0.1"}
    sent = {"pictures": ("a.png", doll)}
    app = create_app(classifiers, detector)
    with TestClient(app, "http://127.0.0.1", client=(peer, 50_000)) as client:
        assert client.post("/predict", files=sent, headers=origin).status_code == 403
        answer = client.post("/predict", files=sent, headers=origin | forwarded)
    assert answer.status_code == (403 if peer.startswith("198") else 200)


def test_what_is_forwarded_opens_no_foreign_host(classifiers, detector):
    """A page that has the name of this machine's address (DNS rebinding) can send it too."""
    app = create_app(classifiers, detector, hosts=LOOPBACK)
    headers = {"Host": "evil.example", "X-Forwarded-Host": "127.0.0.1"}
    with TestClient(app, "http://127.0.0.1", client=("127.0.0.1", 50_000)) as client:
        assert client.get("/health", headers=headers).status_code == 400


@pytest.mark.parametrize(
    ("given", "rooted"), [("", ""), ("/", ""), ("simpsons", "/simpsons"), ("/a/b-1.x/", "/a/b-1.x")]
)
def test_root_paths(classifiers, detector, given, rooted):
    with TestClient(create_app(classifiers, detector, root_path=given)) as client:
        said = client.get(f"{rooted}/openapi.json").json()
        assert client.get("/health").status_code == 200
    assert said.get("servers", []) == ([{"url": rooted}] if rooted else [])


@pytest.mark.parametrize("given", ["https://x/y", "/a//b", "/a b", "/a?b", "/a/../b", "/ä"])
def test_what_is_no_root_path(classifiers, detector, given):
    with pytest.raises(SimpsonsError, match="is not a path to serve below"):
        create_app(classifiers, detector, root_path=given)
