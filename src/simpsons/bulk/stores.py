"""The folder or bucket that a run writes to: objects that are there whole or not at all."""

import errno
import os
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import pyarrow
import pyarrow.fs

from simpsons.bulk import locations
from simpsons.bulk.errors import BulkError, first_line

_FOR_GOOD = frozenset({errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EROFS, errno.ENAMETOOLONG})
_LONGEST_PAUSE = 15.0
_TEMPORARY = ".part-"


class Store(Protocol):
    """What is in a target, by name."""

    def sizes(self) -> dict[str, int]:
        """Bytes of each object."""
        ...

    def read(self, name: str) -> bytes:
        """One object. Raises FileNotFoundError."""
        ...

    def open(self, name: str) -> Any:
        """One object to read pieces of: a `pyarrow.NativeFile`. Raises FileNotFoundError."""
        ...

    def write(self, name: str, data: bytes) -> None:
        """Write one object whole or not at all, in place of one of that name."""
        ...

    def take(self, name: str, path: Path) -> None:
        """`write` the content of a file of this machine."""
        ...

    def tidy(self) -> None:
        """Remove what writers that were killed have left."""
        ...


def open_store(target: str) -> Store:
    """The store of a path or an address. Raises BulkError."""
    if locations.scheme_of(target) is None:
        return Folder(Path(target))
    if locations.scheme_of(target) in locations.WEB:
        raise BulkError(f"{target}: nothing can be written there; use a folder or a bucket")
    return Bucket(target)


class Folder:
    """A folder of this machine, or of a file system that several machines share."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def sizes(self) -> dict[str, int]:
        """See `Store`."""
        try:
            with os.scandir(self.path) as found:
                return {
                    one.name: one.stat().st_size
                    for one in found
                    if not one.name.startswith(".") and one.is_file()
                }
        except FileNotFoundError:
            return {}

    def read(self, name: str) -> bytes:
        """See `Store`."""
        return (self.path / name).read_bytes()

    def open(self, name: str) -> Any:
        """See `Store`."""
        return pyarrow.OSFile(str(self.path / name))

    def write(self, name: str, data: bytes) -> None:
        """See `Store`."""
        self._put(name, lambda temporary: _write_through(temporary, data))

    def take(self, name: str, path: Path) -> None:
        """See `Store`."""

        def copy(temporary: Path) -> None:
            with path.open("rb") as source, temporary.open("wb") as target:
                while block := source.read(1 << 20):
                    target.write(block)
                target.flush()
                os.fsync(target.fileno())

        self._put(name, copy)

    def _put(self, name: str, fill: Callable[[Path], None]) -> None:
        """Writers on several machines may have the same process id, so names are drawn."""
        self.path.mkdir(parents=True, exist_ok=True)
        temporary = self.path / f"{_TEMPORARY}{uuid.uuid4().hex}"
        try:
            fill(temporary)
            temporary.replace(self.path / name)
        finally:
            temporary.unlink(missing_ok=True)

    def tidy(self) -> None:
        """See `Store`."""
        for left in self.path.glob(f"{_TEMPORARY}*"):
            left.unlink(missing_ok=True)


class Bucket:
    """A bucket, or what lies below a prefix of one. An object appears when it has been sent."""

    def __init__(self, target: str) -> None:
        location, options = locations.split_options(target)
        self._system, self._path = locations.file_system(location.rstrip("/"), options)

    def sizes(self) -> dict[str, int]:
        """See `Store`."""
        chosen = pyarrow.fs.FileSelector(self._path, allow_not_found=True)
        found = self._system.get_file_info(chosen)
        return {one.base_name: one.size for one in found if one.type == pyarrow.fs.FileType.File}

    def read(self, name: str) -> bytes:
        """See `Store`."""
        with self._system.open_input_file(f"{self._path}/{name}") as file:
            data: bytes = file.read()
        return data

    def open(self, name: str) -> Any:
        """See `Store`."""
        return self._system.open_input_file(f"{self._path}/{name}")

    def write(self, name: str, data: bytes) -> None:
        """See `Store`."""
        with self._system.open_output_stream(f"{self._path}/{name}") as stream:
            stream.write(data)

    def take(self, name: str, path: Path) -> None:
        """See `Store`."""
        with (
            path.open("rb") as source,
            self._system.open_output_stream(f"{self._path}/{name}") as stream,
        ):
            while block := source.read(1 << 23):
                stream.write(block)

    def tidy(self) -> None:
        """Nothing is left: an upload that did not end is no object."""


@contextmanager
def reading(where: str) -> Iterator[None]:
    """What goes wrong inside with a target's objects is a BulkError; a missing one stays as it is.

    where: for the error.
    """
    try:
        yield
    except FileNotFoundError:
        raise
    except (OSError, pyarrow.ArrowException) as error:
        reason = getattr(error, "strerror", None) or first_line(str(error))
        raise BulkError(
            f"{where}: can't be read ({reason}); check the target and the credentials, and go on "
            "with the same command"
        ) from None


def write_patiently(
    write: Callable[[], None],
    where: str,
    seconds: float,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Call `write` again for up to `seconds` while the target is full or does not answer.

    where: for the error. Raises BulkError.
    """
    end, pause = time.monotonic() + seconds, 0.5
    while True:
        try:
            return write()
        except (OSError, pyarrow.ArrowException) as error:
            number = getattr(error, "errno", None)
            if number in _FOR_GOOD or time.monotonic() + pause > end:
                reason = getattr(error, "strerror", None) or first_line(str(error))
                raise BulkError(
                    f"{where}: can't be written ({reason}); mend that, and go on with the same "
                    "command"
                ) from None
        sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


def _write_through(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
