"""Copies among the picture files of data sets; see `simpsons.duplicates.copies`."""

import numpy as np
from numpy.typing import NDArray

from simpsons.dataset.cache import Dataset
from simpsons.duplicates import near_duplicates
from simpsons.duplicates.copies import THRESHOLD, Larger, from_pixels, scores
from simpsons.duplicates.near_duplicates import Links
from simpsons.pixels import images, memory_map
from simpsons.pixels.images import Pixels
from simpsons.progress import Track, silent


def from_files(dataset: Dataset) -> Larger:
    """The pictures of a data set's files; of one that can't be read now, what is in the cache."""
    if dataset.wholes is not None:
        return from_pixels(dataset.images)

    def load(row: int, size: int) -> Pixels:
        try:
            return images.load(dataset.root / dataset.paths[row], size)
        except images.ImageError:
            times = size // images.SIZE
            return np.asarray(dataset.images[row]).repeat(times, axis=0).repeat(times, axis=1)

    def load_all(rows: NDArray[np.int64], size: int) -> Pixels:
        if size == images.SIZE:
            return memory_map.read(dataset.images, rows)
        return np.stack([load(row, size) for row in rows.tolist()])

    return Larger(load_all, dataset.sizes.min(axis=1))


def find_between(
    queries: Dataset, rows: NDArray[np.int64] | None, references: Dataset, track: Track = silent
) -> Links:
    """The pictures of a data set, or some of its rows, first, that are copies of others, second."""
    asked = np.arange(len(queries)) if rows is None else rows
    links = near_duplicates.find_between(queries.images[asked], references.images, track)
    files = from_files(queries)
    some = Larger(lambda rows, size: files.load(asked[rows], size), files.shorter[asked])
    copied = scores(links, some, from_files(references), track) >= THRESHOLD
    return links.chosen(copied)._replace(first=asked[links.first[copied]])
