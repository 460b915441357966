"""What runs the networks, and how much of it at once."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from starlette.testclient import TestClient

from simpsons import processors
from simpsons.network import Network
from simpsons.service.app import create_app

THREADS, CLIENTS = 3, 6


@pytest.fixture
def seen(monkeypatch):
    """The threads that ran a network, and those that were there when one did."""
    ran, there, run = set(), set(), Network.run

    def noted(*given):
        ran.add(threading.current_thread())
        there.update(threading.enumerate())
        return run(*given)

    monkeypatch.setattr(Network, "run", noted)
    return ran, there


@pytest.mark.parametrize("asked", ["/predict?model=both&faces=true", "/detect?model=both"])
def test_as_many_threads_as_processors_run_the_networks_of_all_clients(
    classifiers, detector, dolls, monkeypatch, seen, asked
):
    monkeypatch.setattr(processors, "count", lambda: THREADS)
    before = set(threading.enumerate())
    files = [("pictures", (f"{number}.png", doll)) for number, doll in enumerate(dolls(8))]
    with (
        TestClient(create_app(classifiers, detector), "http://127.0.0.1") as client,
        ThreadPoolExecutor(CLIENTS, thread_name_prefix="client") as pool,
    ):
        answers = list(pool.map(lambda _: client.post(asked, files=files), range(2 * CLIENTS)))
    assert {answer.status_code for answer in answers} == {200}
    ran, there = seen
    assert 0 < len(ran) <= THREADS
    assert {thread.name.partition("_")[0] for thread in ran} == {"inference"}
    others = {thread.name for thread in there - ran - before}
    assert not [name for name in others if not name.startswith(("client", "AnyIO", "asyncio"))]
