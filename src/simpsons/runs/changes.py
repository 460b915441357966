"""What has changed in the pictures of a run since it began.

`split.csv` of a run folder has a checksum of each picture as the network sees it, so that one that
was replaced is noticed, and one that another version decodes otherwise.
"""

import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from simpsons.characters import composed
from simpsons.dataset import split as splits
from simpsons.dataset.boxed_pictures import BoxedPictures
from simpsons.dataset.cache import Dataset
from simpsons.dataset.folders import Problem
from simpsons.dataset.split import Split
from simpsons.pixels import memory_map
from simpsons.run_files import SPLIT

Tell = Callable[[str], None]
"""Is told what there is to say of the pictures, a sentence a call."""

_BLOCK = 1024  # pictures that are read before what was read of the file is let go


def untold(_: str) -> None:
    """Says nothing."""


def checksums(dataset: Dataset) -> dict[str, str]:
    """A checksum of what is learnt from each picture, by path: its pixels, faces, and labels."""
    found: dict[str, int] = {}
    names = (*dataset.classes, "")  # the last is a stranger's
    for start in range(0, len(dataset), _BLOCK):
        for row in range(start, min(start + _BLOCK, len(dataset))):
            path = composed(dataset.paths[row])
            checksum = zlib.crc32(names[dataset.labels[row]].encode(), found.get(path, 0))
            checksum = zlib.crc32(dataset.images[row].tobytes(), checksum)
            if isinstance(dataset, BoxedPictures):
                checksum = zlib.crc32(dataset.boxes[row].tobytes(), checksum)
            found[path] = checksum
        memory_map.release(dataset.images)
    return {path: f"{checksum:08x}" for path, checksum in found.items()}


def tell_unread(dataset: Dataset, tell: Tell) -> None:
    """Say which pictures could not be read."""
    known = set(dataset.listing.problems)
    if unread := [problem for problem in dataset.problems if problem not in known]:
        tell(f"{_count(unread)} can't be read; the first: {_reason(unread[0])}")


def tell_since(folder: Path, dataset: Dataset, split: Split, tell: Tell) -> None:
    """Say what is no more as it was when the run in this folder began.

    dataset, split: as they are now. Raises DataError if the split can't be read.
    """
    table = splits.lines_of(folder / SPLIT)
    now = checksums(dataset)
    problems = {composed(problem.path): problem for problem in dataset.problems}
    used = {path: line for path, line in table.items() if line.get("split") in splits.PARTS}
    missing = [path for path in used if path not in now]
    unread = [problems[path] for path in missing if path in problems]
    gone = [path for path in missing if path not in problems]
    other = [
        path
        for path, line in used.items()
        if path in now and line.get("checksum") not in (None, "", now[path])
    ]
    if gone:
        tell(f"{_count(gone)} of the run {_are(gone)} gone, {_of(gone, used)}")
    if unread:
        tell(f"{_count(unread)} of the run can't be read; the first: {_reason(unread[0])}")
    if other:
        tell(f"{_count(other)} of the run {_are(other)} replaced, {_of(other, used)}")
    if new := len(split.rows(splits.UNLISTED)):
        tell(f"{new:,} pictures came after the run began and are in no part")
    if missing or other:
        tell("The result will not be that of a run that was not stopped")


def _count(items: list[str] | list[Problem]) -> str:
    return f"{len(items):,} picture{'' if len(items) == 1 else 's'}"


def _are(items: list[str]) -> str:
    return "is" if len(items) == 1 else "are"


def _of(paths: list[str], lines: dict[str, dict[str, str | None]]) -> str:
    """Of whom pictures are, whole classes named, and the first of them."""
    all_of = Counter(line.get("character") for line in lines.values())
    affected = Counter(lines[path].get("character") for path in paths)
    whole = sorted(str(name) for name, count in affected.items() if count == all_of[name])
    told = f"all of {', '.join(whole)}; " if whole else ""
    return f"{told}the first: {paths[0]}"


def _reason(problem: Problem) -> str:
    return f"{problem.path}: {problem.reason}"
