"""Threads that read, decode and answer the pictures of one part, each picture within its time.

A read that hangs can't be ended from outside: its thread is left behind, its picture becomes a row
that says so, and another thread goes on with the rest.
"""

import queue
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from simpsons.bulk import errors, tasks
from simpsons.bulk.errors import BulkError, ObjectError
from simpsons.bulk.limits import MOST_STUCK, Limits
from simpsons.bulk.locations import Entry

Read = Callable[[Entry], bytes]
Rows = list[dict[str, Any]]
Advance = Callable[[int], object]

LARGE = 1_000_000
"""Bytes from which a file is decoded as soon as it is read, so that few are held at once."""

_LONGEST = 8  # times the first pause
_LOOK = 0.2  # seconds between two looks at the clocks
_stuck: list[threading.Thread] = []


@dataclass
class _Share:
    """Pictures that are answered together. loaded: what is kept of each, or its error."""

    number: int
    entries: Sequence[Entry | None]
    loaded: list[Any] = field(default_factory=list)


class Pool:
    """Answers the pictures of a part.

    task: what is done with them. read: gives the bytes of one, raises ObjectError. remote: whether
    they come over a network, so that many are read at once.
    """

    def __init__(
        self, task: tasks.AnyTask, read: Read, limits: Limits, remote: bool = False
    ) -> None:
        self._task = task
        self._read = read
        self._limits = limits
        self._threads = limits.reads_used(remote)
        self._computing = threading.Semaphore(limits.cores_used())

    def answer(
        self,
        entries: Sequence[Entry],
        chosen: Collection[int] | None = None,
        advance: Advance = lambda _: None,
    ) -> list[Rows | ObjectError]:
        """The rows of each picture, or what is wrong with it, in their order.

        chosen: places of those to answer, None for all; of the others there are no rows. advance:
        told how many more are done. Raises CredentialsError, and BulkError if too much hangs.
        """
        size = self._task.share
        places = range(0, len(entries), size)
        wanted: list[Entry | None] = [
            entry if chosen is None or place in chosen else None
            for place, entry in enumerate(entries)
        ]
        shares = [
            _Share(number, wanted[start : start + size]) for number, start in enumerate(places)
        ]
        answers = _Run(self, shares).wait(advance)
        return [answer for share in answers for answer in share]

    def load(self, entry: Entry) -> Any:
        """A small file's bytes, what is kept of a large one, or an ObjectError."""
        end = time.monotonic() + self._limits.object_seconds
        for attempt in range(1, self._limits.tries + 1):
            pause = self._limits.pause * min(2 ** (attempt - 1), _LONGEST) * random.uniform(0.5, 1)
            try:
                data = self._read(entry)
                break
            except ObjectError as error:
                has_ended = attempt == self._limits.tries or time.monotonic() + pause > end
                if error.kind not in errors.TRANSIENT or has_ended:
                    return error
            time.sleep(pause)
        if len(data) < LARGE:
            return data
        with self._computing:
            return tasks.load_one(self._task, data, entry.path)

    def compute(self, share: _Share) -> list[Rows | ObjectError]:
        """The rows of a share that has been read."""
        with self._computing:
            loaded = [
                tasks.load_one(self._task, one, entry.path)
                if isinstance(one, bytes) and entry is not None
                else one
                for one, entry in zip(share.loaded, share.entries, strict=True)
            ]
            rows = self._task.answer(
                [None if isinstance(one, ObjectError) else one for one in loaded]
            )
        return [
            one if isinstance(one, ObjectError) else made
            for one, made in zip(loaded, rows, strict=True)
        ]


class _Run:
    """One part under way."""

    def __init__(self, pool: Pool, shares: Sequence[_Share]) -> None:
        self.pool = pool
        self._waiting = deque(shares)
        self._total = len(shares)
        self._done: queue.SimpleQueue[tuple[_Share, Any]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._workers: set[_Worker] = set()
        self._stopped = False

    def wait(self, advance: Advance) -> list[list[Rows | ObjectError]]:
        """See `Pool.answer`."""
        limits = self.pool._limits
        answers: dict[int, list[Rows | ObjectError]] = {}
        under_way = {share.number: share for share in self._waiting}
        end = time.monotonic() + limits.part_seconds
        try:
            for _ in range(min(self.pool._threads, self._total)):
                self._start()
            look = time.monotonic() + _LOOK
            while under_way:
                try:
                    share, answer = self._done.get(timeout=_LOOK)
                except queue.Empty:
                    answer = None
                if isinstance(answer, BaseException):
                    raise answer
                if answer is not None and share.number in under_way:
                    del under_way[share.number]
                    answers[share.number] = answer
                    advance(len(answer))
                now = time.monotonic()
                if now > look:
                    look = now + _LOOK
                    self._leave_behind(now, limits.object_seconds)
                if now > end:
                    for number, share in under_way.items():
                        answers[number] = [_late(one, limits.part_seconds) for one in share.entries]
                        advance(len(share.entries))
                    break
        finally:
            self._stop()
        return [answers[number] for number in range(self._total)]

    def next_share(self) -> _Share | None:
        """What a worker does next; None if nothing is left."""
        with self._lock:
            return None if self._stopped or not self._waiting else self._waiting.popleft()

    def finish(self, share: _Share, answer: Any) -> None:
        """A worker's answer, or what it raised."""
        self._done.put((share, answer))

    def _start(self) -> None:
        worker = _Worker(self)
        self._workers.add(worker)
        worker.start()

    def _leave_behind(self, now: float, seconds: float) -> None:
        for worker in [one for one in self._workers if one.is_late(now, seconds)]:
            share = worker.abandon(seconds)
            if share is None:
                continue
            self._workers.discard(worker)
            with self._lock:
                self._waiting.appendleft(share)
            _stuck[:] = [thread for thread in _stuck if thread.is_alive()] + [worker]
            if len(_stuck) > MOST_STUCK:
                raise BulkError(
                    f"{len(_stuck)} reads hang at the same time; check the storage, and go on with "
                    "the same command"
                )
            self._start()

    def _stop(self) -> None:
        """Wait a moment for the threads: the process may end next."""
        with self._lock:
            self._stopped = True
        end = time.monotonic() + 1
        for worker in self._workers:
            if not worker.is_reading():
                worker.join(max(0.0, end - time.monotonic()))


class _Worker(threading.Thread):
    """Reads and answers shares. A daemon: one that hangs does not keep the process from its end."""

    def __init__(self, run: _Run) -> None:
        super().__init__(daemon=True, name="simpsons bulk")
        self._run_of = run
        self._lock = threading.Lock()
        self._abandoned = False
        self._since: float | None = None
        self._share: _Share | None = None

    def run(self) -> None:
        """See `threading.Thread`."""
        pool = self._run_of.pool
        while (share := self._run_of.next_share()) is not None:
            self._share = share
            try:
                while len(share.loaded) < len(share.entries):
                    entry = share.entries[len(share.loaded)]
                    self._since = time.monotonic()
                    loaded = None if entry is None else pool.load(entry)
                    with self._lock:
                        if self._abandoned:
                            return
                        self._since = None
                        share.loaded.append(loaded)
                answer: Any = pool.compute(share)
            except BaseException as error:
                answer = error
            with self._lock:
                if self._abandoned:
                    return
            self._run_of.finish(share, answer)

    def is_late(self, now: float, seconds: float) -> bool:
        """Whether a picture has had its time."""
        since = self._since
        return since is not None and now - since > seconds

    def is_reading(self) -> bool:
        """Whether it waits for the storage."""
        return self._since is not None

    def abandon(self, seconds: float) -> _Share | None:
        """What another thread is to go on with; None if this one has gone on itself."""
        with self._lock:
            if not self.is_late(time.monotonic(), seconds):
                return None
            self._abandoned = True
            assert self._share is not None
            share = self._share
            late = _late(share.entries[len(share.loaded)], seconds)
            return _Share(share.number, share.entries, [*share.loaded, late])


def _late(entry: Entry | None, seconds: float) -> Rows | ObjectError:
    if entry is None:
        return []
    return ObjectError(
        errors.TIMEOUT,
        f"{entry.path}: could not be read and answered within {seconds:g} s; check its storage, "
        "and try again with --retry-errors",
    )
