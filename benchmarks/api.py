"""Does the service hold under load? 1,000 requests from 32 clients at once, on loopback.

The drawings are of nobody known: with `faces=false` they are answered as a whole, else each is
looked at for faces too.

A real `simpsons serve` in a process of its own; each client keeps its connection and sends one
drawing a request. A request is lost if it gets no answer or one that names nobody.
"""

import argparse
import http.client
import io
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import IO

import numpy as np

from benchmarks.report import machine, table
from simpsons.demo.drawings import DOLLS, draw

BOUNDARY = "drawing"
HEADERS = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
SIZE = 256

_PATIENCE = 60.0  # seconds until a service is killed that was told to end

Process = subprocess.Popen[str]


def multipart(*files: bytes) -> bytes:
    """The body of a request with these picture files."""
    head = (
        f"--{BOUNDARY}\r\nContent-Disposition: form-data; "
        'name="pictures"; filename="drawing.jpg"\r\n\r\n'
    )
    parts = (head.encode() + file + b"\r\n" for file in files)
    return b"".join((*parts, f"--{BOUNDARY}--\r\n".encode()))


def bodies() -> list[bytes]:
    """A multipart body with one drawing, for each doll."""
    made = []
    for number, doll in enumerate(DOLLS):
        file = io.BytesIO()
        draw(doll, np.random.default_rng(number), SIZE).save(file, "JPEG")
        made.append(multipart(file.getvalue()))
    return made


@contextmanager
def served(*options: str, stderr: IO[bytes] | int | None = None) -> Iterator[tuple[Process, int]]:
    """A `simpsons serve` in a process of its own, and its port. stderr: a file that gets it."""
    command = [sys.executable, "-m", "simpsons", "serve", "--port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True) as service:
        assert service.stdout is not None
        try:
            yield service, int(service.stdout.readline().split("/")[2].rpartition(":")[2])
        finally:
            service.terminate()
            with suppress(subprocess.TimeoutExpired):
                service.wait(_PATIENCE)
            service.kill()


def client(port: int, path: str, sent: list[bytes]) -> list[float | None]:
    """Seconds that each answer took, None for a request that was lost."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    seconds: list[float | None] = []
    for body in sent:
        start = time.perf_counter()
        try:
            connection.request("POST", path, body, HEADERS)
            answer = json.loads(connection.getresponse().read())
            named = all(result["pictures"][0]["label"] for result in answer["results"])
        except (OSError, ValueError, LookupError, http.client.HTTPException):
            named = False
            connection.close()
        seconds.append(time.perf_counter() - start if named else None)
    return seconds


def measure(port: int, path: str, requests: int, clients: int) -> list[str]:
    """A row: what was asked, how many were lost, p50, p99, and answers a second."""
    drawings = bodies()
    shares = [
        [drawings[number % len(drawings)] for number in range(first, requests, clients)]
        for first in range(clients)
    ]
    client(port, path, drawings)  # until the threads and the networks are warm
    start = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        answers = [
            one for each in pool.map(lambda s: client(port, path, s), shares) for one in each
        ]
    seconds = time.perf_counter() - start
    answered = [one for one in answers if one is not None]
    p50, p99 = np.percentile(answered, (50, 99)) * 1000
    lost = len(answers) - len(answered)
    rate = len(answered) / seconds
    return [path, str(len(answers)), str(lost), f"{p50:.0f} ms", f"{p99:.0f} ms", f"{rate:.0f}"]


def main() -> None:
    """Start the service, load it, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--clients", type=int, default=32)
    asked = parser.parse_args()
    with served() as (_, port):
        rows = [
            measure(port, f"/predict?model={asked_for}", asked.requests, asked.clients)
            for asked_for in (
                "xception&faces=false",
                "cnn&faces=false",
                "both&faces=false",
                "xception",
            )
        ]
    print(table(["asked", "requests", "lost", "p50", "p99", "a second"], rows))
    print(f"\n{asked.clients} clients, drawings of {SIZE} pixels; {machine()}.")


if __name__ == "__main__":
    main()
