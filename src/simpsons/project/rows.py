"""A `.npy` file that rows are added to."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray


class RowFile:
    """A NumPy file of rows of one shape that grows at its end; use it in a `with` block.

    path: is made if it is not there. rows: how many of those that are there are kept; what lies
    behind them is removed. shape, dtype: of a row.

    What is added is in the file at once, and counts for those who read it after `publish`. Its
    header has room for any number of rows, so nothing else in it ever changes.
    """

    def __init__(
        self, path: Path, shape: tuple[int, ...], dtype: type[np.generic], rows: int = 0
    ) -> None:
        self.path, self.rows = path, rows
        self._shape, self._dtype = shape, np.dtype(dtype)
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)
        self._file = os.fdopen(os.open(path, flags, 0o666), "r+b", buffering=0)
        try:
            self._start = self._write_header(rows if self._size() else 0)
            if self._size() < self._end(rows):
                raise ValueError(f"{path}: has fewer than {rows:,} rows")
            self._file.truncate(self._end(rows))
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, rows: NDArray[Any]) -> None:
        """Add rows, `[M, *shape]`. Raises OSError; then none is added."""
        content = memoryview(np.ascontiguousarray(rows, self._dtype).tobytes())
        self._file.seek(self._end(self.rows))
        try:
            while content:
                content = content[self._file.write(content) :]
        except OSError as error:
            self._file.truncate(self._end(self.rows))
            raise OSError(error.errno, error.strerror, str(self.path)) from error
        self.rows += len(rows)

    def publish(self) -> None:
        """Make what was added count, and wait until the disk has it."""
        os.fsync(self._file.fileno())
        self._write_header(self.rows)
        os.fsync(self._file.fileno())

    def read(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """Copies of some rows, `[M, *shape]`, also of those that do not count yet."""
        found = np.empty((len(rows), *self._shape), self._dtype)
        for place, row in enumerate(rows.tolist()):
            self._file.seek(self._end(row))
            found[place] = np.frombuffer(self._file.read(self._length), self._dtype).reshape(
                self._shape
            )
        return found

    @property
    def _length(self) -> int:
        """Bytes of a row."""
        return int(np.prod(self._shape)) * self._dtype.itemsize

    def _end(self, rows: int) -> int:
        return self._start + rows * self._length

    def _size(self) -> int:
        return os.fstat(self._file.fileno()).st_size

    def _write_header(self, rows: int) -> int:
        """Returns its length, which depends on nothing but the shape of a row."""
        self._file.seek(0)
        npy.write_array_header_1_0(
            self._file,
            {
                "descr": npy.dtype_to_descr(self._dtype),
                "fortran_order": False,
                "shape": (rows, *self._shape),
            },
        )
        return self._file.tell()
