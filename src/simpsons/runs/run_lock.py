"""One training at a time in a run folder."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from simpsons.errors import SimpsonsError
from simpsons.training import parallel

LOCK = ".lock"
"""The file in a run folder that a training holds; it stays there if that is killed."""


@contextmanager
def claimed(folder: str | os.PathLike[str]) -> Iterator[None]:
    """Hold a run folder, in the first of several processes, so that no other training uses it.

    A missing folder is made, and removed again if nothing was put into it. Raises SimpsonsError if
    another training has the folder, OSError if nothing can be written there.
    """
    folder = Path(folder)
    lock = FileLock(folder / LOCK, timeout=0)
    made = [each for each in (folder, *folder.parents) if not each.exists()]

    def take() -> None:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire()
        except Timeout:
            raise SimpsonsError(
                f"{folder}: another training is at work there; wait for it, or choose another "
                "folder with --out"
            ) from None
        except NotImplementedError:  # a network drive that has no locks
            return

    try:
        parallel.first_does(take)
        yield
    finally:
        if lock.is_locked:
            with suppress(OSError):  # Windows removes no open file
                (folder / LOCK).unlink()
            lock.release()
        with suppress(OSError):
            for each in made if parallel.is_first() else ():
                each.rmdir()
