"""`simpsons data audit --boxes`: boxes that are likely wrong."""

from pathlib import Path

from simpsons.auditing import boxes as auditing
from simpsons.auditing import boxes_report
from simpsons.cli import options
from simpsons.cli.terminal import say
from simpsons.dataset import boxes
from simpsons.detector import Detector
from simpsons.progress import bar

_PRINTED = 20


def audit_boxes(root: Path, file: Path, faces: str, report: Path, as_json: bool) -> None:
    """Look for wrong boxes, print them, and write the report."""
    detector = Detector(faces)
    found = auditing.find(detector, root, boxes.read(file, root), bar)
    boxes_report.write(report, found, bar)
    if as_json:
        options.print_json(found.to_json() | {"faces_model": faces, "report": str(report)})
        return
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
    say(f"wrote {report}")
