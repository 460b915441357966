"""From findings to a list of pictures to drop or relabel, for a person to read and edit."""

from collections.abc import Iterator

import numpy as np

from simpsons.audit.duplicates import Leaks
from simpsons.audit.findings import Findings
from simpsons.dataset.exclusions import DROP, RELABEL, Line
from simpsons.dataset.neighbours import linked

SURE = 0.8
"""From this probability of the likely character on, a picture is relabelled; below, dropped."""


def suggestions(findings: Findings, copies: bool = False) -> list[Line]:
    """One line a picture, in the order of the files.

    Training pictures that leak into the test folder are dropped. Label errors are relabelled
    where the network is sure, else dropped. Of copies under two characters both are dropped,
    unless a label error already says which is wrong. copies: also drop all but one of a picture's
    copies under one character, of those that nothing else is said of.
    """
    lines: dict[str, Line] = {}
    for line in _wrong(findings):
        lines.setdefault(line.path, line)
    if copies:
        for line in _copies(findings, set(lines)):
            lines[line.path] = line
    return sorted(lines.values())


def _wrong(findings: Findings) -> Iterator[Line]:
    for leaks in findings.leaks:
        yield from _leaking(findings, leaks)
    doubted = set()
    for error in findings.label_errors or ():
        doubted.add(error.row)
        likely = findings.dataset.classes[error.likely]
        sure = error.likely_probability >= SURE
        reason = f"looks like {likely} ({error.likely_probability:.0%})"
        action = RELABEL if sure else DROP
        yield Line(findings.path(error.row), action, likely if sure else "", reason)
    for pair in findings.two_labels():
        if pair.copy and not doubted & {pair.first, pair.second}:
            for row, other in ((pair.first, pair.second), (pair.second, pair.first)):
                reason = f"copy of {findings.path(other)}, which has another label"
                yield Line(findings.path(row), DROP, "", reason)


def _leaking(findings: Findings, leaks: Leaks) -> Iterator[Line]:
    held = set(leaks.rows.tolist())
    for pair in findings.duplicates.pairs:
        training = [row for row in (pair.first, pair.second) if row not in held]
        if len(training) == 1 and training[0] < len(findings.dataset):
            other = pair.first + pair.second - training[0]
            reason = f"near-duplicate of {findings.path(other)} in the {leaks.name}"
            yield Line(findings.path(training[0]), DROP, "", reason)


def _copies(findings: Findings, listed: set[str]) -> Iterator[Line]:
    """All but one of the copies of a picture under one character, those already listed aside."""
    rows = [row for row in range(len(findings.dataset)) if findings.path(row) not in listed]
    left = set(rows)
    inside = [
        pair
        for pair in findings.duplicates.pairs
        if pair.copy
        and {pair.first, pair.second} <= left
        and findings.character(pair.first) == findings.character(pair.second)
    ]
    first = np.array([pair.first for pair in inside], np.int64)
    second = np.array([pair.second for pair in inside], np.int64)
    group = linked(first, second, len(findings.dataset))
    kept: dict[int, int] = {}
    for row in rows:
        keep = kept.setdefault(int(group[row]), row)
        if keep != row:
            yield Line(findings.path(row), DROP, "", f"copy of {findings.path(keep)}")
