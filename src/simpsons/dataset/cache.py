"""Pictures decoded once: one memory-mapped uint8 array and an index beside it."""

import hashlib
import json
import math
import os
import stat
import tempfile
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np
import PIL
import simplejpeg
from numpy.typing import NDArray
from platformdirs import user_cache_dir

from simpsons.dataset import entries
from simpsons.dataset.folders import Characters, DataError, Listing, Problem, find, find_any
from simpsons.pixels import images, memory_map
from simpsons.pixels.decoding import Decoder
from simpsons.pixels.plain_resize import ANTIALIAS, Resize
from simpsons.progress import Track, silent

FORMAT = 6
"""Raised whenever decoding, resizing or the files of an entry change."""

_CHUNK = 32  # pictures that a thread decodes on its own
_BLOCK = 1024  # pictures that are copied before what was read of the file is let go


class Wholes(NamedTuple):
    """The whole pictures that the rows of a data set are, or are cut out of.

    images: uint8 `[P, 64, 64, 3]`. row: int64 `[N]`, which of them each row is of. is_face: bool
    `[N]`, which rows are cut out.
    """

    images: images.Pixels
    row: NDArray[np.int64]
    is_face: NDArray[np.bool_]


@dataclass(frozen=True)
class Dataset:
    """Decoded pictures, or faces cut out of them; see `crops`.

    listing: the files they come from. images: uint8 `[N, 64, 64, 3]`, memory-mapped, read-only.
    labels: int64 `[N]`, indices into `classes`; -1 for a stranger, who is none of them. paths:
    relative to `root`, with forward slashes; several faces may have one. sizes: int64 `[N, 2]`,
    width and height of the files in pixels. formats: `JPEG`, `PNG`, ... problems: what was left
    out. wholes: None where every row is a whole picture.
    """

    listing: Listing
    images: images.Pixels
    labels: NDArray[np.int64]
    paths: tuple[str, ...]
    sizes: NDArray[np.int64]
    formats: tuple[str, ...]
    problems: tuple[Problem, ...]
    wholes: Wholes | None = None

    @property
    def root(self) -> Path:
        """The folder the pictures are in."""
        return self.listing.root

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes, sorted; labels are indices into them."""
        return self.listing.classes

    def __len__(self) -> int:
        return len(self.paths)

    def known(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Those of the rows that are of a class."""
        return rows[self.labels[rows] >= 0]

    def strangers(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Those of the rows that are of a stranger."""
        return rows[self.labels[rows] < 0]

    def in_memory(self) -> NDArray[np.uint8]:
        """A copy of `images`. What is read through the map does not stay in memory beside it."""
        copied = np.empty(self.images.shape, np.uint8)
        for start in range(0, len(copied), _BLOCK):
            copied[start : start + _BLOCK] = self.images[start : start + _BLOCK]
            memory_map.release(self.images)
        return copied


def cache_folder() -> Path:
    """Where decoded pictures and downloads are kept: `SIMPSONS_CACHE`, else the user's cache.

    A user without a home has a folder among the temporary files. Raises DataError if that is
    another user's.
    """
    if given := os.environ.get("SIMPSONS_CACHE"):
        return Path(given)
    try:
        folder = Path(user_cache_dir("simpsons", appauthor=False))
    except RuntimeError:  # no HOME, and no such user
        folder = Path("~")
    return folder if folder.is_absolute() else _of_the_homeless()


def _of_the_homeless() -> Path:
    user = os.getuid()
    folder = Path(tempfile.gettempdir(), f"simpsons-{user}")
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    if status.st_uid != os.geteuid() or not stat.S_ISDIR(status.st_mode) or status.st_mode & 0o22:
        raise DataError(f"{folder}: may be another user's; set SIMPSONS_CACHE to a folder of yours")
    return folder


def load(
    root: str | os.PathLike[str],
    characters: Characters = None,
    track: Track = silent,
    resize: Resize = ANTIALIAS,
    *,
    unlabelled: bool = False,
    strangers: bool = False,
) -> Dataset:
    """The decoded pictures under `root`: from the cache if nothing changed, else decoded now.

    unlabelled: take pictures that nothing says a class of, too; see `folders.find_any`. strangers:
    of a project, take strangers' faces too; see `projects.find`.

    What is damaged in the cache is made anew, and so is what lacks a picture that could not be
    read for a while, as when a network drive was away. resize: see `images.fit`.

    Raises DataError as `folders.find` does, when no picture can be read, and when the cache can't
    be written.
    """
    if unlabelled:
        listing = find_any(root, characters)
    else:
        listing = find(root, characters, strangers=strangers)
    identity, content = _keys(listing, resize)
    return entries.kept(
        cache_folder() / "decoded",
        identity,
        content,
        lambda folder: _fill(folder, listing, track, resize),
        lambda entry, is_new: _open(entry, listing, is_new),
    )


def _keys(listing: Listing, resize: Resize) -> tuple[str, str]:
    where = f"{listing.root.resolve()}\n{listing.classes}"
    if any(picture.character not in listing.classes for picture in listing.pictures):
        where += "\nand strangers"
    if resize != ANTIALIAS:
        where += f"\n{resize}"
    decoders = (PIL.__version__, simplejpeg.__version__)
    resizing = (images.SIZE, images.REDUCING_GAP, images.JPEG_GAP)
    content = hashlib.sha256(f"{FORMAT} {resizing} {decoders}\n".encode())
    for path, character, size, modified in listing.pictures:
        content.update(f"{path}\t{character}\t{size}\t{modified}\n".encode())
    return hashlib.sha256(os.fsencode(where)).hexdigest()[:16], content.hexdigest()[:16]


def _fill(partial: Path, listing: Listing, track: Track, resize: Resize) -> None:
    pictures = listing.pictures
    shape = (len(pictures), images.SIZE, images.SIZE, 3)
    index: dict[str, list[object]] = {"row": [], "size": [], "format": []}
    problems: list[tuple[str, str]] = []
    is_whole = True
    with (
        # an error or Ctrl-C leaves the rest undecoded
        closing(_decode_all(listing, resize)) as results,
        (partial / "images.npy").open("wb") as file,
    ):
        decoded = track(results, len(pictures), "decoding")
        header = {"descr": "|u1", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        end = file.tell() + math.prod(shape)
        for number, result in enumerate(decoded):
            if isinstance(result, images.ImageError):
                reason = str(result).removeprefix(f"{listing.root / pictures[number].path}: ")
                problems.append((pictures[number].path, reason))
                is_whole &= not isinstance(result, images.UnreadableError)
                continue
            file.write(result.pixels.tobytes())
            index["row"].append(number)
            index["size"].append([result.width, result.height])
            index["format"].append(result.format)
        file.truncate(end)
    if not index["row"]:
        path, reason = problems[0]
        raise DataError(
            f"{listing.root}: none of its {len(pictures)} picture files can be read; the first: "
            f"{path}: {reason}"
        )
    (partial / "index.json").write_text(
        json.dumps(index | {"problems": problems, "whole": is_whole}), encoding="utf-8"
    )


def _decode_all(
    listing: Listing, resize: Resize
) -> Generator[images.Original | images.ImageError, None, None]:
    pictures = listing.pictures
    chunks = (pictures[start : start + _CHUNK] for start in range(0, len(pictures), _CHUNK))
    paths = [[listing.root / picture.path for picture in chunk] for chunk in chunks]
    with Decoder(resize=resize) as decoder, ThreadPoolExecutor(decoder.threads) as pool:
        yield from chain.from_iterable(pool.map(decoder.load, paths))


def _open(entry: Path, listing: Listing, is_new: bool) -> Dataset | None:
    """The pictures of an entry; None if there is none, it is damaged, or not new and not whole."""
    try:
        index = json.loads((entry / "index.json").read_text(encoding="utf-8"))
        pixels = np.load(entry / "images.npy", mmap_mode="r")
        if not (index["whole"] or is_new):
            return None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    rows = index["row"]
    names = [listing.pictures[row].character for row in rows]
    position = {name: label for label, name in enumerate(listing.classes)}
    return Dataset(
        listing=listing,
        images=pixels[: len(rows)],
        labels=np.array([position.get(name, -1) for name in names], np.int64),
        paths=tuple(listing.pictures[row].path for row in rows),
        sizes=np.array(index["size"], np.int64).reshape(-1, 2),
        formats=tuple(index["format"]),
        problems=listing.problems + tuple(Problem(*problem) for problem in index["problems"]),
    )
