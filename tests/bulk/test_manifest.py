import os
from dataclasses import replace

import pytest

from simpsons.bulk import manifest
from simpsons.bulk.errors import BulkError
from simpsons.bulk.locations import Entry
from simpsons.bulk.manifest import Work

WORK = Work("classify", "cnn", "a" * 64)


def freeze(target, count=10, **given):
    entries = [Entry(f"{number}.jpg") for number in range(count)]
    options = {"source": "pics", "part_size": 4} | given
    return manifest.freeze(str(target), entries, WORK, **options)


def test_cut_into_parts(tmp_path):
    frozen = freeze(tmp_path)

    assert (frozen.rows, frozen.parts) == (10, 3)
    assert [frozen.first_row(part) for part in range(3)] == [0, 4, 8]
    assert [frozen.rows_of(part) for part in range(3)] == [4, 4, 2]
    assert [entry.path for entry in frozen.entries(2)] == ["8.jpg", "9.jpg"]


def test_read_again_it_is_the_same(tmp_path):
    frozen = freeze(tmp_path, base="/x", options="region=eu-west-1")

    assert manifest.read(str(tmp_path)) == frozen
    assert manifest.read(str(tmp_path / "none")) is None


def test_the_same_list_is_the_same_plan_wherever_it_is(tmp_path):
    assert freeze(tmp_path / "a").plan == freeze(tmp_path / "b").plan
    assert freeze(tmp_path / "c", count=9).plan != freeze(tmp_path / "d").plan


def test_any_bytes_of_a_name(tmp_path):
    name = os.fsdecode(b"\xff.jpg")
    entries = [Entry(name), Entry("a.zip/1.jpg", "a.zip", 7, 9)]
    frozen = manifest.freeze(str(tmp_path), entries, WORK, source="x")

    assert frozen.entries(0) == entries


def test_no_pictures(tmp_path):
    with pytest.raises(BulkError, match="pics: has no pictures"):
        freeze(tmp_path, count=0)


def test_parts_of_nobody_are_not_mixed_with(tmp_path):
    (tmp_path / "part-00000.json").touch()
    with pytest.raises(BulkError, match="use an empty target"):
        freeze(tmp_path)


def test_other_work_is_refused(tmp_path):
    frozen = freeze(tmp_path)
    manifest.require_same_work(frozen, replace(WORK, model="/moved/cnn.onnx"))

    with pytest.raises(BulkError) as raised:
        manifest.require_same_work(frozen, replace(WORK, model_sha256="b" * 64, top=5))
    assert "model sha256 aaaaaaaaaaaa..., now bbbbbbbbbbbb...; top 3, now 5" in str(raised.value)
    assert f"simpsons bulk --out {tmp_path}" in str(raised.value)


@pytest.mark.parametrize(
    ("count", "said"),
    [(9, "number 10 was 9.jpg, and is not there"), (11, "number 11 was not there, and is 10.jpg")],
)
def test_another_list_is_refused(tmp_path, count, said):
    frozen = freeze(tmp_path)
    manifest.require_same_list(frozen, (Entry(f"{number}.jpg") for number in range(10)))

    with pytest.raises(BulkError, match=said):
        manifest.require_same_list(frozen, (Entry(f"{number}.jpg") for number in range(count)))


@pytest.mark.parametrize("content", [b"", b"[]", b'{"format": 2, "work": {}}'])
def test_a_damaged_manifest(tmp_path, content):
    (tmp_path / "manifest.json").write_bytes(content)
    with pytest.raises(BulkError, match="of another version of simpsons, or damaged"):
        manifest.read(str(tmp_path))
