"""Many picture files at once, on every processor.

Decoding holds the GIL part of the time: two threads are twice as fast as one, sixteen are not
sixteen times as fast. So with many processors, each thread hands its files to a worker process of
its own, once there are enough files for starting these to pay.
"""

import os
import sys
import threading
import weakref
from collections.abc import Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from simpsons import processors
from simpsons.pixels import images
from simpsons.pixels.plain_resize import ANTIALIAS, Resize

if TYPE_CHECKING:
    from simpsons.pixels.decoding_process import Worker, WorkerPool

MANY = 128
"""Files after which processes are started; threads go on while they get ready."""

_FEWEST = 6  # processors; fewer threads do not wait long for one another
_MOST = 16  # processes; more would wait for the one that asks
_MOST_THREADS = 8  # that decode at once; more take longer

File = str | os.PathLike[str]


class Decoder:
    """Decodes files for several threads.

    processes: how many may be started, 0 for none; None for one a processor, up to 16, where there
    are six or more and the system can copy a process. They end with the decoder, or when it is
    closed. resize: see `images.fit`; the processes know the usual one only. threads: how many that
    ask at the same time can be kept at work.
    """

    def __init__(self, processes: int | None = None, resize: Resize = ANTIALIAS) -> None:
        available = processors.count()
        if processes is None:
            can_start = available >= _FEWEST and _can_start_python()
            processes = min(available, _MOST) if can_start else 0
        if resize != ANTIALIAS:
            processes = 0
        self._resize = resize
        self._processes = processes
        self.threads = processes or min(available, _MOST_THREADS)
        self._owner = os.getpid()
        self._loaded = 0
        self._lock = threading.Lock()
        self._room = threading.Semaphore(_MOST_THREADS)
        self._started: list[WorkerPool] = []
        self._idle: SimpleQueue[Worker] = SimpleQueue()
        self._end = weakref.finalize(self, _end, self._started, self._owner)

    def load(self, paths: Sequence[File]) -> list[images.Original | images.ImageError]:
        """`images.load_file` of each, or its ImageError. Threads may call it at the same time."""
        results = self._in_a_process(paths)
        if all(results):
            return list(filter(None, results))
        left = [path for path, result in zip(paths, results, strict=True) if result is None]
        with self._room:
            files = images.read_ahead(left)
            here = iter([_load(file, self._resize) for file in files])
        return [result or next(here) for result in results]

    def start(self) -> None:
        """Start the processes, and wait until they are ready."""
        with self._lock:
            if self._started or not self._processes or not self._end.alive:
                return
            try:
                from simpsons.pixels.decoding_process import WorkerPool  # few files need none

                processes = WorkerPool(self._processes)
            except (ImportError, OSError, ValueError):  # no memory, say: threads do it all
                return
            self._started.append(processes)
        for process in processes.wait_until_ready():
            self._idle.put(process)

    def close(self) -> None:
        """End the processes; what is loaded afterwards is decoded in this one."""
        with self._lock:
            self._end()

    def __enter__(self) -> "Decoder":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _in_a_process(self, paths: Sequence[File]) -> Sequence[images.Original | None]:
        """What a process with nothing to do makes of the files; None for what is left."""
        nothing = [None] * len(paths)
        if os.getpid() != self._owner:  # a copy of it has the same sockets, and locks as they were
            return nothing
        with self._lock:
            starts = self._processes and self._loaded < MANY <= self._loaded + len(paths)
            self._loaded += len(paths)
        if starts:
            threading.Thread(target=self.start, daemon=True).start()
        try:
            whole = [str(Path(path).absolute()) for path in paths]
            process = self._idle.get_nowait()
            results = process.load(whole)
        except (Empty, OSError, ValueError):  # none is idle, or it has ended
            return nothing
        self._idle.put(process)
        return results


def _can_start_python() -> bool:
    is_bundle = getattr(sys, "frozen", False)  # then `sys.executable` is somebody's program
    return hasattr(os, "fork") and bool(sys.executable) and not is_bundle


def _end(started: "list[WorkerPool]", owner: int) -> None:
    if os.getpid() != owner:  # a copy of it, which has the same sockets
        return
    for processes in started:
        processes.end()


def _load(file: images.File, resize: Resize) -> images.Original | images.ImageError:
    try:
        return images.load_file(file, resize=resize)
    except images.ImageError as error:
        return error
