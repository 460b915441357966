import errno
from pathlib import Path

import pytest

from simpsons.bulk import stores
from simpsons.bulk.errors import BulkError


@pytest.fixture(params=["folder", "bucket"])
def store(request, tmp_path, bucket):
    (bucket / "b").mkdir()
    return stores.open_store("s3://b/out" if request.param == "bucket" else str(tmp_path / "out"))


def test_what_is_written_is_there(store, tmp_path):
    assert store.sizes() == {}
    with pytest.raises(FileNotFoundError):
        store.read("a.json")
    if isinstance(store, stores.Bucket):  # the real one needs no folders
        store._system.create_dir(store._path)

    store.write("a.json", b"one")
    store.write("a.json", b"other")
    (tmp_path / "b").write_bytes(b"content")
    store.take("b.parquet", tmp_path / "b")

    assert store.sizes() == {"a.json": 5, "b.parquet": 7}
    assert store.read("a.json") == b"other"
    with store.open("b.parquet") as file:
        assert file.read_at(3, 4) == b"ent"


def test_a_write_that_fails_leaves_what_was_there(tmp_path, monkeypatch):
    store = stores.Folder(tmp_path)
    store.write("a.json", b"one")

    def fail(path, data):
        Path(path).write_bytes(data[:1])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(stores, "_write_through", fail)
    with pytest.raises(OSError, match="No space"):
        store.write("a.json", b"other")

    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
    assert store.read("a.json") == b"one"


def test_what_the_killed_left_is_no_part_and_is_removed(tmp_path):
    (tmp_path / ".part-0123").write_bytes(b"half")
    store = stores.Folder(tmp_path)

    assert store.sizes() == {}
    store.tidy()
    assert not list(tmp_path.iterdir())


def test_a_full_target_is_waited_for():
    tries, pauses = [], []

    def write():
        tries.append(1)
        if len(tries) < 4:
            raise OSError(errno.ENOSPC, "No space left on device")

    stores.write_patiently(write, "out", 60, pauses.append)

    assert len(tries) == 4
    assert pauses == [0.5, 1, 2]


@pytest.mark.parametrize(("number", "seconds"), [(errno.ENOSPC, 0), (errno.EACCES, 60)])
def test_not_for_ever(number, seconds):
    def write():
        raise OSError(number, "no")

    with pytest.raises(BulkError, match=r"out: can't be written \(no\)"):
        stores.write_patiently(write, "out", seconds)


def test_nothing_is_written_to_the_web():
    with pytest.raises(BulkError, match="use a folder or a bucket"):
        stores.open_store("https://host/out")
