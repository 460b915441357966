"""The service with one client in ten hostile: no honest request lost, and it stops when asked."""

import http.client
import itertools
import socket
import struct
import subprocess
import tempfile
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from typing import NamedTuple

import numpy as np
import psutil

from benchmarks import api
from benchmarks.api import BOUNDARY, Process, bodies, client, multipart, served

HEADERS = ["clients", "requests", "lost", "p50", "p99", "memory half way, at the end, at most"]
HEADERS += ["lines on standard error"]
STOP_HEADERS = ["told to stop after", "ended in"]

CLIENTS, ONE_IN = 64, 10
MOMENTS = (0.0, 0.3, 1.0, 2.0, 4.0, 8.0)
"""Seconds of load after which the service is told to stop."""

_PATH = "/predict?model=cnn&faces=false"
_PATIENCE = 10.0  # seconds that a hostile client waits for an answer
_STALL = 3.0  # seconds that it keeps a connection that says nothing
_SILENT = 100  # such connections of a client at once
_STOP = 5.0  # seconds
_SIDE = 8900  # pixels: 79 million


def png(width: int, height: int) -> bytes:
    """A grey picture, all black: some KB whatever its size."""
    rows = zlib.compress(bytes((width + 1) * height), 9)
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in ((b"IHDR", head), (b"IDAT", rows), (b"IEND", b""))
    )


def bmp(width: int, height: int) -> bytes:
    """A picture in run lengths, each row of four bytes: one pixel, and the end of the row."""
    rows = bytes((1, 1, 0, 0)) * height + b"\0\1"
    head = struct.pack("<2sIHHI", b"BM", 54 + 1024 + len(rows), 0, 0, 54 + 1024)
    head += struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, len(rows), 0, 0, 256, 0)
    return head + bytes(1024) + rows


def jpeg(width: int, height: int, scans: int) -> bytes:
    """A progressive picture of many scans, in each of which every block is empty."""
    table = bytes([1] + [0] * 15)  # one code of one bit
    segments = [
        (0xDB, bytes([0]) + bytes([16] * 64)),
        (0xC2, struct.pack(">BHHBBBB", 8, height, width, 1, 1, 0x11, 0)),
        (0xC4, bytes([0x00]) + table + bytes([0])),
        (0xC4, bytes([0x10]) + table + bytes([0xE0])),  # the end of 2**14 blocks and more
    ]
    file = b"\xff\xd8" + b"".join(map(_segment, segments))
    blocks = -(-width // 8) * -(-height // 8)
    file += _segment((0xDA, bytes([1, 1, 0x00, 0, 0, 0x00]))) + bytes(-(-blocks // 8))
    runs = -(-blocks // 2**14)
    for number in range(scans - 1):
        place = 1 + number % 63
        head = _segment((0xDA, bytes([1, 1, 0x00, place, place, 0x00])))
        file += head + bytes(-(-runs * 15 // 8))
    return file + b"\xff\xd9"


def _segment(given: tuple[int, bytes]) -> bytes:
    marker, body = given
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def webp(width: int, height: int) -> bytes:
    """A lossless picture of one colour: some bytes whatever its size."""
    size = (width - 1) | (height - 1) << 14
    body = b"\x2f" + struct.pack("<I", size) + bytes([0x88, 0x88, 0x08]) + bytes(8)
    chunk = b"VP8L" + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk


def tiff(lines: int) -> bytes:
    """A fax picture, of each of whose rows libtiff has something to say."""
    rows = np.random.default_rng(0).bytes(8 * lines)
    tags = {256: 2000, 257: lines, 258: 1, 259: 3, 262: 0, 273: 8, 277: 1, 278: lines}
    tags[279] = len(rows)
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    start = struct.pack("<2sHI", b"II", 42, 8 + len(rows))
    return start + rows + struct.pack("<H", len(tags)) + entries + bytes(4)


def hostile() -> dict[str, bytes]:
    """Bodies that nobody honest sends, by what is in them."""
    drawing = bodies()[0]
    return {
        "BMP in run lengths, 79 MP": multipart(bmp(53_000, 1500)),
        "32 BMP files in run lengths, 4 MP": multipart(*[bmp(2600, 1500)] * 32),
        "JPEG, 79 MP, 100 scans": multipart(jpeg(_SIDE, _SIDE, 100)),
        "32 JPEG files, 79 MP, 12 scans": multipart(*[jpeg(_SIDE, _SIDE, 12)] * 32),
        "32 PNG files, 79 MP": multipart(*[png(_SIDE, _SIDE)] * 32),
        "WebP, 79 MP": multipart(webp(_SIDE, _SIDE)),
        "WebP, 29 MP": multipart(webp(5400, 5400)),
        "TIFF, fax": multipart(tiff(25_000)),
        "PPM, comments": multipart(b"P6\n" + b"# a comment\n" * 250_000 + b"1 1 255\n\0\0\0"),
        "random bytes": multipart(np.random.default_rng(0).bytes(100_000)),
        "a damaged PNG": multipart(png(64, 64)[:40] + bytes(1000)),
        "half a body": drawing[: len(drawing) // 2],
        "nothing": b"",
    }


def _send(port: int, body: bytes) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)
    connection.request("POST", _PATH, body, api.HEADERS)
    connection.getresponse().read()
    connection.close()


def _stall(port: int, said: bytes, count: int = 1) -> None:
    """Connections that say the beginning of something and no more."""
    with ExitStack() as stack:
        for _ in range(count):
            connection = socket.create_connection(("127.0.0.1", port), timeout=_STALL)
            stack.enter_context(connection).sendall(said)
        time.sleep(_STALL)


def _attack(port: int, first: int, goes_on: Callable[[], bool]) -> None:
    """One thing after the other for as long as it `goes_on`."""
    header = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; "
    header += f"boundary={BOUNDARY}\r\nContent-Length: 99999\r\n".encode()
    things: list[Callable[[], None]] = [
        *(partial(_send, port, body) for body in hostile().values()),
        partial(_stall, port, b"", _SILENT),
        partial(_stall, port, b"POST /predict HTT", _SILENT),
        partial(_stall, port, header),
        partial(_stall, port, header + b"\r\n" + bodies()[0][:500]),
    ]
    for thing in itertools.islice(itertools.cycle(things), 3 * first, None):
        if not goes_on():
            return
        with suppress(OSError, http.client.HTTPException):
            thing()


@contextmanager
def _attackers(port: int, count: int) -> Iterator[None]:
    """So many hostile clients meanwhile."""
    is_on = [True]
    with ThreadPoolExecutor(max(1, count)) as pool:
        for number in range(count):
            pool.submit(_attack, port, number, lambda: is_on[0])
        try:
            yield
        finally:
            is_on[0] = False


class _Memory:
    """Bytes of a service and its processes, each second until it is left."""

    def __init__(self, service: Process) -> None:
        self._service, self._is_over = psutil.Process(service.pid), threading.Event()
        self._watch = threading.Thread(target=self._look)
        self.most = 0

    def now(self) -> int:
        """Of the service without the processes that decode, which come and go."""
        return int(self._service.memory_info().rss)

    def __enter__(self) -> "_Memory":
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._watch.join()

    def _look(self) -> None:
        while not self._is_over.wait(1.0):
            with suppress(psutil.Error):  # one that has just ended
                each = [self._service, *self._service.children(recursive=True)]
                together = sum(one.memory_full_info().pss for one in each)
                self.most = max(self.most, together)


class _Found(NamedTuple):
    """lost: requests. p99: seconds."""

    row: list[str]
    lost: int
    p99: float


def _measure(requests: int, few: int) -> _Found:
    """Requests of honest clients, with a few hostile ones."""
    honest = CLIENTS - few
    with ExitStack() as stack:
        said = stack.enter_context(tempfile.TemporaryFile())
        service, port = stack.enter_context(served("--model", "cnn", stderr=said))
        client(port, _PATH, bodies())  # until it is warm
        memory = stack.enter_context(_Memory(service))
        with _attackers(port, few):
            answers = _ask(port, requests // 2, honest)
            early = memory.now()
            answers += _ask(port, requests - requests // 2, honest)
            late = memory.now()
        said.seek(0)
        lines = said.read().count(b"\n")
    answered = [one for one in answers if one is not None] or [float("nan")]
    lost = len(answers) - len(answered)
    p50, p99 = np.percentile(answered, (50, 99))
    who = f"{honest} honest" + (f", {few} hostile" if few else "")
    told = ", ".join(f"{size / 1e6:.0f}" for size in (early, late, memory.most))
    cells = [who, f"{len(answers):,}", str(lost), f"{p50 * 1000:.0f} ms", f"{p99 * 1000:.0f} ms"]
    return _Found([*cells, f"{told} MB", str(lines)], lost, float(p99))


def _ask(port: int, requests: int, clients: int) -> list[float | None]:
    """Seconds that each answer took, None for one that was lost."""
    drawings = list(itertools.islice(itertools.cycle(bodies()), requests))
    shares = [drawings[first::clients] for first in range(clients)]
    with ThreadPoolExecutor(clients) as pool:
        return [one for each in pool.map(partial(client, port, _PATH), shares) for one in each]


def rows(requests: int) -> tuple[list[list[str]], list[str]]:
    """A row without hostile clients and one with them, and the failures. requests: honest ones."""
    few = CLIENTS // ONE_IN
    calm, attacked = _measure(requests, 0), _measure(requests, few)
    failures = [
        f"the service: {found.row[0]}: {found.lost} requests lost"
        for found in (calm, attacked)
        if found.lost
    ]
    if attacked.p99 > 2 * calm.p99:
        failures.append(f"the service: p99 is {attacked.p99 / calm.p99:.1f} times as long")
    return [calm.row, attacked.row], failures


def stops() -> tuple[list[list[str]], list[str]]:
    """A row for each moment at which the service is told to stop, and the failures."""
    table, failures = [], []
    for moment in MOMENTS:
        seconds = _stopped(moment)
        table.append([f"{moment:g} s", f"{seconds:.1f} s"])
        if seconds > _STOP:
            failures.append(f"the service: told to stop after {moment:g} s, took {seconds:.1f} s")
    return table, failures


def _stopped(moment: float) -> float:
    """Seconds that the service takes to end."""
    few = CLIENTS // ONE_IN
    with served("--model", "cnn", stderr=subprocess.DEVNULL) as (service, port):
        with _attackers(port, few), ThreadPoolExecutor(CLIENTS) as pool:
            for _ in range(CLIENTS - few):
                pool.submit(client, port, _PATH, bodies() * 100)
            time.sleep(moment)
            start = time.perf_counter()
            service.terminate()
            service.wait(10 * _STOP)
            seconds = time.perf_counter() - start
            pool.shutdown(wait=False, cancel_futures=True)
        return seconds
