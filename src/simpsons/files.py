"""Files written whole or not at all, and tables as people save them."""

import codecs
import csv
import errno
import io
import mmap
import os
import platform
import re
import shutil
import sys
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from simpsons.errors import SimpsonsError

StrPath = str | os.PathLike[str]

_TEMPORARY = re.compile(r"\..*\.simpsons-(?P<machine>[0-9a-f]{8})-(?P<process>\d+)(\..*)?")
_REPORT = (
    rb"\A.{,999}<meta http-equiv=\"Content-Security-Policy\" "
    rb"content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">"
)
_LONGEST_STEM = 150  # bytes: names may have 255

_looked_at: set[Path] = set()  # folders in which nothing is left of processes that were killed


@contextmanager
def whole(path: str | os.PathLike[str], *, flush: bool = False) -> Iterator[Path]:
    """Yield a path to write to; when the block ends well, that file takes its place at `path`.

    So readers see the old file or the new one, never a part, whatever fails or is killed.
    Missing folders above are made, a link is followed, permissions stay as they are, and what is no
    file, such as `/dev/stdout`, is written to as it is. What a killed process left beside `path` is
    removed. flush: wait until the disk has it all, so that a power failure leaves no part either.
    Raises OSError that names `path` if that fails, or the file there is one that may not be
    written to.
    """
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if path.exists() and not path.is_file():
        yield path
        return
    if path.is_symlink():
        path = path.resolve()
    _require_unlocked(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with beside(path) as temporary:
        try:
            yield temporary
            if path.exists():
                shutil.copymode(path, temporary)
            if flush:
                to_disk(temporary)
            temporary.replace(path)
            if flush:
                to_disk(path.parent)
        except OSError as error:
            if error.errno is None or error.filename not in (None, str(temporary)):
                raise
            raise OSError(error.errno, error.strerror, str(path)) from error


@contextmanager
def beside(path: Path) -> Iterator[Path]:
    """Yield a path in the folder of `path` to write to; what is there in the end is removed.

    So is what a killed process left there.
    """
    remove_leftovers_once(path.parent)
    temporary = path.with_name(_temporary_name(path))
    try:
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def to_disk(path: Path) -> None:
    """Wait until the disk has a file, or the names in a folder, where the system can say so."""
    if path.is_dir():
        with suppress(OSError):  # Windows opens no folder
            _to_disk(path, os.O_RDONLY)
    else:
        _to_disk(path, os.O_RDWR)


def _to_disk(path: Path, flags: int) -> None:
    file = os.open(path, flags)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _temporary_name(path: Path) -> str:
    stem = os.fsencode(path.stem)
    told = path.stem if len(stem) <= _LONGEST_STEM else f"{zlib.crc32(stem):08x}"
    return f".{told}.simpsons-{_machine()}-{os.getpid()}{path.suffix}"


def is_leftover(name: str) -> bool:
    """Whether a file of this name is one that `whole` began and has not put into its place."""
    return _TEMPORARY.fullmatch(name) is not None


def remove_leftovers_once(folder: Path) -> None:
    """`remove_leftovers`, if this process has not done that there."""
    if folder not in _looked_at:
        remove_leftovers(folder)
        _looked_at.add(folder)


def remove_leftovers(folder: Path) -> None:
    """Remove what killed processes of this machine left of the files that they began here."""
    if sys.platform == "win32":  # which can't be asked for a process without ending it
        return
    with suppress(OSError):
        for entry in list(os.scandir(folder)):
            match = _TEMPORARY.fullmatch(entry.name)
            if match and match["machine"] == _machine() and not _runs(int(match["process"])):
                Path(entry.path).unlink(missing_ok=True)


def _machine() -> str:
    """Tells machines apart that write to one network drive."""
    return f"{zlib.crc32(platform.node().encode(errors='replace')):08x}"


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        pass
    return True


def require_writable(path: str | os.PathLike[str]) -> None:
    """Raise OSError if `whole` can't write there: to know before long work."""
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    where = next(folder for folder in path.absolute().parents if folder.exists())
    if path.exists() and not path.is_file():
        where = path
    _require_unlocked(where)
    _require_unlocked(path)


def require_replaceable(path: str | os.PathLike[str], what: str, *signs: bytes) -> None:
    """Raise SimpsonsError if the file there is no older one of what goes there.

    So a film or picture that is named in the wrong place is not lost. An older one matches one of
    the signs, regular expressions, and an empty file may always be replaced. what: goes there, in
    words. Raises OSError as `require_writable` does.
    """
    require_writable(path)
    if has_other_content(path, *signs):
        raise SimpsonsError(
            f"{path}: already exists and is not {what} of simpsons; choose another name, or move "
            "it away"
        )


def require_report(path: str | os.PathLike[str]) -> None:
    """`require_replaceable` of a report of an evaluation or an audit, an HTML file."""
    require_replaceable(path, "a report", _REPORT)


def has_other_content(path: str | os.PathLike[str], *signs: bytes) -> bool:
    """Whether a file is there, is not empty and matches none of the signs. Raises OSError.

    signs: regular expressions.
    """
    path = Path(path)
    if not path.is_file() or path.stat().st_size == 0:
        return False
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return not any(re.search(sign, content, re.DOTALL) for sign in signs)


def _require_unlocked(path: Path) -> None:
    if path.exists() and not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))


def write_bytes(path: str | os.PathLike[str], data: bytes, *, flush: bool = False) -> None:
    """Write a file, whole or not at all; see `whole`."""
    with whole(path, flush=flush) as temporary:
        temporary.write_bytes(data)


def write_text(path: str | os.PathLike[str], text: str, *, flush: bool = False) -> None:
    """Write a UTF-8 text file with `\\n` line ends, whole or not at all; see `whole`.

    What is no Unicode, as in a file name of another encoding, is written as an escape.
    """
    write_bytes(path, text.encode(errors="backslashreplace"), flush=flush)


def utf16(head: bytes) -> str | None:
    """The UTF-16 that a text begins in, of its first two bytes; None for another encoding.

    Its byte order mark may be missing; then the text begins with an ASCII letter.
    """
    if head.startswith(codecs.BOM_UTF16_LE) or head[1:2] == b"\0":
        return "utf-16-le"
    if head.startswith(codecs.BOM_UTF16_BE) or head[:1] == b"\0":
        return "utf-16-be"
    return None


def csv_line(row: Iterable[object]) -> str:
    """A row of a CSV file without its end; a cell with a line end of any system is quoted."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow(row)
    return text.getvalue().removesuffix("\r\n")


def read_table(path: str | os.PathLike[str]) -> tuple[list[str], list[dict[str, str | None]]]:
    """The column names and the rows of a CSV file, as programs and spreadsheets write it.

    UTF-8 or UTF-16, with or without a byte order mark; commas, semicolons or tabs. Raises OSError,
    UnicodeDecodeError and csv.Error.
    """
    content = Path(path).read_bytes()
    text = content.decode(utf16(content[:2]) or "utf-8").removeprefix("\ufeff")
    header = text.partition("\n")[0]
    delimiter = next((mark for mark in ",;\t" if mark in header), ",")
    table = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    return list(table.fieldnames or ()), list(table)
