"""Processes that decode picture files for `simpsons.decoding`.

The first is a new Python that has imported what is needed; the others are its copies, which takes
a few milliseconds each. Each has a socket to the process that asks.
"""

import json
import math
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from simpsons import images
from simpsons.images import Original

_PATIENCE = 0.1  # seconds
_SHAPE = (images.SIZE, images.SIZE, 3)
_BUFFER = 2**20  # bytes: a share's pixels, where the system allows it
_PROGRAM = (
    "import sys; sys.path[:] = {path!a}; from simpsons.decoding_process import serve; serve({ends})"
)

File = str | os.PathLike[str]


class Processes:
    """A new Python that runs `serve`, and its copies.

    Raises OSError or ValueError if it can't be started.
    """

    def __init__(self, count: int) -> None:
        self.each: list[Process] = []
        theirs: list[socket.socket] = []
        try:
            for _ in range(count):
                ours, their = socket.socketpair()
                self.each.append(Process(ours))
                theirs.append(their)
            ends = [their.fileno() for their in theirs]
            self._first = subprocess.Popen(
                [sys.executable, "-c", _PROGRAM.format(path=sys.path, ends=ends)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=ends,
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},  # its copies can have no threads
            )
        except (OSError, ValueError):
            for process in self.each:
                process.end()
            raise
        finally:
            for their in theirs:
                their.close()

    def end(self) -> None:
        """Let them end, and wait for it."""
        for process in self.each:
            process.end()
        try:
            self._first.wait(_PATIENCE)
        except subprocess.TimeoutExpired:  # it is still starting, or its copies are at work
            self._first.kill()
            self._first.wait()


class Process:
    """A process that decodes, at the other end of a socket."""

    def __init__(self, ours: socket.socket) -> None:
        self._socket, self._replies = ours, ours.makefile("rb")

    def is_ready(self) -> bool:
        """Wait for its first line; False if it ended instead."""
        with suppress(OSError, ValueError):
            return bool(self._replies.readline())
        return False

    def load(self, paths: Sequence[File]) -> list[Original | None]:
        """`images.load_file` of each, None for what it leaves.

        Raises OSError or ValueError if it has ended.
        """
        request = json.dumps([str(Path.cwd()), [os.fspath(path) for path in paths]])
        self._socket.sendall(f"{request}\n".encode())
        facts = json.loads(self._replies.readline())
        count = sum(fact is not None for fact in facts)
        content = self._replies.read(count * math.prod(_SHAPE))
        pixels = iter(np.frombuffer(content, np.uint8).reshape(count, *_SHAPE))
        return [fact and images.Original(next(pixels), *fact) for fact in facts]

    def end(self) -> None:
        """Tell it that no request comes any more."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


def serve(ends: Sequence[int]) -> None:
    """Answer requests at each of these sockets, file descriptors, in a copy of this process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that asks
    for end in ends:
        if os.fork() == 0:
            for other in ends:
                if other != end:
                    os.close(other)
            try:
                _answer(socket.socket(fileno=end))
            finally:
                os._exit(0)  # at once: it has nothing to put away
    for end in ends:
        os.close(end)
    for _ in ends:
        os.wait()


def _answer(ours: socket.socket) -> None:
    """Decode what is asked for, until nothing more is.

    A request is a line of JSON: the working folder, and paths. The answer is a line with
    `[width, height, format]` of each, null for what can't be read or is large, and then the pixels.
    """
    images.MAX_PIXELS = images.LARGE  # the process that asks decodes larger ones one at a time
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
    with ours.makefile("rwb") as stream:
        stream.write(b"\n")
        stream.flush()
        for request in stream:
            folder, paths = json.loads(request)
            os.chdir(folder)
            results = [_load(path) for path in paths]
            facts = [result and result[1:] for result in results]
            stream.write(f"{json.dumps(facts)}\n".encode())
            stream.writelines(result.pixels.tobytes() for result in results if result)
            stream.flush()


def _load(path: str) -> Original | None:
    try:
        return images.load_file(path)
    except images.ImageError:
        return None
