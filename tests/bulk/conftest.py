"""Pictures of which some are good and ten are bad in ten ways, and frozen runs of them."""

import io
from collections import Counter

import numpy as np
import pyarrow.fs
import pyarrow.parquet
import pytest

from benchmarks.bulk_pictures import POISONS
from simpsons.bulk import locations, manifest, tasks
from simpsons.bulk.limits import Limits
from simpsons.bulk.locations import Entry
from simpsons.demo.drawings import DOLLS, draw

QUICK = Limits(object_seconds=5, pause=0.001, target_seconds=0, cores=1)
"""No waiting."""


@pytest.fixture(scope="session")
def jpegs() -> list[bytes]:
    """Twelve pictures of paper dolls, 64 pixels a side."""
    made = []
    for number in range(12):
        file = io.BytesIO()
        draw(DOLLS[number % len(DOLLS)], np.random.default_rng(number), 64).save(file, "JPEG")
        made.append(file.getvalue())
    return made


@pytest.fixture
def mixed(tmp_path, jpegs):
    """A list of 30 paths, of which each third is bad; and how many errors there are by kind."""
    folder = tmp_path / "mixed"
    folder.mkdir()
    kinds, paths = Counter(), []
    for number in range(30):
        path = folder / f"{number:02d}.jpg"
        if number % 3 == 1:
            poison, kind = POISONS[number // 3]
            poison(path, jpegs[0])
            kinds[kind] += 1
        else:
            path.write_bytes(jpegs[number % len(jpegs)])
        paths.append(str(path))
    return paths, kinds


@pytest.fixture
def frozen(tmp_path):
    """A function that freezes a run of these paths, and returns its manifest."""

    def freeze(paths, target="out", part_size=8, **work):
        described = tasks.describe(
            work.pop("task", "classify"), work.pop("model", "cnn-int8"), **work
        )
        entries = map(Entry, paths)
        return manifest.freeze(
            str(tmp_path / target), entries, described, source="list.txt", part_size=part_size
        )

    return freeze


@pytest.fixture
def bucket(tmp_path, monkeypatch):
    """`s3://` is a folder: what a bucket holds, and files put there are objects."""
    root = tmp_path / "s3"
    root.mkdir()
    system = pyarrow.fs.SubTreeFileSystem(str(root), pyarrow.fs.LocalFileSystem())
    real = locations.file_system

    def file_system(location, options=""):
        if location.startswith("s3://"):
            return system, location.removeprefix("s3://")
        return real(location, options)

    monkeypatch.setattr(locations, "file_system", file_system)
    return root


def rows_of(target) -> list[dict]:
    """The rows of every part."""
    return [
        row
        for path in sorted(target.glob("part-*.parquet"))
        for row in pyarrow.parquet.read_table(path).to_pylist()
    ]


def parts_of(target) -> dict[str, bytes]:
    """The bytes of every part."""
    return {path.name: path.read_bytes() for path in sorted(target.glob("part-*.parquet"))}
