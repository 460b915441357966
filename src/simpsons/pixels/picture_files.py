"""The pictures that files, folders and patterns stand for."""

import glob
import os
from collections.abc import Callable, Iterable, Iterator, Set
from itertools import chain
from typing import cast

import numpy as np
from PIL import Image

from simpsons.errors import DataError, SimpsonsError
from simpsons.pixels import images, layout

OUTPUT = "what this command writes"

Say = Callable[[str, str], None]
"""Is told of a path and what is wrong with it."""

Instead = Callable[[str], list[str] | None]
"""Gives the pictures that a folder stands for in place of all below it; None for most folders. What
it raises is what is wrong with the folder."""

_TAKEN = "a path, bytes, a file object, a PIL image, an array, or several of them"


def _all_below(_folder: str) -> None:
    return None


def each(
    sources: images.Source | Iterable[images.Source], instead: Instead = _all_below
) -> Iterable[images.Source]:
    """The pictures that an argument stands for.

    One path that is a folder is all pictures in it and below, as on the command line, and a pattern
    such as `frames/*.png` what it matches; any other picture alone is itself. Several are taken as
    they are: a folder among them is not opened. A folder below that can't be read comes last, to
    be reported by what reads the pictures.

    Raises DataError for a folder without pictures, TypeError for anything else.
    """
    if isinstance(sources, str | os.PathLike):
        return _of_path(os.fspath(sources), instead)
    if isinstance(sources, np.ndarray):
        is_one = sources.ndim == 2 or (sources.ndim == 3 and sources.shape[2] in (1, 3, 4))
        return [sources] if is_one else iter(sources)
    if isinstance(sources, bytes | Image.Image) or hasattr(sources, "read"):
        return [cast(images.Source, sources)]
    if not isinstance(sources, Iterable):
        raise TypeError(f"no picture: {type(sources).__name__}; give {_TAKEN}")
    return sources


def _of_path(path: str, instead: Instead) -> Iterable[images.Source]:
    unread: dict[str, str] = {}
    found = Expansion(unread.__setitem__, instead=instead).pictures([path])
    first = next(found, None)
    if first is None:
        raise DataError(next(iter(unread.values())))
    return chain([first], found, unread)


class Expansion:
    """Files, folders and patterns, one after the other, made into the paths of pictures.

    unread: is told of folders without pictures, or that can't be read. left_out: is told of what is
    passed over in folders. outputs: real folders in which pictures are not looked for. instead: is
    asked of every folder.
    """

    def __init__(
        self,
        unread: Say,
        left_out: Say = lambda *_: None,
        outputs: Set[str] = frozenset(),
        instead: Instead = _all_below,
    ) -> None:
        self._unread, self._left_out, self._outputs = unread, left_out, outputs
        self._instead = instead

    def pictures(self, named: Iterable[str]) -> Iterator[str]:
        """The paths, which begin as they were given. Those of a folder are in order."""
        for name in named:
            if glob.has_magic(name) and not os.path.exists(name):  # noqa: PTH110
                for match in sorted(glob.glob(name, recursive=True)) or [name]:  # noqa: PTH207
                    yield from self._file_or_folder(match)
            else:
                yield from self._file_or_folder(name)

    def _file_or_folder(self, name: str) -> Iterator[str]:
        if not os.path.isdir(name):  # noqa: PTH112 (unlike Path's, it never raises)
            yield name
            return
        refused = False

        def unread(path: str, reason: str) -> None:
            nonlocal refused
            refused = True
            self._unread(path, reason)

        below = self._below(name, unread)
        first = next(below, None)
        if first is not None:
            yield from chain([first], below)
        elif not refused:
            self._unread(name, f"{name}: the folder has no pictures")

    def _below(self, folder: str, unread: Say, above: tuple[str, ...] = ()) -> Iterator[str]:
        """above: the real folders that lead there."""
        real = os.path.realpath(folder)
        if real in above:
            self._left_out(folder, layout.LINK_UP)
            return
        if above and real in self._outputs:
            self._left_out(folder, OUTPUT)
            return
        try:
            listed = self._instead(folder)
        except SimpsonsError as error:
            unread(folder, str(error))
            return
        if listed is not None:
            yield from listed
            return
        try:
            with os.scandir(folder) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError as error:
            unread(folder, f"{folder}: can't be read ({error.strerror}); change its permissions")
            return
        below = []
        for entry in entries:
            if entry.is_dir():
                below.append(entry)
            elif layout.is_special(entry):
                self._left_out(entry.path, layout.NO_FILE)
            elif layout.is_picture_name(entry.name):
                yield entry.path
            else:
                is_hidden = layout.is_picture_name(entry.name.lstrip("."))
                self._left_out(entry.path, layout.HIDDEN_FILE if is_hidden else layout.NO_PICTURE)
        for entry in below:
            if layout.is_system_folder(entry.name):
                self._left_out(entry.path, layout.SYSTEM_FOLDER)
            else:
                yield from self._below(entry.path, unread, (*above, real))
