"""The parts of a run on the workers of Dask: of a scheduler somewhere, or on this machine.

Dask moves a part to another worker when one dies or no longer answers. What a worker writes is
whole, so a part that two of them make is the same one twice.
"""

import json
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache, partial
from itertools import islice
from typing import Any

from simpsons.bulk import locations, parts
from simpsons.bulk.errors import BulkError, first_line
from simpsons.bulk.limits import Limits
from simpsons.bulk.manifest import Manifest, parse
from simpsons.bulk.parts import Summary

DEATHS = 5
"""How often a part is given out again after it took Dask's own number of workers with it."""

AHEAD = 4
"""Parts a thread that are given out at once: the rest is not in the scheduler's memory."""

_CONNECT_SECONDS = 30
_WORKER_SECONDS = 120
_LOOK_SECONDS = 5
_GONE = "the scheduler has gone; start it and its workers again, and go on with the same command"


class PartsLostError(BulkError):
    """Parts that could not be made; the others are finished."""


@contextmanager
def workers_here(count: int) -> Iterator[str]:
    """Start a scheduler and so many processes on this machine; gives the address.

    Neither shows a dashboard, and both end with the block.
    """
    import dask
    from distributed import LocalCluster

    settings: dict[str, Any] = {
        "distributed.scheduler.worker-ttl": None,  # the nannies see deaths, and machines sleep
        "distributed.scheduler.http.routes": [],  # a port on this machine that serves nothing
        "distributed.worker.http.routes": [],
        "distributed.admin.log-length": 0,
        "distributed.worker.profile.enabled": False,
    }
    with dask.config.set(settings):
        with _no_interrupts():
            cluster = LocalCluster(
                n_workers=count,
                threads_per_worker=1,
                memory_limit=0,
                scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0"},
                silence_logs=50,
            )
        with cluster:
            yield str(cluster.scheduler_address)


def run_on(
    scheduler: str,
    manifest: Manifest,
    wanted: Iterable[int],
    limits: Limits,
    *,
    retry: bool = False,
    advance: Callable[[int], object] = lambda _: None,
) -> Iterator[Summary]:
    """Give out the parts; gives the summary of each as it is finished.

    scheduler: its address, `tcp://host:8786`. Raises BulkError if it does not answer or has no
    workers, if what a part needs is wrong (the target, the credentials, the model), and
    PartsLostError at the end if workers died of some parts.
    """
    from distributed import Client

    try:
        client = Client(scheduler, timeout=_CONNECT_SECONDS)
    except (OSError, TimeoutError, ValueError) as error:
        raise BulkError(
            f"{scheduler}: no scheduler answers ({first_line(str(error))}); start one with `dask "
            "scheduler`, and give its address"
        ) from None
    try:
        yield from _Round(client, manifest, limits, retry).run(iter(wanted), advance)
    finally:
        with suppress(Exception):  # a scheduler that has gone can't be told
            client.close(timeout=5)


@contextmanager
def _no_interrupts() -> Iterator[None]:
    """Processes that are started inside leave Ctrl-C to this one."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class _Round:
    def __init__(self, client: Any, manifest: Manifest, limits: Limits, retry: bool) -> None:
        self._client = client
        self._manifest = manifest
        content = json.dumps(manifest.to_json())
        self._work = partial(_work, locations.whole(manifest.target), content, limits, retry)
        self._deaths: dict[int, int] = {}
        self._lost: list[int] = []

    def run(self, wanted: Iterator[int], advance: Callable[[int], object]) -> Iterator[Summary]:
        self._require_workers()
        under_way: dict[Any, int] = {}

        def give_out(part: int) -> None:
            key = f"simpsons-{self._manifest.plan}-{part}-{self._deaths.get(part, 0)}"
            under_way[self._client.submit(self._work, part, pure=False, key=key, retries=0)] = part

        for part in islice(wanted, AHEAD * self._threads()):
            give_out(part)
        while under_way:
            for future in self._some_done(list(under_way)):
                part = under_way.pop(future)
                summary = self._result(future, part)
                if summary is not None:
                    advance(summary.pictures)
                    yield summary
                    for following in islice(wanted, 1):
                        give_out(following)
                elif part not in self._lost:
                    give_out(part)
        if self._lost:
            raise PartsLostError(
                f"{self._manifest.target}: workers died of the parts "
                f"{', '.join(map(str, sorted(self._lost)))}, most likely for want of memory; the "
                "others are finished. Go on with the same command on larger machines"
            )

    def _some_done(self, futures: list[Any]) -> list[Any]:
        """Wait for the next. Raises BulkError if for long there is nobody to make it."""
        from distributed import CancelledError, wait

        while True:
            try:
                return list(
                    wait(futures, timeout=_LOOK_SECONDS, return_when="FIRST_COMPLETED").done
                )
            except TimeoutError:
                self._require_workers()
            except CancelledError:
                raise BulkError(_GONE) from None

    def _result(self, future: Any, part: int) -> Summary | None:
        """None for a part whose workers died. Raises BulkError."""
        from distributed import CancelledError, KilledWorker

        try:
            error = future.exception()
            if error is None:
                return Summary(**future.result())
        except CancelledError:
            raise BulkError(_GONE) from None
        if isinstance(error, KilledWorker):
            self._deaths[part] = self._deaths.get(part, 0) + 1
            if self._deaths[part] > DEATHS:
                self._lost.append(part)
                if len(self._lost) == 1:
                    print(f"Note: workers died of part {part}; the others go on", file=sys.stderr)
            return None
        if isinstance(error, BulkError):
            raise BulkError(f"part {part}: {error}") from None
        if isinstance(error, OSError | ValueError):
            raise BulkError(
                f"part {part}: {first_line(str(error))}; check that each worker reaches the "
                "pictures and the target, and go on with the same command"
            ) from None
        raise error

    def _threads(self) -> int:
        threads: int = sum(worker["nthreads"] for worker in self._workers())
        return max(1, threads)

    def _workers(self) -> list[Any]:
        """Those of the scheduler now; none if it does not answer."""
        try:
            return list(self._client.scheduler_info(n_workers=-1)["workers"].values())
        except (OSError, TimeoutError, ValueError):
            return []

    def _require_workers(self) -> None:
        end = time.monotonic() + _WORKER_SECONDS
        while not self._workers():
            if time.monotonic() > end:
                raise BulkError(
                    f"no workers have been there for {_WORKER_SECONDS} s; start some with `dask "
                    "worker`, or the scheduler if it has gone, and go on with the same command"
                )
            time.sleep(1)


def _work(target: str, content: str, limits: Limits, retry: bool, part: int) -> dict[str, Any]:
    """What a worker does; plain values go back, so that the client may be of another version."""
    from dataclasses import asdict

    return asdict(parts.run_part(_manifest(target, content), part, limits, retry=retry))


@lru_cache(maxsize=4)
def _manifest(target: str, content: str) -> Manifest:
    return parse(target, content.encode())
