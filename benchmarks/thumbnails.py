"""How near-duplicates were found formerly: thumbnails that agree, and links from one to the next.

`benchmarks.near_duplicates` compares with it, and `benchmarks.other_cartoon` cuts its split by it.
The shipped split was cut by it, too. Run as a program this says how many of its groups today's
links change, and what leaks by them, and writes docs/near-duplicates.md.
"""

import argparse
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from benchmarks.data import data_option, folder
from benchmarks.report import machine, table, write_section
from simpsons.dataset import cache, file_copies
from simpsons.dataset import split as splits
from simpsons.dataset.cache import Dataset
from simpsons.dataset.split import HELD_OUT, PARTS, Split
from simpsons.duplicates import alignment, copies, near_duplicates
from simpsons.pixels.images import Pixels
from simpsons.progress import bar

DOCUMENT = "docs/near-duplicates.md"

THRESHOLD = 0.90
"""Above this cosine two pictures shared a group."""

_SIDE = 16
_BLOCK = 2048

Thumbnails = NDArray[np.float32]


def thumbnails(pixels: Pixels) -> Thumbnails:
    """uint8 `[N, 64, 64, 3]` to float32 `[N, 768]` of length 1 (0 for a picture of one grey)."""
    small = np.empty((len(pixels), _SIDE * _SIDE * 3), np.float32)
    for start in range(0, len(pixels), _BLOCK):
        block = np.asarray(pixels[start : start + _BLOCK])
        cells = np.moveaxis(alignment.reduced(block, _SIDE, _SIDE), 1, 3)
        small[start : start + _BLOCK] = cells.reshape(len(block), -1)
    small -= small.mean(axis=1, keepdims=True)
    length = np.linalg.norm(small, axis=1, keepdims=True)
    unit: Thumbnails = np.divide(small, length, out=np.zeros_like(small), where=length > 1e-3)
    return unit


def mirrored(thumbs: Thumbnails) -> Thumbnails:
    """The thumbnails of the mirrored pictures."""
    return thumbs.reshape(-1, _SIDE, _SIDE, 3)[:, :, ::-1].reshape(thumbs.shape)


def similarity_to_nearest(queries: Thumbnails, references: Thumbnails) -> NDArray[np.float32]:
    """For each query the cosine of the most alike reference, mirror included; -1 without any."""
    nearest = np.full(len(queries), -1, np.float32)
    for start in range(0, len(queries), _BLOCK):
        here = slice(start, start + _BLOCK)
        for block in range(0, len(references), _BLOCK):
            some = references[block : block + _BLOCK]
            for side in (some, mirrored(some)):
                alike = queries[here] @ side.T
                np.maximum(nearest[here], alike.max(axis=1), out=nearest[here])
    return nearest


def pairs(thumbs: Thumbnails) -> NDArray[np.int64]:
    """int64 `[M, 2]`: all pairs above the threshold, mirror included, first < second."""
    return np.concatenate([np.empty((0, 2), np.int64), *_pairs_by_block(thumbs)])


def _pairs_by_block(thumbs: Thumbnails) -> Iterator[NDArray[np.int64]]:
    turned = mirrored(thumbs)
    for start in range(0, len(thumbs), _BLOCK):
        block = thumbs[start : start + _BLOCK]
        alike = np.maximum(block @ thumbs[start:].T, block @ turned[start:].T)
        row, column = np.nonzero(alike > THRESHOLD)
        later = column > row
        yield np.stack([row[later], column[later]], axis=1) + start


def groups(linked: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """int64 `[count]`: the group of each; what pairs link, over others too, shares one."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    first, second = linked.T
    links = coo_array((np.ones(len(first), np.int8), (first, second)), (count, count))
    _, group = connected_components(links, directed=False)
    return np.asarray(group, np.int64)


def compared(dataset: Dataset) -> str:
    """The groups of a data set, formerly and now, and what leaks, as Markdown."""
    linked = pairs(thumbnails(dataset.images))
    former, found = groups(linked, len(dataset)), near_duplicates.find(dataset.images, bar)
    rows = []
    for name, group in (("formerly, as the shipped split", former), ("now", found.group)):
        sizes = np.bincount(group)
        figures = (len(sizes), (sizes > 1).sum(), (sizes == 1).sum(), sizes.max())
        rows.append([name, *(f"{int(figure):,}" for figure in figures)])
    kept = _sets(former) & _sets(found.group)
    changed = len(_sets(former)) - len(kept)
    text = [
        table(["near-duplicates", "groups", "of two or more", "of one picture", "largest"], rows),
        f"Of the former groups of two or more {len(kept):,} are the same now, {changed:,} are not.",
    ]
    headers = ["shipped split", "pictures", "with a near-duplicate in training", "of these copies"]
    shipped, leaking = splits.make(dataset, "shipped"), []
    for part in HELD_OUT:
        leaks, copied = splits.leaking(dataset, shipped, part), _copied(dataset, shipped, part)
        told = len(shipped.rows(part)), len(leaks), len(copied)
        leaking.append([part, *(f"{count:,}" for count in told)])
    text.append(table(headers, leaking))
    today = splits.make(dataset, "leak-free")
    counts = ", ".join(f"{today.counts()[part]:,} {part}" for part in PARTS)
    left = sum(splits.leaks(dataset, today, part) for part in HELD_OUT)
    chance = splits.make(dataset, "random")
    is_held, first, second = chance.part == "validation", *linked.T
    across = is_held[first] != is_held[second]
    by_thumbnails = np.where(is_held[first[across]], first[across], second[across])
    text.append(
        f"A split that is made today (`--split leak-free`, seed 0) has {counts} pictures, of which "
        f"{left} leak. Of the {int(is_held.sum()):,} validation pictures of the notebook's random "
        f"split {splits.leaks(dataset, chance, 'validation'):,} do; by thumbnails "
        f"{len(np.unique(by_thumbnails)):,}."
    )
    return "\n\n".join(text)


def _copied(dataset: Dataset, split: Split, part: str) -> NDArray[np.int64]:
    """The rows of a part that are copies of training pictures."""
    links, files = near_duplicates.find(dataset.images).links, file_copies.from_files(dataset)
    first, second = split.part[links.first], split.part[links.second]
    across = (first == part) & (second == "train") | (first == "train") & (second == part)
    links = links.chosen(across)
    links = links.chosen(copies.scores(links, files, files) >= copies.THRESHOLD)
    return np.intersect1d(np.concatenate([links.first, links.second]), split.rows(part))


def _sets(group: NDArray[np.int64]) -> set[frozenset[int]]:
    """The groups of two pictures or more."""
    order = np.argsort(group, kind="stable")
    together = np.split(order, np.flatnonzero(np.diff(group[order])) + 1)
    return {frozenset(rows.tolist()) for rows in together if len(rows) > 1}


def main() -> None:
    """Compare, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    data_option(parser)
    text = compared(cache.load(folder(parser.parse_args()), track=bar))
    text += f"\n\n`python -m benchmarks.thumbnails`; {machine()}."
    print(text)
    write_section(DOCUMENT, "shipped split", text)


if __name__ == "__main__":
    main()
