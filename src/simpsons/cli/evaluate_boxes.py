"""`simpsons evaluate --boxes`: how faces are found and named."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from simpsons.characters import display_name
from simpsons.classifier import Classifier
from simpsons.cli import learnt, options
from simpsons.cli.terminal import say
from simpsons.dataset import boxes, cache
from simpsons.dataset import split as splits
from simpsons.dataset.boxes import Box, Boxes
from simpsons.dataset.folders import DataError
from simpsons.detector import Detector
from simpsons.errors import SimpsonsError
from simpsons.evaluation import detection, detection_report
from simpsons.evaluation.detection import DetectionEvaluation, Measured, Share
from simpsons.files import require_writable
from simpsons.progress import bar

_BAD_ROWS = 10  # that are printed


@dataclass(frozen=True)
class Boxed:
    """What to measure: the box file, the two networks, and which part of which split."""

    boxes: Path
    faces: str
    names: str
    split: str
    part: str | None
    seed: int


def evaluate_boxes(root: Path, asked: Boxed, report: Path | None, as_json: bool) -> None:
    """Measure, print, and write the report."""
    if report:
        require_writable(report)
    detector = Detector(asked.faces, asked.names, minimum=detection.FLOOR)
    listed = boxes.read(asked.boxes, root)
    chosen, split = _choose(root, listed, asked)
    measured = detection.measure(detector, root, chosen, bar)
    paths = list(measured.truth)
    not_measured = {
        "unlisted": listed.unlisted,
        "incomplete": len(listed.incomplete),
        "other_parts": len(listed.complete) - len(chosen),
        "unreadable": len(measured.problems),
    }
    networks: dict[str, Classifier | Detector] = {
        asked.faces: detector,
        asked.names: detector.names,
    }
    seen = {name: learnt.count(paths, network) for name, network in networks.items()}
    said = [
        learnt.note(name, network, seen[name], len(paths)) for name, network in networks.items()
    ]
    notes = [*filter(None, said), *_notes(root, asked, listed, not_measured, measured)]
    if report:
        facts = {
            "Faces found by": asked.faces,
            "Named by": asked.names,
            "Data": str(root),
            "Boxes": f"{asked.boxes} ({listed.format}): {listed.summary}",
            "Split": split,
            "Measured": f"{measured.evaluation.faces:,} faces in {len(paths):,} pictures",
        }
        detection_report.write(
            report,
            measured.evaluation,
            root=root,
            title=f"{asked.faces} and {asked.names} on {asked.boxes.name}",
            facts=facts,
            notes=notes,
            bad=listed.bad,
            problems=measured.problems,
            track=bar,
        )
    if as_json:
        options.print_json(
            measured.evaluation.to_json()
            | {
                "faces_model": asked.faces,
                "names_model": asked.names,
                "split": split,
                "not_measured": not_measured,
                "bad_rows": [row.to_json() for row in listed.bad],
                "problems": [problem._asdict() for problem in measured.problems],
                "named_like_training_pictures": seen,
            }
        )
        return
    _print(measured.evaluation)
    for note in notes:
        say(f"\nNote: {note}")
    for row in listed.bad[:_BAD_ROWS]:
        say(f"  {row}")
    if len(listed.bad) > _BAD_ROWS:
        say(f"  and {len(listed.bad) - _BAD_ROWS:,} more; --json lists them all")


def _choose(root: Path, listed: Boxes, asked: Boxed) -> tuple[dict[str, tuple[Box, ...]], str]:
    """The pictures to measure with their boxes, and what is said of the split."""
    complete = listed.complete
    if not complete:
        raise DataError(
            f"{asked.boxes}: each of its pictures has a bad row, the first: {listed.bad[0]}; mend "
            "them, as faces without a box would count as errors"
        )
    if asked.part is None:
        if options.given("split"):
            raise SimpsonsError(
                f"--split {asked.split} says which parts there are; choose one by --part"
            )
        return complete, "none: every picture that the file lists"
    part_of, kind = _parts(root, list(complete), asked)
    chosen = {path: complete[path] for path in complete if part_of.get(path) == asked.part}
    if not chosen:
        raise DataError(
            f"{asked.boxes}: none of its {len(complete):,} pictures is in the {asked.part} part of "
            f"the {asked.split} split"
        )
    return chosen, f"{kind}, {asked.part} part"


def _parts(root: Path, paths: Sequence[str], asked: Boxed) -> tuple[dict[str, str], str]:
    if asked.split in ("leak-free", "random", "given"):
        dataset = cache.load(root, track=bar)
        made = splits.make(dataset, asked.split, asked.seed, bar)
        seed = "" if made.seed is None else f", seed {made.seed}"
        return dict(zip(dataset.paths, made.part.tolist(), strict=True)), f"{made.kind}{seed}"
    own = () if asked.split == "shipped" else (Path(asked.split),)
    return dict(zip(paths, splits.parts_of(paths, *own).tolist(), strict=True)), asked.split


def _notes(
    root: Path, asked: Boxed, listed: Boxes, not_measured: dict[str, int], measured: Measured
) -> list[str]:
    notes = []
    if listed.format == boxes.ANNOTATION:
        notes.append(
            f"{asked.boxes.name} has boxes of one character a picture; faces of others in it count "
            "as false, so precision is too low."
        )
    if count := not_measured["unlisted"]:
        notes.append(
            f"{count:,} pictures of {root} are not in {asked.boxes.name} and were not measured."
        )
    if problems := measured.problems:
        notes.append(
            f"{len(problems):,} files were left out, the first: {problems[0].path}: "
            f"{problems[0].reason}."
        )
    if listed.bad:
        notes.append(
            f"{len(listed.bad):,} rows of {asked.boxes.name} are bad; {len(listed.incomplete):,} "
            "pictures with one were not measured, as a face there may lack its box."
        )
    return notes


def _print(found: DetectionEvaluation) -> None:
    line = "{:<24} {:>7} {:>9}"
    say(line.format("average precision", "IoU 0.5", "0.5-0.95"))
    both = {"faces": found.ap, "names, the mean": found.mean_ap}
    for title, ap in both.items():
        say(line.format(title, _score(ap.at_50), _score(ap.mean)))
    say(f"\nof faces with a score of {found.limits} or more:")
    for title, share in {
        "precision": found.precision,
        "recall": found.recall,
        "precision of names": found.name_precision,
        "recall of names": found.name_recall,
        "known faces kept": found.known_kept,
        "strangers named": found.strangers_named,
    }.items():
        say(f"{title:<24} {_share(share)}")
    if not found.names:
        return
    line = "{:<24} {:>7} {:>9} {:>9} {:>9} {:>9}"
    say()
    columns = ("IoU 0.5", "0.5-0.95", "precision", "recall", "faces")
    say(line.format("character", *columns))
    for score in found.names:
        figures = (score.ap.at_50, score.ap.mean, score.precision.value, score.recall.value)
        say(line.format(display_name(score.name), *map(_score, figures), score.faces))


def _score(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _share(share: Share) -> str:
    if share.value is None or share.interval is None:
        return "-"
    low, high = share.interval
    return (
        f"{share.value:.1%} (95 % interval {low:.1%} to {high:.1%}, {share.count:,} of "
        f"{share.of:,})"
    )
