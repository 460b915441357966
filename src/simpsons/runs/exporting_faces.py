"""A trained face detector leaves as an ONNX file that knows from which score on a face counts.

That threshold is the one with the best F1 on the validation part, looked at by the file itself.
"""

from collections.abc import Iterable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simpsons.classifier import UNKNOWN, Prediction
from simpsons.dataset.boxed_pictures import BoxedPictures
from simpsons.dataset.split import HELD_OUT, Split
from simpsons.detector import Detector, Face
from simpsons.evaluation import detection, detection_report
from simpsons.evaluation.detection import DetectionEvaluation, Outcome
from simpsons.files import whole, write_text
from simpsons.formats.onnx_export import add_metadata
from simpsons.formats.onnx_export_faces import export_faces
from simpsons.models.faces import Faces
from simpsons.progress import Track, silent
from simpsons.runs.card import card_path, described
from simpsons.shares import in_shares
from simpsons.training.faces.training import VALIDATION_SIZE

_DEFAULT = 0.5  # the threshold where no face was found
_SHARE = 4  # pictures that a thread looks at on its own
_NOBODY = Prediction(None, ((UNKNOWN, 0.0),))  # faces are found here, not named

Found = Mapping[str, tuple[Face, ...]]


def export_fitted(
    network: Faces,
    out: Path,
    dataset: BoxedPictures,
    split: Split,
    metadata: dict[str, Any],
    track: Track = silent,
) -> Found:
    """Write a detector as ONNX with its threshold; see `simpsons.formats.onnx_export_faces`.

    Returns what it finds in the validation part.
    """
    facts = metadata | {"threshold": _DEFAULT, "longest_side": VALIDATION_SIZE}
    with whole(out) as file:
        export_faces(network, file, facts)
        rows = split.rows("validation")
        found = find(file, dataset, rows, track)
        threshold = best_threshold(_outcomes(dataset, rows, found))
        measured = evaluate(dataset, rows, found, threshold)
        figures = {
            "validation_ap_50": measured.ap.at_50,
            "validation_ap_50_95": measured.ap.mean,
            "validation_precision": measured.precision.value,
            "validation_recall": measured.recall.value,
        }
        add_metadata(file, {"threshold": threshold, "figures": figures})
    return found


def find(
    model: Path, dataset: BoxedPictures, rows: NDArray[np.int64], track: Track = silent
) -> Found:
    """The faces that a detector's file finds in these pictures, with a score of `FLOOR` or more.

    Nobody is named. Raises ImageError for a picture that is gone or damaged since it was decoded.
    """
    detector = Detector(model, minimum=detection.FLOOR)

    def find_some(paths: list[str]) -> Iterable[tuple[Face, ...]]:
        for path in paths:
            found = detector.find(dataset.root / path, on_one_core=True)
            yield found.named([_NOBODY] * len(found.boxes))

    paths = [dataset.paths[row] for row in rows]
    answers = track(in_shares(find_some, paths, _SHARE), len(paths), "finding faces")
    return dict(zip(paths, answers, strict=True))


def evaluate(
    dataset: BoxedPictures, rows: NDArray[np.int64], found: Found, threshold: float
) -> DetectionEvaluation:
    """How well the faces of these pictures were found; names are left out."""
    truth = {dataset.paths[row]: dataset.listed[row] for row in rows}
    return detection.evaluate(truth, found, (), threshold)


def best_threshold(outcomes: Iterable[Outcome]) -> float:
    """The score with the best F1 of faces at or above it; between two faces' scores."""
    outcomes = list(outcomes)
    true = sum(one.box is not None for one in outcomes)
    faces = sorted(
        ((one.face.score, one.box is not None) for one in outcomes if one.face), reverse=True
    )
    right, best, threshold = 0, 0.0, _DEFAULT
    for number, ((score, hit), (following, _)) in enumerate(
        pairwise([*faces, (detection.FLOOR, False)]), 1
    ):
        right += hit
        f1 = 2 * right / (number + true)
        if score > following and f1 > best:
            best, threshold = f1, (score + following) / 2
    return threshold


def report(
    path: Path,
    model: Path,
    dataset: BoxedPictures,
    split: Split,
    found: Found,
    facts: dict[str, str],
    track: Track = silent,
) -> detection.Measured:
    """Write a report on the validation part. Returns what was measured there.

    found: what `export_fitted` returned. facts: what the report says of the run.
    """
    rows = split.rows("validation")
    threshold = Detector(model).metadata["threshold"]
    measured = evaluate(dataset, rows, found, threshold)
    detection_report.write(
        path,
        measured,
        root=dataset.root,
        title=f"faces on the validation part of {dataset.root.name}",
        facts=facts,
        notes=["Validation chose the epoch and the threshold; only a test part is unbiased."],
        problems=dataset.problems,
        track=track,
    )
    truth = {dataset.paths[row]: dataset.listed[row] for row in rows}
    return detection.Measured(truth, dict(found), dataset.problems, measured)


def write_card(model: Path, dataset: BoxedPictures, split: Split, track: Track = silent) -> Path:
    """Measure an exported detector on the held-out parts of its split; write a Markdown card.

    Returns its path; see `card_path`, also for what it raises.
    """
    path = card_path(model)
    facts = Detector(model).metadata
    rows = [
        _row(part, evaluate(dataset, one, find(model, dataset, one, track), facts["threshold"]))
        for part in HELD_OUT
        if len(one := split.rows(part))
    ]
    faces = dataset.faces(np.arange(len(dataset)))
    lines = described(
        model,
        facts,
        "`faces`. Input: uint8 `[N, H, W, 3]`, RGB, the longer side "
        f"{facts['longest_side']} pixels. Output: `boxes`, `scores` and `picture`, after "
        "suppression.",
        f"{len(dataset):,} pictures with {faces:,} faces in `{dataset.root.name}`, "
        f"{len(dataset.problems):,} rows and pictures left out.",
        [
            f"- **Threshold:** a face counts from a score of {facts['threshold']:.3f} on, the best "
            "F1 on validation."
        ],
        [
            "| part | AP at IoU 0.5 | AP 0.5 to 0.95 | precision | recall |",
            "|---|---|---|---|---|",
            *rows,
            "",
            "Validation chose the epoch and the threshold, the test part did not.",
        ],
    )
    write_text(path, "\n".join(lines) + "\n")
    return path


def _outcomes(dataset: BoxedPictures, rows: NDArray[np.int64], found: Found) -> Iterable[Outcome]:
    for row in rows:
        path = dataset.paths[row]
        yield from detection.match(path, dataset.listed[row], found[path])


def _row(part: str, figures: DetectionEvaluation) -> str:
    values = (figures.ap.at_50, figures.ap.mean, figures.precision.value, figures.recall.value)
    shown = " | ".join("-" if value is None else f"{value:.3f}" for value in values)
    return f"| {part} ({figures.pictures:,} pictures, {figures.faces:,} faces) | {shown} |"
