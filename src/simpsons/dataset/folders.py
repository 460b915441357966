"""Which pictures a folder holds, and of whom: every layout people have.

- class folders: `<root>/<character>/*.jpg`, for any cartoon;
- the Kaggle archive unpacked: `simpsons_dataset/simpsons_dataset/<character>/*.jpg`, where
  nested folders repeat one another and each picture counts once;
- the flat test set: `<character>_<n>.jpg`;
- a split that somebody has made: any of these in `train/`, `val/` and `test/`, or `train/`, `val/`
  and `test/` in every class folder;
- any of these in a folder that is alone in the one that was given;
- a project of `simpsons collect`, by its labels; see `projects`.
"""

import csv
import io
import os
import re
import shlex
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath
from typing import NamedTuple

from simpsons import urls
from simpsons.characters import SLUGS, composed, find_name, is_known
from simpsons.classifier import UNKNOWN
from simpsons.errors import DataError as DataError
from simpsons.pixels import images, layout
from simpsons.pixels.layout import entries, has_pictures
from simpsons.project.store import is_project

TRAINING_FOLDER = "simpsons_dataset"
"""The Kaggle archive's folder of training pictures."""

_FLAT_NAME = re.compile(r"(?P<character>.+)_\d+")

Characters = str | int | Sequence[str] | None


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
    of classes that were not asked for. `parts`: the part (`train`, `validation` or `test`) by
    folder, where folders give a split. `top`: the folder that holds the classes or parts. `shots`:
    of a project, the number of the shot by picture. `remarks`: what else there is to say.
    """

    root: Path
    pictures: tuple[Picture, ...]
    classes: tuple[str, ...]
    problems: tuple[Problem, ...]
    left_out: dict[str, int]
    flat: bool
    parts: Mapping[str, str] = field(default_factory=dict)
    top: str = "."
    shots: Mapping[str, int] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

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
        return "; ".join([text, *self.notes])

    @property
    def notes(self) -> list[str]:
        """What there is to say of how the folders were read."""
        notes = [] if self.top == "." else [f"read from {self.root / self.top}"]
        if self.parts:
            names = sorted({PurePath(folder).name for folder in self.parts})
            notes.append(f"its folders {', '.join(names)} give a split, --split given")
        return [*notes, *self.remarks]

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
        if len(self.classes) < 2 and self.shots:
            raise DataError(
                f"{self.root}: only {self.classes[0]} has a name there, and a network tells two or "
                f"more apart; name others with `simpsons label {shlex.quote(str(self.root))}`"
            )
        if len(self.classes) < 2:
            raise DataError(
                f"{self.root}: only one class ({self.classes[0]}); put the pictures of each "
                "character into a folder of its own and give the folder above them"
            )


def parse_characters(text: str | None) -> Characters:
    """What `--characters` takes: names with commas between, `all`, or a number.

    A name with a comma may stand in double quotes.
    """
    if text is None or text == "all":
        return text
    if text.isdecimal():
        return int(text)
    names = next(csv.reader([text], skipinitialspace=True), [])
    return [name.strip() for name in names if name.strip()]


def characters_text(characters: str | int | Sequence[str]) -> str:
    """What `parse_characters` makes these characters of."""
    if isinstance(characters, str | int):
        return str(characters)
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(characters)
    return text.getvalue() + ("," if len(characters) == 1 else "")


def find(
    root: str | os.PathLike[str],
    characters: Characters = None,
    known: Iterable[str] = (),
    *,
    strangers: bool = False,
) -> Listing:
    """List the pictures under `root`, without opening them.

    `characters`: None for the 18 where any of them is there, else for every class; `"all"`
    for every class; a number for the classes with most pictures, unless a class is called so; or
    names, as `characters.find_name` takes them. `known`: other names of classes, so that a folder
    of such a name, alone in `root`, is no wrapper. `strangers`: of a project, see `projects.find`;
    elsewhere there are none.

    Raises DataError when the folder is missing, holds no picture, or lacks a name asked for.
    """
    if said := urls.refusal(root, "folder"):
        raise DataError(said)
    root = Path(root)
    if not root.exists():
        raise DataError(f"{root}: no such folder; check the path, or see `simpsons data download`")
    if not root.is_dir():
        raise DataError(f"{root}: is a file; give the folder that holds the pictures")
    if is_project(root):
        from simpsons.dataset import projects  # which needs this module

        return projects.find(root, characters, strangers)
    names = [*known, *(characters if isinstance(characters, Sequence) else ())]
    if isinstance(characters, str):
        names = [*known, characters]
    top = root

    def is_class(name: str) -> bool:
        return is_known(name) or bool(find_name(name, names))

    if not (root / TRAINING_FOLDER).is_dir():
        top = layout.unwrapped(root, is_class)
    problems: list[Problem] = []
    parts = {} if (top / TRAINING_FOLDER).is_dir() else layout.part_folders(top)
    flat = False
    if parts:
        found = _in_parts(root, top, parts, problems, is_class)
    else:
        found, flat = _in_one(root, top, problems)
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
        parts={_relative(folder, root): part for folder, part in parts.items()}
        or _parts_of_classes(_relative(top, root), pictures),
        top=_relative(top, root),
    )


def find_any(root: str | os.PathLike[str], characters: Characters = None) -> Listing:
    """As `find`, and pictures that neither their folder nor their name says a class of are
    `unknown`: in any folder of pictures leaks can be looked for."""
    try:
        listing = find(root, characters)
    except DataError:
        if characters is not None or not Path(root).is_dir():
            raise
        listing = Listing(Path(root), (), (), (), {}, flat=True)
    if characters is not None or listing.left_out:
        return listing
    problems: list[Problem] = []
    below = _pictures_below(listing.root, listing.root, UNKNOWN, problems, ())
    read = {picture.path for picture in listing.pictures}
    others = [picture for picture, _ in below if picture.path not in read]
    if not others:
        if not read:
            find(root)
        return listing
    pictures = tuple(sorted((*listing.pictures, *others), key=lambda picture: picture[1::-1]))
    classes = tuple(sorted({*listing.classes, UNKNOWN}))
    return replace(listing, pictures=pictures, classes=classes, problems=tuple(sorted(problems)))


def _in_one(
    root: Path, top: Path, problems: list[Problem]
) -> tuple[dict[str, list[Picture]], bool]:
    """The pictures by class, and whether their names say it; no split is given."""
    levels = _levels(top)
    said: list[Problem] = []
    found = _in_class_folders(root, levels, said)
    flat = not any(found.values()) and has_pictures(levels[-1])
    if flat:
        said.clear()
        found = _in_flat_folder(root, levels[-1], said)
    problems += said
    return found, flat


def _in_parts(
    root: Path,
    top: Path,
    parts: Mapping[Path, str],
    problems: list[Problem],
    is_class: Callable[[str], bool],
) -> dict[str, list[Picture]]:
    """The pictures by class of a split that folders give, each perhaps in a wrapper."""
    read: dict[Path, tuple[dict[str, list[Picture]], bool]] = {}
    learnt: set[str] = set()

    def is_learnt(name: str) -> bool:
        return find_name(name, learnt) is not None

    for folder in sorted(parts, key=lambda folder: parts[folder] != "train"):
        level = layout.unwrapped(folder, is_class)
        if parts[folder] != "train":
            level = layout.unwrapped_part(level, is_learnt)
        read[folder] = _in_one(root, level, problems)
        if parts[folder] == "train":
            learnt.update(read[folder][0])
    found: dict[str, list[Picture]] = {}
    for each, flat in read.values():
        names = {name: find_name(name, learnt) for name in each}
        has_classes = any(names.values()) and not flat
        for name, pictures in each.items():
            if names[name] or has_classes:
                character = names[name] or name
                renamed = (picture._replace(character=character) for picture in pictures)
                found.setdefault(character, []).extend(renamed)
            else:
                reason = "neither its folder nor its name says a class of the training part"
                problems += (Problem(picture.path, reason) for picture in pictures)
    for entry in entries(top):
        path = top / entry.name
        if path not in parts:
            reason = layout.SYSTEM_FOLDER if _is_system(entry) else "is in no part of the split"
            problems.append(Problem(_relative(path, root), reason))
    return found


def _is_system(entry: os.DirEntry[str]) -> bool:
    return entry.is_dir() and layout.is_system_folder(entry.name)


def _parts_of_classes(top: str, pictures: Sequence[Picture]) -> dict[str, str]:
    """The parts by folder where each class has its own; empty unless every picture is in one."""
    depth = 2 if top == "." else 2 + len(PurePath(top).parts)
    folders = {"/".join(picture.path.split("/")[:-1][:depth]) for picture in pictures}
    parts = {folder: layout.part_named(PurePath(folder).name) for folder in folders}
    known = {
        folder: part for folder, part in parts.items() if part and folder.count("/") == depth - 1
    }
    is_split = len(known) == len(parts) and "train" in known.values()
    return known if is_split and len(set(known.values())) > 1 else {}


def _levels(top: Path) -> list[Path]:
    """The folder with the classes, and those of the same name nested in it."""
    inner = top / TRAINING_FOLDER
    levels = [inner if inner.is_dir() else top]
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
    return {folder.name for folder in layout.subfolders(level)}


def _in_class_folders(
    root: Path, levels: list[Path], problems: list[Problem]
) -> dict[str, list[Picture]]:
    found: dict[str, dict[str, Picture]] = {}
    nested = set(levels[1:])
    for level in levels:
        above = (os.path.realpath(level),)
        for entry in entries(level):
            path = Path(entry.path)
            if entry.is_dir():
                if path in nested:
                    continue
                if _is_system(entry):
                    problems.append(Problem(_relative(path, root), layout.SYSTEM_FOLDER))
                    continue
                character = composed(entry.name)
                known = found.setdefault(character, {})
                for picture, name in _pictures_below(root, path, character, problems, above):
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
        problems.append(Problem(where, layout.LINK_UP))
        return
    above = (*above, real)
    for entry in entries(folder):
        if entry.is_dir():
            below = folder / entry.name
            if _is_system(entry):
                problems.append(Problem(_relative(below, root), layout.SYSTEM_FOLDER))
                continue
            for picture, name in _pictures_below(root, below, character, problems, above):
                yield picture, f"{entry.name}/{name}"
        elif picture_or_none := _picture(where, entry, character, problems):
            yield picture_or_none, entry.name


def _in_flat_folder(root: Path, folder: Path, problems: list[Problem]) -> dict[str, list[Picture]]:
    found: dict[str, list[Picture]] = {}
    where = _relative(folder, root)
    for entry in entries(folder):
        if entry.is_dir():
            if _is_system(entry):
                problems.append(Problem(_relative(Path(entry.path), root), layout.SYSTEM_FOLDER))
            continue
        match = _FLAT_NAME.fullmatch(Path(entry.name).stem)
        if match is None:
            reason = "the name does not say the character (<character>_<n>)"
            problems.append(Problem(_relative(Path(entry.path), root), reason))
        elif picture := _picture(where, entry, composed(match["character"]), problems):
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
    if layout.is_special(entry):
        problems.append(Problem(path, layout.NO_FILE))
        return None
    if PurePath(entry.name).suffix.lower() not in images.SUFFIXES:
        problems.append(Problem(path, layout.NO_PICTURE))
        return None
    if not layout.is_picture_name(entry.name):
        problems.append(Problem(path, layout.HIDDEN_FILE))
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
        if str(characters) in found:
            return (str(characters),)
        if not 1 <= characters <= len(found):
            raise DataError(
                f"{root}: {characters} characters asked for, and it has {len(found)}; "
                f"give a number from 1 to {len(found)}"
            )
        most = sorted(found, key=lambda name: (-len(found[name]), name))[:characters]
        return tuple(sorted(most))
    names = [characters] if isinstance(characters, str) else list(characters)
    wanted = {name: find_name(name, found) for name in names}
    if None in wanted.values():
        wanted = {name: find_name(name, found) for name in _with_commas(names, found)}
    if missing := sorted(name for name, there in wanted.items() if there is None):
        raise DataError(
            f"{root}: no pictures of {', '.join(missing)}; it has {', '.join(sorted(found))}"
        )
    return tuple(sorted({name for name in wanted.values() if name is not None}))


def _with_commas(names: Sequence[str], found: Iterable[str]) -> Iterator[str]:
    """The names, those put together again that a comma in a class's name has parted."""
    start = 0
    while start < len(names):
        ends = range(len(names), start + 1, -1)
        joined = (", ".join(names[start:end]) for end in ends)
        together = ((name, end) for name, end in zip(joined, ends, strict=True))
        fits = ((name, end) for name, end in together if _has_commas(name, found))
        name, start = next(fits, (names[start], start + 1))
        yield name


def _has_commas(name: str, found: Iterable[str]) -> bool:
    there = find_name(name, found)
    return there is not None and there.count(",") == name.count(",")


def _is_text(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()
