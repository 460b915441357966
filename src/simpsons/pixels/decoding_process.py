"""Processes that decode picture files for `simpsons.pixels.decoding`.

The first is a new Python that has imported what is needed; the others are its copies, which takes
a few milliseconds each. Each has a socket to the process that asks.
"""

import json
import math
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress

import numpy as np

from simpsons.pixels import images
from simpsons.pixels.images import Original

_PATIENCE = 0.1  # seconds in which a copy is to end
_FEWEST_FILES = 256  # that may be open: those who ask open some too
_SHAPE = (images.SIZE, images.SIZE, 3)
_BUFFER = 2**20  # bytes: a share's pixels, where the system allows it
_PROGRAM = (
    "import sys; sys.path[:] = {path!a}\n"
    "from simpsons.pixels.decoding_process import serve; serve({life}, {ends})"
)


class WorkerPool:
    """A new Python that runs `serve`, and its copies.

    Raises OSError or ValueError if it can't be started.
    """

    def __init__(self, count: int) -> None:
        if resource.getrlimit(resource.RLIMIT_NOFILE)[0] < _FEWEST_FILES:
            raise OSError("too few files may be open")
        self._each: list[Worker] = []
        self._are_ready = False
        theirs: list[socket.socket] = []
        self._life, life = socket.socketpair()
        try:
            for _ in range(count):
                ours, their = socket.socketpair()
                self._each.append(Worker(ours))
                theirs.append(their)
            ends = [their.fileno() for their in theirs]
            program = _PROGRAM.format(path=sys.path, life=life.fileno(), ends=ends)
            self._first = subprocess.Popen(
                [sys.executable, "-c", program],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[life.fileno(), *ends],
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},  # its copies can have no threads
            )
        except (OSError, ValueError):
            self._let_go()
            raise
        finally:
            for their in [life, *theirs]:
                their.close()

    def wait_until_ready(self) -> "list[Worker]":
        """Those that are there to be asked."""
        ready = [process for process in self._each if process.is_ready()]
        self._are_ready = True
        return ready

    def end(self) -> None:
        """End the workers: busy ones immediately, idle ones when they notice."""
        self._let_go()
        if not self._are_ready:
            self._first.kill()
        self._first.wait()

    def _let_go(self) -> None:
        for process in self._each:
            process.end()
        self._life.close()


class Worker:
    """A process that decodes, at the other end of a socket."""

    def __init__(self, ours: socket.socket) -> None:
        self._socket, self._replies = ours, ours.makefile("rb")

    def is_ready(self) -> bool:
        """Wait for its first line; False if it ended instead."""
        with suppress(OSError, ValueError):
            return bool(self._replies.readline())
        return False

    def load(self, paths: Sequence[str]) -> list[Original | None]:
        """`images.load_file` of each whole path, None for what it leaves.

        Raises OSError or ValueError if it has ended.
        """
        self._socket.sendall(f"{json.dumps(paths)}\n".encode())
        facts = json.loads(self._replies.readline())
        count = sum(fact is not None for fact in facts)
        content = self._replies.read(count * math.prod(_SHAPE))
        pixels = iter(np.frombuffer(content, np.uint8).reshape(count, *_SHAPE))
        return [fact and _original(next(pixels), *fact) for fact in facts]

    def end(self) -> None:
        """Tell it that no request comes any more."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


def _original(
    pixels: images.Pixels, width: int, height: int, kind: str, content: list[float]
) -> Original:
    left, top, right, bottom = content
    return Original(pixels, width, height, kind, (left, top, right, bottom))


def serve(life: int, ends: Sequence[int]) -> None:
    """Answer requests at each of these sockets, file descriptors, in a copy of this process.

    life: a socket too; once the process that asks has closed it or has ended, the copies end.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that asks
    copies = []
    for end in ends:
        copy = os.fork()
        if copy == 0:
            for other in (life, *ends):
                if other != end:
                    os.close(other)
            try:
                _answer(socket.socket(fileno=end))
            finally:
                os._exit(0)  # at once: it has nothing to put away
        copies.append(copy)
    for end in ends:
        os.close(end)
    os.read(life, 1)
    _end(copies)


def _end(copies: list[int]) -> None:
    """Wait for them; a worker that reads from an unreachable disk would not end by itself."""
    late = time.monotonic() + _PATIENCE
    while copies and time.monotonic() < late:
        copies = [copy for copy in copies if os.waitpid(copy, os.WNOHANG) == (0, 0)]
        time.sleep(0.005)
    for copy in copies:
        os.kill(copy, signal.SIGKILL)


def _answer(ours: socket.socket) -> None:
    """Decode what is asked for, until nothing more is.

    A request is a line of JSON, whole paths. The answer is a line with `[width, height, format,
    content]` of each, null for what can't be read or is large, and then the pixels.
    """
    images.MAX_PIXELS = images.LARGE  # the process that asks decodes larger ones one at a time
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
    with ours.makefile("rwb") as stream:
        stream.write(b"\n")
        stream.flush()
        for request in stream:
            results = [_load(path) for path in json.loads(request)]
            facts = [result and result[1:] for result in results]
            stream.write(f"{json.dumps(facts)}\n".encode())
            stream.writelines(result.pixels.tobytes() for result in results if result)
            stream.flush()


def _load(path: str) -> Original | None:
    try:
        return images.load_file(path)
    except images.ImageError:
        return None
