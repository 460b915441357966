"""Pictures before any training, as `simpsons data` has them: fetch, look at, audit and split.

>>> from simpsons import data
>>> data.stats("simpsons_dataset").characters["homer_simpson"]
2246
"""

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from simpsons.api.audit import audit, clean
from simpsons.characters import display_name
from simpsons.dataset import boxes as box_files
from simpsons.dataset import cache, cropping, kaggle
from simpsons.dataset import split as splits
from simpsons.dataset.cropping import MARGIN, Crops
from simpsons.dataset.folders import Characters, Problem
from simpsons.dataset.kaggle import download
from simpsons.errors import SimpsonsError
from simpsons.evaluation import plots
from simpsons.files import StrPath
from simpsons.progress import Track, silent
from simpsons.project.folders import require_new
from simpsons.training import recipe as recipes
from simpsons.training.augment import augmented

__all__ = ["audit", "clean", "crop", "download", "preview", "split", "stats"]

_RANGE = ("smallest", "median", "largest")


@dataclass(frozen=True)
class Statistics:
    """What a folder of pictures holds.

    pictures: how many can be read. characters: pictures by class. sizes: the smallest, the median
    and the largest width and height, in pixels. formats: pictures by file format, most first.
    problems: files left out. left_out: pictures by character that was not asked for. notes: what
    to know of the folder, in sentences.
    """

    pictures: int
    characters: dict[str, int]
    sizes: dict[str, dict[str, int]]
    formats: dict[str, int]
    problems: tuple[Problem, ...]
    left_out: dict[str, int]
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """As `simpsons data stats --json` prints it."""
        return {
            "pictures": self.pictures,
            "characters": self.characters,
            "sizes": self.sizes,
            "formats": self.formats,
            "problems": [problem._asdict() for problem in self.problems],
            "left_out": self.left_out,
        }


@dataclass(frozen=True)
class SplitFile:
    """A split that was written.

    out: the CSV. kind, seed: of the split. parts: pictures by part. groups: of near-duplicates.
    largest_group: pictures in the largest. large_groups: those larger than a part of a leak-free
    split, with a picture of each. leaks: by held-out part, how many pictures have a near-duplicate
    in training. problems: how many files were left out. notes: in sentences.
    """

    out: Path
    kind: str
    seed: int | None
    parts: dict[str, int]
    groups: int
    largest_group: int
    large_groups: tuple[dict[str, Any], ...]
    leaks: dict[str, int]
    problems: int
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """As `simpsons data split --json` prints it."""
        return {
            "split": self.kind,
            "seed": self.seed,
            "parts": self.parts,
            "groups": self.groups,
            "largest_group": self.largest_group,
            "large_groups": list(self.large_groups),
            "near_duplicates_of_training_pictures": self.leaks,
            "problems": self.problems,
            "out": str(self.out),
        }


def stats(
    folder: StrPath | None = None,
    *,
    characters: Characters = None,
    picture: StrPath | None = None,
    track: Track = silent,
) -> Statistics:
    """Count the pictures of a folder by character, and list the files left out.

    Args:
        folder: one folder of pictures per character; None for the installed data set.
        characters: their names, "all", or the number with the most pictures; None for the 18 where
            any is there, else all.
        picture: a PNG or SVG file to write a bar chart to.
        track: shows progress, such as `simpsons.progress.bar`.

    Raises:
        SimpsonsError: for a folder, characters or an output that can't be used; says why.
    """
    if picture:
        plots.require_target(picture)
    dataset = cache.load(kaggle.resolve(folder), characters, track)
    found = np.bincount(dataset.labels, minlength=len(dataset.classes))
    counts = {name: int(count) for name, count in zip(dataset.classes, found, strict=True)}
    sizes = {
        side: dict(zip(_RANGE, (int(s.min()), int(np.median(s)), int(s.max())), strict=True))
        for side, s in zip(("width", "height"), dataset.sizes.T, strict=True)
    }
    if picture:
        plots.save(plots.class_counts(counts), Path(picture))
    return Statistics(
        len(dataset),
        counts,
        sizes,
        dict(Counter(dataset.formats).most_common()),
        tuple(dataset.problems),
        dataset.listing.left_out,
        tuple(dataset.listing.notes),
    )


def preview(
    folder: StrPath | None = None,
    *,
    out: StrPath = "preview.png",
    recipe: str = "default",
    count: int = 32,
    characters: Characters = None,
    seed: int = 0,
    track: Track = silent,
) -> Path:
    """Draw one augmented training batch with its labels, as a network sees it; return its path.

    Args:
        folder, characters, track: as `stats` takes them.
        out: a PNG or SVG file.
        recipe: default or notebook, whose augmentation is drawn.
        count: pictures.
        seed: of the choice and the augmentation.

    Raises:
        SimpsonsError: for a folder, characters or an output that can't be used; says why.
    """
    plots.require_target(out)
    dataset = cache.load(kaggle.resolve(folder), characters, track)
    how = recipes.named(recipe, "xception").augmentation
    pixels, labels = augmented(dataset, how, count, seed)
    titles = [display_name(dataset.classes[label]) for label in labels]
    plots.save(plots.picture_grid(pixels, titles, columns=8), Path(out))
    return Path(out)


def split(
    folder: StrPath | None = None,
    *,
    split: str | None = None,
    out: StrPath = "split.csv",
    characters: Characters = None,
    seed: int = 0,
    track: Track = silent,
) -> SplitFile:
    """Split a folder into training, validation and test pictures, written as CSV.

    Args:
        folder, characters, track: as `stats` takes them.
        split: leak-free, random, given, shipped, shots, or a split.csv; None for given where there
            are such folders, shots of a project, else leak-free.
        out: the CSV file.
        seed: of a split that is drawn.

    Raises:
        SimpsonsError: for a folder, split, characters or an output that can't be used; says why.
    """
    splits.require_target(out)
    if split and os.path.realpath(split) == os.path.realpath(out):
        raise SimpsonsError(f"{out}: is the split that is read; give another name")
    dataset = cache.load(kaggle.resolve(folder), characters, track)
    chosen = splits.make(dataset, split, seed, track)
    if not any(chosen.counts().values()):
        raise SimpsonsError(
            f"{dataset.root}: none of its pictures is in the split {chosen.kind}; choose another "
            "--split"
        )
    chosen = splits.with_groups(dataset, chosen, track)
    assert chosen.group is not None
    splits.write(Path(out), dataset, chosen)
    group_sizes = np.bincount(chosen.group)
    notes = [*dataset.listing.notes, chosen.note, splits.shot_note(dataset, chosen)]
    if chosen.kind == "leak-free":
        notes.append(splits.fill_note(dataset, chosen))
    return SplitFile(
        Path(out),
        chosen.kind,
        chosen.seed,
        chosen.counts(),
        int((group_sizes > 0).sum()),
        int(group_sizes.max()),
        tuple(
            {"pictures": len(rows), "first": dataset.paths[rows[0]]}
            for rows in splits.large_groups(chosen.group)
        ),
        {part: splits.leaks(dataset, chosen, part) for part in splits.HELD_OUT},
        len(dataset.problems),
        tuple(filter(None, notes)),
    )


def crop(
    folder: StrPath,
    *,
    boxes: StrPath,
    out: StrPath,
    margin: float = MARGIN,
    track: Track = silent,
) -> Crops:
    """Cut the faces that a file boxes out of the pictures of a folder, into a folder per name.

    Args:
        folder: of the pictures.
        boxes: CSV, annotation.txt, COCO JSON, Pascal VOC XML, or a folder of VOC or YOLO files.
        out: a new folder.
        margin: room on each side of a face, in longer sides of its box, 0 to 10.
        track: shows progress, such as `simpsons.progress.bar`.

    Raises:
        SimpsonsError: if no face can be cut out, or `out` is not empty.
    """
    require_new(out)
    return cropping.crop(folder, box_files.read(boxes, folder), out, margin, track)
