"""Draw a small data set, then stats, split, a short training, evaluation, a report, and use it."""

import os
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from simpsons.classifier import Classifier
from simpsons.dataset import cache
from simpsons.dataset import split as splits
from simpsons.demo.dolls import any_stranger
from simpsons.demo.drawings import BOXES, DOLLS, write_drawings
from simpsons.demo.groups import draw_scene
from simpsons.detector import Detection, Detector
from simpsons.drawing import draw_faces
from simpsons.errors import SimpsonsError
from simpsons.evaluation import plots
from simpsons.evaluation.measure import Measured, error_examples, measure
from simpsons.evaluation.report import write_report
from simpsons.files import whole
from simpsons.progress import Track, silent
from simpsons.run_files import SPLIT
from simpsons.runs import run
from simpsons.runs.config import Config
from simpsons.training.observer import Observer
from simpsons.training.recipe import DEFAULT, Recipe

DRAWINGS_PER_CHARACTER = 40

DIFFICULTY = 0.15
"""Of the drawings, as `write_drawings` takes it: hard enough that there are errors to look at."""

RECIPE: Recipe = replace(DEFAULT["xception"], name="demo", epochs=12, batch=32)
"""The default recipe, short enough for a small data set and a person who waits."""

DRAWINGS = "drawings"
RUN = "run"
COUNTS = "counts.png"
REPORT = "report.html"
EVERYONE = "everyone.png"

_SCENE = 396
"""The seed of a picture in which everyone is well to be seen."""

_KNOWN, _SIZE = 5, 960  # dolls beside a stranger; pixels of the picture's longer side


class Played(NamedTuple):
    """What the demo came to.

    test: the figures on the test part, which nothing was chosen by. everyone: who was found in a
    new picture of several dolls.
    """

    test: Measured
    everyone: Detection


def play(
    folder: str | os.PathLike[str],
    *,
    seed: int = 0,
    recipe: Recipe = RECIPE,
    per_character: int = DRAWINGS_PER_CHARACTER,
    observer: Observer,
    say: Callable[[str], None],
    track: Track = silent,
) -> Played:
    """Run the demo into a folder; `say` is told each step.

    Raises SimpsonsError when the folder is not empty.
    """
    folder = Path(folder)
    if folder.exists() and any(folder.iterdir()):
        raise SimpsonsError(f"{folder}: is not empty; remove it, or choose another with --out")
    drawings = folder / DRAWINGS
    say(f"drawing {len(DOLLS)} characters, {per_character} pictures each")
    write_drawings(drawings, per_character, seed, track=track, boxed=True, difficulty=DIFFICULTY)
    dataset = cache.load(drawings, track=track)
    plots.save(plots.class_counts(dataset.listing.counts()), folder / COUNTS)
    say(
        f"training xception for {recipe.epochs} epochs on the drawings and the faces in them, "
        "on a leak-free split"
    )
    run.start(
        folder / RUN,
        drawings,
        "xception",
        recipe,
        boxes=drawings / BOXES,
        seed=seed,
        observer=observer,
        track=track,
    )
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
    say("finding and naming everyone in a new picture")
    return Played(test, show_everyone(classifier, folder / EVERYONE))


def show_everyone(names: Classifier, path: Path) -> Detection:
    """Draw several dolls, one of them a stranger, and write the picture with the faces found."""
    rng = np.random.default_rng(_SCENE)
    known = [DOLLS[index] for index in rng.choice(len(DOLLS), _KNOWN, replace=False)]
    picture, _ = draw_scene([*known, any_stranger(rng)], rng, _SIZE)
    found = Detector(names=names).detect(picture, top=1)
    with whole(path) as temporary:
        Image.fromarray(draw_faces(np.asarray(picture), found.faces)).save(temporary)
    return found
