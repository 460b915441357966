"""Files written whole or not at all, and tables as people save them."""

import codecs
import csv
import errno
import io
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a path to write to; when the block ends well, that file takes its place at `path`.

    So readers see the old file or the new one, never a part, whatever fails or is killed.
    Missing folders above are made, a link is followed, permissions stay as they are, and what is no
    file, such as `/dev/stdout`, is written to as it is. Raises OSError that names `path` if that
    fails, or the file there is one that may not be written to.
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
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        yield temporary
        if path.exists():
            shutil.copymode(path, temporary)
        temporary.replace(path)
    except OSError as error:
        if error.errno is None or error.filename not in (None, str(temporary)):
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        temporary.unlink(missing_ok=True)


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


def _require_unlocked(path: Path) -> None:
    if path.exists() and not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))


def write_bytes(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a file, whole or not at all."""
    with whole(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write a UTF-8 text file with `\\n` line ends, whole or not at all.

    What is no Unicode, as in a file name of another encoding, is written as an escape.
    """
    write_bytes(path, text.encode(errors="backslashreplace"))


def utf16(head: bytes) -> str | None:
    """The UTF-16 that a text begins in, of its first two bytes; None for another encoding.

    Its byte order mark may be missing; then the text begins with an ASCII letter.
    """
    if head.startswith(codecs.BOM_UTF16_LE) or head[1:2] == b"\0":
        return "utf-16-le"
    if head.startswith(codecs.BOM_UTF16_BE) or head[:1] == b"\0":
        return "utf-16-be"
    return None


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
