"""A stream of any length, worked on by every core, in order and in constant memory."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from simpsons import processors

T = TypeVar("T")
R = TypeVar("R")

_AHEAD = 2  # shares of each thread: bounds the memory


def in_shares(
    work: Callable[[list[T]], Iterable[R]],
    items: Iterable[T],
    size: int,
    most: int | None = None,
) -> Iterator[R]:
    """The results of `work` for the items, in their order.

    work: is given up to `size` items that follow one another, in a thread of as many as this
    process has cores, and gives their results. Items are taken only a little ahead of the results.
    most: threads at most, where items are so large that few may wait. What `work` or the items
    raise is raised here.
    """
    threads = min(processors.count(), most or processors.count())
    remaining = iter(items)
    waiting: deque[Future[list[R]]] = deque()
    pool = ThreadPoolExecutor(threads)
    try:
        while True:
            while len(waiting) < threads * _AHEAD and (share := list(islice(remaining, size))):
                waiting.append(pool.submit(lambda some: list(work(some)), share))
            if not waiting:
                return
            yield from waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def beside(
    answer_all: Callable[[Iterator[T]], Iterable[R]], items: Iterable[T]
) -> Iterator[tuple[T, R]]:
    """Each item with its answer. answer_all: gives one answer an item, in their order."""
    waiting: deque[T] = deque()

    def noted() -> Iterator[T]:
        for item in items:
            waiting.append(item)
            yield item

    for answer in answer_all(noted()):
        yield waiting.popleft(), answer
