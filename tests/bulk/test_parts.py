import json
import os
from pathlib import Path

import pytest

from simpsons.bulk import locations, parts, pool, stores
from simpsons.bulk.errors import BulkError, CredentialsError, ObjectError
from simpsons.bulk.stores import open_store
from simpsons.classifier import model_path

from .conftest import QUICK, parts_of, rows_of


def run(frozen, **options):
    return [parts.run_part(frozen, part, QUICK, **options) for part in range(frozen.parts)]


def test_each_picture_is_a_row_and_each_bad_one_has_its_kind(mixed, frozen):
    paths, kinds = mixed
    manifest = frozen(paths)

    summaries = run(manifest)

    rows = rows_of(Path(manifest.target))
    assert [row["row"] for row in rows] == list(range(30))
    assert [row["path"] for row in rows] == paths
    assert {kind: sum(row["error_kind"] == kind for row in rows) for kind in kinds} == kinds
    assert all((row["label"] is None) == (row["error"] is not None) for row in rows)
    assert sum(sum(one.errors.values()) for one in summaries) == kinds.total()


def test_what_stands_beside_a_part(mixed, frozen):
    manifest = frozen(mixed[0])
    summary = parts.run_part(manifest, 3, QUICK)

    said = json.loads((Path(manifest.target) / "part-00003.json").read_bytes())
    data = (Path(manifest.target) / "part-00003.parquet").read_bytes()
    assert (said["part"], said["pictures"], said["rows"]) == (3, 6, 6)
    assert said["bytes"] == len(data)
    assert said["models"] == {"model": manifest.work.model_sha256}
    assert said["versions"].keys() >= {"simpsons", "onnxruntime", "pyarrow"}
    assert sum(said["verdicts"].values()) + sum(said["errors"].values()) == 6
    assert parts.finished(open_store(manifest.target), manifest) == {3: summary}


def test_two_runs_are_equal_byte_for_byte(mixed, frozen):
    first, second = frozen(mixed[0], "a"), frozen(mixed[0], "b")
    run(first)
    for part in reversed(range(second.parts)):
        parts.run_part(second, part, QUICK)

    assert parts_of(Path(first.target)) == parts_of(Path(second.target))


def test_a_finished_part_is_not_made_again(mixed, frozen, monkeypatch):
    manifest = frozen(mixed[0])
    before = run(manifest)
    monkeypatch.setattr(locations, "read", None)

    told = []
    assert run(manifest, advance=told.append) == before
    assert sum(told) == 30


@pytest.mark.parametrize("damage", ["no json", "half a parquet", "half a json"])
def test_half_a_part_is_made_again(mixed, frozen, damage):
    manifest = frozen(mixed[0])
    run(manifest)
    whole = parts_of(Path(manifest.target))
    table, beside = (Path(manifest.target) / f"part-00001.{end}" for end in ("parquet", "json"))
    if damage == "no json":
        beside.unlink()
    else:
        path = table if damage == "half a parquet" else beside
        path.write_bytes(path.read_bytes()[:50])

    assert 1 not in parts.finished(open_store(manifest.target), manifest)
    run(manifest)
    assert parts_of(Path(manifest.target)) == whole


def test_a_part_that_another_worker_wrote_meanwhile_stays(mixed, frozen, monkeypatch):
    """Both would write the same, but for errors that were over for one of them."""
    manifest = frozen(mixed[0])
    real = pool.Pool.answer
    stamps = []

    def answer(self, *given):
        monkeypatch.setattr(pool.Pool, "answer", real)
        parts.run_part(manifest, 0, QUICK)
        stamps.append((Path(manifest.target) / "part-00000.parquet").stat().st_mtime_ns)
        return real(self, *given)

    monkeypatch.setattr(pool.Pool, "answer", answer)
    parts.run_part(manifest, 0, QUICK)

    assert stamps == [(Path(manifest.target) / "part-00000.parquet").stat().st_mtime_ns]


def test_errors_that_are_over_are_answered_as_if_they_had_not_been(mixed, frozen, jpegs):
    paths, _ = mixed
    manifest = frozen(paths)
    run(manifest)
    mended = [path for path in paths if not os.path.lexists(path)]
    for path in mended:
        Path(path).write_bytes(jpegs[0])
    untouched = parts_of(Path(manifest.target))

    run(manifest)
    assert parts_of(Path(manifest.target)) == untouched
    run(manifest, retry=True)

    fresh = frozen(paths, "fresh")
    run(fresh)
    assert parts_of(Path(manifest.target)) == parts_of(Path(fresh.target)) != untouched
    assert mended


def test_faces_that_come_at_the_second_try(tmp_path, frozen, jpegs, doll_faces):
    paths = [str(tmp_path / f"{number}.jpg") for number in range(6)]
    for number in (0, 1, 3, 5):
        Path(paths[number]).write_bytes(jpegs[number])
    work = {"task": "detect", "faces": str(doll_faces)}
    manifest = frozen(paths, **work)
    run(manifest)
    Path(paths[2]).write_bytes(jpegs[2])
    run(manifest, retry=True)
    fresh = frozen(paths, "fresh", **work)
    run(fresh)

    assert parts_of(Path(manifest.target)) == parts_of(Path(fresh.target))
    assert [row["row"] for row in rows_of(Path(fresh.target))] == list(range(6))


def test_a_part_of_another_run_is_refused(mixed, frozen):
    manifest = frozen(mixed[0])
    run(manifest)
    path = Path(manifest.target) / "part-00000.json"
    path.write_text(path.read_text().replace(manifest.plan, "0" * 16))

    with pytest.raises(BulkError, match=r"part-00000.parquet belongs to another run"):
        parts.finished(open_store(manifest.target), manifest)


@pytest.mark.parametrize("kind", ["denied", "unavailable"])
def test_a_storage_that_gives_nothing_is_no_part(frozen, monkeypatch, kind):
    manifest = frozen([f"s3://b/{number}.jpg" for number in range(30)], part_size=30)

    def read(entry, **_):
        raise ObjectError(kind, f"{entry.path}: no")

    monkeypatch.setattr(locations, "read", read)
    with pytest.raises(CredentialsError, match="none of 30 pictures could be read"):
        parts.run_part(manifest, 0, QUICK)
    assert not list(Path(manifest.target).glob("part-*"))


def test_a_target_that_takes_nothing_gets_half_of_nothing(mixed, frozen, monkeypatch):
    manifest = frozen(mixed[0])

    def fail(self, name, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(stores.Folder, "write", fail)
    with pytest.raises(BulkError, match="No space left on device"):
        parts.run_part(manifest, 0, QUICK)
    assert not list(Path(manifest.target).glob("part-*"))


def test_the_model_must_be_the_same_on_each_machine(mixed, frozen, tmp_path):
    copy = tmp_path / "model.onnx"
    copy.write_bytes(model_path("cnn-int8").read_bytes())
    manifest = frozen(mixed[0], model=str(copy))
    copy.write_bytes(model_path("cnn").read_bytes())

    with pytest.raises(BulkError, match="another file on this machine"):
        parts.run_part(manifest, 0, QUICK)
