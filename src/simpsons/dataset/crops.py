"""Faces cut out of pictures, as a data set that a classifier learns from.

Each box of a box file gives the crop that a detector would name its face by. They are kept in the
cache, beside the whole pictures that they are cut out of: near-duplicates are looked for among
those, and all faces of a picture are in its part of a split.
"""

import os
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from simpsons.classifier import UNKNOWN
from simpsons.dataset import decoded
from simpsons.dataset.boxes import Box, Boxes
from simpsons.dataset.cache import Dataset, Wholes, cache_folder
from simpsons.dataset.folders import DataError, Listing, Problem
from simpsons.pixels import images, memory_map
from simpsons.progress import Track, silent

_BLOCK = 1024  # pictures that are copied before what was read is let go
_FACES, _WHOLES = "faces", "wholes"


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
    cropping = (images.SIZE, images.REDUCING_GAP, images.CONTEXT, images.HAIR)
    cut = decoded.load("crops", root, boxes, pictures, _cut_out, cropping, track)
    if classes is None:
        classes = sorted(set(boxes.names) - {UNKNOWN})
    return _dataset(root, boxes, pictures, tuple(classes), cut)


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


def _cut_out(pixels: images.Pixels, boxes: tuple[Box, ...]) -> dict[str, images.Pixels]:
    return {
        _FACES: np.stack([images.crop_around(pixels, box.corners) for box in boxes]),
        _WHOLES: images.fit(pixels),
    }


def _dataset(
    root: Path,
    boxes: Boxes,
    pictures: decoded.Boxed,
    classes: tuple[str, ...],
    cut: decoded.Decoded,
) -> Dataset:
    found = [pictures[picture.path] for picture in cut.pictures]
    row = np.repeat(np.arange(len(found)), list(map(len, found)))
    of_faces = [cut.pictures[one] for one in row]
    position = {name: label for label, name in enumerate(classes)}
    labels = np.array([position.get(box.name, -1) for each in found for box in each], np.int64)
    bad = (Problem(f"{row.file}, {row.where}", row.reason) for row in boxes.bad)
    problems = (*bad, *cut.problems)
    side = images.SIZE
    return Dataset(
        listing=Listing(
            root=root,
            pictures=tuple(
                picture._replace(character=classes[label])
                for picture, label in zip(of_faces, labels, strict=True)
                if label >= 0
            ),
            classes=classes,
            problems=problems,
            left_out={},
            flat=False,
        ),
        images=cut.together(_FACES, side, side, 3),
        labels=labels,
        paths=tuple(picture.path for picture in of_faces),
        sizes=np.array(cut.sizes, np.int64)[row],
        formats=tuple(Path(picture.path).suffix.lstrip(".").upper() for picture in of_faces),
        problems=problems,
        wholes=Wholes(cut.together(_WHOLES, side, side, 3), row, np.ones(len(row), bool)),
    )


def _joined_wholes(parts: Sequence[Dataset]) -> Wholes:
    """One whole picture for each file; of a part whose rows are whole, the first rows."""
    number: dict[Path, int] = {}
    rows, blocks, is_face = [], [], []
    for part in parts:
        every = np.arange(len(part))
        wholes = part.wholes or Wholes(part.images, every, np.zeros(len(part), bool))
        files = [part.root / path for path in part.paths]
        new: list[int] = []
        for file, whole in zip(files, wholes.row.tolist(), strict=True):
            if file not in number:
                number[file] = len(number)
                new.append(whole)
        rows += [number[file] for file in files]
        is_face.append(wholes.is_face)
        if new:
            blocks.append((wholes.images, np.array(new, np.int64)))
    return Wholes(_stacked(blocks), np.array(rows, np.int64), np.concatenate(is_face))


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
