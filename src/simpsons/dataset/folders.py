"""Which pictures a folder holds, and of whom: every layout people have.

- class folders: `<root>/<character>/*.jpg`, for any cartoon;
- the Kaggle archive unpacked: `simpsons_dataset/simpsons_dataset/<character>/*.jpg`, where
  nested folders repeat one another and each picture counts once;
- the flat test set: `<character>_<n>.jpg`.
"""

import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Sized
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import NamedTuple

from simpsons import images
from simpsons.characters import CHARACTERS, SLUGS
from simpsons.errors import SimpsonsError

TRAINING_FOLDER = "simpsons_dataset"
"""The Kaggle archive's folder of training pictures."""

_FLAT_NAME = re.compile(r"(?P<character>.+)_\d+")
_NO_CLASS = ("__MACOSX",)

Characters = str | int | Sequence[str] | None


class DataError(SimpsonsError):
    """Data that can't be used. The message names it, the reason and the remedy."""


class Picture(NamedTuple):
    """One picture file: path relative to the root, class, size in bytes, time of change in ns."""

    path: str
    character: str
    size: int
    modified: int


class Problem(NamedTuple):
    """A file or folder that was left out, and the reason."""

    path: str
    reason: str


@dataclass(frozen=True)
class Listing:
    """The pictures of a folder.

    `classes` are sorted, `flat` tells the flat test-set naming, `left_out` counts the pictures
    of classes that were not asked for.
    """

    root: Path
    pictures: tuple[Picture, ...]
    classes: tuple[str, ...]
    problems: tuple[Problem, ...]
    left_out: dict[str, int]
    flat: bool

    def counts(self) -> dict[str, int]:
        """Pictures per class, zero included."""
        found = Counter(picture.character for picture in self.pictures)
        return {character: found[character] for character in self.classes}

    @property
    def summary(self) -> str:
        """What was taken and what was left, in words."""
        text = f"{len(self.pictures):,} pictures of {len(self.classes)} characters"
        if self.problems:
            text += f", {len(self.problems):,} other files"
        if self.left_out:
            text += (
                f"; {sum(self.left_out.values()):,} of {len(self.left_out)} other characters are "
                "left out, --characters all takes them"
            )
        return text

    def require_classes(self) -> None:
        """Raise DataError unless there are two classes or more and each has a picture."""
        empty = [character for character, count in self.counts().items() if count == 0]
        if empty:
            raise DataError(
                f"{self.root}: no readable picture in the class {', '.join(empty)}; "
                "add pictures, remove the folder, or choose others with --characters"
            )
        if len(self.classes) < 2 and self.left_out:
            raise DataError(
                f"{self.root}: of its {1 + len(self.left_out)} classes only {self.classes[0]} was "
                "taken; --characters all takes them all"
            )
        if len(self.classes) < 2:
            raise DataError(
                f"{self.root}: only one class ({self.classes[0]}); put the pictures of each "
                "character into a folder of its own and give the folder above them"
            )


def parse_characters(text: str | None) -> Characters:
    """What `--characters` takes: names with commas between, `all`, or a number."""
    if text is None or text == "all":
        return text
    if text.isdecimal():
        return int(text)
    return [name.strip() for name in text.split(",") if name.strip()]


def find(root: str | os.PathLike[str], characters: Characters = None) -> Listing:
    """List the pictures under `root`, without opening them.

    `characters`: None for the 18 where any of them is there, else for every class; `"all"`
    for every class; a number for the classes with most pictures; or names, as folders or as
    shown (`Homer Simpson`).

    Raises DataError when the folder is missing, holds no picture, or lacks a name asked for.
    """
    root = Path(root)
    if not root.exists():
        raise DataError(f"{root}: no such folder; check the path, or see `simpsons data download`")
    if not root.is_dir():
        raise DataError(f"{root}: is a file; give the folder that holds the pictures")
    levels = _levels(root)
    problems: list[Problem] = []
    found = _in_class_folders(root, levels, problems)
    flat = not any(found.values()) and _has_pictures(levels[-1])
    if flat:
        problems.clear()
        found = _in_flat_folder(root, levels[-1], problems)
    if not any(found.values()):
        empty = f" (its folders {', '.join(sorted(found)[:5])} are empty)" if found else ""
        raise DataError(
            f"{root}: no pictures found{empty}; expected one folder per character with "
            f"{', '.join(sorted(images.SUFFIXES))} files in it, or files named <character>_<n>.jpg"
        )
    classes = choose(root, found, characters)
    pictures = tuple(picture for name in classes for picture in sorted(found[name]))
    if not pictures:
        others = ", ".join(sorted(name for name in found if found[name]))
        raise DataError(
            f"{root}: no pictures of {', '.join(classes)}; it has some of {others}, which "
            "--characters can choose"
        )
    return Listing(
        root=root,
        pictures=pictures,
        classes=classes,
        problems=tuple(sorted(problems)),
        left_out={name: len(found[name]) for name in sorted(found) if name not in classes},
        flat=flat,
    )


def _levels(root: Path) -> list[Path]:
    """The folder with the classes, and those of the same name nested in it."""
    top = root / TRAINING_FOLDER
    levels = [top if top.is_dir() else root]
    while (nested := _nested(levels[-1])) and nested.resolve() != levels[-1].resolve():
        levels.append(nested)
    return levels


def _nested(level: Path) -> Path | None:
    """A folder in `level` of the same name that repeats it, and is no class itself.

    It is alone there, or has a class that `level` has too.
    """
    name = level.resolve().name  # that of a whole disk is empty
    if not name or not (level / name).is_dir():
        return None
    beside = _class_folders(level) - {name}
    return level / name if not beside or beside & _class_folders(level / name) else None


def _class_folders(level: Path) -> set[str]:
    return {entry.name for entry in _entries(level) if entry.is_dir() and _may_be_class(entry)}


def _may_be_class(entry: os.DirEntry[str]) -> bool:
    return not entry.name.startswith(".") and entry.name not in _NO_CLASS


def _in_class_folders(
    root: Path, levels: list[Path], problems: list[Problem]
) -> dict[str, list[Picture]]:
    found: dict[str, dict[str, Picture]] = {}
    nested = set(levels[1:])
    for level in levels:
        above = (os.path.realpath(level),)
        for entry in _entries(level):
            path = Path(entry.path)
            if entry.is_dir():
                if path in nested or not _may_be_class(entry):
                    continue
                known = found.setdefault(entry.name, {})
                for picture, name in _pictures_below(root, path, entry.name, problems, above):
                    known.setdefault(name, picture)
            elif level == levels[0]:
                reason = "outside the class folders"
                problems.append(Problem(_relative(path, root), reason))
    return {name: list(pictures.values()) for name, pictures in found.items()}


def _pictures_below(
    root: Path, folder: Path, character: str, problems: list[Problem], above: tuple[str, ...]
) -> Iterable[tuple[Picture, str]]:
    """The pictures of a class with their paths in it. above: the real folders that lead there."""
    where = _relative(folder, root)
    real = os.path.realpath(folder)
    if real in above:
        problems.append(Problem(where, "is a link to a folder above it"))
        return
    above = (*above, real)
    for entry in _entries(folder):
        if entry.is_dir():
            if entry.name.startswith("."):
                continue
            below = folder / entry.name
            for picture, name in _pictures_below(root, below, character, problems, above):
                yield picture, f"{entry.name}/{name}"
        elif picture_or_none := _picture(where, entry, character, problems):
            yield picture_or_none, entry.name


def _in_flat_folder(root: Path, folder: Path, problems: list[Problem]) -> dict[str, list[Picture]]:
    found: dict[str, list[Picture]] = {}
    where = _relative(folder, root)
    for entry in _entries(folder):
        if entry.is_dir():
            continue
        match = _FLAT_NAME.fullmatch(Path(entry.name).stem)
        if match is None:
            reason = "the name does not say the character (<character>_<n>)"
            problems.append(Problem(_relative(Path(entry.path), root), reason))
        elif picture := _picture(where, entry, match["character"], problems):
            found.setdefault(picture.character, []).append(picture)
    return found


def _picture(
    folder: str, entry: os.DirEntry[str], character: str, problems: list[Problem]
) -> Picture | None:
    path = entry.name if folder == "." else f"{folder}/{entry.name}"
    try:
        status = entry.stat()
    except OSError as error:
        problems.append(Problem(path, f"can't be read ({error.strerror})"))
        return None
    if PurePath(entry.name).suffix.lower() not in images.SUFFIXES:
        problems.append(Problem(path, "not a picture file"))
        return None
    if status.st_size == 0:
        problems.append(Problem(path, "the file is empty"))
        return None
    if not _is_text(path):
        problems.append(Problem(path, "its name is not Unicode; rename it"))
        return None
    # ctime too: it tells of a change of permission, and of a change that kept mtime and size
    modified = max(status.st_mtime_ns, status.st_ctime_ns)
    return Picture(path, character, status.st_size, modified)


def choose(root: Path, found: Mapping[str, Sized], characters: Characters) -> tuple[str, ...]:
    """The classes, sorted, of all that were found, with what there is of each.

    characters: as `find` takes it, which raises what this does.
    """
    if characters is None:
        ours = [name for name in found if name in SLUGS]
        return tuple(sorted(ours or found))
    if characters == "all":
        return tuple(sorted(found))
    if isinstance(characters, int):
        if not 1 <= characters <= len(found):
            raise DataError(
                f"{root}: {characters} characters asked for, and it has {len(found)}; "
                f"give a number from 1 to {len(found)}"
            )
        most = sorted(found, key=lambda name: (-len(found[name]), name))[:characters]
        return tuple(sorted(most))
    names = [characters] if isinstance(characters, str) else list(characters)
    slugs = {character.name.lower(): character.slug for character in CHARACTERS}
    wanted = {slugs.get(name.lower(), name) for name in names}
    if missing := sorted(wanted - set(found)):
        raise DataError(
            f"{root}: no pictures of {', '.join(missing)}; it has {', '.join(sorted(found))}"
        )
    return tuple(sorted(wanted))


def _has_pictures(folder: Path) -> bool:
    return any(Path(entry.name).suffix.lower() in images.SUFFIXES for entry in _entries(folder))


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except PermissionError:
        raise DataError(f"{folder}: no permission to read it; change its permissions") from None


def _is_text(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()
