"""`evaluate_boxes`: how faces are found and named in pictures with a box around every face."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simpsons.classifier import Classifier
from simpsons.dataset import boxes as box_files
from simpsons.dataset import cache, kaggle
from simpsons.dataset import split as splits
from simpsons.dataset.boxes import BadRow, Box, Boxes
from simpsons.dataset.folders import DataError, Problem
from simpsons.detector import FACES, NAMES, Detector
from simpsons.errors import SimpsonsError
from simpsons.evaluation import detection, detection_report, leaks
from simpsons.evaluation.detection import DetectionEvaluation, Measured
from simpsons.files import StrPath, require_report
from simpsons.progress import Track, silent


@dataclass(frozen=True)
class BoxesEvaluation:
    """What `evaluate_boxes` returns.

    faces, model: the networks that found and named, as they were given. split: which pictures were
    measured, in words. not_measured: how many pictures were not, by reason. bad_rows: of the box
    file. problems: files that could not be read. learnt_from: how many pictures are named like
    those that each network learnt from, None if nobody knows. notes: what makes the figures
    doubtful, in sentences.
    """

    faces: str
    model: str
    split: str
    evaluation: DetectionEvaluation
    not_measured: dict[str, int]
    bad_rows: tuple[BadRow, ...]
    problems: tuple[Problem, ...]
    learnt_from: dict[str, int | None]
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """As `simpsons evaluate --boxes --json` prints it."""
        return self.evaluation.to_json() | {
            "faces_model": self.faces,
            "names_model": self.model,
            "split": self.split,
            "not_measured": self.not_measured,
            "bad_rows": [row.to_json() for row in self.bad_rows],
            "problems": [problem._asdict() for problem in self.problems],
            "named_like_training_pictures": self.learnt_from,
        }


def evaluate_boxes(
    boxes: StrPath,
    folder: StrPath | None = None,
    model: StrPath = NAMES,
    *,
    faces: StrPath = FACES,
    split: str | None = None,
    part: str | None = None,
    seed: int = 0,
    report: StrPath | None = None,
    track: Track = silent,
) -> BoxesEvaluation:
    """Measure how faces are found and named in the pictures that a box file lists.

    Args:
        boxes: CSV, COCO JSON, annotation.txt, or a folder of Pascal VOC or YOLO files.
        folder: its pictures; None for the installed data set.
        model: what names the faces: cnn, xception, cnn-int8, dolls, an ONNX file, or a run folder.
        faces: what finds them: faces, an ONNX file, or a run folder.
        split: given, leak-free (also None), random, shipped or a split.csv; goes with `part`.
        part: train, validation or test; None for every picture.
        seed: of a split that is drawn.
        report: an HTML file to write.
        track: shows progress, such as `simpsons.progress.bar`.

    Raises:
        SimpsonsError: for a folder, file, network or split that can't be used; says why.
    """
    if report:
        require_report(report)
    if split and part is None:
        raise SimpsonsError(f"--split {split} says which parts there are; choose one by --part")
    file, root = Path(boxes), kaggle.resolve(folder)
    names, finder = os.fspath(model), os.fspath(faces)
    detector = Detector(faces, model, minimum=detection.FLOOR)
    listed = box_files.read(file, root)
    chosen, measured_part = _choose(root, file, listed, split or "leak-free", part, seed, track)
    measured = detection.measure(detector, root, chosen, track)
    paths = list(measured.truth)
    not_measured = {
        "unlisted": listed.unlisted,
        "incomplete": len(listed.incomplete),
        "other_parts": len(listed.complete) - len(chosen),
        "unreadable": len(measured.problems),
    }
    networks: dict[str, Classifier | Detector] = {finder: detector, names: detector.names}
    seen = {name: leaks.learnt_from(paths, network) for name, network in networks.items()}
    said = [
        leaks.learnt_note(name, network, seen[name], len(paths))
        for name, network in networks.items()
    ]
    notes = [*filter(None, said), *_notes(root, file, listed, not_measured, measured)]
    if report:
        facts = {
            "Faces found by": finder,
            "Named by": names,
            "Data": str(root),
            "Boxes": f"{file} ({listed.format}): {listed.summary}",
            "Split": measured_part,
            "Measured": f"{measured.evaluation.faces:,} faces in {len(paths):,} pictures",
        }
        detection_report.write(
            Path(report),
            measured.evaluation,
            root=root,
            title=f"{finder} and {names} on {file.name}",
            facts=facts,
            notes=notes,
            bad=listed.bad,
            problems=measured.problems,
            track=track,
        )
    return BoxesEvaluation(
        faces=finder,
        model=names,
        split=measured_part,
        evaluation=measured.evaluation,
        not_measured=not_measured,
        bad_rows=tuple(listed.bad),
        problems=tuple(measured.problems),
        learnt_from=seen,
        notes=tuple(notes),
    )


def _choose(
    root: Path,
    file: Path,
    listed: Boxes,
    split: str,
    part: str | None,
    seed: int,
    track: Track,
) -> tuple[dict[str, tuple[Box, ...]], str]:
    """The pictures to measure with their boxes, and what is said of the split."""
    complete = listed.complete
    if not complete:
        raise DataError(
            f"{file}: each of its pictures has a bad row, the first: {listed.bad[0]}; mend "
            "them, as faces without a box would count as errors"
        )
    if part is None:
        return complete, "none: every picture that the file lists"
    part_of, kind = _parts(root, list(complete), split, seed, track)
    chosen = {path: complete[path] for path in complete if part_of.get(path) == part}
    if not chosen:
        raise DataError(
            f"{file}: none of its {len(complete):,} pictures is in the {part} part of "
            f"the {split} split"
        )
    return chosen, f"{kind}, {part} part"


def _parts(
    root: Path, paths: Sequence[str], split: str, seed: int, track: Track
) -> tuple[dict[str, str], str]:
    if split in ("leak-free", "random", "given"):
        dataset = cache.load(root, track=track)
        made = splits.make(dataset, split, seed, track)
        drawn = "" if made.seed is None else f", seed {made.seed}"
        return dict(zip(dataset.paths, made.part.tolist(), strict=True)), f"{made.kind}{drawn}"
    own = () if split == "shipped" else (Path(split),)
    return dict(zip(paths, splits.parts_of(paths, *own).tolist(), strict=True)), split


def _notes(
    root: Path, file: Path, listed: Boxes, not_measured: dict[str, int], measured: Measured
) -> list[str]:
    notes = []
    if listed.format == box_files.ANNOTATION:
        notes.append(
            f"{file.name} has boxes of one character a picture; faces of others in it count "
            "as false, so precision is too low."
        )
    if count := not_measured["unlisted"]:
        notes.append(f"{count:,} pictures of {root} are not in {file.name} and were not measured.")
    if problems := measured.problems:
        notes.append(
            f"{len(problems):,} files were left out, the first: {problems[0].path}: "
            f"{problems[0].reason}."
        )
    if listed.bad:
        notes.append(
            f"{len(listed.bad):,} rows of {file.name} are bad; {len(listed.incomplete):,} "
            "pictures with one were not measured, as a face there may lack its box."
        )
    return notes
