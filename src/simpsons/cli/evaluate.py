"""`simpsons evaluate` and `simpsons compare`."""

from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from simpsons.characters import SLUGS, display_name, find_name
from simpsons.classifier import Classifier
from simpsons.cli import learnt, options
from simpsons.cli.evaluate_boxes import Boxed, evaluate_boxes
from simpsons.cli.terminal import say
from simpsons.dataset import cache, copies, kaggle
from simpsons.dataset import split as splits
from simpsons.dataset.cache import Dataset
from simpsons.dataset.folders import Characters, find, parse_characters
from simpsons.detector import FACES, NAMES
from simpsons.errors import SimpsonsError
from simpsons.evaluation import compare as comparing
from simpsons.evaluation import plots
from simpsons.evaluation.measure import Measured, error_examples, measure
from simpsons.evaluation.metrics import Evaluation, confused_sentences
from simpsons.evaluation.report import write_report
from simpsons.files import require_writable
from simpsons.plain_resize import ANTIALIAS
from simpsons.progress import bar
from simpsons.training.config import CONFIG

_part = click.option(
    "--part",
    type=click.Choice(splits.PARTS),
    help="Only this part of the split.  [default: every picture in the folder]",
)
_report = click.option("--report", type=options.OUTPUT, metavar="FILE.html", help="Write a report.")

_training = click.option(
    "--training",
    type=options.FOLDER,
    metavar="FOLDER",
    help="Training pictures to look for copies in, for a flat test set.",
)


@click.command()
@options.folder
@click.option(
    "--model",
    metavar="MODEL",
    help="cnn, xception, cnn-int8, an ONNX file, or a run folder.  "
    f"[default: xception, with --boxes {NAMES}]",
)
@click.option(
    "--boxes",
    type=options.FILE,
    metavar="FILE",
    help="Measure how faces are found and named, by a file with a box around every face: CSV, COCO "
    "JSON, annotation.txt, or a folder of Pascal VOC or YOLO files.",
)
@click.option(
    "--faces",
    metavar="MODEL",
    help=f"What finds the faces, with --boxes: {FACES}, an ONNX file, or a run folder.  "
    f"[default: {FACES}]",
)
@options.split
@_part
@options.seed
@options.characters
@_report
@click.option("--picture", type=options.OUTPUT, help="Write the confusion matrix, PNG or SVG.")
@_training
@options.as_json
def evaluate(
    folder: str | None,
    model: str | None,
    boxes: Path | None,
    faces: str | None,
    split: str | None,
    part: str | None,
    seed: int,
    characters: str | None,
    report: Path | None,
    picture: Path | None,
    training: str | None,
    as_json: bool,
) -> None:
    """Measure a network on the pictures in FOLDER.

    \b
    simpsons evaluate my_pictures --model cnn
    simpsons evaluate simpsons_dataset --split shipped --part test --report report.html
    simpsons evaluate my_frames --boxes faces.csv --report report.html

    Prints accuracy with its 95 % interval, macro-F1, log loss, calibration error, scores by
    character and the most confused pairs. FOLDER has one folder a character, or files named
    <character>_<n>.jpg; those are also looked up among the training pictures, since the data
    set's own test set is a copy of them.

    With --boxes, the pictures that the file lists are measured, where every face has a box: average
    precision at IoU 0.5 and 0.5 to 0.95, of all faces and of each character's, precision and recall
    at the threshold in use, and how many strangers get a name.
    """
    if boxes:
        for option in ("characters", "picture", "training"):
            if options.given(option):
                raise SimpsonsError(f"--{option} does not go with --boxes; leave one of them out")
        evaluate_boxes(
            kaggle.resolve(folder),
            Boxed(boxes, faces or FACES, model or NAMES, split or "leak-free", part, seed),
            report,
            as_json,
        )
        return
    if faces:
        raise SimpsonsError("--faces finds faces by boxes; give the file with --boxes")
    model = model or "xception"
    if picture:
        plots.require_suffix(picture)
    for target in filter(None, (picture, report)):
        require_writable(target)
    classifier = Classifier(model)
    root = kaggle.resolve(folder)
    wanted = _characters(root, characters, classifier)
    dataset = cache.load(root, wanted, bar)
    rows, facts, said = _choose(dataset, split, part, seed)
    facts = {"Model": model} | facts
    seen_by = _as_seen_by(classifier, dataset, wanted)
    measured = measure(classifier, seen_by, rows, bar)
    copies = _copies(dataset, measured, training)
    paths = [dataset.paths[row] for row in measured.rows]
    seen = learnt.count(paths, classifier)
    note = learnt.note(model, classifier, seen, len(paths))
    notes = _notes(dataset, measured, copies, [note, *said])
    if picture:
        plots.save(plots.confusion_matrix(measured.evaluation), picture)
    if report:
        write_report(
            report,
            measured.evaluation,
            title=f"{model} on {facts['Data']}",
            facts=facts,
            problems=dataset.problems,
            errors=error_examples(classifier, measured, seen_by),
            notes=notes,
        )
    if as_json:
        options.print_json(
            measured.evaluation.to_json()
            | {
                "model": model,
                "split": facts["Split"],
                "problems": [problem._asdict() for problem in dataset.problems],
                "not_measured": dataset.listing.left_out | measured.unknown,
                "copies_of_training_pictures": copies,
                "named_like_training_pictures": seen,
                "notes": notes,
            }
        )
        return
    _print_evaluation(measured.evaluation)
    _print_notes(notes)


@click.command()
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@options.folder
@options.split
@_part
@options.seed
@options.characters
@_report
@_training
@options.as_json
def compare(
    first: str,
    second: str,
    folder: str | None,
    split: str | None,
    part: str | None,
    seed: int,
    characters: str | None,
    report: Path | None,
    training: str | None,
    as_json: bool,
) -> None:
    """Measure the models A and B on the same pictures and say whether they differ.

    \b
    simpsons compare cnn xception simpsons_dataset --split shipped --part test
    simpsons compare runs/mine xception my_pictures --report compare.html

    Uses McNemar's exact test and a paired bootstrap interval.
    """
    if report:
        require_writable(report)
    if folder is None and Path(second).is_dir() and not _is_run(Path(second)):
        raise SimpsonsError(
            f"{second}: is no model but a folder; name two models and then the pictures, as in "
            f"`simpsons compare {first} xception {second}`"
        )
    classifiers = Classifier(first), Classifier(second)
    labels = classifiers[0].labels
    same = [find_name(label, classifiers[1].labels) for label in labels]
    if set(same) != set(classifiers[1].labels) or len(same) != len(classifiers[1].labels):
        raise SimpsonsError(f"{first} and {second} know different characters; compare others")
    columns = [classifiers[1].labels.index(str(label)) for label in same]
    root = kaggle.resolve(folder)
    wanted = _characters(root, characters, classifiers[0])
    dataset = cache.load(root, wanted, bar)
    rows, facts, said = _choose(dataset, split, part, seed)
    one, two = (
        measure(classifier, _as_seen_by(classifier, dataset, wanted), rows, bar)
        for classifier in classifiers
    )
    comparison = comparing.compare(
        one.probabilities, two.probabilities[:, columns], one.labels, (first, second), seed
    )
    copies = _copies(dataset, one, training)
    paths = [dataset.paths[row] for row in one.rows]
    named = dict(zip((first, second), classifiers, strict=True))
    seen = {name: learnt.count(paths, classifier) for name, classifier in named.items()}
    said += [
        learnt.note(name, classifier, seen[name], len(paths)) for name, classifier in named.items()
    ]
    notes = _notes(dataset, one, copies, said)
    if report:
        write_report(
            report,
            one.evaluation,
            title=f"{first} and {second} on {facts['Data']}",
            facts=facts,
            problems=dataset.problems,
            errors=error_examples(
                classifiers[0], one, _as_seen_by(classifiers[0], dataset, wanted)
            ),
            comparison=comparison,
            second=two.evaluation,
            notes=notes,
        )
    if as_json:
        evaluations = {first: one.evaluation.to_json(), second: two.evaluation.to_json()}
        options.print_json(
            comparison.to_json()
            | {
                "evaluations": evaluations,
                "copies_of_training_pictures": copies,
                "named_like_training_pictures": seen,
                "notes": notes,
            }
        )
        return
    line = "{:<24} {:>12} {:>12}"
    say(line.format("", first, second))
    for title, key in _FIGURES.items():
        values = [f"{getattr(side.evaluation, key):.4f}" for side in (one, two)]
        say(line.format(title, *values))
    say(line.format("right alone", comparison.only_first, comparison.only_second))
    say(f"\n{comparison.sentence}")
    _print_notes(notes)


def _is_run(folder: Path) -> bool:
    return any((folder / name).is_file() for name in (CONFIG, "model.onnx"))


_FIGURES = {
    "accuracy": "accuracy",
    "macro-F1": "macro_f1",
    "log loss": "log_loss",
    "calibration error": "calibration_error",
}


def _characters(root: Path, characters: str | None, classifier: Classifier) -> Characters:
    """What was asked for, else those of the folder that a network of other characters knows."""
    chosen = parse_characters(characters)
    if chosen is not None or set(classifier.labels) <= set(SLUGS):
        return chosen
    there = find(root, "all", classifier.labels).classes
    found = (find_name(label, there) for label in classifier.labels)
    return [name for name in found if name] or None


def _as_seen_by(classifier: Classifier, dataset: Dataset, characters: Characters) -> Dataset:
    """The same pictures, fitted as the network has them."""
    if classifier.resize == ANTIALIAS:
        return dataset
    return cache.load(dataset.root, characters, bar, classifier.resize)


def _choose(
    dataset: Dataset, split: str | None, part: str | None, seed: int
) -> tuple[NDArray[np.int64] | None, dict[str, str], list[str]]:
    """The rows to measure, what a report says of them, and notes."""
    facts = {
        "Data": f"{dataset.root}",
        "Pictures": f"{len(dataset):,} readable, {len(dataset.problems)} left out",
    }
    if part is None:
        if split:
            raise SimpsonsError(f"--split {split} says which parts there are; choose one by --part")
        return None, facts | {"Split": "none: every picture in the folder"}, []
    chosen = splits.make(dataset, split, seed, bar)
    rows = chosen.rows(part)
    if len(rows) == 0:
        raise SimpsonsError(f"{dataset.root}: the {chosen.kind} split has no {part} part")
    seed_used = "" if chosen.seed is None else f", seed {chosen.seed}"
    notes = [f"{chosen.note}."] if chosen.note else []
    if chosen.kind == "given" and part != "train":
        leaking = {part: splits.leaks(dataset, chosen, part)}
        notes.append(splits.leak_note(chosen.counts(), leaking))
    return rows, facts | {"Split": f"{chosen.kind}{seed_used}, {part} part"}, notes


def _copies(dataset: Dataset, measured: Measured, training: str | None) -> int | None:
    """How many pictures copy a training picture; None if none are at hand to compare with."""
    if not (dataset.listing.flat or training):
        return None
    where = Path(training) if training else _training_pictures(dataset.root)
    if where is None:
        return None
    found = copies.find_between(dataset, measured.rows, cache.load(where, track=bar), bar)
    return len(np.unique(found.first))


def _training_pictures(test_set: Path) -> Path | None:
    """Beside a test set unpacked from Kaggle's archive, else the installed data set."""
    for above in list(test_set.resolve().parents)[:2]:
        if (above / "simpsons_dataset").is_dir():
            return above / "simpsons_dataset"
    return kaggle.installed()


def _notes(dataset: Dataset, measured: Measured, copies: int | None, said: list[str]) -> list[str]:
    notes = []
    total = measured.evaluation.n
    if copies is not None:
        notes.append(
            f"{copies:,} of these {total:,} pictures are copies of training pictures "
            f"({copies / total:.1%}): on copies, accuracy measures memory."
        )
    elif dataset.listing.flat:
        notes.append(
            "no training pictures at hand to look for copies in; give them with --training"
        )
    notes += filter(None, said)
    notes += (f"{note}." for note in dataset.listing.notes)
    absent = [score.slug for score in measured.evaluation.per_class if not score.support]
    if absent:
        known = len(measured.evaluation.per_class)
        notes.append(
            f"{len(absent)} of the {known} characters that the network knows have no picture here, "
            f"so nothing is measured of them: {', '.join(map(display_name, absent))}."
        )
    if unknown := dataset.listing.left_out | measured.unknown:
        count = sum(unknown.values())
        notes.append(f"{count:,} pictures of other characters were not measured.")
    if dataset.problems:
        first = dataset.problems[0]
        notes.append(
            f"{len(dataset.problems):,} files were left out, the first: {first.path}: "
            f"{first.reason}."
        )
    return notes


def _print_notes(notes: list[str]) -> None:
    for note in notes:
        say(f"\nNote: {note}")


def _print_evaluation(evaluation: Evaluation) -> None:
    say(f"accuracy           {evaluation.headline}")
    say(f"macro-F1           {evaluation.macro_f1:.4f}")
    say(f"log loss           {evaluation.log_loss:.4f}")
    say(f"calibration error  {evaluation.calibration_error:.4f}\n")
    line = "{:<26} {:>9} {:>9} {:>9} {:>9}"
    say(line.format("character", "precision", "recall", "F1", "pictures"))
    for score in evaluation.per_class:
        if score.support or score.precision is not None:
            shares = (score.precision, score.recall, score.f1)
            figures = ["-" if share is None else f"{share:.3f}" for share in shares]
            say(line.format(display_name(score.slug), *figures, score.support))
    if sentences := confused_sentences(evaluation, k=5):
        say()
        for sentence in sentences:
            say(sentence)
