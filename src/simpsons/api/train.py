"""`train`: a folder of pictures in, a run folder with a trained network out."""

import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from simpsons import models
from simpsons.classifier import SHIPPED
from simpsons.dataset import boxes as box_files
from simpsons.dataset import kaggle, sources
from simpsons.dataset import split as splits
from simpsons.dataset.boxes import ANNOTATION, BadRow, Boxes
from simpsons.dataset.folders import Characters, find
from simpsons.errors import SimpsonsError
from simpsons.evaluation import detection
from simpsons.evaluation.measure import Measured
from simpsons.files import StrPath
from simpsons.progress import Track, silent
from simpsons.run_files import MODEL
from simpsons.runs import keeping, run
from simpsons.runs.changes import Tell
from simpsons.runs.config import Config
from simpsons.runs.keeping import Kept
from simpsons.runs.pretrained import Pretrained
from simpsons.training import parallel
from simpsons.training import recipe as recipes
from simpsons.training.device import choose_device, describe
from simpsons.training.display import TensorBoard
from simpsons.training.observer import Observer, Silent
from simpsons.training.recipe import Recipe

_FEW = 1024  # pictures
_SHIPPED = (*SHIPPED, models.DETECTOR)


@dataclass(frozen=True)
class Plan:
    """What a training is going to do, before it begins.

    device: device and precision, in words. pictures: what it learns from, in words, None for a run
    that is resumed. bad_rows: of the box file. left_out: how many pictures have one of these.
    warnings: what may make the result worse than it could be, or its figures better than they are.
    """

    network: str
    recipe: Recipe
    device: str
    pictures: str | None = None
    box_file: Path | None = None
    bad_rows: tuple[BadRow, ...] = ()
    left_out: int = 0
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Run:
    """A trained network.

    folder: of the run. config: what it was told. measured: the network on the validation part.
    warnings: what makes its figures doubtful, in sentences.
    """

    folder: Path
    config: Config
    measured: Measured | detection.Measured
    warnings: tuple[str, ...]

    @property
    def model(self) -> Path:
        """The ONNX file."""
        return self.folder / MODEL


def train(
    folder: StrPath | None = None,
    *,
    model: recipes.Trained = "xception",
    boxes: StrPath | None = None,
    recipe: str | Recipe = "default",
    epochs: int | None = None,
    batch: int | None = None,
    learning_rate: float | None = None,
    split: str | None = None,
    exclude: StrPath | None = None,
    characters: Characters = None,
    seed: int = 0,
    device: str | None = None,
    out: StrPath | None = None,
    resume: StrPath | None = None,
    initial: StrPath | None = None,
    teachers: Sequence[StrPath] = (),
    views: int | None = None,
    mix: float | None = None,
    keep: bool = False,
    tensorboard: bool = False,
    observer: Observer | Callable[[Plan], Observer] | None = None,
    track: Track = silent,
    tell: Tell | None = None,
) -> Run | Kept | None:
    """Train a network on a folder of pictures, into a run folder.

    Args:
        folder: one folder of pictures per character, or a project of `collect`; None for the
            installed data set. With `resume`, where the pictures of the run are now.
        model: cnn, xception, resnet (a teacher), or faces.
        boxes: a file with a box and a name for each face; the network then learns faces.
        recipe: default, notebook, or a Recipe.
        epochs: None for the recipe's, as for `batch`, `learning_rate`, `views` and `mix`.
        batch: pictures per step.
        learning_rate: above 0, up to 1.
        split: given, leak-free, random, shipped, shots, or a split.csv.
        exclude: a CSV of training pictures to drop or relabel, as `clean` writes it.
        characters: their names, "all", or the number with the most pictures.
        seed: of the split, the first weights, and the augmentation.
        device: cpu, cuda or mps; None for a GPU where there is one.
        out: the run folder; None for runs/MODEL.
        resume: a run folder to go on with; it has decided everything else.
        initial: pretrained weights to fine-tune (`--from` of the command): a run folder, cnn,
            xception, faces, or an ONNX file.
        teachers: networks to learn from as well (`--teacher`), named likewise.
        views: with teachers, in how many ways each picture is augmented; 0: anew every epoch.
        mix: the share of the pictures that show a square of another one (CutMix), 0 to 1.
        keep: teach `initial`, cnn or xception, the characters of the folder that it does not know,
            so that it still knows the others, of whom no pictures are needed. Takes seconds; what
            sets a training is not taken with it.
        tensorboard: also write figures for TensorBoard.
        observer: is told how the training goes, or makes one that is from the `Plan`.
        track: shows progress of what comes before and after, such as `simpsons.progress.bar`.
        tell: is told of each warning as it comes; None for Python's `warnings`.

    Returns:
        The run, with `keep` a `Kept`; None in all but the first of several processes (torchrun).

    Raises:
        SimpsonsError: for options, a folder, network or file that can't be used; says why.
    """
    where = Path(resume or out or Path("runs", model))
    told: list[str] = []

    def warn(text: str) -> None:
        told.append(text)
        if not parallel.is_first():
            return
        if tell:
            tell(text)
        else:
            warnings.warn(text, stacklevel=3)

    if keep:
        _require_nothing_of_a_training(
            model=model if model != initial and model != "xception" else None,
            boxes=boxes,
            recipe=None if recipe == "default" else recipe,
            epochs=epochs,
            batch=batch,
            learning_rate=learning_rate,
            exclude=exclude,
            device=device,
            resume=resume,
            teachers=teachers or None,
            views=views,
            mix=mix,
            tensorboard=tensorboard or None,
        )
        if initial is None:
            raise SimpsonsError("--keep goes on from a network; give it with --from xception")
        return keeping.keep(
            Path(out or Path("runs", "more")),
            kaggle.resolve(folder),
            os.fspath(initial),
            split=split,
            characters=characters,
            seed=seed,
            track=track,
            tell=warn,
        )
    if resume is not None:
        _require_decided_by_the_run(
            boxes=boxes,
            epochs=epochs,
            batch=batch,
            learning_rate=learning_rate,
            split=split,
            exclude=exclude,
            characters=characters,
            device=device,
            out=out,
            initial=initial,
            teachers=teachers or None,
            views=views,
            mix=mix,
        )
        config = Config.read(where)
        used = describe(choose_device(config.device), config.recipe.precision)
        plan = Plan(config.network, config.recipe, str(used))
        measured = run.resume(
            where,
            data=folder,
            observer=_observer(observer, plan, tensorboard, where),
            track=track,
            tell=warn,
        )
    else:
        if model == models.DETECTOR:
            for name, value in (("views", views), ("mix", mix)):
                if value is not None:
                    raise SimpsonsError(f"--{name} is for networks that name pictures; omit it")
        if views and not teachers:
            raise SimpsonsError("--views is for a training with --teacher; omit it, or give one")
        root = kaggle.resolve(folder)
        listed = box_files.read(boxes, root) if boxes else None
        first = Pretrained(initial) if initial else None
        taught_by = [Pretrained(teacher) for teacher in teachers]
        plan = _plan(root, model, listed, recipe, characters, device or "auto", first, taught_by)
        changed = _changed(plan.recipe, epochs, batch, learning_rate, views, mix)
        plan = replace(plan, recipe=changed)
        watching = _observer(observer, plan, tensorboard, where)
        for text in plan.warnings:
            warn(text)
        measured = run.start(
            where,
            root,
            model,
            plan.recipe,
            boxes=listed,
            split=split,
            exclude=exclude,
            characters=characters,
            initial=first,
            teachers=taught_by,
            seed=seed,
            device=device or "auto",
            observer=watching,
            track=track,
            tell=warn,
            fit=False,
        )
    if measured is None:
        return None
    config = Config.read(where)
    if note := splits.leak_note(config.parts, config.leaking):
        warn(note)
    return Run(where, config, measured, tuple(told))


def _plan(
    root: Path,
    model: recipes.Trained,
    listed: Boxes | None,
    recipe: str | Recipe,
    characters: Characters,
    device: str,
    initial: Pretrained | None,
    teachers: Sequence[Pretrained],
) -> Plan:
    """What a new run is going to do, with a recipe that fits the pictures and the device."""
    if model == models.DETECTOR and recipe not in ("default", recipes.DEFAULT[model]):
        name = recipe if isinstance(recipe, str) else recipe.name
        raise SimpsonsError(f"the recipe {name} is for networks that name pictures; omit it")
    chosen = recipes.named(recipe, model) if isinstance(recipe, str) else recipe
    count, told, classes = _pictures(root, model, listed, characters)
    where = choose_device(device)
    chosen = recipes.fitted(chosen, model, count, on_gpu=where.type == "cuda")
    if initial and classes and set(classes) <= set(initial.classes):
        chosen = chosen.going_on() if chosen.name != recipes.NOTEBOOK.name else chosen
    warned = []
    if model == models.DETECTOR and listed and listed.format == ANNOTATION:
        warned.append(
            f"{listed.file} has one box per picture; the other faces in it are learned as "
            "background"
        )
    is_few = count < _FEW and not initial and model in _SHIPPED
    if is_few and chosen.name != recipes.NOTEBOOK.name:
        warned.append(
            f"Few pictures: --from {model} fine-tunes the pretrained network and will be more "
            "accurate; the result carries its licence, CC BY-NC-SA 4.0"
        )
    warned += [
        f"{network.source} does not say which pictures it was trained on; if some are held out "
        "here, the accuracy will be inflated"
        for network in ([initial, *teachers] if initial else teachers)
        if not network.says_what_it_saw
    ]
    return Plan(
        model,
        chosen,
        str(describe(where, chosen.precision)),
        f"{root}: {told}",
        listed.file if listed else None,
        tuple(listed.bad) if listed else (),
        len(listed.incomplete) if listed else 0,
        tuple(warned),
    )


def _pictures(
    root: Path, model: str, listed: Boxes | None, asked: Characters
) -> tuple[int, str, tuple[str, ...]]:
    """How many pictures and faces there are to learn from, what they are, in words, and whose."""
    if listed is None:
        listing = find(root, asked)
        return len(listing.pictures), listing.summary, listing.classes
    if model == models.DETECTOR:
        return len(listed.complete), listed.summary, ()
    chosen = sources.choose(root, listed, asked)
    return len(chosen), chosen.summary, chosen.classes


def _changed(
    recipe: Recipe,
    epochs: int | None,
    batch: int | None,
    learning_rate: float | None,
    views: int | None,
    mix: float | None,
) -> Recipe:
    return replace(
        recipe,
        epochs=epochs or recipe.epochs,
        batch=batch or recipe.batch,
        learning_rate=learning_rate or recipe.learning_rate,
        views=recipe.views if views is None else views,
        augmentation=recipe.augmentation if mix is None else replace(recipe.augmentation, mix=mix),
    )


def _observer(
    asked: Observer | Callable[[Plan], Observer] | None,
    plan: Plan,
    tensorboard: bool,
    folder: Path,
) -> Observer:
    if asked is None:
        observer: Observer = Silent()
    elif callable(asked):
        observer = asked(plan)
    else:
        observer = asked
    return TensorBoard(folder, observer) if tensorboard and parallel.is_first() else observer


def _require_nothing_of_a_training(**options: object) -> None:
    """Raise SimpsonsError if an option was given that --keep has no use for."""
    _refuse(
        options, "with --keep, which adds characters to a network and trains no epochs; omit it"
    )


def _option(name: str) -> str:
    return {"initial": "from", "teachers": "teacher"}.get(name, name).replace("_", "-")


def _require_decided_by_the_run(**options: object) -> None:
    """Raise SimpsonsError if an option was given that a run to be resumed has decided already."""
    why = "with --resume, which goes on as the run began; omit it, or start another run"
    _refuse(options, why)


def _refuse(options: Mapping[str, object], why: str) -> None:
    for name, value in options.items():
        if value is not None:
            raise SimpsonsError(f"--{_option(name)} can't be given {why}")
