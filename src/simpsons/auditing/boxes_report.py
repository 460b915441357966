"""The boxes that are likely wrong as one HTML file that needs nothing else."""

import os
from dataclasses import dataclass
from pathlib import Path

from simpsons.auditing.boxes import KINDS, BoxFindings, Finding
from simpsons.evaluation.marked import Mark, jpeg, marked
from simpsons.evaluation.report import page_templates
from simpsons.files import write_bytes
from simpsons.pixels.images import ImageError
from simpsons.progress import Track, silent

SHOWN = 120
"""How many findings the page shows: it stays below 10 MB whatever is found."""


@dataclass(frozen=True)
class _Shown:
    """A finding for the page; image: a data URI."""

    finding: Finding
    image: str


def write(path: str | os.PathLike[str], findings: BoxFindings, track: Track = silent) -> None:
    """Write the report, whole or not at all. Raises OSError if that fails."""
    first = findings.found[:SHOWN]
    drawn = [_drawn(findings.root, finding) for finding in track(first, len(first), "drawing")]
    html = (
        page_templates("simpsons.auditing")
        .get_template("boxes.html.jinja")
        .render(
            title=f"Audit of {findings.listed.file.name}",
            findings=findings,
            counts=findings.counts(),
            kinds=KINDS,
            drawn=[one for one in drawn if one],
            elsewhere=[row for row in findings.listed.bad if not row.path],
            shown=SHOWN,
        )
    )
    write_bytes(path, html.encode(errors="replace"))  # a file name may be no Unicode


def _drawn(root: Path, finding: Finding) -> _Shown | None:
    marks = [Mark(finding.box.corners, found=False)] if finding.box else []
    marks += [Mark(finding.face, found=True)] if finding.face else []
    try:
        return _Shown(finding, jpeg(marked(root / finding.path, marks)))
    except ImageError:  # a bad row may be of a picture that can't be read, and says so
        return None
