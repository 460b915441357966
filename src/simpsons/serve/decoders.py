"""Pictures of requests, decoded under a deadline.

A process that takes too long is ended, and another begins. Most pictures take milliseconds. One
that doesn't is ended soon and begun again among the slow ones, of which one is decoded at a time:
they don't keep the others waiting. When a request is given up, so are its pictures.
"""

import asyncio
import multiprocessing
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

from pebble import ProcessExpired, ProcessPool

from simpsons import images
from simpsons.plain_resize import Resize
from simpsons.quiet import silence_pillow
from simpsons.serve.uploads import Upload

T = TypeVar("T")

QUICK_SECONDS, SLOW_SECONDS = 0.5, 5.0
"""Deadlines of a picture, and of one that did not keep the first."""

SLOW_AT_ONCE = 16
"""Slow pictures that are decoded or wait; the next is refused."""

MEMORY = 2**30
"""Bytes of a process, beside what it has when it begins."""


class Decoders(Protocol):
    """Decodes the pictures of requests; why one can't be read is said instead."""

    async def original(self, upload: Upload, resize: Resize) -> images.Original | str:
        """The picture as networks see it; see `images.load_file`."""

    async def reduced(self, upload: Upload, least: int) -> images.Reduced | str:
        """The picture as faces are looked for in it; see `images.decode_reduced`."""

    def close(self) -> None:
        """Give up what is under way."""


class InThreads:
    """Without a deadline: a thread can't be ended. pool: the threads."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._pool = pool

    async def original(self, upload: Upload, resize: Resize) -> images.Original | str:
        """As `Decoders` says."""
        return await self._run(_original, upload, resize)

    async def reduced(self, upload: Upload, least: int) -> images.Reduced | str:
        """As `Decoders` says."""
        return await self._run(_reduced, upload, least)

    def close(self) -> None:
        """The threads are somebody else's."""

    async def _run(self, function: Callable[..., T], *given: object) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, partial(function, *given))


class InProcesses:
    """In so many processes, and one more for slow pictures. quick, slow: deadlines in seconds."""

    def __init__(
        self, count: int, quick: float = QUICK_SECONDS, slow: float = SLOW_SECONDS
    ) -> None:
        context = multiprocessing.get_context("spawn" if sys.platform == "win32" else "forkserver")
        if sys.platform != "win32":
            context.set_forkserver_preload([__name__])
        self._pools = [
            (ProcessPool(workers, context=context, initializer=_begin), seconds)
            for workers, seconds in ((count, quick), (1, slow))
        ]
        self._slow = 0
        for pool, _ in self._pools:  # they are there before the first request is
            pool.schedule(_nothing)

    async def original(self, upload: Upload, resize: Resize) -> images.Original | str:
        """As `Decoders` says."""
        return await self._ask(_original, upload, resize)

    async def reduced(self, upload: Upload, least: int) -> images.Reduced | str:
        """As `Decoders` says."""
        return await self._ask(_reduced, upload, least)

    def close(self) -> None:
        """As `Decoders` says."""
        for pool, _ in self._pools:
            pool.stop()
        for pool, _ in self._pools:
            pool.join()

    async def _ask(
        self, function: Callable[..., T | str], upload: Upload, *given: object
    ) -> T | str:
        (quick, soon), (slow, late) = self._pools
        with suppress(TimeoutError):
            return await self._in(quick, soon, function, upload, *given)
        if self._slow >= SLOW_AT_ONCE:
            return f"{upload.name}: is slow to decode, and too many such wait; send it again later"
        self._slow += 1
        try:
            return await self._in(slow, late, function, upload, *given)
        except TimeoutError:
            return (
                f"{upload.name}: takes longer than {late:g} s to decode; save it anew, smaller, as "
                "JPEG or PNG"
            )
        finally:
            self._slow -= 1

    @staticmethod
    async def _in(
        pool: ProcessPool,
        seconds: float,
        function: Callable[..., T | str],
        upload: Upload,
        *given: object,
    ) -> T | str:
        future = pool.schedule(function, args=[upload, *given], timeout=seconds)
        try:
            return await asyncio.wrap_future(future)
        except ProcessExpired:
            return f"{upload.name}: can't be decoded in the memory there is; send a smaller picture"


def _original(upload: Upload, resize: Resize) -> images.Original | str:
    try:
        return images.load_file(upload, resize=resize)
    except images.ImageError as error:
        return str(error)


def _reduced(upload: Upload, least: int) -> images.Reduced | str:
    try:
        return images.decode_reduced(upload, least)
    except images.ImageError as error:
        return str(error)


def _nothing() -> None:
    """Work that begins a process."""


def _begin() -> None:
    silence_pillow()
    _bound_memory()


def _bound_memory() -> None:
    """Let this process have `MEMORY` more than it has, where the system can say and bound that."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        limit = pages * resource.getpagesize() + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (limit, resource.getrlimit(resource.RLIMIT_AS)[1]))
