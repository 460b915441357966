import subprocess
import sys

import numpy as np
import pytest

from simpsons.project.rows import RowFile


@pytest.fixture
def path(tmp_path):
    return tmp_path / "rows.npy"


def test_rows_that_are_added_are_read(path):
    with RowFile(path, (2, 3), np.uint8) as rows:
        rows.add(np.ones((2, 2, 3)))
        rows.add(np.full((1, 2, 3), 7))
        np.testing.assert_array_equal(rows.read(np.array([2, 0]))[:, 0, 0], [7, 1])
        assert np.load(path).shape == (0, 2, 3)
        rows.publish()
    found = np.load(path, mmap_mode="r")
    assert (found.shape, found.dtype) == ((3, 2, 3), np.uint8)
    assert found[2].tolist() == [[7] * 3] * 2


def test_what_lies_behind_the_rows_that_count_is_removed(path):
    with RowFile(path, (4,), np.float32) as rows:
        rows.add(np.arange(12).reshape(3, 4))
        rows.publish()
    with path.open("ab") as file:
        file.write(b"torn")
    with RowFile(path, (4,), np.float32, rows=2) as rows:
        rows.add(np.full((1, 4), 9))
        rows.publish()
    np.testing.assert_array_equal(np.load(path)[:, 0], [0, 4, 9])


def test_rows_that_are_missing_are_said(path):
    with RowFile(path, (4,), np.float32) as rows:
        rows.add(np.zeros((2, 4)))
    with pytest.raises(ValueError, match="fewer than 3 rows"):
        RowFile(path, (4,), np.float32, rows=3)


def test_many_rows_do_not_move_the_first(path):
    with RowFile(path, (1,), np.uint8) as rows:
        rows.add(np.arange(100_000, dtype=np.uint8).reshape(-1, 1))
        rows.publish()
    np.testing.assert_array_equal(np.load(path)[:3, 0], [0, 1, 2])


FULL = """
import resource, signal, sys
from pathlib import Path
import numpy as np
from simpsons.project.rows import RowFile
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with RowFile(Path(sys.argv[1]), (100,), np.uint8) as rows:
    rows.add(np.ones((5, 100)))
    rows.publish()
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
    try:
        rows.add(np.ones((5, 100)))
    except OSError as error:
        print(error.filename)
"""


def test_a_full_disk_adds_nothing(path):
    pytest.importorskip("resource")
    command = [sys.executable, "-c", FULL, str(path)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert said.strip() == str(path)
    assert np.load(path).shape == (5, 100)
    assert path.stat().st_size == 128 + 500
