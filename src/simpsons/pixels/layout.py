"""How people arrange folders of pictures: what systems leave there, wrappers, parts of a split."""

import os
import re
import stat
from collections.abc import Callable, Iterator
from pathlib import Path, PurePath

from simpsons.errors import DataError
from simpsons.pixels import images

SYSTEM_FOLDER = "hidden, or a folder of the system's own"
NO_PICTURE = "not a picture file"
HIDDEN_FILE = "hidden, its name begins with a dot"
LINK_UP = "is a link to a folder above it"
NO_FILE = "a pipe, socket or device, not a file"

_SYSTEM_FOLDERS = frozenset(
    {
        "__macosx",
        "__pycache__",
        "@eadir",
        "@recycle",
        "@tmp",
        "#recycle",
        "#snapshot",
        "$recycle.bin",
        "lost+found",
        "system volume information",
    }
)
_PARTS = {
    "train": ("train", "training", "trainset"),
    "validation": ("val", "valid", "validation", "valset", "dev"),
    "test": ("test", "testing", "testset"),
}
_PART_OF = {word: part for part, words in _PARTS.items() for word in words}
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def is_system_folder(name: str) -> bool:
    """Whether a folder of this name holds nothing of its owner's: hidden, thumbnails, a bin."""
    return name.startswith(".") or name.casefold() in _SYSTEM_FOLDERS


def is_picture_name(name: str) -> bool:
    """Whether a file is taken for a picture when a folder is read; not if it is hidden."""
    return not name.startswith(".") and PurePath(name).suffix.lower() in images.SUFFIXES


def is_special(entry: os.DirEntry[str]) -> bool:
    """Whether it is a pipe, socket or device, whose reading may never end."""
    if entry.is_file(follow_symlinks=False):
        return False
    try:
        mode = entry.stat().st_mode
    except OSError:  # who reads it says so
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def entries(folder: Path) -> list[os.DirEntry[str]]:
    """What is in a folder, by name. Raises DataError if it can't be read."""
    try:
        with os.scandir(folder) as found:
            return sorted(found, key=lambda entry: entry.name)
    except PermissionError:
        raise DataError(f"{folder}: no permission to read it; change its permissions") from None
    except OSError as error:
        raise DataError(f"{folder}: can't be read ({error.strerror}); check the disk") from None


def subfolders(folder: Path) -> list[Path]:
    """The folders in a folder, by name, without those of the system."""
    found = (entry for entry in entries(folder) if entry.is_dir())
    return [folder / entry.name for entry in found if not is_system_folder(entry.name)]


def has_pictures(folder: Path) -> bool:
    """Whether pictures lie in the folder itself."""
    return any(is_picture_name(entry.name) and entry.is_file() for entry in entries(folder))


def part_named(name: str) -> str | None:
    """The part of a split that a folder's name says: `Train`, `val`, `test_set`, `training2`."""
    parts = {_PART_OF.get(word.lower()) for word in _WORD.findall(name)} - {None}
    return parts.pop() if len(parts) == 1 else None


def part_folders(folder: Path) -> dict[Path, str]:
    """The parts of the split that a folder's own folders are; empty if they are none.

    They are where one is for training and another for validation or the test, and neither is a
    class beside others.
    """
    inside = [below for below in subfolders(folder) if _has_pictures_below(below)]
    named = {below: part for below in inside if (part := part_named(below.name))}
    train = [below for below, part in named.items() if part == "train"]
    if not train or len(train) == len(named):
        return {}
    if len(named) == len(inside):
        return named
    classes = [_class_names(below) for below in train]
    held_out = [_class_names(below) for below in named if below not in train]
    if any(map(has_pictures, train)) or not set().union(*classes) & set().union(*held_out):
        return {}
    return named


def unwrapped(folder: Path, is_class: Callable[[str], bool]) -> Path:
    """The folder that holds the classes or the parts: this one, or one alone in it.

    Pictures beside it are of no class if it has folders of known classes. is_class: whether a name
    is known to be that of a class, whose own folders are then none.
    """
    inside = [below for below in subfolders(folder) if _has_pictures_below(below)]
    if len(inside) != 1 or is_class(inside[0].name):
        return folder
    only = inside[0]
    if has_pictures(folder) and not _holds_known(only, is_class):
        return folder
    if any(not entries(below) and not part_named(below.name) for below in subfolders(folder)):
        return folder  # an empty class is beside it
    deeper = unwrapped(only, is_class)
    if deeper != only:
        return deeper
    if has_pictures(only):
        flat = (is_class(re.sub(r"_\d+$", "", Path(entry.name).stem)) for entry in entries(only))
        return only if any(flat) else folder
    return only if len(_class_names(only)) > 1 else folder


def unwrapped_part(folder: Path, is_learnt: Callable[[str], bool]) -> Path:
    """The folder that holds the classes of a held-out part: this one, or one alone in it.

    is_learnt: whether a name is that of a class of the training part. Here one class is enough.
    """
    inside = subfolders(folder)
    if len(inside) != 1 or is_learnt(inside[0].name) or has_pictures(folder):
        return folder
    names = _class_names(inside[0])
    return inside[0] if names and all(map(is_learnt, names)) else folder


def _holds_known(folder: Path, is_class: Callable[[str], bool]) -> bool:
    """Whether folders of two known classes lie in a folder, or in one that is alone there."""
    names = _class_names(folder)
    if len(names) == 1 and not any(map(is_class, names)):
        return _holds_known(folder / names.pop(), is_class)
    return sum(map(is_class, names)) > 1


def _class_names(folder: Path) -> set[str]:
    return {below.name for below in subfolders(folder) if _has_pictures_below(below)}


def _has_pictures_below(folder: Path, above: tuple[str, ...] = ()) -> bool:
    real = os.path.realpath(folder)
    if real in above:
        return False
    below = []
    for entry in _unsorted(folder):
        if entry.is_dir():
            below.append(entry.name)
        elif is_picture_name(entry.name):
            return True
    names = (name for name in below if not is_system_folder(name))
    return any(_has_pictures_below(folder / name, (*above, real)) for name in names)


def _unsorted(folder: Path) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            yield from found
    except OSError:  # who reads it next says so
        return
