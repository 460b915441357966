"""Pictures sorted into folders by who is in them: copied or linked, none moved or overwritten."""

import errno
import filecmp
import hashlib
import io
import os
import re
import shutil
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from simpsons import files
from simpsons.classifier import Prediction
from simpsons.errors import SimpsonsError
from simpsons.pixels import images

_LONGEST = 100  # bytes of a folder's name
_LONGEST_STEM = 200  # bytes; a name may have 255
_DIGITS = 10  # of a digest
_UNSAFE = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*\ud800-\udfff]')
_WINDOWS_DEVICE = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?", re.IGNORECASE)
_STDIN = "standard input"


class SortingError(SimpsonsError):
    """A picture that can't be put into its folder. The message names it, why, and the remedy."""


class Sorted(NamedTuple):
    """Where a picture is in the folders. is_new: whether it was not there before."""

    path: Path
    is_new: bool


class SortedFolder:
    """A folder with a folder for each verdict, `unknown` too, that pictures are put into.

        >>> sorted_folder = SortedFolder("sorted")
        >>> for answer in Predictor().predict_all(paths):
        ...     if isinstance(answer, Prediction):
        ...         sorted_folder.add(answer)

    link: put links there instead of copies, hard ones, or symbolic ones on another disk.

    A picture keeps its name; another one of that name has a digest of its content in its own. What
    is there already, a file of the same content under that name, is not put there again.

    Raises SimpsonsError if the folder can't be made.
    """

    def __init__(self, folder: str | os.PathLike[str], *, link: bool = False) -> None:
        self.folder = Path(folder)
        self._link = link
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SimpsonsError(
                f"{self.folder}: pictures can't be sorted into it ({error.strerror or error}); "
                "give another folder"
            ) from None

    def add(self, answer: Prediction, content: bytes | None = None) -> Sorted:
        """Put the picture of an answer into the folder of its verdict.

        content: the picture file's, of an answer without a path. Raises SortingError if the
        picture can't be read or not be put there; nothing of it is there then.
        """
        folder = self.folder / folder_name(answer.verdict)
        files.remove_leftovers_once(folder)
        try:
            if content is not None:
                return _put_content(folder, content)
            if answer.path is None:
                raise SortingError("the picture has no path; give its content")
            source = Path(answer.path).resolve()
            return _put(folder, Path(answer.path).name, source, self._link)
        except OSError as error:
            raise SortingError(
                f"{answer.path or _STDIN}: can't be put into {folder} "
                f"({error.strerror or error}); {self._remedy(error)}"
            ) from None

    def _remedy(self, error: OSError) -> str:
        if self._link and error.errno in (errno.EPERM, errno.ENOTSUP, errno.EACCES):
            return "copy instead of linking, or check the permissions of both"
        return "check both places and their disks"


def folder_name(verdict: str) -> str:
    """The name of the folder for a verdict: itself where any system can have such a folder.

    Else what can't be is an underscore, and a digest tells it from others.
    """
    safe = _UNSAFE.sub("_", verdict).strip(" ")
    while len(safe.encode()) > _LONGEST:
        safe = safe[:-1]
    safe = safe.rstrip(" .")
    if safe.startswith("."):  # would be hidden
        safe = f"_{safe[1:]}"
    if _WINDOWS_DEVICE.fullmatch(safe):
        safe = f"_{safe}"
    if safe == verdict:
        return safe
    digest = hashlib.sha256(verdict.encode(errors="surrogatepass")).hexdigest()[:_DIGITS]
    return f"{safe}-{digest}".lstrip("-")


def _put(folder: Path, name: str, source: Path, link: bool) -> Sorted:
    """A copy of a file, or a link to it, in a folder."""
    first = folder / name
    if _is(first, source):
        return Sorted(first, is_new=False)
    folder.mkdir(exist_ok=True)
    place = _linked if link else _copied
    if place(source, first):
        return Sorted(first, is_new=True)
    with source.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()[:_DIGITS]
    stem = os.fsdecode(os.fsencode(first.stem)[:_LONGEST_STEM])
    other = folder / f"{stem}-{digest}{first.suffix}"
    if _is(other, source):
        return Sorted(other, is_new=False)
    if place(source, other):
        return Sorted(other, is_new=True)
    raise FileExistsError(errno.EEXIST, f"{other.name} is another file there")


def _put_content(folder: Path, content: bytes) -> Sorted:
    """A file that is called for its content."""
    with Image.open(io.BytesIO(content), formats=images.FORMATS) as image:
        suffix = str(image.format).lower()
    target = folder / f"picture-{hashlib.sha256(content).hexdigest()[:_DIGITS]}.{suffix}"
    if target.is_file() and target.read_bytes() == content:
        return Sorted(target, is_new=False)
    folder.mkdir(exist_ok=True)
    with files.beside(target) as temporary:
        temporary.write_bytes(content)
        if _placed(temporary, target):
            return Sorted(target, is_new=True)
    raise FileExistsError(errno.EEXIST, f"{target.name} is another file there")


def _is(target: Path, source: Path) -> bool:
    """Whether a file is there, and it is this one or the same as this one."""
    if not target.is_file():
        return False
    return target.samefile(source) or filecmp.cmp(target, source, shallow=False)


def _copied(source: Path, target: Path) -> bool:
    """Copy a file with its time, whole or not at all; False if something is there."""
    if os.path.lexists(target):
        return False
    with files.beside(target) as temporary:
        shutil.copyfile(source, temporary)
        status = source.stat()
        os.utime(temporary, ns=(status.st_atime_ns, status.st_mtime_ns))
        return _placed(temporary, target)


def _linked(source: Path, target: Path) -> bool:
    """Link to a file; False if something is there."""
    try:
        os.link(source, target)
    except FileExistsError:
        return False
    except OSError:  # another disk, or one without hard links
        source.stat()
        try:
            target.symlink_to(source)
        except FileExistsError:
            return False
    return True


def _placed(temporary: Path, target: Path) -> bool:
    """Give a file its name; False if something is there."""
    try:
        os.link(temporary, target)  # unlike a rename it replaces nothing
    except FileExistsError:
        return False
    except OSError:  # a disk without hard links
        if os.path.lexists(target):
            return False
        temporary.rename(target)
    return True
