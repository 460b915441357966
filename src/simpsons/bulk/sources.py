"""The pictures that a source names, in an order that is always the same and in constant memory."""

import csv
import fnmatch
import glob
import io
import os
import tarfile
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO, cast

import pyarrow
import pyarrow.fs
import pyarrow.parquet

from simpsons.bulk import errors, locations
from simpsons.bulk.errors import BulkError
from simpsons.bulk.locations import Entry
from simpsons.files import utf16
from simpsons.pixels import layout

COLUMN = "path"
"""The column of paths in a table."""

_TABLES = (".csv", ".tsv")
_PARQUET = (".parquet", ".pq")
_PACKED = (".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst", ".gz", ".7z")


class Source:
    """What `simpsons bulk SOURCE` names.

    location: a folder, a glob, a picture, a zip or tar, or a list: Parquet or CSV with a column of
    paths, or text with a path a line. options: of the file system of a bucket. column: of a table,
    that with the paths. left_out: what in folders and archives is not a picture, by reason, once
    `entries` has been read to its end.
    """

    def __init__(self, location: str, options: str = "", column: str = COLUMN) -> None:
        self.location = location
        self.options = options
        self.column = column
        self.left_out: Counter[str] = Counter()

    def entries(self) -> Iterator[Entry]:
        """Every picture. Raises BulkError for what can't be listed."""
        try:
            yield from self._entries(self.location)
        except BulkError:
            raise
        except (OSError, UnicodeError, pyarrow.ArrowException, csv.Error) as error:
            reason = getattr(error, "strerror", None) or errors.first_line(str(error))
            raise BulkError(
                f"{self.location}: can't be listed ({reason}); check the path, its permissions and "
                "the credentials"
            ) from None
        except (tarfile.TarError, zipfile.BadZipFile) as error:
            raise BulkError(
                f"{self.location}: the archive is damaged ({error}); fetch it again"
            ) from None

    def _entries(self, location: str) -> Iterator[Entry]:
        lower = location.lower()
        is_here = locations.scheme_of(location) is None
        if glob.has_magic(location) and not (is_here and os.path.exists(location)):  # noqa: PTH110
            yield from self._globbed(location, is_here)
        elif is_here and os.path.isdir(location):  # noqa: PTH112
            yield from self._below_here(location, ())
        elif lower.endswith(_PACKED):
            raise BulkError(
                f"{location}: no picture in it can be read without all before it; unpack it, or "
                "pack a zip or a plain tar"
            )
        elif lower.endswith(locations.ZIP):
            yield from self._in_zip(location)
        elif lower.endswith(locations.TAR):
            yield from self._in_tar(location)
        elif lower.endswith(_PARQUET):
            yield from self._in_parquet(location)
        elif lower.endswith(_TABLES):
            yield from self._in_table(location)
        elif layout.is_picture_name(location.rpartition("/")[2]):
            yield Entry(location)
        elif not is_here and not self._is_object(location):
            yield from self._below_there(location)
        else:
            yield from map(Entry, _lines(self._open(location)))

    def _globbed(self, pattern: str, is_here: bool) -> Iterator[Entry]:
        if is_here:
            names: Iterable[str] = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207
        else:
            parts = pattern.split("/")
            first = next(number for number, part in enumerate(parts) if glob.has_magic(part))
            below = (one.path for one in self._below_there("/".join(parts[:first])))
            names = (name for name in below if fnmatch.fnmatchcase(name, pattern))
        found = False
        for name in names:
            found = True
            yield from self._entries(name) if is_here else [Entry(name)]
        if not found:
            raise BulkError(f"{pattern}: no file has such a name; check the pattern")

    def _below_here(self, folder: str, above: tuple[str, ...]) -> Iterator[Entry]:
        """above: the real folders that lead there."""
        real = os.path.realpath(folder)
        if real in above:
            self.left_out[layout.LINK_UP] += 1
            return
        names, folders = [], []
        with os.scandir(folder) as found:
            for entry in found:
                if layout.is_special(entry):
                    self.left_out[layout.NO_FILE] += 1
                elif not entry.is_dir():
                    names.append(entry.name)
                elif layout.is_system_folder(entry.name):
                    self.left_out[layout.SYSTEM_FOLDER] += 1
                else:
                    folders.append(entry.name)
        for name in sorted(names):
            if self._is_picture(name):
                yield Entry(os.path.join(folder, name))  # noqa: PTH118
        for name in sorted(folders):
            yield from self._below_here(os.path.join(folder, name), (*above, real))  # noqa: PTH118

    def _below_there(self, folder: str) -> Iterator[Entry]:
        if locations.scheme_of(folder) in locations.WEB:
            raise BulkError(
                f"{folder}: a web address can't be listed; give a list of addresses, or an archive"
            )
        system, path = locations.file_system(folder, self.options)
        scheme = folder.partition("://")[0]
        waiting = [path.rstrip("/")]
        while waiting:
            found = system.get_file_info(pyarrow.fs.FileSelector(waiting.pop()))
            names = sorted(one.path for one in found if one.type == pyarrow.fs.FileType.File)
            folders = [one.path for one in found if one.type == pyarrow.fs.FileType.Directory]
            for name in names:
                if self._is_picture(name.rpartition("/")[2]):
                    yield Entry(f"{scheme}://{name}")
            for name in sorted(folders, reverse=True):
                if layout.is_system_folder(name.rpartition("/")[2]):
                    self.left_out[layout.SYSTEM_FOLDER] += 1
                else:
                    waiting.append(name)

    def _in_zip(self, location: str) -> Iterator[Entry]:
        with self._open(location) as file, zipfile.ZipFile(file) as archive:
            for member in archive.infolist():
                if not member.is_dir() and self._is_picture(member.filename.rpartition("/")[2]):
                    path = f"{location}/{member.filename}"
                    yield Entry(path, location, member.header_offset, member.compress_size)

    def _in_tar(self, location: str) -> Iterator[Entry]:
        with self._open(location) as file, tarfile.open(fileobj=file, mode="r:") as opened:
            archive: Any = opened
            while (member := archive.next()) is not None:
                if member.isfile() and self._is_picture(member.name.rpartition("/")[2]):
                    path = f"{location}/{member.name}"
                    yield Entry(path, location, member.offset_data, member.size)
                archive.members = []  # else it keeps them all

    def _in_parquet(self, location: str) -> Iterator[Entry]:
        with self._open(location) as opened, pyarrow.parquet.ParquetFile(opened) as file:
            self._require_column(location, file.schema_arrow.names)
            for batch in file.iter_batches(columns=[self.column]):
                for path in batch.column(0).to_pylist():
                    if path:
                        yield Entry(os.fsdecode(path))

    def _in_table(self, location: str) -> Iterator[Entry]:
        lines = _lines(self._open(location))
        header = next(lines, "")
        mark = next((mark for mark in ",;\t" if mark in header), ",")
        names = next(csv.reader([header], delimiter=mark), [])
        self._require_column(location, names)
        place = names.index(self.column)
        for row in csv.reader((f"{line}\n" for line in lines), delimiter=mark):
            if len(row) > place and row[place]:
                yield Entry(row[place])

    def _require_column(self, location: str, names: list[str]) -> None:
        if self.column not in names:
            raise BulkError(
                f"{location}: has no column {self.column!r} (it has {', '.join(names)}); name that "
                "with the paths by --column"
            )

    def _is_picture(self, name: str) -> bool:
        if layout.is_picture_name(name):
            return True
        is_hidden = layout.is_picture_name(name.lstrip("."))
        self.left_out[layout.HIDDEN_FILE if is_hidden else layout.NO_PICTURE] += 1
        return False

    def _is_object(self, location: str) -> bool:
        if locations.scheme_of(location) in locations.WEB:
            return True
        system, path = locations.file_system(location, self.options)
        is_file: bool = system.get_file_info(path).type == pyarrow.fs.FileType.File
        return is_file

    def _open(self, location: str) -> BinaryIO:
        if locations.scheme_of(location) is None:
            return open(location, "rb")  # noqa: PTH123 (its user closes it)
        system, path = locations.file_system(location, self.options)
        return cast(BinaryIO, system.open_input_file(path))


def _lines(file: BinaryIO) -> Iterator[str]:
    """The lines of a text that have something: UTF-8, or UTF-16 as Windows writes it."""
    with file:
        encoding = utf16(file.read(2))
        file.seek(0)
        text = _text(file, encoding or "utf-8")
        for number, line in enumerate(text):
            line = line.removeprefix("\ufeff") if number == 0 else line
            if line.strip():
                yield line.rstrip("\r\n")


def _text(file: Any, encoding: str) -> Iterable[str]:
    return io.TextIOWrapper(file, encoding, "surrogateescape", newline="\n")
