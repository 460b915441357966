"""How many requests are read and answered at once, and how much of them is in memory."""

from collections.abc import Iterator
from contextlib import contextmanager

from simpsons.service.refusal import Refusal


class Places:
    """For so many requests being answered; the next is refused until one is done."""

    def __init__(self, count: int) -> None:
        self._free = count

    @contextmanager
    def one(self) -> Iterator[None]:
        """A place while the request is worked on. Raises Refusal, 503, if all are taken."""
        if self._free < 1:
            raise _busy()
        self._free -= 1
        try:
            yield
        finally:
            self._free += 1


class Memory:
    """For the bodies of requests, from their first byte until they are answered.

    size: bytes, of all together.
    """

    def __init__(self, size: int) -> None:
        self._free = size

    @contextmanager
    def body(self) -> Iterator["Held"]:
        """What one request holds, given back at the end."""
        held = Held(self)
        try:
            yield held
        finally:
            self._free += held.size

    def take(self, size: int) -> None:
        """Hold so many bytes. Raises Refusal, 503, if there are not so many."""
        if size > self._free:
            raise _busy()
        self._free -= size


class Held:
    """The bytes that one request holds."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self.size = 0

    def take(self, size: int) -> None:
        """Hold so many more. Raises Refusal, 503, if there are not so many."""
        self._memory.take(size)
        self.size += size


def _busy() -> Refusal:
    return Refusal(503, "busy", "try again in a moment", {"Retry-After": "1"})
