"""From findings to a list of pictures to drop or relabel, for a person to read and edit."""

from collections import defaultdict
from collections.abc import Iterator

from simpsons.auditing.duplicates import Leaks
from simpsons.auditing.findings import Findings
from simpsons.dataset.exclusions import DROP, RELABEL, Line

SURE = 0.8
"""From this probability of the likely character on, a picture is relabelled; below, dropped."""


def suggestions(findings: Findings, copies: bool = False) -> list[Line]:
    """One line a picture, in the order of the files.

    Training pictures that leak into the test folder are dropped. Label errors are relabelled
    where the network is sure, else dropped. Of copies under two characters both are dropped,
    unless a label error already says which is wrong. copies: also drop each copy of a
    picture that is kept, under one character, of those that nothing else is said of.
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
        yield Line(findings.pictures.path(error.row), action, likely if sure else "", reason)
    for pair in findings.two_labels():
        if pair.copy and not doubted & {pair.first, pair.second}:
            for row, other in ((pair.first, pair.second), (pair.second, pair.first)):
                reason = f"copy of {findings.pictures.path(other)}, which has another label"
                yield Line(findings.pictures.path(row), DROP, "", reason)


def _leaking(findings: Findings, leaks: Leaks) -> Iterator[Line]:
    held = set(leaks.rows.tolist())
    for pair in findings.duplicates.pairs:
        training = [row for row in (pair.first, pair.second) if row not in held]
        if len(training) == 1 and findings.pictures.own(training):
            other = pair.first + pair.second - training[0]
            reason = f"near-duplicate of {findings.pictures.path(other)} in the {leaks.name}"
            yield Line(findings.pictures.path(training[0]), DROP, "", reason)


def _copies(findings: Findings, listed: set[str]) -> Iterator[Line]:
    """Copies of pictures that are kept, under one character, those already listed aside.

    The earlier of two files is kept. Each that is dropped is a copy of the very picture that is
    named: of three that are copies in a row the last may be none of the first.
    """
    copied = defaultdict(set)
    for pair in findings.copies():
        copied[pair.first].add(pair.second)
        copied[pair.second].add(pair.first)
    kept: set[int] = set()
    pictures = findings.pictures
    for row in range(len(findings.dataset)):
        path = pictures.path(row)
        if path in listed:
            continue
        character = pictures.character(row)
        originals = (
            k for k in sorted(copied[row] & kept) if findings.pictures.character(k) == character
        )
        original = next(originals, None)
        if original is None:
            kept.add(row)
        else:
            yield Line(path, DROP, "", f"copy of {pictures.path(original)}")
