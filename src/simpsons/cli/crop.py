"""`simpsons data crop`."""

import sys
from pathlib import Path

import click

from simpsons.classifier import UNKNOWN
from simpsons.cli import options
from simpsons.cli.terminal import say
from simpsons.dataset import cropping
from simpsons.progress import bar


@click.command()
@click.argument("folder", type=options.FOLDER)
@click.option(
    "--boxes",
    required=True,
    type=options.FILE,
    metavar="FILE",
    help="The boxes: our CSV, annotation.txt, COCO JSON, Pascal VOC XML, or a folder of VOC or "
    "YOLO files.",
)
@click.option(
    "--out", required=True, type=options.OUTPUT, metavar="FOLDER", help="A new folder to write to."
)
@click.option(
    "--margin",
    type=options.Finite(0, 10),
    default=cropping.MARGIN,
    show_default=f"{cropping.MARGIN:g}",
    metavar="SIDES",
    help="Room on each side of a face, in longer sides of its box.",
)
@options.as_json
def crop(folder: str, boxes: Path, out: Path, margin: float, as_json: bool) -> None:
    """Cut the faces that FILE boxes out of the pictures in FOLDER, into a folder per name.

    \b
    simpsons data crop frames --boxes frames/faces.csv --out faces
    simpsons train faces --from xception

    A crop is a square with the room that networks name a face by. Bad rows, and pictures that can't
    be read, are reported: exit code 1 then, and 2 when no face could be cut out.
    """
    from simpsons.api import data

    made = data.crop(folder, boxes=boxes, out=out, margin=margin, track=bar)
    for problem in made.problems:
        say(f"Error: {problem.path}: {problem.reason}", err=True)
    if UNKNOWN in made.crops and len(made.crops) > 1:
        say(
            f"Note: {out / UNKNOWN} has the faces of strangers; move it elsewhere before `simpsons "
            "train`, to which every folder is a character.",
            err=True,
        )
    if as_json:
        options.print_json(made.to_json())
    else:
        for name, count in made.crops.items():
            say(f"{count:>7,}  {name}")
        say(f"wrote {out}")
    sys.exit(int(bool(made.problems)))
