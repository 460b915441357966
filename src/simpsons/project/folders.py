"""Folders that are written whole or not at all, and names of files in them."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from simpsons.characters import composed
from simpsons.errors import SimpsonsError

LONGEST_NAME = 80
"""Bytes of a name that `file_name` gives, at most."""

_NO_NAME = re.compile(r"[^\w.()&'+,-]+")


@contextmanager
def whole_folder(folder: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a folder to write into; when the block ends well, it takes its place at `folder`.

    Raises SimpsonsError if something is there already, OSError that names it if it can't be made.
    """
    require_new(folder)
    folder = Path(os.path.realpath(folder))
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = folder.parent / f".{folder.name[:LONGEST_NAME]}.simpsons-{os.getpid()}"
    shutil.rmtree(beside, ignore_errors=True)
    try:
        beside.mkdir()
        yield beside
        if folder.exists():
            shutil.copymode(folder, beside)
            folder.rmdir()
        beside.rename(folder)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise


def require_new(folder: str | os.PathLike[str]) -> None:
    """Raise SimpsonsError unless there is nothing there, or an empty folder."""
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise SimpsonsError(f"{folder}: is a file; give a folder")
    if folder.exists() and any(folder.iterdir()):
        raise SimpsonsError(f"{folder}: is not empty; give a new folder")
    if os.path.realpath(folder) == os.path.realpath(os.curdir):
        raise SimpsonsError(f"{folder}: is the current folder; give a new one in it")


def file_name(text: str) -> str:
    """A name as a part of file names of any system; it may be empty."""
    name = _NO_NAME.sub("_", composed(text)).strip("_. ")
    while len(name.encode()) > LONGEST_NAME:
        name = name[:-1]
    return name.strip("_. ")


def free_name(name: str, taken: set[str]) -> str:
    """The name, with a number if it is taken, capitals or not; it is taken then."""
    free, number = name, 1
    while free.casefold() in taken:
        number += 1
        free = f"{name}-{number}"
    taken.add(free.casefold())
    return free
