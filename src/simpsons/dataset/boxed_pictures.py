"""Pictures in which every face is boxed, as a face detector learns from them."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from simpsons.dataset import decoded
from simpsons.dataset.boxes import Box, Boxes
from simpsons.dataset.cache import Dataset
from simpsons.dataset.folders import DataError, Listing, Problem
from simpsons.pixels import images
from simpsons.pixels.images import Pixels
from simpsons.progress import Track, silent

LONGEST = 288
"""Longer side in pixels of the pictures that are kept."""

FACE, NOBODY = "face", "nobody"
"""The classes of a picture with faces and of one without."""

_PICTURE, _WHOLE = "pictures", "wholes"


@dataclass(frozen=True)
class BoxedPictures(Dataset):
    """A data set of whole pictures, with larger copies and boxes.

    Its classes are `FACE` and `NOBODY`, by which a split is stratified. larger: uint8 `[H, W, 3]`
    each, the longer side `LONGEST`, memory-mapped. boxes: float32 `[M, 4]` each, of every face; x1,
    y1, x2, y2 in pixels of the larger copy. ignored: the same, of regions that may be a face or
    not. listed: the boxes in pixels of the file, with their names.
    """

    larger: tuple[Pixels, ...] = ()
    boxes: tuple[NDArray[np.float32], ...] = ()
    ignored: tuple[NDArray[np.float32], ...] = ()
    listed: tuple[tuple[Box, ...], ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the boxes, sorted."""
        return tuple(sorted({box.name for each in self.listed for box in each}))

    def faces(self, rows: NDArray[np.int64]) -> int:
        """How many faces these pictures have."""
        return sum(len(self.boxes[row]) for row in rows)


def load(root: str | os.PathLike[str], boxes: Boxes, track: Track = silent) -> BoxedPictures:
    """The complete pictures of a box file under `root`: from the cache, else decoded now.

    boxes: read with `root` as their folder. The problems are pictures that can't be read, and bad
    rows. Raises DataError when there is none to be read, and when the cache can't be written.
    """
    root = Path(root)
    complete = boxes.complete
    if not complete:
        raise DataError(
            f"{boxes.file}: has no picture whose rows are all right, so there is nothing to learn "
            f"from ({boxes.summary}); correct the rows"
        )
    depends_on = (LONGEST, images.SIZE, images.REDUCING_GAP)
    found = decoded.load("boxed", root, boxes, complete, _reduce, depends_on, track)
    listed = tuple(complete[picture.path] for picture in found.pictures)
    scales = [LONGEST / max(size) for size in found.sizes]
    scaled = _scaled(listed, scales, ignored=False)
    kinds = [FACE if len(each) else NOBODY for each in scaled]
    classes = tuple(sorted(set(kinds)))
    bad = (Problem(f"{row.file}, {row.where}", row.reason) for row in boxes.bad)
    problems = (*bad, *found.problems)
    pictures = tuple(
        picture._replace(character=kind)
        for picture, kind in zip(found.pictures, kinds, strict=True)
    )
    return BoxedPictures(
        listing=Listing(root, pictures, classes, problems, {}, flat=False),
        images=found.together(_WHOLE, images.SIZE, images.SIZE, 3),
        labels=np.array([classes.index(kind) for kind in kinds], np.int64),
        paths=tuple(picture.path for picture in pictures),
        sizes=np.array(found.sizes, np.int64),
        formats=tuple(Path(picture.path).suffix.lstrip(".").upper() for picture in pictures),
        problems=problems,
        larger=tuple(found.each(_PICTURE)),
        boxes=scaled,
        ignored=_scaled(listed, scales, ignored=True),
        listed=listed,
    )


def _reduce(pixels: Pixels, _: tuple[Box, ...]) -> dict[str, Pixels]:
    return {_PICTURE: images.fit_within(pixels, LONGEST)[0], _WHOLE: images.fit(pixels)}


def _scaled(
    listed: tuple[tuple[Box, ...], ...], scales: list[float], *, ignored: bool
) -> tuple[NDArray[np.float32], ...]:
    return tuple(
        np.array([box.corners for box in each if box.ignored is ignored], np.float32).reshape(-1, 4)
        * np.float32(scale)
        for each, scale in zip(listed, scales, strict=True)
    )
