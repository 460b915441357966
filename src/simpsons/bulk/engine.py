"""The parts of a run, one after the other in this process."""

from collections.abc import Iterable, Iterator

from simpsons.bulk.limits import Limits
from simpsons.bulk.manifest import Manifest
from simpsons.bulk.parts import Summary, run_part
from simpsons.bulk.pool import Advance


def run_here(
    manifest: Manifest,
    parts: Iterable[int],
    limits: Limits,
    *,
    retry: bool = False,
    advance: Advance = lambda _: None,
) -> Iterator[Summary]:
    """Make the parts; gives the summary of each as it is finished. See `run_part`."""
    for part in parts:
        yield run_part(manifest, part, limits, retry=retry, advance=advance)


def of_many(parts: Iterable[int], index: int, of: int) -> list[int]:
    """The parts of one of `of` processes that share them without a scheduler. index: from 0."""
    return [part for part in parts if part % of == index]
