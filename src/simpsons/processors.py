"""How many processors this process may use: in a container fewer than there are."""

import math
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

_OWN_GROUPS = Path("/proc/self/cgroup")
_GROUPS = Path("/sys/fs/cgroup")


def count() -> int:
    """At least 1.

    Those that it may run on (`taskset`, `docker --cpuset-cpus`), and no more than its share of time
    comes to, rounded up (`docker --cpus`, Kubernetes' limits: the quotas of Linux's control groups,
    version 1 and 2).
    """
    if hasattr(os, "process_cpu_count"):
        allowed: int | None = os.process_cpu_count()
    elif hasattr(os, "sched_getaffinity"):
        allowed = len(os.sched_getaffinity(0))
    else:
        allowed = os.cpu_count()
    return max(1, min([allowed or 1, *map(math.ceil, _quotas())]))


def is_limited() -> bool:
    """Whether it may use fewer than there are."""
    return count() < (os.cpu_count() or 1)


def _quotas() -> Iterator[float]:
    """How many processors' time each control group has that this process is in."""
    with suppress(OSError, ValueError):
        for line in _OWN_GROUPS.read_text(encoding="utf-8").splitlines():
            _, controllers, path = line.split(":", 2)
            if not controllers:
                yield from _quotas_of(_GROUPS, path, _version_2)
            elif "cpu" in controllers.split(","):
                for name in {controllers, "cpu"}:
                    yield from _quotas_of(_GROUPS / name, path, _version_1)


def _quotas_of(root: Path, path: str, read: Callable[[Path], float]) -> Iterator[float]:
    """Of a group and those above it; in a container they may be seen as the root."""
    inside = PurePosixPath(path.lstrip("/"))
    for group in (inside, *inside.parents):
        with suppress(OSError, ValueError, ZeroDivisionError):
            quota = read(root / group)
            if quota > 0:
                yield quota


def _version_2(group: Path) -> float:
    quota, period = (group / "cpu.max").read_text(encoding="utf-8").split()
    return int(quota) / int(period)  # "max" is none


def _version_1(group: Path) -> float:
    names = ("cpu.cfs_quota_us", "cpu.cfs_period_us")
    quota, period = (int((group / name).read_text(encoding="utf-8")) for name in names)
    return quota / period  # -1 is none
