"""`simpsons train`."""

import shlex
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click

from simpsons import models as networks
from simpsons.api import train as training
from simpsons.api.train import Plan
from simpsons.characters import display_name
from simpsons.classifier import SHIPPED
from simpsons.cli import options
from simpsons.cli.terminal import say
from simpsons.dataset.folders import characters_text, parse_characters
from simpsons.errors import SimpsonsError
from simpsons.progress import bar, silent
from simpsons.run_files import CONFIG, SPLIT
from simpsons.runs import changes
from simpsons.runs.config import Config
from simpsons.runs.keeping import Kept
from simpsons.runs.run import CURVES, REPORT
from simpsons.training import parallel
from simpsons.training import recipe as recipes
from simpsons.training.display import Display
from simpsons.training.observer import Observer, Silent

_SHIPPED = (*SHIPPED, networks.DETECTOR)
_BAD_ROWS = 10  # that are printed


@click.command()
@options.folder
@click.option(
    "--model",
    type=click.Choice([*networks.NETWORKS, networks.TEACHER, networks.DETECTOR]),
    default="xception",
    show_default=True,
    help="resnet is only a teacher: pass its run as --teacher. faces finds faces.",
)
@click.option(
    "--boxes",
    type=options.FILE,
    metavar="FILE",
    help="Learn faces, from a file with a box and a name for each: CSV, COCO JSON, annotation.txt, "
    "or a folder of Pascal VOC or YOLO files.",
)
@click.option(
    "--recipe",
    type=click.Choice(recipes.NAMES),
    default="default",
    show_default=True,
    help="notebook is the reference notebook's, unchanged.",
)
@click.option("--epochs", type=click.IntRange(min=1), help="Instead of the recipe's.")
@click.option("--batch", type=click.IntRange(min=2), help="Instead of the recipe's.")
@click.option("--learning-rate", type=options.Finite(0, 1, min_open=True))
@options.split
@click.option(
    "--exclude",
    type=options.FILE,
    metavar="FILE.csv",
    help="Training pictures to drop or relabel, as `simpsons data clean` lists them.",
)
@options.characters
@options.seed
@click.option(
    "--device",
    default="auto",
    show_default=True,
    help="cpu, cuda or mps; auto is a GPU where there is one.",
)
@click.option("--out", type=options.OUTPUT, help="Run folder.  [default: runs/MODEL]")
@click.option(
    "--resume",
    type=options.LocalPath("folder"),
    metavar="RUN",
    help="Resume a run that was stopped, with the settings that it was started with. FOLDER: where "
    "its pictures are now, if they were moved.",
)
@click.option(
    "--from",
    "initial",
    type=options.LocalPath("file", None),
    metavar="MODEL",
    help="Fine-tune these pretrained weights instead of starting from random ones: a run folder, "
    "cnn, xception, faces, or an ONNX file. Far more accurate with few pictures.",
)
@click.option(
    "--teacher",
    "teachers",
    multiple=True,
    type=options.LocalPath("file", None),
    metavar="MODEL",
    help="Also learn from this network (distillation), named like --from; may be given several "
    "times.",
)
@click.option(
    "--views",
    type=click.IntRange(min=0),
    metavar="N",
    help="With teachers, instead of the recipe's: augment each picture in N ways, an epoch each, "
    "and ask the teachers once for each; 0: new augmentations every epoch.",
)
@click.option(
    "--mix",
    type=options.Finite(0, 1),
    metavar="SHARE",
    help="Instead of the recipe's: show a square of another picture in this share of the pictures "
    "(CutMix); more accurate after 70 epochs and more, less after few.",
)
@click.option(
    "--keep",
    is_flag=True,
    help="With --from cnn or xception: add the characters in FOLDER to those that it knows, of "
    "whom no pictures are needed. About 20 pictures of each; takes seconds.",
)
@click.option("--tensorboard", is_flag=True, help="Also write figures for TensorBoard.")
@options.as_json
def train(
    folder: str | None,
    model: recipes.Trained,
    boxes: Path | None,
    recipe: str,
    epochs: int | None,
    batch: int | None,
    learning_rate: float | None,
    split: str | None,
    exclude: Path | None,
    characters: str | None,
    seed: int,
    device: str,
    out: Path | None,
    resume: Path | None,
    initial: str | None,
    teachers: tuple[str, ...],
    views: int | None,
    mix: float | None,
    keep: bool,
    tensorboard: bool,
    as_json: bool,
) -> None:
    """Train a network on the pictures in FOLDER, one folder per character, into a run folder.

    \b
    simpsons train simpsons_dataset --model xception
    simpsons train my_cartoon --from xception --out runs/mine
    simpsons train springfield --from xception --out runs/springfield
    simpsons train my_cartoon --model cnn --teacher runs/mine
    simpsons train my_cartoon --exclude exclude.csv
    simpsons train maggie --from xception --keep --out runs/and_maggie
    simpsons train my_frames --boxes faces.csv --from xception --out runs/names
    simpsons train my_frames --boxes faces.csv --model faces --from faces --out runs/faces
    simpsons train simpsons_dataset --split shipped --from xception --epochs 5
    simpsons train --resume runs/mine
    torchrun --nproc-per-node 2 -m simpsons train simpsons_dataset

    FOLDER may be a project of `simpsons collect`: the faces that were named with `simpsons label`,
    split by whole shots (--split shots).

    The run folder gets the weights (model.onnx), curves.png, metrics.csv, the split, and a report
    on the validation part. Ctrl-C saves, and --resume continues. A GPU is used if there is one.
    With torchrun several processes train one network, each on its own GPU if there are any, with
    the same result up to rounding.

    With --keep the network that is given with --from names the characters in FOLDER beside those
    that it knows. Its answers for these stay as they are, but for the few pictures that get a new
    name. The folder gets model.onnx, the split and a report.

    With --boxes a network learns to name faces, with those called unknown as negatives, and whole
    pictures too where FOLDER has one folder per character. --model faces learns to find faces, from
    pictures in which every face has a box.
    """
    out = resume or out or Path("runs", "more" if keep else model)
    if resume:
        _require_nothing_else()
    with _one_voice() as speaks, ExitStack() as stack:

        def watch(plan: Plan) -> Observer:
            if not speaks:
                return Silent()
            say(f"{plan.network}, recipe {plan.recipe.name}: {plan.recipe.summary}", err=True)
            say(f"on {plan.device}", err=True)
            if plan.pictures:
                say(plan.pictures, err=True)
            _tell_bad_rows(plan)
            return stack.enter_context(Display(plan.recipe.epochs))

        try:
            run = training.train(
                folder,
                model=model,
                boxes=boxes,
                recipe=recipe,
                epochs=epochs,
                batch=batch,
                learning_rate=learning_rate,
                split=split,
                exclude=exclude,
                characters=parse_characters(characters),
                seed=seed,
                device=device if options.given("device") else None,
                out=None if resume else out,
                resume=resume,
                initial=initial,
                teachers=teachers,
                views=views,
                mix=mix,
                keep=keep,
                tensorboard=tensorboard,
                observer=watch,
                track=bar if speaks else silent,
                tell=_warn if speaks else changes.untold,
            )
        except KeyboardInterrupt:
            if speaks:
                begun = (out / CONFIG).exists()
                command = shlex.join(["simpsons", "train", "--resume", str(out)])
                remedy = f" Resume with: {command}" if begun else ""
                say(f"\nStopped.{remedy}", err=True)
            sys.exit(130)
    if run is None:
        return
    if isinstance(run, Kept):
        _tell_kept(run, as_json)
        return
    if as_json:
        evaluation = run.measured.evaluation.to_json()
        options.print_json({"run": str(run.folder), "validation": evaluation})
        return
    say(f"validation: {run.measured.evaluation.headline}")
    say(f"weights     {run.model}")
    say(f"curves      {run.folder / CURVES}")
    say(f"report      {run.folder / REPORT}")
    say(f"next        {_evaluation(run.folder)}")


def _tell_kept(kept: Kept, as_json: bool) -> None:
    evaluation = kept.measured.evaluation
    if as_json:
        validation = evaluation.to_json()
        options.print_json({"run": str(kept.folder), "new": kept.new, "validation": validation})
        return
    say(f"new         {', '.join(map(display_name, kept.new))}")
    say(f"validation: {evaluation.headline}")
    say(f"weights     {kept.model}")
    say(f"report      {kept.folder / REPORT}")


def _warn(text: str) -> None:
    say(f"Warning: {text.removesuffix('.')}.", err=True)


def _tell_bad_rows(plan: Plan) -> None:
    if not plan.bad_rows:
        return
    say(
        f"{plan.box_file}: {len(plan.bad_rows):,} bad rows; {plan.left_out:,} pictures with one "
        "are left out:",
        err=True,
    )
    for row in plan.bad_rows[:_BAD_ROWS]:
        say(f"  {row}", err=True)
    if len(plan.bad_rows) > _BAD_ROWS:
        say(f"  and {len(plan.bad_rows) - _BAD_ROWS:,} more, which the report lists", err=True)


def _evaluation(folder: Path) -> str:
    """The command that measures a run on its test part, or else on its validation part."""
    config = Config.read(folder)
    model = f"./{folder}" if str(folder) in _SHIPPED else str(folder)
    words = ["simpsons", "evaluate", config.data]
    words += ["--boxes", config.boxes] if config.boxes else []
    words += ["--faces" if config.network == networks.DETECTOR else "--model", model]
    part = "test" if config.parts["test"] else "validation"
    words += ["--split", str(folder / SPLIT), "--part", part]
    if config.characters is not None and not config.boxes:
        words += ["--characters", characters_text(config.characters)]
    return shlex.join(words)


def _require_nothing_else() -> None:
    """Raise SimpsonsError if an option was given that a run to be resumed has decided already."""
    for option in click.get_current_context().command.params:
        name = str(option.name)
        if options.given(name) and name not in ("folder", "resume", "tensorboard", "as_json"):
            raise SimpsonsError(
                f"{option.opts[0]} can't be given with --resume, which goes on as the run began; "
                "omit it, or start another run"
            )


@contextmanager
def _one_voice() -> Iterator[bool]:
    """Whether this process speaks. Of several the first does, and the others fail in silence."""
    try:
        yield parallel.is_first()
    except (SimpsonsError, OSError):
        if parallel.is_first():
            raise
        sys.exit(2)
