"""`simpsons data`: download, stats, preview and split; audit and clean are in `cli.audit`."""

from collections import Counter
from pathlib import Path

import click
import numpy as np

from simpsons.characters import display_name
from simpsons.cli import options
from simpsons.cli.audit import audit, clean
from simpsons.cli.crop import crop
from simpsons.cli.terminal import say
from simpsons.dataset import cache, kaggle
from simpsons.dataset import split as splits
from simpsons.dataset.folders import parse_characters
from simpsons.errors import SimpsonsError
from simpsons.evaluation import plots
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
    dataset = cache.load(kaggle.resolve(folder), parse_characters(characters), bar)
    found = np.bincount(dataset.labels, minlength=len(dataset.classes))
    counts = {name: int(count) for name, count in zip(dataset.classes, found, strict=True)}
    widths, heights = dataset.sizes.T
    sizes = {
        "width": [int(widths.min()), int(np.median(widths)), int(widths.max())],
        "height": [int(heights.min()), int(np.median(heights)), int(heights.max())],
    }
    formats = dict(Counter(dataset.formats).most_common())
    if picture:
        plots.save(plots.class_counts(counts), picture)
    for note in dataset.listing.notes:
        say(f"Note: {note}.", err=True)
    if as_json:
        options.print_json(
            {
                "pictures": len(dataset),
                "characters": counts,
                "sizes": {side: dict(zip(_RANGE, s, strict=True)) for side, s in sizes.items()},
                "formats": formats,
                "problems": [problem._asdict() for problem in dataset.problems],
                "left_out": dataset.listing.left_out,
            }
        )
        return
    width = max(len(display_name(name)) for name in counts)
    largest = max(counts.values())
    for name, count in counts.items():
        say(f"{display_name(name):<{width}} {count:>7,}  {'#' * round(40 * count / largest)}")
    say(f"{'all':<{width}} {len(dataset):>7,}\n")
    for side, (low, middle, high) in sizes.items():
        say(f"{side:<7} {low:,} to {high:,} pixels, median {middle:,}")
    say(f"formats {', '.join(f'{kind} {count:,}' for kind, count in formats.items())}")
    if others := dataset.listing.left_out:
        say(
            f"{len(others)} other characters with {sum(others.values()):,} pictures are not "
            "counted; --characters all takes them"
        )
    say(f"{len(dataset.problems):,} files left out")
    for problem in dataset.problems:
        say(f"  {problem.path}: {problem.reason}")


_RANGE = ("smallest", "median", "largest")


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
    from simpsons.training.preview import augmented

    dataset = cache.load(kaggle.resolve(folder), parse_characters(characters), bar)
    how = recipes.named(recipe, "xception").augmentation
    pixels, labels = augmented(dataset, how, count, seed)
    titles = [display_name(dataset.classes[label]) for label in labels]
    plots.save(plots.picture_grid(pixels, titles, columns=8), out)
    say(f"wrote {out}")


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
    dataset = cache.load(kaggle.resolve(folder), parse_characters(characters), bar)
    chosen = splits.make(dataset, split, seed, bar)
    if not any(chosen.counts().values()):
        raise SimpsonsError(
            f"{dataset.root}: none of its pictures is in the split {chosen.kind}; choose another "
            "--split"
        )
    chosen = splits.with_groups(dataset, chosen, bar)
    assert chosen.group is not None
    splits.write(out, dataset, chosen)
    group_sizes = np.bincount(chosen.group)
    leaks = {part: splits.leaks(dataset, chosen, part) for part in splits.PARTS[1:]}
    facts = {
        "split": chosen.kind,
        "seed": chosen.seed,
        "parts": chosen.counts(),
        "groups": int((group_sizes > 0).sum()),
        "largest_group": int(group_sizes.max()),
        "large_groups": [
            {"pictures": len(rows), "first": dataset.paths[rows[0]]}
            for rows in splits.large_groups(chosen.group)
        ],
        "near_duplicates_of_training_pictures": leaks,
        "problems": len(dataset.problems),
        "out": str(out),
    }
    notes = [*dataset.listing.notes, chosen.note, splits.shot_note(dataset, chosen)]
    if chosen.kind == "leak-free":
        notes.append(splits.fill_note(dataset, chosen))
    for note in filter(None, notes):
        say(f"Note: {note}.", err=True)
    if as_json:
        options.print_json(facts)
        return
    for part, count in chosen.counts().items():
        leak = f", {leaks[part]:,} with a near-duplicate in training" if part in leaks else ""
        say(f"{part:<10} {count:>7,}{leak if count else ''}")
    say(f"{facts['groups']:,} groups of near-duplicates, the largest of {facts['largest_group']}")
    say(f"wrote {out}")
