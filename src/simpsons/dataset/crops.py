"""Faces cut out of pictures, as a data set that a classifier learns from.

Each box of a box file gives the crop that a detector would name its face by. Decoded once, they are
kept in the cache, beside the whole pictures that they are cut out of: near-duplicates are looked
for among those, and all faces of a picture are in its part of a split.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import PIL
import simplejpeg
from numpy.typing import NDArray

from simpsons import images
from simpsons.classifier import UNKNOWN
from simpsons.dataset import entries, memory_map
from simpsons.dataset.boxes import Box, Boxes
from simpsons.dataset.cache import Dataset, Wholes, cache_folder
from simpsons.dataset.folders import DataError, Listing, Picture, Problem
from simpsons.progress import Track, silent
from simpsons.shares import in_shares

FORMAT = 1
"""Raised whenever the files of an entry change."""

_SHARE = 16  # pictures that a thread decodes on its own
_BLOCK = 1024  # pictures that are copied before what was read is let go

Boxed = Mapping[str, tuple[Box, ...]]


class _Kept(NamedTuple):
    """An entry of the cache.

    faces: uint8 `[N, 64, 64, 3]`, of all boxes of the pictures that could be read. wholes: uint8
    `[P, 64, 64, 3]`, these pictures. paths, sizes: of them. problems: the others.
    """

    faces: images.Pixels
    wholes: images.Pixels
    paths: list[str]
    sizes: list[tuple[int, int]]
    problems: list[Problem]


class _Cut(NamedTuple):
    """A picture, and its faces, uint8 `[M, 64, 64, 3]`."""

    whole: images.Pixels
    faces: images.Pixels
    size: tuple[int, int]


def load(
    root: str | os.PathLike[str],
    boxes: Boxes,
    classes: Sequence[str] | None = None,
    track: Track = silent,
) -> Dataset:
    """The faces in the boxes of the complete pictures under `root`, 64x64 as a detector crops them.

    boxes: read with `root` as their folder. classes: None for every name but `unknown`. Boxes of
    other names are strangers', label -1; ignored ones are left out. From the cache if nothing
    changed, else decoded now; what is damaged there is made anew. The problems are pictures that
    can't be read, and bad rows.

    Raises DataError when there is no face to be read, and when the cache can't be written.
    """
    root = Path(root)
    counting = (
        (path, tuple(box for box in found if not box.ignored))
        for path, found in boxes.complete.items()
    )
    pictures = {path: found for path, found in counting if found}
    if not pictures:
        raise DataError(
            f"{boxes.file}: has no picture whose rows are all right, so there is no face to learn "
            f"from ({boxes.summary}); correct the rows"
        )
    listed = [_listed(root, path) for path in pictures]
    identity, content = _keys(root, boxes, pictures, listed)
    kept = entries.kept(
        cache_folder() / "crops",
        identity,
        content,
        lambda folder: _fill(folder, root, pictures, track),
        _open,
    )
    chosen = sorted(set(boxes.names) - {UNKNOWN}) if classes is None else classes
    return _dataset(root, boxes, pictures, listed, tuple(chosen), kept)


def joined(first: Dataset, *others: Dataset) -> Dataset:
    """Data sets one after the other, as one: whole pictures and faces, say.

    Their classes are the same. The root is that of the first; those of the others may differ. Of
    rows that are of one file, whole or cut out, the whole picture is the same. The pixels are
    copied into a file that is memory-mapped and has no name.

    Raises DataError for different classes.
    """
    parts = (first, *others)
    for part in others:
        if part.classes != first.classes:
            raise DataError(
                f"{part.root}: has the classes {', '.join(part.classes)}, and {first.root} has "
                f"{', '.join(first.classes)}; load both with the same"
            )
    return Dataset(
        listing=replace(
            first.listing,
            pictures=tuple(picture for part in parts for picture in part.listing.pictures),
            problems=tuple(problem for part in parts for problem in part.listing.problems),
        ),
        images=_stacked([(part.images, np.arange(len(part))) for part in parts]),
        labels=np.concatenate([part.labels for part in parts]),
        paths=tuple(path for part in parts for path in part.paths),
        sizes=np.concatenate([part.sizes for part in parts]),
        formats=tuple(name for part in parts for name in part.formats),
        problems=tuple(problem for part in parts for problem in part.problems),
        wholes=_joined_wholes(parts),
    )


def _listed(root: Path, path: str) -> Picture:
    try:
        status = (root / path).stat()
    except OSError:  # decoding it says why
        return Picture(path, "", 0, 0)
    return Picture(path, "", status.st_size, max(status.st_mtime_ns, status.st_ctime_ns))


def _keys(root: Path, boxes: Boxes, pictures: Boxed, listed: Sequence[Picture]) -> tuple[str, str]:
    where = f"{root.resolve()}\n{boxes.file.resolve()}"
    decoders = (PIL.__version__, simplejpeg.__version__)
    cropping = (images.SIZE, images.REDUCING_GAP, images.CONTEXT, images.HAIR)
    content = hashlib.sha256(f"{FORMAT} {cropping} {decoders}\n".encode())
    for picture in listed:
        content.update(f"{picture.path}\t{picture.size}\t{picture.modified}\n".encode())
        for box in pictures[picture.path]:
            content.update(f"{box.corners}\n".encode())
    return hashlib.sha256(os.fsencode(where)).hexdigest()[:16], content.hexdigest()[:16]


def _fill(folder: Path, root: Path, pictures: Boxed, track: Track) -> None:
    index: dict[str, list[object]] = {"path": [], "size": []}
    problems: list[tuple[str, str]] = []
    is_whole = True
    with (
        closing(_cut_all(root, pictures)) as results,
        _Growing(folder / "faces.npy", sum(map(len, pictures.values()))) as faces,
        _Growing(folder / "wholes.npy", len(pictures)) as wholes,
    ):
        for path, cut in zip(pictures, track(results, len(pictures), "cutting out"), strict=True):
            if isinstance(cut, images.ImageError):
                problems.append((path, str(cut).removeprefix(f"{root / path}: ")))
                is_whole &= not isinstance(cut, images.UnreadableError)
                continue
            faces.append(cut.faces)
            wholes.append(cut.whole[None])
            index["path"].append(path)
            index["size"].append(cut.size)
    if not index["path"]:
        path, reason = problems[0]
        raise DataError(
            f"{root}: none of the {len(pictures)} pictures with boxes can be read; the first: "
            f"{path}: {reason}"
        )
    (folder / "index.json").write_text(
        json.dumps(index | {"problems": problems, "whole": is_whole}), encoding="utf-8"
    )


def _cut_all(root: Path, pictures: Boxed) -> Generator[_Cut | images.ImageError, None, None]:
    def cut_all(share: list[tuple[str, tuple[Box, ...]]]) -> Iterator[_Cut | images.ImageError]:
        files = images.read_ahead([root / path for path, _ in share])
        for file, (_, boxes) in zip(files, share, strict=True):
            try:
                pixels = images.decode(file)
            except images.ImageError as error:
                yield error
                continue
            faces = np.stack([images.crop_around(pixels, box.corners) for box in boxes])
            height, width = pixels.shape[:2]
            yield _Cut(images.fit(pixels), faces, (width, height))

    yield from in_shares(cut_all, pictures.items(), _SHARE)


class _Growing:
    """A file of pictures, uint8 `[N, 64, 64, 3]`, that is written bit by bit; the rest is 0."""

    def __init__(self, path: Path, count: int) -> None:
        self._file = path.open("wb")
        shape = (count, images.SIZE, images.SIZE, 3)
        np.lib.format.write_array_header_1_0(
            self._file, {"descr": "|u1", "fortran_order": False, "shape": shape}
        )
        self._end = self._file.tell() + int(np.prod(shape))

    def append(self, pixels: images.Pixels) -> None:
        self._file.write(pixels.tobytes())

    def __enter__(self) -> "_Growing":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.truncate(self._end)
        self._file.close()


def _open(entry: Path, *, is_new: bool) -> _Kept | None:
    try:
        index = json.loads((entry / "index.json").read_text(encoding="utf-8"))
        faces = np.load(entry / "faces.npy", mmap_mode="r")
        wholes = np.load(entry / "wholes.npy", mmap_mode="r")
        if not (index["whole"] or is_new):
            return None
        problems = [Problem(*problem) for problem in index["problems"]]
        return _Kept(faces, wholes, index["path"], index["size"], problems)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _dataset(
    root: Path,
    boxes: Boxes,
    pictures: Boxed,
    listed: Sequence[Picture],
    classes: tuple[str, ...],
    kept: _Kept,
) -> Dataset:
    counts = [len(pictures[path]) for path in kept.paths]
    row = np.repeat(np.arange(len(counts)), counts)
    names = [box.name for path in kept.paths for box in pictures[path]]
    position = {name: label for label, name in enumerate(classes)}
    labels = np.array([position.get(name, -1) for name in names], np.int64)
    paths = tuple(kept.paths[one] for one in row)
    at = {picture.path: picture for picture in listed}
    bad = (Problem(f"{row.file}, {row.where}", row.reason) for row in boxes.bad)
    problems = (*bad, *kept.problems)
    listing = Listing(
        root=root,
        pictures=tuple(
            at[path]._replace(character=classes[label])
            for path, label in zip(paths, labels, strict=True)
            if label >= 0
        ),
        classes=classes,
        problems=problems,
        left_out={},
        flat=False,
    )
    return Dataset(
        listing=listing,
        images=kept.faces[: len(names)],
        labels=labels,
        paths=paths,
        sizes=np.array(kept.sizes, np.int64).reshape(-1, 2)[row],
        formats=tuple(Path(path).suffix.lstrip(".").upper() for path in paths),
        problems=problems,
        wholes=Wholes(kept.wholes[: len(counts)], row),
    )


def _joined_wholes(parts: Sequence[Dataset]) -> Wholes:
    """One whole picture for each file; of a part whose rows are whole, the first rows."""
    number: dict[Path, int] = {}
    rows, blocks = [], []
    for part in parts:
        wholes = part.wholes or Wholes(part.images, np.arange(len(part)))
        files = [part.root / path for path in part.paths]
        new: list[int] = []
        for file, whole in zip(files, wholes.row.tolist(), strict=True):
            if file not in number:
                number[file] = len(number)
                new.append(whole)
        rows += [number[file] for file in files]
        if new:
            blocks.append((wholes.images, np.array(new, np.int64)))
    return Wholes(_stacked(blocks), np.array(rows, np.int64))


def _stacked(blocks: Sequence[tuple[images.Pixels, NDArray[np.int64]]]) -> images.Pixels:
    """These rows of these pictures, uint8 `[N, 64, 64, 3]`, read-only; all of one, as they are."""
    if len(blocks) == 1 and len(blocks[0][0]) == len(blocks[0][1]):
        return blocks[0][0]
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            for pixels, rows in blocks:
                for start in range(0, len(rows), _BLOCK):
                    file.write(memory_map.read(pixels, rows[start : start + _BLOCK]).tobytes())
            file.flush()
            count = sum(len(rows) for _, rows in blocks)
            return np.memmap(file, np.uint8, "r", shape=(count, images.SIZE, images.SIZE, 3))
    except OSError as error:
        raise DataError(
            f"{folder}: joined pictures can't be kept there ({error.strerror}); make room, or set "
            "SIMPSONS_CACHE to another folder"
        ) from None
