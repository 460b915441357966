"""Which picture of a folder a list means, where its paths begin further up or down."""

import os
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from simpsons import urls
from simpsons.errors import DataError
from simpsons.pixels import images


def parts_of(path: str) -> list[str]:
    """The folders and the file of a path of any system, without drive, `.` and `..`."""
    parts = path.replace("\\", "/").split("/")
    if len(parts[0]) == 2 and parts[0].endswith(":"):
        parts = parts[1:]
    return [part for part in parts if part not in ("", ".", "..")]


class PictureNames:
    """The pictures below a folder, in any layout, found by the names that lists give them.

    Raises DataError if the folder is missing or has no picture.
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        if said := urls.refusal(root, "folder"):
            raise DataError(said)
        self.root = Path(root)
        if not self.root.is_dir():
            raise DataError(f"{root}: no such folder; give the one that holds the pictures")
        self.paths = tuple(_pictures_below(self.root))
        if not self.paths:
            raise DataError(f"{root}: no pictures found; give the folder that holds them")
        self._index = _Index(self.root, self.paths)
        stems = {path: path[: path.rindex(".")] for path in self.paths}
        self._stems = _Index(self.root, stems)

    def find(self, listed: str, *, any_suffix: bool = False) -> list[str]:
        """The pictures that a listed path may mean, relative to the folder; one if it is clear.

        The path itself, else the picture whose path ends with it, else the one that it ends with
        (its folder and file at least). any_suffix: the listed path has no suffix.
        """
        return (self._stems if any_suffix else self._index).find(listed)


class _Index:
    def __init__(self, root: Path, names: dict[str, str] | tuple[str, ...]) -> None:
        """names: the paths of the pictures, or what each is listed as."""
        self._whole: dict[str, list[str]] = defaultdict(list)
        self._ends: dict[str, list[str]] = defaultdict(list)
        above = root.resolve().name
        for path in names:
            name = _normal(names[path] if isinstance(names, dict) else path)
            parts = [above, *name.split("/")]
            self._whole[name].append(path)
            self._whole["/".join(parts)].append(path)
            for start in range(len(parts)):
                self._ends["/".join(parts[start:])].append(path)

    def find(self, listed: str) -> list[str]:
        parts = [_normal(part) for part in parts_of(listed)]
        name = "/".join(parts)
        if found := self._whole.get(name) or self._ends.get(name):
            return _without_repeats(found)
        for start in range(1, len(parts) - 1):
            if found := self._whole.get("/".join(parts[start:])):
                return found
        return []


def _without_repeats(paths: list[str]) -> list[str]:
    """The shortest alone where the others repeat it in nested folders, as Kaggle's archive does."""
    shortest = min(paths, key=len)
    same = all(path == shortest or path.endswith(f"/{shortest}") for path in paths)
    return [shortest] if same else paths


def _pictures_below(root: Path) -> Iterator[str]:
    seen = {os.path.realpath(root)}
    for parent, folders, files in os.walk(root, followlinks=True):
        kept = []
        for folder in sorted(folders):
            real = os.path.realpath(Path(parent, folder))
            if not folder.startswith(".") and real not in seen:
                seen.add(real)
                kept.append(folder)
        folders[:] = kept
        for file in sorted(files):
            if Path(file).suffix.lower() in images.SUFFIXES and not file.startswith("."):
                yield Path(parent, file).relative_to(root).as_posix()


def _normal(text: str) -> str:
    """One spelling of letters with accents: systems differ in how they write file names."""
    return unicodedata.normalize("NFC", text)
