"""Pictures of requests, decoded under a deadline.

A process that takes too long is ended, and another begins. Most pictures take milliseconds. One
that doesn't is ended soon and begun again among the slow ones, of which one is decoded at a time,
with what the others leave of the processors: they don't keep the others waiting. Among these are
large pictures from the beginning, and those of a request whose pictures have taken long together.
When a request is given up, so are its pictures.
"""

import asyncio
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Generic, NamedTuple, Protocol, TypeVar

from pebble import ProcessExpired, ProcessPool

from simpsons.pixels import images
from simpsons.pixels.plain_resize import Resize
from simpsons.pixels.quiet import silence_pillow
from simpsons.service.uploads import Upload

T = TypeVar("T")

QUICK_SECONDS, SLOW_SECONDS = 0.5, 5.0
"""Of a processor, that a picture may take, and one that did not keep the first."""

PATIENCE = 4.0
"""How many times as long it may take by the clock, on a machine that has other things to do."""

TOGETHER_SECONDS = 0.25
"""Of a processor, after which the pictures that are left of a request are among the slow ones."""

SLOW_AT_ONCE = 16
"""Slow pictures that are decoded or wait; the next is refused."""

MEMORY = 2**30
"""Bytes of a process, beside what it has when it begins."""

_NICE = 10  # of the process for slow pictures: a tenth of what others get, where all are at work


class OfRequest(Protocol):
    """Decodes the pictures of one request; why one can't be read is said instead."""

    async def original(self, upload: Upload, resize: Resize) -> images.Original | str:
        """The picture as networks see it; see `images.load_file`."""

    async def reduced(self, upload: Upload, least: int) -> images.Reduced | str:
        """The picture as faces are looked for in it; see `images.decode_reduced`."""


class Decoders(Protocol):
    """Decodes the pictures of requests."""

    def of_request(self) -> OfRequest:
        """What decodes those of a new request."""

    def close(self) -> None:
        """Give up what is under way."""


class InThreads:
    """Without a deadline: a thread can't be ended. pool: the threads."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._pool = pool

    def of_request(self) -> OfRequest:
        """As `Decoders` says; all requests are alike."""
        return self

    async def original(self, upload: Upload, resize: Resize) -> images.Original | str:
        """As `OfRequest` says."""
        return await self._run(partial(_original, resize=resize), upload)

    async def reduced(self, upload: Upload, least: int) -> images.Reduced | str:
        """As `OfRequest` says."""
        return await self._run(partial(images.decode_reduced, least=least), upload)

    def close(self) -> None:
        """The threads are somebody else's."""

    async def _run(self, read: Callable[[Upload], T], upload: Upload) -> T | str:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._pool, read, upload)
        except images.ImageError as error:
            return str(error)


class InProcesses:
    """In so many processes, and one more for slow pictures.

    quick, slow: seconds of a processor that a picture may take.
    """

    def __init__(
        self, count: int, quick: float = QUICK_SECONDS, slow: float = SLOW_SECONDS
    ) -> None:
        self._quick, self._slow = _Pool(count, quick, _begin_quick), _Pool(1, slow, _begin_slow)
        self._slow_ones = 0

    def of_request(self) -> OfRequest:
        """As `Decoders` says."""
        return _InProcesses(self)

    def close(self) -> None:
        """As `Decoders` says."""
        for pool in (self._quick, self._slow):
            pool.stop()
        for pool in (self._quick, self._slow):
            pool.join()

    async def quickly(self, read: Callable[[Upload], T], upload: Upload) -> "_Done[T]":
        """What it makes of a picture, None for one that is slow."""
        try:
            return await self._quick.ask(read, upload)
        except TimeoutError:
            return _Done(None, self._quick.seconds)

    async def slowly(self, read: Callable[[Upload], T], upload: Upload) -> T | str:
        """What it makes of a picture that is slow, or may be."""
        if self._slow_ones >= SLOW_AT_ONCE:
            return f"{upload.name}: is slow to decode, and too many such wait; send it again later"
        self._slow_ones += 1
        try:
            done = await self._slow.ask(read, upload)
        except TimeoutError:
            return (
                f"{upload.name}: takes longer than {self._slow.seconds:g} s to decode; save it "
                "again, smaller, as JPEG or PNG"
            )
        finally:
            self._slow_ones -= 1
        assert done.result is not None  # that is said for the quick ones alone
        return done.result


class _InProcesses:
    """Those of one request, whose pictures have so much time together."""

    def __init__(self, decoders: InProcesses) -> None:
        self._decoders = decoders
        self._left = TOGETHER_SECONDS

    async def original(self, upload: Upload, resize: Resize) -> images.Original | str:
        """As `OfRequest` says."""
        return await self._ask(partial(_original, resize=resize), upload)

    async def reduced(self, upload: Upload, least: int) -> images.Reduced | str:
        """As `OfRequest` says."""
        return await self._ask(partial(images.decode_reduced, least=least), upload)

    async def _ask(self, read: Callable[[Upload], T], upload: Upload) -> T | str:
        if self._left > 0:
            done = await self._decoders.quickly(read, upload)
            self._left -= done.seconds
            if done.result is not None:
                return done.result
        return await self._decoders.slowly(read, upload)


class _Done(NamedTuple, Generic[T]):
    """result: a picture, or why it can't be read; None if that is left to another process.
    seconds: of a processor, that it took."""

    result: T | str | None
    seconds: float


class _Pool:
    """Processes, each with one picture at a time. seconds: of a processor, for a picture."""

    def __init__(self, count: int, seconds: float, begin: Callable[[], None]) -> None:
        self.seconds = seconds
        self._count, self._begin = count, begin
        self._pool = self._started()

    def _started(self) -> ProcessPool:
        context = multiprocessing.get_context("spawn" if sys.platform == "win32" else "forkserver")
        if sys.platform != "win32":
            context.set_forkserver_preload([__name__])
        pool = ProcessPool(self._count, context=context, initializer=self._begin)
        pool.schedule(_nothing)  # the processes are there before the first request is
        return pool

    async def ask(self, read: Callable[[Upload], T], upload: Upload) -> "_Done[T]":
        """Raises TimeoutError for a picture that took too long."""
        if not self._pool.active:  # no process could be begun, for want of memory say
            self._pool = self._started()
        future = self._pool.schedule(
            _read, args=[self.seconds, read, upload], timeout=PATIENCE * self.seconds
        )
        try:
            done: _Done[T] = await asyncio.wrap_future(future)
        except ProcessExpired as ended:
            if ended.exitcode == -_OVER:
                raise TimeoutError from None
            return _Done(
                f"{upload.name}: can't be decoded in the memory there is; send a smaller picture",
                self.seconds,
            )
        return done

    def stop(self) -> None:
        """Give up what is under way."""
        self._pool.stop()

    def join(self) -> None:
        """Wait until all processes have ended."""
        self._pool.join()


_OVER = getattr(signal, "SIGPROF", 0)
"""The signal that ends a process whose time is over; without it there is the clock's time alone."""


def _read(seconds: float, read: Callable[[Upload], T], upload: Upload) -> _Done[T]:
    """Decode within so many seconds of a processor, or end this process."""
    start = time.process_time()
    with suppress(AttributeError):  # Windows
        signal.setitimer(signal.ITIMER_PROF, seconds)
    result: T | str | None
    try:
        result = read(upload)
    except images.TooLargeError as error:
        result = None if images.MAX_PIXELS == images.LARGE else str(error)
    except images.ImageError as error:
        result = str(error)
    finally:
        with suppress(AttributeError):
            signal.setitimer(signal.ITIMER_PROF, 0)
    return _Done(result, time.process_time() - start)


def _original(upload: Upload, resize: Resize) -> images.Original:
    return images.load_file(upload, resize=resize)


def _nothing() -> None:
    """Work that begins a process."""


def _begin() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # a handler would wait for the decoder
    silence_pillow()
    _bound_memory()


def _begin_quick() -> None:
    _begin()
    images.MAX_PIXELS = images.LARGE


def _begin_slow() -> None:
    _begin()
    with suppress(AttributeError, OSError):
        os.nice(_NICE)


def _bound_memory() -> None:
    """Let this process have `MEMORY` more than it has, where the system can say and bound that."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        limit = pages * resource.getpagesize() + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (limit, resource.getrlimit(resource.RLIMIT_AS)[1]))
