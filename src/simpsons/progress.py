"""Progress bars for long work: on a terminal a live bar on standard error, elsewhere silence."""

import sys
from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

T = TypeVar("T")


class Track(Protocol):
    """What long work takes to show how far it is: `silent`, `bar` or one of your own."""

    def __call__(self, items: Iterable[T], total: int | None, description: str, /) -> Iterable[T]:
        """Return the same items. total: how many there are, None if that is not known."""
        ...


def silent(items: Iterable[T], _total: int | None, _description: str) -> Iterable[T]:
    """Show nothing."""
    return items


def bar(items: Iterable[T], total: int | None, description: str) -> Iterator[T]:
    """Show a bar with the share done and the time left, if standard error is a terminal."""
    if not sys.stderr.isatty():
        yield from items
        return
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    yield from track(items, description, total, console=console, transient=True)
