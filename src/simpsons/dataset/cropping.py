"""Faces that somebody has boxed, cut out into a folder a name."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from simpsons.dataset.boxes import Box, Boxes
from simpsons.dataset.folders import Problem
from simpsons.errors import DataError
from simpsons.pixels import images, jpeg
from simpsons.pixels.face_crops import square
from simpsons.progress import Track, silent
from simpsons.project.folders import file_name, free_name, require_new, whole_folder
from simpsons.shares import in_shares
from simpsons.sorting import folder_name

MARGIN = round((images.CONTEXT - 1) / 2, 6)
"""Room around a face on each side, in longer sides of its box: what a network names it by."""

_SHARE = 8  # pictures that a thread reads on its own


@dataclass(frozen=True)
class Crops:
    """What `crop` wrote. crops: how many, by name. ignored: boxes that are to be ignored.

    problems: bad rows, and pictures that can't be read.
    """

    folder: Path
    crops: dict[str, int]
    ignored: int
    problems: tuple[Problem, ...]

    def to_json(self) -> dict[str, Any]:
        """All of it, by name."""
        problems = [problem._asdict() for problem in self.problems]
        return {**asdict(self), "folder": str(self.folder), "problems": problems}


def crop(
    root: str | os.PathLike[str],
    boxes: Boxes,
    out: str | os.PathLike[str],
    margin: float = MARGIN,
    progress: Track = silent,
) -> Crops:
    """Cut every boxed face out of its picture into a new folder, a folder a name, whole or not.

    boxes: read with `root` as their folder. margin: the room on each side, in longer sides of the
    box, 0 to 10; the rest of a picture may be less. A crop is a JPEG file in the picture's own
    pixels, called as the picture is. Strangers are in the folder `unknown`.

    Raises DataError if no face can be cut out, SimpsonsError if `out` is not empty, OSError if it
    can't be written.
    """
    if not 0 <= margin <= 10:
        raise DataError(f"the margin is {margin:g}; give 0 to 10 sides of a face's box")
    require_new(out)
    root = Path(root)
    faces = {
        path: tuple(box for box in found if not box.ignored)
        for path, found in boxes.pictures.items()
    }
    ignored = sum(box.ignored for found in boxes.pictures.values() for box in found)
    problems = [Problem(f"{row.file}, {row.where}", row.reason) for row in boxes.bad]
    counts: Counter[str] = Counter()
    taken: set[str] = set()
    with_faces = {path: found for path, found in faces.items() if found}

    def cut(share: list[tuple[str, tuple[Box, ...]]]) -> Iterator[list[bytes] | images.ImageError]:
        for path, found in share:
            try:
                pixels = images.decode(root / path)
            except images.ImageError as error:
                yield error
                continue
            yield [jpeg.encoded(square(pixels, box.corners, 1 + 2 * margin)) for box in found]

    with whole_folder(out) as folder:
        cuts = in_shares(cut, with_faces.items(), _SHARE)
        pairs = zip(with_faces.items(), cuts, strict=True)
        for (path, found), files in progress(pairs, len(with_faces), "cutting out"):
            if isinstance(files, images.ImageError):
                problems.append(Problem(path, str(files).removeprefix(f"{root / path}: ")))
                continue
            stem = file_name(path.rpartition(".")[0].replace("/", "_")) or "picture"
            name = free_name(stem, taken)
            for number, (box, file) in enumerate(zip(found, files, strict=True)):
                target = folder / folder_name(box.name)
                target.mkdir(exist_ok=True)
                (target / f"{name}_f{number}.jpg").write_bytes(file)
                counts[box.name] += 1
        if not counts:
            first = f"; the first: {problems[0].path}: {problems[0].reason}" if problems else ""
            raise DataError(f"{boxes.file}: has no face that can be cut out{first}")
    return Crops(Path(out), dict(sorted(counts.items())), ignored, tuple(problems))
