"""What a classifier learns from where there are boxes: faces, and whole pictures too.

Where the folder has one folder a character, its pictures are learnt whole as well, and one set of
weights knows both.
"""

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from simpsons.characters import find_name
from simpsons.classifier import UNKNOWN
from simpsons.dataset import cache, crops, folders
from simpsons.dataset.boxes import Boxes
from simpsons.dataset.cache import Dataset
from simpsons.dataset.folders import Characters, DataError
from simpsons.progress import Track, silent


@dataclass(frozen=True)
class Sources:
    """The classes, and what there is of them.

    boxes: of the faces; those of other names are strangers'. pictures: whole ones by class folder,
    empty where faces alone are learnt. faces: boxes by name.
    """

    root: Path
    boxes: Boxes
    classes: tuple[str, ...]
    pictures: Mapping[str, int]
    faces: Mapping[str, int]

    def __len__(self) -> int:
        """How many whole pictures and faces there are."""
        return sum(self.pictures.values()) + sum(self.faces.values())

    @property
    def summary(self) -> str:
        """What was taken, in words."""
        known = sum(self.faces.get(name, 0) for name in self.classes)
        strangers = sum(self.faces.values()) - known
        text = f"{known:,} faces of {len(self.classes)} characters, {strangers:,} of strangers"
        if self.pictures:
            text += f", {sum(self.pictures.values()):,} whole pictures"
        return text


def choose(root: str | os.PathLike[str], boxes: Boxes, characters: Characters = None) -> Sources:
    """What there is to learn from, without decoding it.

    boxes: read with `root` as their folder. characters: as `folders.find` takes it, of the names of
    boxes and folders together. The folders are characters if one has the name of a box.

    Raises DataError when there are not two characters, or a name asked for is missing.
    """
    root = Path(root)
    complete = boxes.complete.values()
    faces = Counter(box.name for found in complete for box in found if not box.ignored)
    named = {name: count for name, count in faces.items() if name != UNKNOWN}
    pictures = _in_class_folders(root, named)
    together = {
        name: range(named.get(name, 0) + pictures.get(name, 0)) for name in {*named, *pictures}
    }
    if not together:
        raise DataError(
            f"{boxes.file}: names nobody ({boxes.summary}); give each character's boxes its name"
        )
    classes = folders.choose(root, together, characters)
    if len(classes) < 2:
        raise DataError(
            f"{boxes.file}: of its names only {', '.join(classes)} is learnt, and a network tells "
            "two or more apart; box others too, or choose more with --characters"
        )
    taken = {name: pictures[name] for name in classes if pictures.get(name)}
    return Sources(root, boxes, classes, taken, faces)


def load(sources: Sources, track: Track = silent) -> Dataset:
    """The whole pictures, then the faces; see `crops`. Raises DataError as they do."""
    faces = crops.load(sources.root, sources.boxes, sources.classes, track)
    if not sources.pictures:
        return faces
    whole = cache.load(sources.root, tuple(sources.pictures), track)
    return crops.joined(_with_classes(whole, sources.classes), faces)


def _in_class_folders(root: Path, named: Mapping[str, int]) -> dict[str, int]:
    """Pictures by folder; none if no folder has the name of a box."""
    try:
        listing = folders.find(root, "all")
    except DataError:  # a flat folder, whose files do not say the character
        return {}
    counts = {find_name(name, named) or name: count for name, count in listing.counts().items()}
    if listing.flat or not named.keys() & counts.keys():
        return {}
    return {name: count for name, count in counts.items() if name != UNKNOWN}


def _with_classes(dataset: Dataset, classes: tuple[str, ...]) -> Dataset:
    """The same pictures, labelled as indices into classes that are among these."""
    names = [find_name(name, classes) or name for name in dataset.classes]
    position = np.array([classes.index(name) for name in names], np.int64)
    listing = replace(dataset.listing, classes=classes)
    return replace(dataset, listing=listing, labels=position[dataset.labels])
