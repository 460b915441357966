"""From findings to a list of pictures to drop or relabel, for a person to read and edit."""

from collections.abc import Iterator

from simpsons.audit.duplicates import Leaks, Pair
from simpsons.audit.findings import Findings
from simpsons.dataset.exclusions import DROP, RELABEL, Line

SURE = 0.8
"""From this probability of the likely character on, a picture is relabelled; below, dropped."""


def suggestions(findings: Findings, copies: bool = False) -> list[Line]:
    """One line a picture, in the order of the files.

    Training pictures that leak into the test folder are dropped. Label errors are relabelled
    where the network is sure, else dropped. Of copies under two characters both are dropped,
    unless a label error already says which is wrong. copies: also drop all but one of a picture's
    copies under one character.
    """
    lines: dict[str, Line] = {}
    for line in _all(findings, copies):
        lines.setdefault(line.path, line)
    return sorted(lines.values())


def _all(findings: Findings, copies: bool) -> Iterator[Line]:
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
    if copies:
        yield from _copies(findings)


def _leaking(findings: Findings, leaks: Leaks) -> Iterator[Line]:
    held = set(leaks.rows.tolist())
    for pair in findings.duplicates.pairs:
        training = [row for row in (pair.first, pair.second) if row not in held]
        if len(training) == 1 and training[0] < len(findings.dataset):
            other = pair.first + pair.second - training[0]
            reason = f"near-duplicate of {findings.path(other)} in the {leaks.name}"
            yield Line(findings.path(training[0]), DROP, "", reason)


def _copies(findings: Findings) -> Iterator[Line]:
    inside: list[Pair] = [
        pair
        for pair in findings.duplicates.pairs
        if pair.copy and pair.second < len(findings.dataset)
    ]
    dropped: set[int] = set()
    for pair in sorted(inside, key=lambda pair: (pair.first, pair.second)):
        if pair.first in dropped or findings.character(pair.first) != findings.character(
            pair.second
        ):
            continue
        dropped.add(pair.second)
        reason = f"copy of {findings.path(pair.first)}"
        yield Line(findings.path(pair.second), DROP, "", reason)
