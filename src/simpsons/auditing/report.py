"""The findings of an audit as one HTML file that needs nothing else."""

import base64
import io
import os
from dataclasses import dataclass

import numpy as np
from PIL import Image

from simpsons.auditing.findings import Findings
from simpsons.auditing.image_properties import KINDS
from simpsons.evaluation.report import page_templates
from simpsons.files import write_bytes

PAIRS, GROUPS, IN_A_GROUP, LABEL_ERRORS, ODD = 24, 16, 6, 60, 10
"""How many examples a section shows: the page stays below 10 MB whatever is found."""

_QUALITY = 88


@dataclass(frozen=True)
class Shown:
    """A picture on the page: `image` is a data URI, `aspect` the width over the height."""

    image: str
    aspect: float
    path: str
    character: str


def write(path: str | os.PathLike[str], findings: Findings) -> None:
    """Write the report, whole or not at all. Raises OSError if that fails."""

    pictures = findings.pictures

    def show(row: int) -> Shown:
        image = _jpeg(pictures.pixels(row))
        return Shown(image, pictures.aspect(row), pictures.path(row), pictures.character(row))

    errors = findings.label_errors
    groups = findings.groups()
    html = (
        page_templates("simpsons.auditing")
        .get_template("report.html.jinja")
        .render(
            title=f"Audit of {findings.dataset.root.name}",
            folder=str(findings.dataset.root),
            counts=findings.counts(),
            leaks=[
                (
                    leaks,
                    findings.leaking_by_class(leaks),
                    [
                        (pair, show(pair.first), show(pair.second))
                        for pair in leaks.strongest[:PAIRS]
                    ],
                )
                for leaks in findings.leaks
            ],
            copies=[
                (pair, show(pair.first), show(pair.second)) for pair in findings.copies()[:PAIRS]
            ],
            two_labels=[
                (pair, show(pair.first), show(pair.second))
                for pair in findings.two_labels()[:PAIRS]
            ],
            groups=[
                (len(rows), [show(row) for row in rows[:IN_A_GROUP]]) for rows in groups[:GROUPS]
            ],
            label_errors=None
            if errors is None
            else [(error, show(error.row)) for error in errors[:LABEL_ERRORS]],
            classes=findings.dataset.classes,
            odd=[
                (kind, sum(odd.kind == kind.name for odd in findings.odd), shown)
                for kind in KINDS
                if (
                    shown := [
                        (odd, show(odd.row)) for odd in findings.odd if odd.kind == kind.name
                    ][:ODD]
                )
            ],
            claims=findings.claims,
            problems=findings.dataset.problems,
        )
    )
    write_bytes(path, html.encode(errors="replace"))  # a file name may be no Unicode


def _jpeg(pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> str:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="jpeg", quality=_QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"
