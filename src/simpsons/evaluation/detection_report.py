"""The evaluation of a detector as one HTML file that needs nothing else."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from simpsons.dataset.boxes import BadRow
from simpsons.dataset.folders import Problem
from simpsons.evaluation.detection import DetectionEvaluation, Outcome
from simpsons.evaluation.marked import Mark, jpeg, marked
from simpsons.evaluation.report import page_templates
from simpsons.files import write_bytes
from simpsons.progress import Track, silent

SHOWN = 24
"""How many errors of a kind the report shows, and bad rows it lists."""


@dataclass(frozen=True)
class _Shown:
    """An error for the gallery; image: a data URI."""

    error: Outcome
    image: str


def write(
    path: str | os.PathLike[str],
    evaluation: DetectionEvaluation,
    *,
    root: str | os.PathLike[str],
    title: str,
    facts: Mapping[str, str],
    notes: Sequence[str] = (),
    bad: Sequence[BadRow] = (),
    problems: Sequence[Problem] = (),
    track: Track = silent,
) -> None:
    """Write the report, whole or not at all.

    root: the folder that the pictures' paths are relative to. facts: what was measured and on what,
    in the order to show. bad: rows of the box file that say no box. problems: pictures that could
    not be read. Raises OSError if the file can't be written.
    """
    groups = [evaluation.missed, evaluation.false, evaluation.wrong_names]
    count = sum(len(errors[:SHOWN]) for errors in groups)
    waiting = (error for errors in groups for error in errors[:SHOWN])
    drawn = iter([_Shown(one, _image(root, one)) for one in track(waiting, count, "drawing")])
    missed, invented, wrong = ([next(drawn) for _ in errors[:SHOWN]] for errors in groups)
    html = (
        page_templates("simpsons.evaluation")
        .get_template("detection.html.jinja")
        .render(
            title=title,
            result=evaluation,
            facts=facts,
            notes=notes,
            missed=missed,
            invented=invented,
            wrong=wrong,
            shown=SHOWN,
            bad=bad,
            problems=problems,
        )
    )
    write_bytes(path, html.encode(errors="replace"))  # a file name may be no Unicode


def _image(root: str | os.PathLike[str], error: Outcome) -> str:
    marks = [Mark(error.box.corners, found=False)] if error.box else []
    marks += [Mark(error.face.box, found=True)] if error.face else []
    return jpeg(marked(Path(root, error.path), marks))
