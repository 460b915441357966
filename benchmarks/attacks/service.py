"""The service with one client in ten hostile: no honest request lost, and it stops when asked."""

import http.client
import io
import json
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import numpy as np
import psutil
from PIL import Image

from benchmarks.api import BOUNDARY, bodies

HEADERS = ["clients", "requests", "lost", "p50", "p99", "memory before and after", "stopped in"]

_CLIENTS, _ONE_IN = 64, 10
_STALL = 3.0  # seconds that a hostile connection waits


def _part(content: bytes) -> bytes:
    head = (
        f"--{BOUNDARY}\r\nContent-Disposition: form-data; "
        'name="pictures"; filename="picture"\r\n\r\n'
    )
    return head.encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()


def _hostile() -> list[bytes]:
    """Bodies that nobody honest sends."""
    large = io.BytesIO()
    Image.new("L", (8000, 8000)).save(large, "PNG")
    drawing = bodies()[0]
    return [
        _part(large.getvalue()),
        _part(b"\x89PNG\r\n\x1a\n" + bytes(1000)),
        _part(np.random.default_rng(0).bytes(100_000)),
        drawing[: len(drawing) // 2],
        b"",
        _part(b"BM" + bytes(60)),
    ]


def _attack(port: int, until: float) -> None:
    sent = _hostile()
    number = 0
    while time.monotonic() < until:
        number += 1
        with suppress(OSError, http.client.HTTPException):
            if number % 3 == 0:  # half a header, or a body that does not come
                with socket.create_connection(("127.0.0.1", port), timeout=_STALL) as stalled:
                    stalled.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 99")
                    time.sleep(_STALL)
                continue
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_STALL)
            headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
            connection.request("POST", "/predict", sent[number % len(sent)], headers)
            connection.getresponse().read()
            connection.close()


def _honest(port: int, count: int) -> list[float | None]:
    sent = bodies()
    seconds: list[float | None] = []
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    for number in range(count):
        start = time.perf_counter()
        try:
            connection.request("POST", "/predict?model=cnn", sent[number % len(sent)], headers)
            answer = json.loads(connection.getresponse().read())
            named = all(result["pictures"][0]["label"] for result in answer["results"])
        except (OSError, ValueError, LookupError, http.client.HTTPException):
            named = False
            connection.close()
        seconds.append(time.perf_counter() - start if named else None)
    return seconds


def rows(requests: int) -> tuple[list[list[str]], list[str]]:
    """A row without hostile clients and one with them, and the failures. requests: honest ones."""
    table, failures = [], []
    for hostile in (0, _CLIENTS // _ONE_IN):
        row, lost = _measure(requests, hostile)
        table.append(row)
        if lost:
            failures.append(f"the service with {hostile} hostile clients: {lost} requests lost")
    return table, failures


def _measure(requests: int, hostile: int) -> tuple[list[str], int]:
    honest = _CLIENTS - hostile
    command = [sys.executable, "-m", "simpsons", "serve", "--port", "0", "--model", "cnn"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as service:
        assert service.stdout is not None
        try:
            port = int(service.stdout.readline().split("/")[2].rpartition(":")[2])
            _honest(port, 20)
            memory = [_memory(service.pid)]
            with ThreadPoolExecutor(_CLIENTS) as pool:
                asked = [pool.submit(_honest, port, -(-requests // honest)) for _ in range(honest)]
                until = time.monotonic() + 600
                for _ in range(hostile):
                    pool.submit(_attack_while, port, asked, until)
                answers = [one for each in asked for one in each.result()]
            memory.append(_memory(service.pid))
            start = time.perf_counter()
            service.terminate()
            service.wait(60)
            stopped = time.perf_counter() - start
        finally:
            service.kill()
    answered = [one for one in answers if one is not None] or [float("nan")]
    lost = sum(one is None for one in answers)
    p50, p99 = np.percentile(answered, (50, 99)) * 1000
    who = f"{honest} honest" + (f", {hostile} hostile" if hostile else "")
    told = f"{memory[0] / 1e6:.0f} and {memory[1] / 1e6:.0f} MB"
    cells = [who, f"{len(answers):,}", str(lost), f"{p50:.0f} ms", f"{p99:.0f} ms", told]
    return [*cells, f"{stopped:.1f} s"], lost


def _attack_while(port: int, asked: list[object], until: float) -> None:
    while time.monotonic() < until and not all(one.done() for one in asked):  # type: ignore[attr-defined]
        _attack(port, time.monotonic() + 1)


def _memory(process: int) -> int:
    """Bytes of a process and its children."""
    first = psutil.Process(process)
    each = [first, *first.children(recursive=True)]
    return sum(one.memory_info().rss for one in each)
