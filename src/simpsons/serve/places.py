"""A bounded number of requests at once, over all paths that work on pictures."""

from collections.abc import Iterator
from contextlib import contextmanager

from simpsons.serve.refusal import Refusal


class Places:
    """For so many requests being read or answered; the next is refused until one is done."""

    def __init__(self, count: int) -> None:
        self._free = count

    @contextmanager
    def one(self) -> Iterator[None]:
        """A place while the request is worked on. Raises Refusal, 503, if all are taken."""
        if self._free < 1:
            raise Refusal(503, "busy", "try again in a moment", {"Retry-After": "1"})
        self._free -= 1
        try:
            yield
        finally:
            self._free += 1
