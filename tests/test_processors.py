"""How many processors a process may use, by its affinity and its control groups' quotas."""

import os

import pytest

from simpsons import processors


@pytest.fixture
def groups(tmp_path, monkeypatch):
    """A function that puts this process, of 8 processors, into control groups with quotas."""
    monkeypatch.setattr(processors, "_OWN_GROUPS", tmp_path / "own")
    monkeypatch.setattr(processors, "_GROUPS", tmp_path)
    monkeypatch.setattr(os, "process_cpu_count", lambda: 8, raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 8)

    def put(own, **files):
        (tmp_path / "own").write_text(own)
        for name, text in files.items():
            path = tmp_path / name.replace("__", "/").replace("_dot_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    return put


def test_without_groups_it_is_the_affinity(groups, monkeypatch):
    assert processors.count() == 8
    assert not processors.is_limited()
    monkeypatch.delattr(os, "process_cpu_count")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {1, 4}, raising=False)
    assert processors.count() == 2
    assert processors.is_limited()
    monkeypatch.delattr(os, "sched_getaffinity")
    assert processors.count() == 8


@pytest.mark.parametrize(
    ("quota", "expected"),
    [("max 100000", 8), ("200000 100000", 2), ("150000 100000", 2), ("5000 100000", 1), ("", 8)],
)
def test_version_2(groups, quota, expected):
    groups("0::/\n", cpu_dot_max=quota)
    assert processors.count() == expected


def test_the_smallest_quota_of_the_groups_above_counts(groups):
    files = {"pod__cpu_dot_max": "300000 100000", "pod__box__cpu_dot_max": "max 100000"}
    groups("0::/pod/box\n", **files)
    assert processors.count() == 3


@pytest.mark.parametrize(("quota", "expected"), [("-1", 8), ("400000", 4)])
@pytest.mark.parametrize("where", ["cpu,cpuacct__docker__box__", "cpu__docker__box__", "cpu__"])
def test_version_1(groups, quota, expected, where):
    files = {
        f"{where}cpu_dot_cfs_quota_us": quota,
        f"{where}cpu_dot_cfs_period_us": "100000",
    }
    groups("5:memory:/docker/box\n4:cpu,cpuacct:/docker/box\n", **files)
    assert processors.count() == expected


def test_what_is_no_list_of_groups_is_passed_over(groups):
    groups("nonsense\n")
    assert processors.count() == 8
