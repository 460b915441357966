"""What is kept in the cache: folders that are made once, each for content that has a name.

An entry is made under another name, flushed to the disk and renamed when it is whole, and never
changed after that. So a kill in the middle leaves nothing that is read, and any number of processes
may read while one makes a new entry. Its files' sizes and checksums are beside them and are looked
at before it is read, so that what a disk has damaged is made anew.
"""

import json
import shutil
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol, TypeVar

from filelock import FileLock

from simpsons import files
from simpsons.dataset.folders import DataError

_PARTIAL = ".partial"  # suffix of an entry that is unfinished or being removed
_SUMS = "sums.json"
_BLOCK = 2**20  # bytes that are read at once

_Content = TypeVar("_Content", covariant=True)


class Read(Protocol[_Content]):
    """Reads an entry."""

    def __call__(self, entry: Path, *, is_new: bool) -> _Content | None:
        """None if its files are not what is expected.

        is_new: it was just made, so it counts although it lacks what could not be read for a while.
        """


def kept(
    folder: Path,
    identity: str,
    content: str,
    make: Callable[[Path], None],
    read: Read[_Content],
) -> _Content:
    """The entry `<identity>-<content>` of a folder in the cache, made if it is not there.

    identity: names what the entry is of, content: all that it depends on; other entries of the same
    identity are removed. make: fills an empty folder.

    Raises what `make` raises, and DataError when the entry can't be written.
    """
    entry = folder / f"{identity}-{content}"
    found = _read_sound(entry, read)
    if found is None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with FileLock(folder / f"{identity}.lock"):
                found = _read_sound(entry, read)
                if found is None:
                    _remove(entry)
                    _make(entry, make)
                    _remove_others(entry, identity)
                    found = read(entry, is_new=True)
        except OSError as error:
            raise DataError(
                f"{folder.parent}: decoded pictures can't be kept there ({error.strerror}); make "
                "room, or set SIMPSONS_CACHE to another folder"
            ) from None
    if found is None:
        raise DataError(f"{entry}: what was written there can't be read; check the disk")
    return found


def _read_sound(entry: Path, read: Read[_Content]) -> _Content | None:
    """What is read of an entry; None if there is none, or it is not what was written."""
    try:
        is_sound = json.loads((entry / _SUMS).read_text(encoding="utf-8")) == _sums(entry)
    except (OSError, ValueError):
        return None
    return read(entry, is_new=False) if is_sound else None


def _sums(folder: Path) -> dict[str, list[int]]:
    """Size in bytes and CRC-32 of each file, by name."""
    return {path.name: _sum(path) for path in sorted(folder.iterdir()) if path.name != _SUMS}


def _sum(path: Path) -> list[int]:
    size = checksum = 0
    block = memoryview(bytearray(_BLOCK))
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(block):
            size += count
            checksum = zlib.crc32(block[:count], checksum)
    return [size, checksum]


def _make(entry: Path, make: Callable[[Path], None]) -> None:
    partial = entry.with_name(f"{entry.name}{_PARTIAL}")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir()
        make(partial)
        (partial / _SUMS).write_text(json.dumps(_sums(partial)), encoding="utf-8")
        for path in (*partial.iterdir(), partial):
            files.to_disk(path)
        partial.rename(entry)
        files.to_disk(entry.parent)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _remove_others(entry: Path, identity: str) -> None:
    for other in entry.parent.glob(f"{identity}-*"):
        if other != entry:
            _remove(other)


def _remove(entry: Path) -> None:
    """Remove an entry, renamed first, so that a kill in the middle leaves no part of it."""
    if entry.suffix != _PARTIAL:
        with suppress(OSError):  # there is none, or Windows has it open
            entry = entry.rename(entry.with_name(f"{entry.name}{_PARTIAL}"))
    shutil.rmtree(entry, ignore_errors=True)
