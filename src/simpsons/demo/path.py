"""Draw a small data set, then stats, split, a short training, evaluation and a report."""

import os
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

from simpsons.classifier import Classifier
from simpsons.dataset import cache
from simpsons.dataset import split as splits
from simpsons.demo.drawings import DOLLS, write_drawings
from simpsons.errors import SimpsonsError
from simpsons.evaluation import plots
from simpsons.evaluation.measure import Measured, error_examples, measure
from simpsons.evaluation.report import write_report
from simpsons.progress import Track, silent
from simpsons.training import run
from simpsons.training.config import SPLIT, Config
from simpsons.training.history import Observer
from simpsons.training.recipe import DEFAULT, Recipe

DRAWINGS_PER_CHARACTER = 80

RECIPE: Recipe = replace(DEFAULT["xception"], name="demo", epochs=12, batch=32)
"""The default recipe, short enough for a small data set and a person who waits."""

DRAWINGS = "drawings"
RUN = "run"
COUNTS = "counts.png"
REPORT = "report.html"


def play(
    folder: str | os.PathLike[str],
    *,
    seed: int = 0,
    recipe: Recipe = RECIPE,
    per_character: int = DRAWINGS_PER_CHARACTER,
    observer: Observer,
    say: Callable[[str], None],
    track: Track = silent,
) -> Measured:
    """Run the demo into a folder; `say` is told each step.

    Returns the figures on the test part, which nothing was chosen by. Raises SimpsonsError when the
    folder is not empty.
    """
    folder = Path(folder)
    if folder.exists() and any(folder.iterdir()):
        raise SimpsonsError(
            f"{folder}: has something in it already; remove it, or choose another with --out"
        )
    drawings = folder / DRAWINGS
    say(f"drawing {len(DOLLS)} characters, {per_character} pictures each")
    write_drawings(drawings, per_character, seed, track=track)
    dataset = cache.load(drawings, track=track)
    plots.save(plots.class_counts(dataset.listing.counts()), folder / COUNTS)
    say(f"training xception for {recipe.epochs} epochs on a leak-free split")
    run.start(folder / RUN, drawings, "xception", recipe, seed=seed, observer=observer, track=track)
    split = splits.read(folder / RUN / SPLIT, dataset)
    say("measuring on the test part, which nothing was chosen by")
    classifier = Classifier(folder / RUN)
    test = measure(classifier, dataset, split.rows("test"), track)
    config = Config.read(folder / RUN)
    write_report(
        folder / REPORT,
        test.evaluation,
        title="xception on drawings",
        facts=run.facts(config) | {"Data": f"{len(dataset):,} drawings made by simpsons demo"},
        problems=dataset.problems,
        errors=error_examples(classifier, test, dataset),
        history=[asdict(row) for row in run.history(folder / RUN)],
    )
    return test
