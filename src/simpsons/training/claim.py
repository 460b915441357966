"""One training at a time in a run folder."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from simpsons.dataset.cache import cache_folder
from simpsons.errors import SimpsonsError
from simpsons.training import parallel


@contextmanager
def claimed(folder: str | os.PathLike[str]) -> Iterator[None]:
    """Hold a run folder, in the first of several processes, so that no other training uses it.

    The lock lies in the cache, so nothing is written into the folder. Raises SimpsonsError if
    another training of this user has the folder.
    """
    where = cache_folder() / "runs"
    name = hashlib.sha256(os.fsencode(Path(folder).resolve())).hexdigest()[:16]
    lock = FileLock(where / f"{name}.lock", timeout=0)

    def take() -> None:
        where.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire()
        except Timeout:
            raise SimpsonsError(
                f"{folder}: another training is at work there; wait for it, or choose another "
                "folder with --out"
            ) from None

    parallel.first_does(take)
    try:
        yield
    finally:
        lock.release()
