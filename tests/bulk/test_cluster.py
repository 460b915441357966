import os
import signal
from contextlib import nullcontext
from pathlib import Path

import pytest

from simpsons.bulk import cluster, parts
from simpsons.bulk.errors import BulkError
from simpsons.bulk.limits import Limits

from .conftest import QUICK, parts_of, rows_of


@pytest.fixture(scope="module")
def address():
    with cluster.workers_here(2) as address:
        yield address


def test_parts_are_those_of_one_process(mixed, frozen, address):
    here, there = frozen(mixed[0], "here"), frozen(mixed[0], "there")
    for part in range(here.parts):
        parts.run_part(here, part, QUICK)
    told = []

    summaries = list(cluster.run_on(address, there, range(4), QUICK, advance=told.append))

    assert sorted(one.part for one in summaries) == [0, 1, 2, 3]
    assert sum(told) == 30
    assert parts_of(Path(here.target)) == parts_of(Path(there.target))


def test_a_worker_that_dies_does_not_matter(mixed, frozen, address):
    from distributed import Client

    manifest = frozen(mixed[0], part_size=2)
    with Client(address, set_as_default=False) as client:
        pids = list(client.run(os.getpid).values())
    run = cluster.run_on(address, manifest, range(manifest.parts), QUICK)
    done = [next(run).part]
    os.kill(pids[0], signal.SIGKILL)
    done += [one.part for one in run]

    assert sorted(done) == list(range(15))


def test_what_is_wrong_with_a_part_is_said(mixed, frozen, address):
    manifest = frozen(mixed[0])
    (Path(manifest.target) / "manifest.parquet").unlink()

    with pytest.raises(BulkError, match=r"part 0: .*No such file.*; check that each worker"):
        list(cluster.run_on(address, manifest, [0], Limits(target_seconds=0)))


def test_the_remedy_is_said_however_long_the_name_before_it(mixed, frozen, address):
    manifest = frozen(mixed[0], target="answers" * 30)
    (Path(manifest.target) / "manifest.parquet").write_bytes(b"PAR1")

    with pytest.raises(BulkError, match=r"part 0: .*manifest\.parquet: .*; "):
        list(cluster.run_on(address, manifest, [0], Limits(target_seconds=0)))


def test_no_scheduler(mixed, frozen, monkeypatch):
    monkeypatch.setattr(cluster, "_CONNECT_SECONDS", 0.2)
    with pytest.raises(BulkError, match="no scheduler answers"):
        list(cluster.run_on("tcp://127.0.0.1:1", frozen(mixed[0]), [0], QUICK))


@pytest.mark.parametrize("option", ["--scheduler", "--workers"])
def test_the_command(mixed, frozen, address, cli, tmp_path, monkeypatch, option):
    monkeypatch.setattr(cluster, "workers_here", lambda count: nullcontext(address))
    manifest = frozen(mixed[0])

    result = cli("bulk", "--out", manifest.target, option, 2 if option == "--workers" else address)

    assert result.exit_code == 1
    assert result.stdout.startswith("4 of 4 parts, 30 of 30 pictures\n")
    assert [row["row"] for row in rows_of(Path(manifest.target))] == list(range(30))
