"""`simpsons evaluate` and `simpsons compare`."""

from collections.abc import Sequence
from pathlib import Path

import click

from simpsons.api import beside_boxes
from simpsons.api.evaluate import evaluate as measured
from simpsons.characters import display_name
from simpsons.cli import options
from simpsons.cli.evaluate_boxes import print_boxes
from simpsons.cli.terminal import say
from simpsons.dataset import split as splits
from simpsons.dataset.folders import parse_characters
from simpsons.detector import FACES, NAMES
from simpsons.errors import SimpsonsError
from simpsons.evaluation import on_folder
from simpsons.evaluation.metrics import Evaluation, confused_sentences
from simpsons.progress import bar
from simpsons.run_files import CONFIG, MODEL

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
    help="cnn, xception, cnn-int8, dolls, an ONNX file, or a run folder.  "
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
    character and the most confused pairs. FOLDER has one folder per character, or files named
    <character>_<n>.jpg; those are also looked up among the training pictures, since the data
    set's own test set is a copy of them.

    With --boxes, the pictures that the file lists are measured, where every face has a box: average
    precision at IoU 0.5 and 0.5 to 0.95, of all faces and of each character's, precision and recall
    at the threshold in use, and how many strangers get a name.
    """
    chosen = parse_characters(characters)
    if boxes:
        beside_boxes.refuse(characters=chosen, picture=picture, training=training)
        found = measured(
            folder,
            model,
            boxes=boxes,
            faces=faces,
            split=split,
            part=part,
            seed=seed,
            report=report,
            track=bar,
        )
        if as_json:
            options.print_json(found.to_json())
        else:
            print_boxes(found)
        return
    if faces:
        raise SimpsonsError("--faces finds faces by boxes; give the file with --boxes")
    known = measured(
        folder,
        model,
        split=split,
        part=part,
        seed=seed,
        characters=chosen,
        report=report,
        picture=picture,
        training=training,
        track=bar,
    )
    if as_json:
        options.print_json(known.to_json())
        return
    _print_evaluation(known.evaluation)
    _print_notes(known.notes)


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
    if folder is None and Path(second).is_dir() and not _is_run(Path(second)):
        raise SimpsonsError(
            f"{second}: is a folder, not a model; name two models and then the pictures, as in "
            f"`simpsons compare {first} xception {second}`"
        )
    found = on_folder.compare(
        first,
        second,
        folder,
        split=split,
        part=part,
        seed=seed,
        characters=parse_characters(characters),
        report=report,
        training=training,
        track=bar,
    )
    if as_json:
        options.print_json(found.to_json())
        return
    line = "{:<24} {:>12} {:>12}"
    say(line.format("", first, second))
    for title, key in _FIGURES.items():
        values = [f"{getattr(side, key):.4f}" for side in found.evaluations]
        say(line.format(title, *values))
    comparison = found.comparison
    say(line.format("right alone", comparison.only_first, comparison.only_second))
    say(f"\n{comparison.sentence}")
    _print_notes(found.notes)


def _is_run(folder: Path) -> bool:
    return any((folder / name).is_file() for name in (CONFIG, MODEL))


_FIGURES = {
    "accuracy": "accuracy",
    "macro-F1": "macro_f1",
    "log loss": "log_loss",
    "calibration error": "calibration_error",
}


def _print_notes(notes: Sequence[str]) -> None:
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
