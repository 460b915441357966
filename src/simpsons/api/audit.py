"""`audit` and `clean`: what is wrong with a folder of pictures, and what to leave out for it."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import overload

from simpsons.api import beside_boxes
from simpsons.auditing import boxes as of_boxes
from simpsons.auditing import boxes_report, findings
from simpsons.auditing import clean as cleaning
from simpsons.auditing import report as reports
from simpsons.auditing.boxes import BoxFindings
from simpsons.auditing.cross_validation import Watch
from simpsons.auditing.findings import Findings
from simpsons.dataset import boxes as box_files
from simpsons.dataset import cache, exclusions, kaggle
from simpsons.dataset import split as splits
from simpsons.dataset.exclusions import Line
from simpsons.dataset.folders import Characters
from simpsons.detector import FACES, Detector
from simpsons.errors import SimpsonsError
from simpsons.files import StrPath, require_report, require_writable
from simpsons.progress import Track, silent
from simpsons.runs.run import require_trainable
from simpsons.training.observer import Observer, Silent
from simpsons.training.recipe import Network, Recipe


@dataclass(frozen=True)
class Exclusions:
    """out: the CSV that `clean` wrote. lines: one for each picture to drop or relabel."""

    out: Path
    lines: tuple[Line, ...]

    def counts(self) -> dict[str, int]:
        """How many pictures to drop and to relabel."""
        counts = Counter(line.action for line in self.lines)
        return {action: counts[action] for action in (exclusions.DROP, exclusions.RELABEL)}


@overload
def audit(
    folder: StrPath | None = None,
    *,
    boxes: None = None,
    faces: None = None,
    test: StrPath | None = None,
    split: str | None = None,
    label_errors: bool = False,
    random_claim: bool = False,
    model: Network = "xception",
    report: StrPath | None = None,
    characters: Characters = None,
    device: str = "auto",
    watch: Watch | None = None,
    track: Track = silent,
) -> Findings: ...


@overload
def audit(
    folder: StrPath | None = None,
    *,
    boxes: StrPath,
    faces: StrPath | None = None,
    report: StrPath | None = None,
    track: Track = silent,
) -> BoxFindings: ...


def audit(
    folder: StrPath | None = None,
    *,
    boxes: StrPath | None = None,
    faces: StrPath | None = None,
    test: StrPath | None = None,
    split: str | None = None,
    label_errors: bool = False,
    random_claim: bool = False,
    model: Network = "xception",
    report: StrPath | None = None,
    characters: Characters = None,
    device: str = "auto",
    watch: Watch | None = None,
    track: Track = silent,
) -> Findings | BoxFindings:
    """Find near-duplicates, leaks, wrong labels, odd pictures and wrong boxes in a folder.

    Args:
        folder: one folder of pictures per character; None for the installed data set.
        boxes: a file with boxes; a detector then looks for the faces, and the boxes that do not go
            with them are found, the surest first. Nothing else is looked for.
        faces: with `boxes`, what finds the faces: faces, an ONNX file, or a run folder.
        test: test pictures to check for copies of training pictures.
        split: where to look for leaks: given, random, leak-free, or a split.csv. None for given
            where the folder has train and val or test folders.
        label_errors: also look for wrong labels, which takes three trainings.
        random_claim: also train on a random split, for what it claims and what that is worth.
        model: cnn or xception, which is trained for these two.
        report: an HTML file to write; None for none.
        characters: their names, "all", or the number with the most pictures.
        device: of the trainings: auto, cpu, cuda or mps.
        watch: makes an observer of each training from its name and recipe.
        track: shows progress, such as `simpsons.progress.bar`.

    Raises:
        SimpsonsError: for a folder, split, file or output that can't be used; says why.
    """
    if report:
        require_report(report)
    if boxes:
        beside_boxes.refuse(
            test=test,
            split=split,
            label_errors=label_errors,
            random_claim=random_claim,
            characters=characters,
        )
        root = kaggle.resolve(folder)
        found = of_boxes.find(Detector(faces or FACES), root, box_files.read(boxes, root), track)
        if report:
            boxes_report.write(Path(report), found, track)
        return found
    if faces:
        raise SimpsonsError("--faces finds faces for boxes; give the file with --boxes")
    judges = (model if label_errors else None, model if random_claim else None)
    audited = _find(folder, test, split, judges, characters, device, watch, track)
    if report:
        reports.write(Path(report), audited)
    return audited


def clean(
    folder: StrPath | None = None,
    *,
    out: StrPath = "exclude.csv",
    test: StrPath | None = None,
    label_errors: bool = False,
    copies: bool = False,
    model: Network = "xception",
    characters: Characters = None,
    device: str = "auto",
    watch: Watch | None = None,
    track: Track = silent,
) -> Exclusions:
    """List the pictures of a folder that training should drop or relabel, as a CSV to edit.

    Args:
        out: the file to write; it must not be there yet.
        copies: also drop copies of pictures that are kept.
        folder, test, label_errors, model, characters, device, watch, track: as `audit` takes them.

    Raises:
        SimpsonsError: for a folder or output that can't be used; says why.
    """
    path = Path(out)
    require_writable(path)
    if path.is_file():
        raise SimpsonsError(
            f"{path}: already exists and may have been edited; move it away, or choose another "
            "file with --out"
        )
    judges = (model if label_errors else None, None)
    found = _find(folder, test, None, judges, characters, device, watch, track)
    lines = cleaning.suggestions(found, copies)
    exclusions.write(path, lines)
    return Exclusions(path, tuple(lines))


def _find(
    folder: StrPath | None,
    test: StrPath | None,
    split: str | None,
    judges: tuple[Network | None, Network | None],
    characters: Characters,
    device: str,
    watch: Watch | None,
    track: Track,
) -> Findings:
    """The findings; judges: the networks for label errors and for a random split's claim."""
    dataset = cache.load(kaggle.resolve(folder), characters, track)
    if any(judges):
        require_trainable(dataset)
    split = split or ("given" if dataset.listing.parts else None)
    return findings.find(
        dataset,
        test=cache.load(test, characters, track, unlabelled=True) if test else None,
        split=splits.make(dataset, split, track=track) if split else None,
        label_errors=judges[0],
        random_split=[judges[1]] if judges[1] else [],
        device=device,
        watch=watch or _unwatched,
        track=track,
    )


def _unwatched(_name: str, _recipe: Recipe) -> Observer:
    return Silent()
