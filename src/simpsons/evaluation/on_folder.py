"""`evaluate` and `compare`: networks on a folder of pictures, with what makes a figure doubtful."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simpsons.characters import SLUGS, display_name, find_name
from simpsons.classifier import Classifier
from simpsons.dataset import cache, kaggle
from simpsons.dataset import split as splits
from simpsons.dataset.cache import Dataset
from simpsons.dataset.folders import Characters, Problem, find
from simpsons.errors import SimpsonsError
from simpsons.evaluation import compare as comparing
from simpsons.evaluation import leaks, plots
from simpsons.evaluation.compare import Comparison
from simpsons.evaluation.measure import Measured, error_examples, measure
from simpsons.evaluation.metrics import Evaluation
from simpsons.evaluation.report import write_report
from simpsons.files import StrPath, require_report
from simpsons.pixels.plain_resize import ANTIALIAS
from simpsons.progress import Track, silent


@dataclass(frozen=True)
class FolderEvaluation:
    """What `evaluate` returns.

    model: as it was named. split: which pictures were measured, in words. problems: files that
    could not be read. not_measured: pictures by class that the network does not know. copies: how
    many pictures copy a training picture, None if not looked for. learnt_from: how many are named
    like pictures that the network learnt from, None if nobody knows. notes: what makes the figures
    doubtful, in sentences.
    """

    model: str
    split: str
    evaluation: Evaluation
    problems: tuple[Problem, ...]
    not_measured: dict[str, int]
    copies: int | None
    learnt_from: int | None
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """As `simpsons evaluate --json` prints it."""
        return self.evaluation.to_json() | {
            "model": self.model,
            "split": self.split,
            "problems": [problem._asdict() for problem in self.problems],
            "not_measured": self.not_measured,
            "copies_of_training_pictures": self.copies,
            "named_like_training_pictures": self.learnt_from,
            "notes": list(self.notes),
        }


@dataclass(frozen=True)
class FolderComparison:
    """What `compare` returns.

    evaluations: of the first network and the second. learnt_from: by network. The other fields are
    as in `FolderEvaluation`.
    """

    comparison: Comparison
    evaluations: tuple[Evaluation, Evaluation]
    copies: int | None
    learnt_from: dict[str, int | None]
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """As `simpsons compare --json` prints it."""
        return self.comparison.to_json() | {
            "evaluations": {
                name: one.to_json()
                for name, one in zip(self.comparison.names, self.evaluations, strict=True)
            },
            "copies_of_training_pictures": self.copies,
            "named_like_training_pictures": self.learnt_from,
            "notes": list(self.notes),
        }


def evaluate(
    folder: StrPath | None = None,
    model: StrPath = "xception",
    *,
    split: str | None = None,
    part: str | None = None,
    seed: int = 0,
    characters: Characters = None,
    report: StrPath | None = None,
    picture: StrPath | None = None,
    training: StrPath | None = None,
    track: Track = silent,
) -> FolderEvaluation:
    """Measure a network on the pictures of a folder.

    Args:
        folder: one folder of pictures a character, or a flat test set; None for the installed
            data set.
        model: cnn, xception, cnn-int8, dolls, an ONNX file, or a run folder.
        split: given, leak-free, random, shipped or a split.csv; goes with `part`.
        part: train, validation or test; None for every picture.
        seed: of a split that is drawn.
        characters: their names, "all", or the number with most pictures; None for those that the
            network knows.
        report: an HTML file to write.
        picture: a PNG or SVG file to write the confusion matrix to.
        training: training pictures to look for copies in, for a flat test set.
        track: shows progress, such as `simpsons.progress.bar`.

    Raises:
        SimpsonsError: for a folder, network, split or file that can't be used; says why.
    """
    _require_outputs(report, picture)
    name = os.fspath(model)
    classifier = Classifier(model)
    pictures = _Pictures.of(folder, split, part, seed, characters, classifier, track)
    seen_by = pictures.as_seen_by(classifier)
    measured = measure(classifier, seen_by, pictures.rows, track)
    copies = leaks.copies_of_training(pictures.dataset, measured, training, track)
    seen, said = _learnt_from(pictures, measured, {name: classifier})
    notes = pictures.notes(measured, copies, said)
    if picture:
        plots.save(plots.confusion_matrix(measured.evaluation), Path(picture))
    if report:
        write_report(
            Path(report),
            measured.evaluation,
            title=f"{name} on {pictures.facts['Data']}",
            facts={"Model": name} | pictures.facts,
            problems=pictures.dataset.problems,
            errors=error_examples(classifier, measured, seen_by),
            notes=notes,
        )
    return FolderEvaluation(
        model=name,
        split=pictures.facts["Split"],
        evaluation=measured.evaluation,
        problems=tuple(pictures.dataset.problems),
        not_measured=pictures.dataset.listing.left_out | measured.unknown,
        copies=copies,
        learnt_from=seen[name],
        notes=tuple(notes),
    )


def compare(
    first: StrPath,
    second: StrPath,
    folder: StrPath | None = None,
    *,
    split: str | None = None,
    part: str | None = None,
    seed: int = 0,
    characters: Characters = None,
    report: StrPath | None = None,
    training: StrPath | None = None,
    track: Track = silent,
) -> FolderComparison:
    """Measure two networks on the same pictures and say whether they differ.

    McNemar's exact test, and a paired bootstrap interval drawn by `seed`.

    Args:
        first: a network, as `evaluate` takes it.
        second: another one that knows the same characters.
        folder, split, part, seed, characters, report, training, track: as `evaluate` takes them.

    Raises:
        SimpsonsError: for a folder, network, split or file that can't be used; says why.
    """
    _require_outputs(report)
    names = (os.fspath(first), os.fspath(second))
    classifiers = Classifier(first), Classifier(second)
    labels = classifiers[0].labels
    same = [find_name(label, classifiers[1].labels) for label in labels]
    if set(same) != set(classifiers[1].labels) or len(same) != len(classifiers[1].labels):
        raise SimpsonsError(f"{first} and {second} know different characters; compare others")
    columns = [classifiers[1].labels.index(str(label)) for label in same]
    pictures = _Pictures.of(folder, split, part, seed, characters, classifiers[0], track)
    one, two = (
        measure(classifier, pictures.as_seen_by(classifier), pictures.rows, track)
        for classifier in classifiers
    )
    comparison = comparing.compare(
        one.probabilities, two.probabilities[:, columns], one.labels, names, seed
    )
    copies = leaks.copies_of_training(pictures.dataset, one, training, track)
    seen, said = _learnt_from(pictures, one, dict(zip(names, classifiers, strict=True)))
    notes = pictures.notes(one, copies, said)
    if report:
        write_report(
            Path(report),
            one.evaluation,
            title=f"{first} and {second} on {pictures.facts['Data']}",
            facts=pictures.facts,
            problems=pictures.dataset.problems,
            errors=error_examples(classifiers[0], one, pictures.as_seen_by(classifiers[0])),
            comparison=comparison,
            second=two.evaluation,
            notes=notes,
        )
    evaluations = one.evaluation, two.evaluation
    return FolderComparison(comparison, evaluations, copies, seen, tuple(notes))


def _require_outputs(report: StrPath | None, picture: StrPath | None = None) -> None:
    """Raise SimpsonsError unless these can be written, before anything is measured."""
    if picture:
        plots.require_target(picture)
    if report:
        require_report(report)
    if picture and report and os.path.realpath(picture) == os.path.realpath(report):
        raise SimpsonsError(f"{report}: can't be both the report and the picture; give two names")


@dataclass(frozen=True)
class _Pictures:
    """What is measured: rows of a data set, what a report says of them, and notes."""

    dataset: Dataset
    wanted: Characters
    rows: NDArray[np.int64] | None
    facts: dict[str, str]
    said: list[str]
    track: Track

    @classmethod
    def of(
        cls,
        folder: StrPath | None,
        split: str | None,
        part: str | None,
        seed: int,
        characters: Characters,
        classifier: Classifier,
        track: Track,
    ) -> "_Pictures":
        root = kaggle.resolve(folder)
        wanted = _wanted(root, characters, classifier)
        # A project's split lists strangers' faces too, which a network learns to refuse.
        dataset = cache.load(root, wanted, track, strangers=part is not None)
        count = len(dataset.known(np.arange(len(dataset))))
        facts = {
            "Data": f"{dataset.root}",
            "Pictures": f"{count:,} readable, {len(dataset.problems)} left out",
        }
        if part is None:
            if split:
                raise SimpsonsError(
                    f"--split {split} says which parts there are; choose one by --part"
                )
            facts["Split"] = "none: every picture in the folder"
            return cls(dataset, wanted, None, facts, [], track)
        chosen = splits.make(dataset, split, seed, track)
        rows = dataset.known(chosen.rows(part))
        if len(rows) == 0:
            raise SimpsonsError(f"{dataset.root}: the {chosen.kind} split has no {part} part")
        seed_used = "" if chosen.seed is None else f", seed {chosen.seed}"
        notes = [f"{chosen.note}."] if chosen.note else []
        if chosen.kind == "given" and part != "train":
            leaking = {part: splits.leaks(dataset, chosen, part)}
            notes.append(splits.leak_note(chosen.counts(), leaking))
        facts["Split"] = f"{chosen.kind}{seed_used}, {part} part"
        return cls(dataset, wanted, rows, facts, notes, track)

    def as_seen_by(self, classifier: Classifier) -> Dataset:
        """The same pictures, fitted as the network has them."""
        if classifier.resize == ANTIALIAS:
            return self.dataset
        return cache.load(
            self.dataset.root,
            self.wanted,
            self.track,
            classifier.resize,
            strangers=self.rows is not None,
        )

    def notes(self, measured: Measured, copies: int | None, learnt: Sequence[str]) -> list[str]:
        """What makes the figures doubtful."""
        dataset, notes = self.dataset, []
        total = measured.evaluation.n
        if copies is not None:
            notes.append(
                f"{copies:,} of these {total:,} pictures are copies of training pictures "
                f"({copies / total:.1%}): on copies, accuracy measures memory."
            )
        elif dataset.listing.flat:
            notes.append(
                "no training pictures at hand to look for copies in; give them with --training"
            )
        notes += filter(None, [*learnt, *self.said])
        notes += (f"{note}." for note in dataset.listing.notes)
        absent = [score.slug for score in measured.evaluation.per_class if not score.support]
        if absent:
            known = len(measured.evaluation.per_class)
            notes.append(
                f"{len(absent)} of the {known} characters that the network knows have no picture "
                f"here, so nothing is measured of them: {', '.join(map(display_name, absent))}."
            )
        if unknown := dataset.listing.left_out | measured.unknown:
            count = sum(unknown.values())
            notes.append(f"{count:,} pictures of other characters were not measured.")
        if dataset.problems:
            first = dataset.problems[0]
            notes.append(
                f"{len(dataset.problems):,} files were left out, the first: {first.path}: "
                f"{first.reason}."
            )
        return notes


def _wanted(root: Path, characters: Characters, classifier: Classifier) -> Characters:
    """What was asked for, else those of the folder that a network of other characters knows."""
    if characters is not None or set(classifier.labels) <= set(SLUGS):
        return characters
    there = find(root, "all", classifier.labels).classes
    found = (find_name(label, there) for label in classifier.labels)
    return [name for name in found if name] or None


def _learnt_from(
    pictures: _Pictures, measured: Measured, networks: dict[str, Classifier]
) -> tuple[dict[str, int | None], list[str]]:
    """How many pictures each network learnt from, and what there is to say of it."""
    paths = [pictures.dataset.paths[row] for row in measured.rows]
    seen = {name: leaks.learnt_from(paths, network) for name, network in networks.items()}
    said = [
        leaks.learnt_note(name, network, seen[name], len(paths))
        for name, network in networks.items()
    ]
    return seen, said
