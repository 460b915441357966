"""Pictures decoded once: one memory-mapped uint8 array and an index beside it.

An entry of the cache is a folder that is made under another name and renamed when it is
whole, and never changed after that. So a kill in the middle leaves nothing that is read, and
any number of processes may read while one makes a new entry.
"""

import hashlib
import json
import math
import os
import shutil
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import PIL
import simplejpeg
from filelock import FileLock
from numpy.typing import NDArray
from platformdirs import user_cache_dir

from simpsons import images
from simpsons.dataset import memory_map
from simpsons.dataset.folders import Characters, DataError, Listing, Problem, find
from simpsons.decoding import Decoder
from simpsons.progress import Track, silent

FORMAT = 4
"""Raised whenever decoding, resizing or the files of an entry change."""

_PARTIAL = ".partial"  # ends the name of what is no entry yet, or no more
_CHUNK = 32  # pictures that a thread decodes on its own
_BLOCK = 1024  # pictures that are copied before what was read of the file is let go


@dataclass(frozen=True)
class Dataset:
    """Decoded pictures.

    listing: the files they come from. images: uint8 `[N, 64, 64, 3]`, memory-mapped, read-only.
    labels: int64 `[N]`, indices into `classes`. paths: relative to `root`, with forward slashes.
    sizes: int64 `[N, 2]`, width and height of the files in pixels. formats: `JPEG`, `PNG`, ...
    problems: what was left out.
    """

    listing: Listing
    images: images.Pixels
    labels: NDArray[np.int64]
    paths: tuple[str, ...]
    sizes: NDArray[np.int64]
    formats: tuple[str, ...]
    problems: tuple[Problem, ...]

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

    def in_memory(self) -> NDArray[np.uint8]:
        """A copy of `images`. What is read through the map does not stay in memory beside it."""
        copied = np.empty(self.images.shape, np.uint8)
        for start in range(0, len(copied), _BLOCK):
            copied[start : start + _BLOCK] = self.images[start : start + _BLOCK]
            memory_map.release(self.images)
        return copied


def cache_folder() -> Path:
    """Where decoded pictures and downloads are kept: `SIMPSONS_CACHE`, else the user's cache."""
    return Path(os.environ.get("SIMPSONS_CACHE") or user_cache_dir("simpsons", appauthor=False))


def load(
    root: str | os.PathLike[str], characters: Characters = None, track: Track = silent
) -> Dataset:
    """The decoded pictures under `root`: from the cache if nothing changed, else decoded now.

    What is damaged in the cache is made anew, and so is what lacks a picture that could not be
    read for a while, as when a network drive was away.

    Raises DataError as `folders.find` does, when no picture can be read, and when the cache can't
    be written.
    """
    listing = find(root, characters)
    identity, content = _keys(listing)
    folder = cache_folder() / "decoded"
    entry = folder / f"{identity}-{content}"
    dataset = _open(entry, listing)
    if dataset is None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with FileLock(folder / f"{identity}.lock"):
                dataset = _open(entry, listing)
                if dataset is None:
                    _remove(entry)
                    _make(entry, listing, track)
                    _remove_others(entry, identity)
                    dataset = _open(entry, listing, is_new=True)
        except OSError as error:
            raise DataError(
                f"{cache_folder()}: decoded pictures can't be kept there ({error.strerror}); make "
                "room, or set SIMPSONS_CACHE to another folder"
            ) from None
    if dataset is None:
        raise DataError(f"{entry}: what was written there can't be read; check the disk")
    return dataset


def _keys(listing: Listing) -> tuple[str, str]:
    where = f"{listing.root.resolve()}\n{listing.classes}"
    decoders = (PIL.__version__, simplejpeg.__version__)
    resizing = (images.SIZE, images.REDUCING_GAP, images.JPEG_GAP)
    content = hashlib.sha256(f"{FORMAT} {resizing} {decoders}\n".encode())
    for path, character, size, modified in listing.pictures:
        content.update(f"{path}\t{character}\t{size}\t{modified}\n".encode())
    return hashlib.sha256(os.fsencode(where)).hexdigest()[:16], content.hexdigest()[:16]


def _make(entry: Path, listing: Listing, track: Track) -> None:
    partial = entry.with_name(f"{entry.name}{_PARTIAL}")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir()
        _fill(partial, listing, track)
        partial.rename(entry)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _fill(partial: Path, listing: Listing, track: Track) -> None:
    pictures = listing.pictures
    shape = (len(pictures), images.SIZE, images.SIZE, 3)
    index: dict[str, list[object]] = {"row": [], "size": [], "format": []}
    problems: list[tuple[str, str]] = []
    is_whole = True
    with (
        closing(_decode_all(listing)) as results,  # an error or Ctrl-C leaves the rest undecoded
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


def _decode_all(listing: Listing) -> Generator[images.Original | images.ImageError, None, None]:
    pictures = listing.pictures
    chunks = (pictures[start : start + _CHUNK] for start in range(0, len(pictures), _CHUNK))
    paths = [[listing.root / picture.path for picture in chunk] for chunk in chunks]
    with Decoder() as decoder, ThreadPoolExecutor(decoder.threads) as pool:
        yield from chain.from_iterable(pool.map(decoder.load, paths))


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


def _open(entry: Path, listing: Listing, is_new: bool = False) -> Dataset | None:
    """The pictures of an entry; None if there is none, it is damaged, or not new and not whole."""
    try:
        index = json.loads((entry / "index.json").read_text(encoding="utf-8"))
        pixels = np.load(entry / "images.npy", mmap_mode="r")
        if not (index["whole"] or is_new):
            return None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    rows = index["row"]
    position = {name: label for label, name in enumerate(listing.classes)}
    return Dataset(
        listing=listing,
        images=pixels[: len(rows)],
        labels=np.array([position[listing.pictures[row].character] for row in rows], np.int64),
        paths=tuple(listing.pictures[row].path for row in rows),
        sizes=np.array(index["size"], np.int64).reshape(-1, 2),
        formats=tuple(index["format"]),
        problems=listing.problems + tuple(Problem(*problem) for problem in index["problems"]),
    )
