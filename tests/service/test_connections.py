"""Connections that say nothing make room, and are closed."""

import socket
import threading
from http.client import HTTPConnection

import pytest
import uvicorn

from simpsons.service import connections
from simpsons.service.server import is_local, listen


async def app(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"here"})


@pytest.fixture
def port(monkeypatch):
    monkeypatch.setattr(connections, "HEADER_SECONDS", 0.5)
    monkeypatch.setattr(connections, "most", lambda: 3)
    listener = listen("127.0.0.1", 0)
    config = uvicorn.Config(app, http=connections.Connection, lifespan="off", log_level="error")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield listener.getsockname()[1]
    server.should_exit = True
    thread.join()


def is_closed(connection):
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def test_connections_that_say_nothing(port):
    silent = [socket.create_connection(("127.0.0.1", port), timeout=60) for _ in range(6)]
    silent[-1].sendall(b"GET / HTTP/1.1\r\nHost: ")
    asking = HTTPConnection("127.0.0.1", port, timeout=60)
    for _ in range(2):  # a connection that asks is kept
        asking.request("GET", "/")
        assert asking.getresponse().read() == b"here"
    assert all(map(is_closed, silent))


def test_one_between_two_requests_is_kept_while_others_have_sent_none(port, monkeypatch):
    monkeypatch.setattr(connections, "HEADER_SECONDS", 60)
    asking = HTTPConnection("127.0.0.1", port, timeout=10)
    asking.request("GET", "/")
    assert asking.getresponse().read() == b"here"
    silent = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(6)]
    assert all(map(is_closed, silent[:4]))  # all but two are closed, however fast they came
    asking.request("GET", "/")
    assert asking.getresponse().read() == b"here"


@pytest.mark.parametrize(("host", "expected"), [("127.0.0.1", True), ("0.0.0.0", False)])
def test_which_addresses_are_this_machine_alone(host, expected):
    assert is_local(host) is expected
