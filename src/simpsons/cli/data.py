"""`simpsons data`: download, stats, preview and split; audit and clean are in `cli.audit`."""

from pathlib import Path

import click

from simpsons.characters import display_name
from simpsons.cli import options
from simpsons.cli.audit import audit, clean
from simpsons.cli.crop import crop
from simpsons.cli.terminal import counted, say
from simpsons.dataset import kaggle
from simpsons.dataset.folders import parse_characters
from simpsons.progress import bar
from simpsons.training import recipe as recipes


@click.group()
def data() -> None:
    """Fetch, look at, audit and split pictures.

    \b
    simpsons data stats simpsons_dataset
    simpsons data audit simpsons_dataset
    """


data.add_command(audit)
data.add_command(clean)
data.add_command(crop)


@data.command()
@options.as_json
def download(as_json: bool) -> None:
    """Fetch the data set from Kaggle into the cache; an interrupted download is resumed.

    \b
    simpsons data download

    Afterwards the other commands need no FOLDER. The data is CC BY-NC-SA 4.0.
    """
    where = kaggle.download()
    if as_json:
        options.print_json({"folder": str(where)})
    else:
        say(str(where))


@data.command()
@options.folder
@options.characters
@click.option("--picture", type=options.OUTPUT, help="Also write a bar chart, PNG or SVG.")
@options.as_json
def stats(folder: str | None, characters: str | None, picture: Path | None, as_json: bool) -> None:
    """Count the pictures in FOLDER by character, and list the files left out with the reason.

    \b
    simpsons data stats simpsons_dataset --picture counts.png
    """
    from simpsons.api import data as library

    found = library.stats(
        folder, characters=parse_characters(characters), picture=picture, track=bar
    )
    for note in found.notes:
        say(f"Note: {note}.", err=True)
    if as_json:
        options.print_json(found.to_json())
        return
    width = max(len(display_name(name)) for name in found.characters)
    largest = max(found.characters.values())
    for name, count in found.characters.items():
        say(f"{display_name(name):<{width}} {count:>7,}  {'#' * round(40 * count / largest)}")
    say(f"{'all':<{width}} {found.pictures:>7,}\n")
    for side, sizes in found.sizes.items():
        low, middle, high = sizes.values()
        say(f"{side:<7} {low:,} to {high:,} pixels, median {middle:,}")
    say(f"formats {', '.join(f'{kind} {count:,}' for kind, count in found.formats.items())}")
    if others := found.left_out:
        say(
            f"left out, as they are of {counted(len(others), 'other character')}: "
            f"{counted(sum(others.values()), 'picture')}; --characters all takes them"
        )
    say(f"{counted(len(found.problems), 'file')} left out")
    for problem in found.problems:
        say(f"  {problem.path}: {problem.reason}")


@data.command()
@options.folder
@click.option("--out", type=options.OUTPUT, default=Path("preview.png"), show_default=True)
@click.option(
    "--recipe",
    type=click.Choice(recipes.NAMES),
    default="default",
    show_default=True,
)
@click.option("--count", type=click.IntRange(1, 256), default=32, show_default=True)
@options.characters
@options.seed
def preview(
    folder: str | None,
    out: Path,
    recipe: str,
    count: int,
    characters: str | None,
    seed: int,
) -> None:
    """Draw one augmented training batch with its labels, as a network sees it.

    \b
    simpsons data preview simpsons_dataset --out batch.png
    """
    from simpsons.api import data as library

    written = library.preview(
        folder,
        out=out,
        recipe=recipe,
        count=count,
        characters=parse_characters(characters),
        seed=seed,
        track=bar,
    )
    say(f"wrote {written}")


@data.command()
@options.folder
@options.split
@click.option("--out", type=options.OUTPUT, default=Path("split.csv"), show_default=True)
@options.characters
@options.seed
@options.as_json
def split(
    folder: str | None,
    split: str | None,
    out: Path,
    characters: str | None,
    seed: int,
    as_json: bool,
) -> None:
    """Split FOLDER into training, validation and test pictures, written as CSV.

    \b
    simpsons data split simpsons_dataset --out split.csv
    simpsons data split simpsons_dataset --split random

    leak-free: 80/10/10 by whole groups of near-duplicates (mirrored ones included), so that no
    frame of a shot is on both sides. random: the notebook's 80/20. given: FOLDER has folders train,
    val and test, in any spelling, which the others are checked against for leaks. shots: of a
    project of `simpsons collect`, 80/10/10 by whole shots.
    """
    from simpsons.api import data as library

    found = library.split(
        folder,
        split=split,
        out=out,
        characters=parse_characters(characters),
        seed=seed,
        track=bar,
    )
    for note in found.notes:
        say(f"Note: {note}.", err=True)
    if as_json:
        options.print_json(found.to_json())
        return
    for part, count in found.parts.items():
        leak = found.leaks.get(part)
        told = "" if leak is None else f", {leak:,} with a near-duplicate in training"
        say(f"{part:<10} {count:>7,}{told if count else ''}")
    say(f"{found.groups:,} groups of near-duplicates, the largest of {found.largest_group}")
    say(f"wrote {out}")
