"""`simpsons data audit --boxes`: boxes that are likely wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simpsons.cli.terminal import say

if TYPE_CHECKING:
    from simpsons.auditing.boxes import BoxFindings

_PRINTED = 20


def print_boxes(found: BoxFindings) -> None:
    """Print the boxes that are likely wrong."""
    say(f"{found.listed.summary}, {found.listed.format}")
    for name, count in found.counts().items():
        say(f"{name:<16} {count:>8,}")
    for finding in found.found[:_PRINTED]:
        named = f" {finding.box.name}" if finding.box else ""
        say(f"{finding.path}{named}: {finding.reason}")
    if len(found.found) > _PRINTED:
        say(f"and {len(found.found) - _PRINTED:,} more; --json lists them all")
    for row in [row for row in found.listed.bad if not row.path][:_PRINTED]:
        say(str(row))
    for problem in found.problems[:_PRINTED]:
        say(f"{problem.path}: {problem.reason}")
