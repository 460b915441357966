"""`simpsons data audit` and `simpsons data clean`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from simpsons.cli import options
from simpsons.cli.audit_boxes import print_boxes
from simpsons.cli.terminal import say
from simpsons.dataset.folders import parse_characters
from simpsons.detector import FACES
from simpsons.errors import SimpsonsError
from simpsons.progress import bar
from simpsons.training.recipe import Network

if TYPE_CHECKING:
    from simpsons.auditing.findings import Findings
    from simpsons.training.display import Display
    from simpsons.training.recipe import Recipe

_test = click.option(
    "--test",
    type=options.FOLDER,
    metavar="FOLDER",
    help="Test pictures, labelled or not, to check for copies of training pictures.",
)
_split = click.option(
    "--split",
    metavar="KIND",
    help="A split to look for leaks in: given, random, leak-free, or a split.csv.  [default: given "
    "where FOLDER has train and val or test folders]",
)
_label_errors = click.option(
    "--label-errors",
    is_flag=True,
    help="Also look for label errors: three trainings, about half an hour on two cores.",
)
_model = click.option(
    "--model",
    type=click.Choice(get_args(Network)),
    default="xception",
    show_default=True,
    help="The network that is trained to judge.",
)
_device = click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, mps.")


@click.command()
@options.folder
@click.option(
    "--boxes",
    type=options.FILE,
    metavar="FILE",
    help="Look for wrong boxes in this file instead: CSV, annotation.txt, COCO JSON, or a folder "
    "of Pascal VOC or YOLO files.",
)
@click.option(
    "--faces",
    metavar="MODEL",
    help=f"What finds the faces, with --boxes: {FACES}, an ONNX file, or a run folder.  "
    f"[default: {FACES}]",
)
@_test
@_split
@_label_errors
@click.option(
    "--random-claim",
    is_flag=True,
    help="Also train on a random split, and show what it claims and what it is worth.",
)
@_model
@click.option(
    "--report",
    type=options.OUTPUT,
    default=Path("audit.html"),
    show_default=True,
    metavar="FILE.html",
)
@options.characters
@_device
@options.as_json
def audit(
    folder: str | None,
    boxes: Path | None,
    faces: str | None,
    test: str | None,
    split: str | None,
    label_errors: bool,
    random_claim: bool,
    model: Network,
    report: Path,
    characters: str | None,
    device: str,
    as_json: bool,
) -> None:
    """Find near-duplicates, leaks, wrong labels, odd pictures and wrong boxes in FOLDER.

    \b
    simpsons data audit simpsons_dataset
    simpsons data audit simpsons_dataset --test kaggle_simpson_testset
    simpsons data audit my_cartoon --split random --label-errors --random-claim
    simpsons data audit my_frames --boxes faces.csv

    Writes one HTML page with counts, scores and example pictures. --json prints every finding.
    A training that was stopped is resumed, and is not repeated for the same pictures.

    With --boxes, a detector looks for the faces, and the boxes that do not go with them are listed,
    the surest first; nothing else is looked for.
    """
    from simpsons.api import audit, beside_boxes

    if boxes:
        beside_boxes.refuse(
            test=test,
            split=split,
            label_errors=label_errors,
            random_claim=random_claim,
            model=options.given("model"),
            characters=characters,
        )
        wrong = audit.audit(folder, boxes=boxes, faces=faces, report=report, track=bar)
        if as_json:
            options.print_json(
                wrong.to_json() | {"faces_model": faces or FACES, "report": str(report)}
            )
            return
        print_boxes(wrong)
    else:
        if faces:
            raise SimpsonsError("--faces finds faces for boxes; give the file with --boxes")
        with _Watch() as watch:
            found = audit.audit(
                folder,
                test=test,
                split=split,
                label_errors=label_errors,
                random_claim=random_claim,
                model=model,
                report=report,
                characters=parse_characters(characters),
                device=device,
                watch=watch,
                track=bar,
            )
        if as_json:
            options.print_json(found.to_json() | {"report": str(report)})
            return
        _print(found)
    say(f"wrote {report}")


@click.command()
@options.folder
@click.option("--out", type=options.OUTPUT, default=Path("exclude.csv"), show_default=True)
@_test
@_label_errors
@click.option("--copies", is_flag=True, help="Also drop copies of pictures that are kept.")
@_model
@options.characters
@_device
@options.as_json
def clean(
    folder: str | None,
    out: Path,
    test: str | None,
    label_errors: bool,
    copies: bool,
    model: Network,
    characters: str | None,
    device: str,
    as_json: bool,
) -> None:
    """List the pictures of FOLDER that training should drop or relabel, as CSV.

    \b
    simpsons data clean simpsons_dataset --label-errors --out exclude.csv
    simpsons train simpsons_dataset --exclude exclude.csv

    No picture is touched. Read and edit the list: each line has a path, an action (drop or
    relabel), the new character, and the reason.
    """
    from simpsons.api import audit

    with _Watch() as watch:
        found = audit.clean(
            folder,
            out=out,
            test=test,
            label_errors=label_errors,
            copies=copies,
            model=model,
            characters=parse_characters(characters),
            device=device,
            watch=watch,
            track=bar,
        )
    counts = found.counts()
    if as_json:
        options.print_json(counts | {"out": str(out)})
        return
    say(f"{counts['drop']:,} pictures to drop, {counts['relabel']:,} to relabel")
    say(f"wrote {out}")


class _Watch:
    """Shows one training after the other."""

    def __init__(self) -> None:
        self._display: Display | None = None

    def __enter__(self) -> _Watch:
        return self

    def __exit__(self, *_: object) -> None:
        if self._display:
            self._display.__exit__()

    def __call__(self, name: str, recipe: Recipe) -> Display:
        from simpsons.training.display import Display

        self.__exit__()
        say(f"training for {name}, {recipe.epochs} epochs", err=True)
        self._display = Display(recipe.epochs).__enter__()
        return self._display


def _print(found: Findings) -> None:
    counts = found.counts()
    line = "{:<34} {:>8}"
    for leaks in found.leaks:
        say(
            line.format(f"leaks into the {leaks.name}", f"{len(leaks.strongest):,}")
            + f"  of {len(leaks.rows):,}, {leaks.copies:,} of them copies"
        )
    for title, key in _TITLES.items():
        value = counts[key]
        say(line.format(title, "not looked for" if value is None else f"{value:,}"))
    for claim in found.claims:
        parts = (claim.claimed, claim.leaking, claim.clean)
        shares = ["-" if part.share is None else f"{part.share:.1%}" for part in parts]
        say(
            f"a random split claims {shares[0]} for {claim.network}: {shares[1]} on the "
            f"{claim.leaking.pictures:,} pictures that leak, {shares[2]} on the "
            f"{claim.clean.pictures:,} clean ones"
        )


_TITLES = {
    "pictures": "pictures",
    "near-duplicate groups": "near_duplicate_groups",
    "pictures in them": "pictures_in_groups",
    "copies (pairs)": "copies",
    "near-duplicates with two labels": "pairs_with_two_labels",
    "label errors": "label_errors",
    "odd pictures": "odd_pictures",
    "files left out": "left_out",
}
