"""How long a run waits, and how much it does at once."""

from dataclasses import dataclass

from simpsons import processors

MOST_BYTES = 200_000_000
"""Bytes of the largest file that is read."""

MOST_STUCK = 200
"""Reads that may hang at the same time before the storage is taken for broken."""


@dataclass(frozen=True)
class Limits:
    """Seconds, tries and threads of a run.

    object_seconds: for one picture, all tries together; part_seconds: for one part; target_seconds:
    for writing a part while the target takes nothing, as when its disk is full. tries: of a picture
    while the storage is unavailable, as long as its seconds last. pause: seconds before the second
    try, doubled up to 8 times as long. reads: pictures that are read at once, None for one a core
    for files, 32 for others. cores: pictures that are decoded and classified at once, None for all
    of this machine.
    """

    object_seconds: float = 60.0
    part_seconds: float = 3600.0
    target_seconds: float = 600.0
    tries: int = 20
    pause: float = 0.25
    reads: int | None = None
    cores: int | None = None

    def cores_used(self) -> int:
        """How many threads compute."""
        return self.cores or processors.count()

    def reads_used(self, remote: bool) -> int:
        """How many threads read. remote: whether the pictures are not files of this machine."""
        return self.reads or (max(32, self.cores_used()) if remote else self.cores_used())
