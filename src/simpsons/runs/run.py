"""A run folder: start a training in it, go on with it, and finish it with weights and a report.

config.json        everything needed to repeat the run
split.csv          which picture was in which part; its faces are in the same
exclude.csv        what training dropped or relabelled, where --exclude was given
metrics.csv        one row an epoch
best.safetensors   the weights with the best validation accuracy
last.safetensors   the state to go on from
curves.png         loss and accuracy by epoch
model.onnx         the best weights as the whole classifier or detector
report/index.html  figures on the validation part
"""

import json
import math
import os
import shlex
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from simpsons import __version__, models
from simpsons.characters import SLUGS
from simpsons.classifier import UNKNOWN, Classifier
from simpsons.dataset import boxed_pictures, cache, exclusions, sources
from simpsons.dataset import boxes as box_files
from simpsons.dataset import split as splits
from simpsons.dataset.boxed_pictures import BoxedPictures
from simpsons.dataset.boxes import Boxes
from simpsons.dataset.cache import Dataset
from simpsons.dataset.exclusions import Excluded
from simpsons.dataset.folders import Characters, DataError
from simpsons.dataset.kaggle import LICENCE
from simpsons.dataset.split import Split
from simpsons.errors import SimpsonsError
from simpsons.evaluation import detection, plots
from simpsons.evaluation.measure import Measured, error_examples, measure
from simpsons.evaluation.metrics import fit_temperature
from simpsons.evaluation.report import write_report
from simpsons.files import StrPath, is_leftover, remove_leftovers, write_text
from simpsons.models import unfuse
from simpsons.models.faces import Faces
from simpsons.models.inference import predict_logits
from simpsons.models.scaled import Scaled
from simpsons.pixels.plain_resize import ANTIALIAS, Resize
from simpsons.progress import Track, silent
from simpsons.run_files import CONFIG, MODEL, SPLIT, TENSORBOARD
from simpsons.runs import changes, exporting, exporting_faces, pretrained
from simpsons.runs.changes import Tell, untold
from simpsons.runs.config import Config
from simpsons.runs.pretrained import Pretrained
from simpsons.runs.run_lock import LOCK, claimed
from simpsons.training import last_layer, loop, parallel
from simpsons.training.device import Machine, choose_device, describe
from simpsons.training.faces import training as face_training
from simpsons.training.observer import Epoch, Observer, Silent, finished, to_csv
from simpsons.training.recipe import DEFAULT, Recipe, Trained, fitted

EXCLUDE = "exclude.csv"
CURVES = "curves.png"
REPORT = Path("report", "index.html")

_SECONDS_BETWEEN_CURVES = 5.0  # drawing takes about as long as a small epoch


def start(
    folder: str | os.PathLike[str],
    data: str | os.PathLike[str],
    network: Trained,
    recipe: Recipe | None = None,
    *,
    boxes: str | os.PathLike[str] | Boxes | None = None,
    split: str | None = None,
    exclude: str | os.PathLike[str] | None = None,
    characters: Characters = None,
    initial: StrPath | Pretrained | None = None,
    teachers: Sequence[StrPath | Pretrained] = (),
    seed: int = 0,
    device: str = "auto",
    observer: Observer | None = None,
    track: Track = silent,
    tell: Tell = untold,
    fit: bool = True,
) -> Measured | detection.Measured | None:
    """Train a network on a folder of pictures, or a project, into a new run folder; see `finish`.

    boxes: a file with boxes around the faces, or what `dataset.boxes.read` made of it with the
    folder. A classifier then learns faces, and also whole pictures where there is one folder a
    character; see `dataset.sources`. `faces` needs it. exclude: a list of training pictures to drop
    or relabel; see `dataset.exclusions`. initial: a network whose best weights are the first ones,
    as far as their shapes fit: a run folder, `cnn`, `xception`, `faces` or an ONNX file. teachers:
    networks to learn from, likewise; see `Recipe.distillation`. Neither may have learnt from
    pictures that this run holds out. tell: is told of pictures that can't be read. recipe: None for
    the default. fit: whether a default recipe's batch, learning rate, average and views are fitted
    to the number of pictures and the device, as far as they are the default's; see
    `recipe.fitted`. Without, a network may answer by chance where there are few pictures.

    Of several processes, all train and the first one writes; see `parallel`. The others return
    None. Raises SimpsonsError when the folder has a run already or the data can't be used.
    """
    folder = Path(folder)
    where = choose_device(device)
    asked = recipe or DEFAULT[network]
    learnt = _Learnt.of(initial, teachers)

    def prepare() -> tuple[Config, Dataset, Split]:
        if (folder / CONFIG).exists():
            raise SimpsonsError(
                f"{folder}: already holds a run; resume it with --resume, or choose another "
                "folder with --out"
            )
        _remove_begun(folder)
        if teachers and not asked.distillation:
            raise SimpsonsError(
                f"the recipe {asked.name} doesn't learn from teachers; omit --teacher, or choose "
                "--recipe default"
            )
        _require_consistent(network, boxes, exclude, characters, teachers)
        dataset = _load(network, data, boxes, characters, track, ANTIALIAS)
        if network != models.DETECTOR:
            require_trainable(dataset)
        chosen = splits.make(dataset, split, seed, track)
        chosen = splits.with_groups(dataset, chosen, track)
        if asked.resize != ANTIALIAS:  # which the split does not depend on
            dataset = _load(network, data, boxes, characters, track, asked.resize)
        excluded = Excluded(0, 0)
        if exclude:
            dataset, chosen, excluded = exclusions.apply(exclude, dataset, chosen)
        splits.require_parts(dataset, chosen, "choose another --split")
        _require_faces(dataset, chosen)
        changes.tell_unread(dataset, tell)
        if note := splits.shot_note(dataset, chosen):
            tell(note)
        on_gpu = where.type == "cuda"
        config = Config(
            network=network,
            recipe=fitted(asked, network, len(dataset), on_gpu) if fit else asked,
            data=str(Path(data).resolve()),
            characters=characters,
            initial=learnt.initial.name if learnt.initial else None,
            teachers=tuple(teacher.name for teacher in learnt.teachers),
            split=chosen.kind,
            split_seed=chosen.seed,
            seed=seed,
            device=device,
            pictures=len(dataset),
            left_out=len(dataset.problems),
            dropped=excluded.dropped,
            relabelled=excluded.relabelled,
            parts=chosen.counts(),
            classes=dataset.classes,
            version=__version__,
            machine=asdict(describe(where, asked.precision)),
            licence=_licence(
                dataset.names if isinstance(dataset, BoxedPictures) else dataset.classes,
                learnt.all,
            ),
            boxes=None if boxes is None else str(_file(boxes).resolve()),
            leaking={part: splits.leaks(dataset, chosen, part) for part in splits.HELD_OUT}
            if chosen.kind == "given"
            else {},
        )
        learnt.require_fit(config, dataset, chosen)
        try:
            if exclude:
                exclusions.write(folder / EXCLUDE, exclusions.read(exclude))
            checksums = changes.checksums(dataset)
            config = replace(
                config, listed=splits.write(folder / SPLIT, dataset, chosen, checksums)
            )
            _write(folder, config)
        finally:
            if not (folder / CONFIG).exists():
                _remove_begun(folder)
        return config, dataset, chosen

    parallel.join(where)
    parallel.first_does(lambda: require_free(folder))
    with claimed(folder):
        prepared = parallel.first_does(prepare) or load(folder, silent)
        return _train(folder, *prepared, learnt, observer or Silent(), track)


class _Learnt(NamedTuple):
    """What a run starts from, if anything, and its teachers."""

    initial: Pretrained | None
    teachers: tuple[Pretrained, ...]

    @classmethod
    def of(
        cls, initial: StrPath | Pretrained | None, teachers: Sequence[StrPath | Pretrained]
    ) -> "_Learnt":
        first = None if initial is None else Pretrained.of(initial)
        return cls(first, tuple(map(Pretrained.of, teachers)))

    @property
    def all(self) -> tuple[Pretrained, ...]:
        return (self.initial, *self.teachers) if self.initial else self.teachers

    def require_fit(self, config: Config, dataset: Dataset, split: Split) -> None:
        """Raise SimpsonsError if the run can't learn from one of them."""
        for each in self.all:
            each.require_unseen(dataset, split)
        if self.initial:
            network, name = self.initial.network, self.initial.name
            if isinstance(network, Scaled):
                raise SimpsonsError(
                    f"{name}: works with other values of pixels than training here gives; choose "
                    "another with --from, or make it a --teacher"
                )
            if type(network) is not models.TYPES[config.network]:
                raise SimpsonsError(
                    f"{name}: is another architecture than {config.network}, so none of its "
                    "weights would fit; choose another with --from"
                )
        for teacher in self.teachers:
            if teacher.classes != config.classes:
                raise SimpsonsError(f"{teacher.name}: has other classes; choose another --teacher")
            _ = teacher.network  # opened here, so that what is wrong with it is said at once


_BEGUN = {LOCK, EXCLUDE, SPLIT, TENSORBOARD}
"""What a training puts into its folder before it has a configuration."""


def require_free(folder: Path) -> None:
    """Raise SimpsonsError if there is something in the folder that no training has put there.

    A lock without a configuration is of a training that was killed while it began.
    """
    if not folder.is_dir() or (folder / CONFIG).exists():
        return
    there = {path.name for path in folder.iterdir() if not is_leftover(path.name)}
    if there - (_BEGUN if LOCK in there else {TENSORBOARD}):
        raise SimpsonsError(f"{folder}: is not empty; choose an empty folder with --out")


def _remove_begun(folder: Path) -> None:
    """Remove what a training that was stopped while it began has left."""
    for name in (EXCLUDE, SPLIT):
        (folder / name).unlink(missing_ok=True)
    remove_leftovers(folder)


def _write(folder: Path, config: Config) -> None:
    write_text(folder / CONFIG, json.dumps(config.to_json(), indent=2) + "\n", flush=True)


def resume(
    folder: str | os.PathLike[str],
    *,
    data: str | os.PathLike[str] | None = None,
    observer: Observer | None = None,
    track: Track = silent,
    tell: Tell = untold,
) -> Measured | detection.Measured | None:
    """Go on with a run that was stopped, to the same result as if it had not been.

    data: where its pictures are now, if they were moved. tell: is told of pictures that are gone,
    can't be read or were replaced since; then the result is another. The number of processes may be
    another one. Of a finished run what is missing is made. Returns what `start` returns.

    Raises SimpsonsError when the folder is no run, another training is at work there, or its data
    can't be used.
    """
    folder = Path(folder)
    parallel.join(choose_device(Config.read(folder).device))
    with claimed(folder):
        loaded = parallel.first_does(lambda: load(folder, track, data)) or load(
            folder, silent, data
        )
        config, dataset, split = loaded
        parallel.first_does(lambda: changes.tell_since(folder, dataset, split, tell))
        if data is not None:
            parallel.first_does(lambda: _write(folder, config))
        learnt = _Learnt.of(config.initial, config.teachers)
        return _train(folder, config, dataset, split, learnt, observer or Silent(), track)


def load(
    folder: Path, track: Track = silent, data: str | os.PathLike[str] | None = None
) -> tuple[Config, Dataset, Split]:
    """What a run was told, and its pictures and split, exclusions applied.

    data: where its pictures are now, if they were moved. Pictures that came later are in no part.

    Raises SimpsonsError when the folder is no run, or its data can't be used.
    """
    config = Config.read(folder)
    if data is not None:
        config = _moved(config, Path(data).resolve())
    elif not Path(config.data).is_dir():
        raise SimpsonsError(
            f"{folder}: its pictures were in {config.data}, which is missing; say where they are "
            f"now: `simpsons export {shlex.quote(str(folder))} OUT.onnx --data FOLDER`, or "
            f"`simpsons train FOLDER --resume {shlex.quote(str(folder))}`"
        )
    is_detector = config.network == models.DETECTOR
    characters = None if is_detector else config.classes
    resize = config.recipe.resize
    dataset = _load(config.network, config.data, config.boxes, characters, track, resize)
    split = splits.read(folder / SPLIT, dataset)
    _require_listed(folder, config)
    if (folder / EXCLUDE).exists():
        dataset, split, _ = exclusions.apply(folder / EXCLUDE, dataset, split, strict=False)
    elif config.dropped or config.relabelled:
        raise SimpsonsError(f"{folder / EXCLUDE}: is missing; put it back, or train again")
    splits.require_parts(dataset, split, "put its pictures back, or train again")
    _require_faces(dataset, split)
    return config, dataset, split


def _require_listed(folder: Path, config: Config) -> None:
    """Raise SimpsonsError if a part of `split.csv` is missing."""
    listed = len(splits.lines_of(folder / SPLIT))
    if config.listed not in (None, listed):
        raise SimpsonsError(
            f"{folder / SPLIT}: lists {listed:,} pictures and was written with "
            f"{config.listed:,}; put it back as it was, or train again"
        )


def _moved(config: Config, data: Path) -> Config:
    """The configuration with its pictures elsewhere, and its box file too if it lay among them."""
    boxes = config.boxes
    if boxes is not None and Path(boxes).is_relative_to(config.data):
        boxes = str(data / Path(boxes).relative_to(config.data))
    return replace(config, data=str(data), boxes=boxes)


def require_trainable(dataset: Dataset) -> None:
    """Raise DataError unless there are two classes or more, each with a readable picture.

    None of them may have the name of the verdict on strangers.
    """
    dataset.listing.require_classes()
    if UNKNOWN in dataset.classes:
        raise DataError(
            f"{dataset.root}: a class can't be called {UNKNOWN}, the verdict on a picture of "
            "nobody the network knows; rename its folder"
        )
    present = set(np.unique(dataset.labels))
    empty = [name for label, name in enumerate(dataset.classes) if label not in present]
    if empty:
        raise DataError(
            f"{dataset.root}: no readable picture in the class {', '.join(empty)}; see "
            "`simpsons data stats` for the reasons"
        )


def _load(
    network: str,
    data: str | os.PathLike[str],
    boxes: str | os.PathLike[str] | Boxes | None,
    characters: Characters,
    track: Track,
    resize: Resize,
) -> Dataset:
    """What a network learns from: BoxedPictures for the detector. resize: of whole pictures."""
    if boxes is None:
        return cache.load(data, characters, track, resize, strangers=True)
    listed = boxes if isinstance(boxes, Boxes) else box_files.read(boxes, data)
    if network == models.DETECTOR:
        return boxed_pictures.load(data, listed, track)
    return sources.load(sources.choose(data, listed, characters), track)


def _file(boxes: str | os.PathLike[str] | Boxes) -> Path:
    return boxes.file if isinstance(boxes, Boxes) else Path(boxes)


def _require_consistent(
    network: str,
    boxes: object,
    exclude: object,
    characters: Characters,
    teachers: Sequence[object],
) -> None:
    """Raise SimpsonsError for what can't be asked for together."""
    detects = network == models.DETECTOR
    if detects and boxes is None:
        raise SimpsonsError(
            f"{network} learns from boxes around every face; give their file with --boxes"
        )
    if exclude and boxes is not None:
        raise SimpsonsError(
            "--exclude lists whole pictures, and --boxes says who is in them; correct the box file "
            "instead"
        )
    if detects and characters is not None:
        raise SimpsonsError(f"{network} finds every face, whoever it is; omit --characters")
    if detects and teachers:
        raise SimpsonsError(f"{network} doesn't learn from teachers; omit --teacher")


def _require_faces(dataset: Dataset, split: Split) -> None:
    """Raise DataError if a detector would have no face to learn from or to be measured by."""
    if not isinstance(dataset, BoxedPictures):
        return
    for part in splits.PARTS[:2]:
        if not dataset.faces(split.rows(part)):
            raise DataError(
                f"{dataset.root}: its {part} pictures show no face; box more pictures with faces"
            )


def finish(
    folder: Path, dataset: Dataset, split: Split, track: Track = silent
) -> Measured | detection.Measured:
    """Export the best weights of a run and report on the validation part.

    The temperature, of a detector the threshold, is fitted on the validation part. Returns what was
    measured there.
    """
    config = Config.read(folder)
    if isinstance(dataset, BoxedPictures):
        network, metadata = _best(folder, config)
        assert isinstance(network, Faces)
        found = exporting_faces.export_fitted(
            network, folder / MODEL, dataset, split, metadata, track
        )
        told = facts(config)
        return exporting_faces.report(
            folder / REPORT, folder / MODEL, dataset, split, found, told, track
        )
    export_run(folder, folder / MODEL, dataset, split, track=track)
    classifier = Classifier(folder)
    measured = measure(classifier, dataset, dataset.known(split.rows("validation")), track)
    notes = ["Validation chose the epoch and the temperature; only a test part is unbiased."]
    notes += filter(None, [split.note, splits.leak_note(config.parts, config.leaking)])
    figures = classifier.metadata["figures"]
    if "validation_strangers_named" in figures:
        notes.append(
            f"{figures['validation_strangers_named']:.1%} of its strangers' faces get a name, not "
            f"the verdict {UNKNOWN}."
        )
    write_report(
        folder / REPORT,
        measured.evaluation,
        title=f"{config.network} on the validation part of {dataset.root.name}",
        facts=facts(config),
        problems=dataset.problems,
        errors=error_examples(classifier, measured, dataset),
        history=[asdict(row) for row in history(folder)],
        notes=notes,
    )
    return measured


def export_run(
    folder: Path,
    out: Path,
    dataset: Dataset,
    split: Split,
    half: bool = False,
    int8: bool = False,
    last: bool = False,
    track: Track = silent,
) -> None:
    """Write the best weights of a run, or those of its last epoch, as one ONNX file.

    See `exporting.export_fitted`.
    """
    config = Config.read(folder)
    network, metadata = _best(folder, config, last)
    if isinstance(dataset, BoxedPictures):
        assert isinstance(network, Faces)
        if int8:
            raise SimpsonsError(f"{folder}: finds faces, which int8 is too coarse for; omit --int8")
        exporting_faces.export_fitted(network, out, dataset, split, metadata, track)
        return
    rows = dataset.known(split.rows("validation"))
    pixels = torch.from_numpy(np.array(dataset.images[rows]))
    logits = predict_logits(network, pixels, torch.arange(len(rows)))
    temperature = fit_temperature(logits.numpy(), dataset.labels[rows])
    exporting.export_fitted(network, out, dataset, split, metadata, temperature, half, int8, track)


def _best(folder: Path, config: Config, last: bool = False) -> tuple[nn.Module, dict[str, Any]]:
    """The network of a run with the best weights or the last, and what its file says of it."""
    if last:
        network, epoch = pretrained.load_last(folder), config.recipe.epochs
    else:
        network, best = pretrained.load_best(folder)
        epoch = best["epoch"]
    metadata: dict[str, Any] = {
        "network": config.network,
        "recipe": config.recipe.to_json(),
        "split": {"kind": config.split, "seed": config.split_seed, "parts": config.parts},
        "initial": config.initial is not None,
        "teachers": len(config.teachers),
        "epoch": epoch,
        "epoch_kept": "last" if last else "best",
        "version": config.version,
    }
    if config.recipe.resize != ANTIALIAS and config.boxes is None:
        metadata["resize"] = config.recipe.resize
    if licence := config.licence or _licence(config.classes, ()):
        metadata["data_licence"] = licence
    return network, metadata


def _licence(classes: Sequence[str], sources: Sequence[Pretrained]) -> str | None:
    """Of the pictures of these classes, or else of those that the first of the sources has seen."""
    named = set(classes) - {UNKNOWN}
    if named and named <= set(SLUGS):
        return LICENCE
    licences = (source.licence for source in sources)
    return next((licence for licence in licences if licence), None)


def history(folder: Path) -> list[Epoch]:
    """The epochs of a run so far."""
    return list(pretrained.history(folder, Config.read(folder)))


def facts(config: Config) -> dict[str, str]:
    """What a report says of a run."""
    parts = ", ".join(f"{count:,} {part}" for part, count in config.parts.items() if count)
    names_faces = config.boxes and config.network != models.DETECTOR
    what = "pictures and faces" if names_faces else "pictures"
    return {
        "Network": config.network,
        "Recipe": f"{config.recipe.name}, {config.recipe.epochs} epochs",
        "Started from": config.initial or "new weights",
        "Teachers": ", ".join(config.teachers) or "none",
        "Data": f"{config.data}: {config.pictures:,} {what}, {config.left_out} left out",
        "Split": f"{config.split}: {parts}",
        "Exclusions": f"{config.dropped} dropped, {config.relabelled} relabelled",
        "Boxes": config.boxes or "none",
        "Seed": str(config.seed),
        "Machine": str(Machine(**config.machine)) if config.machine else "not noted",
        "simpsons": config.version,
    }


class _Curves:
    """Draws the curves now and then and after the last epoch, and passes on what it is told."""

    def __init__(self, path: Path, epochs: int, observer: Observer) -> None:
        self._path, self._epochs, self._observer = path, epochs, observer
        self._drawn = -math.inf

    def on_step(self, epoch: int, done: int, total: int, loss: float, accuracy: float) -> None:
        self._observer.on_step(epoch, done, total, loss, accuracy)

    def on_epoch(self, history: Sequence[Epoch], best: bool) -> None:
        now = time.monotonic()
        if now - self._drawn > _SECONDS_BETWEEN_CURVES or finished(history) == self._epochs:
            self.draw(history)
            self._drawn = now
        self._observer.on_epoch(history, best)

    def draw(self, history: Sequence[Epoch]) -> None:
        """Draw them now."""
        plots.save(plots.training_curves([asdict(row) for row in history]), self._path)


def _train(
    folder: Path,
    config: Config,
    dataset: Dataset,
    split: Split,
    learnt: _Learnt,
    observer: Observer,
    track: Track,
) -> Measured | detection.Measured | None:
    curves = _Curves(folder / CURVES, config.recipe.epochs, observer)
    done = history(folder) if (folder / loop.LAST).exists() else []
    if done:
        parallel.first_does(lambda: _repair(folder, done, curves))
    if finished(done) < config.recipe.epochs:
        _learn(folder, config, dataset, split, learnt, curves)
    return parallel.first_does(lambda: finish(folder, dataset, split, track))


def _repair(folder: Path, done: Sequence[Epoch], curves: _Curves) -> None:
    """Remove what a killed training left, and write what it may not have come to."""
    remove_leftovers(folder)
    write_text(folder / loop.METRICS, to_csv(done))
    curves.draw(done)


def _learn(
    folder: Path,
    config: Config,
    dataset: Dataset,
    split: Split,
    learnt: _Learnt,
    curves: _Curves,
) -> None:
    """Train to the last epoch."""
    learnt.require_fit(config, dataset, split)
    is_new = not (folder / loop.LAST).exists()
    initial = None
    if learnt.initial:
        initial = _trainable(learnt.initial, config, dataset, split, is_new)
    teachers = [teacher.network for teacher in learnt.teachers]
    if isinstance(dataset, BoxedPictures):
        face_training.train(
            dataset,
            split,
            config.recipe,
            folder,
            initial=initial,
            seed=config.seed,
            device=config.device,
            observer=curves,
        )
    else:
        loop.train(
            dataset,
            split,
            config.network,
            config.recipe,
            folder,
            initial=initial,
            teachers=teachers,
            seed=config.seed,
            device=config.device,
            observer=curves,
        )


def _trainable(
    initial: Pretrained, config: Config, dataset: Dataset, split: Split, is_new: bool
) -> nn.Module:
    """The network that a run starts from. is_new: with a last layer for the data set's classes."""
    network = initial.network
    if isinstance(dataset, BoxedPictures):
        face_training.make_trainable(network, dataset, split, config.recipe)
        return network
    network = unfuse.trainable(
        network, config.recipe.batch_norm, dataset.images[split.rows("train")]
    )
    if is_new:
        last_layer.adapt(network, initial.classes, dataset, split)
    return network
