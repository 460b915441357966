"""All that an audit finds, and its counts as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from simpsons.auditing import duplicates, image_properties, labels, random_claim
from simpsons.auditing.cross_validation import Watch, out_of_fold
from simpsons.auditing.duplicates import Duplicates, Leaks, Pair
from simpsons.auditing.pictures import Pictures
from simpsons.characters import composed, find_name
from simpsons.classifier import UNKNOWN
from simpsons.dataset import boxes
from simpsons.dataset import split as splits
from simpsons.dataset.cache import Dataset
from simpsons.dataset.folders import DataError
from simpsons.dataset.split import Split
from simpsons.progress import Track, silent
from simpsons.training.recipe import Network

BOXES = "faces.csv"
"""The file of boxes that a folder of pictures may have, see `dataset.boxes`."""


@dataclass(frozen=True)
class Findings:
    """What is wrong with a data set.

    test: a folder of test pictures; in `duplicates` and `leaks` their rows follow the data
    set's. label_errors: None if they were not looked for. claims: one a network. boxed: who is
    named in the boxes of a picture, by its path in NFC; such a picture has several names.
    """

    dataset: Dataset
    test: Dataset | None
    duplicates: Duplicates
    leaks: tuple[Leaks, ...]
    odd: tuple[image_properties.Odd, ...]
    label_errors: tuple[labels.LabelError, ...] | None
    claims: tuple[random_claim.Claim, ...]
    boxed: Mapping[str, set[str]] = field(default_factory=dict)

    @cached_property
    def pictures(self) -> Pictures:
        """The data set's and the test folder's, in one numbering."""
        return Pictures(self.dataset, self.test)

    @cached_property
    def pairs(self) -> list[Pair]:
        """Near-duplicates within the data set, the strongest first."""
        return self.pictures.own_pairs(self.duplicates.pairs)

    def two_labels(self) -> list[Pair]:
        """Near-duplicates in the data set of two characters, the strongest first.

        Two frames that show both, by their boxes, are no such pair.
        """
        return [
            pair for pair in self.pairs if not self._shown(pair.first) & self._shown(pair.second)
        ]

    def _shown(self, row: int) -> set[str]:
        """Whom a picture shows: the class that it is filed under, and who is named in its boxes."""
        return {
            self.pictures.character(row),
            *self.boxed.get(composed(self.pictures.path(row)), ()),
        }

    def copies(self) -> list[Pair]:
        """Pictures that are in the data set twice, the strongest first."""
        return [pair for pair in self.pairs if pair.copy]

    def groups(self) -> list[list[int]]:
        """The data set's near-duplicate groups of two pictures or more, the largest first."""
        inside = [self.pictures.own(rows) for rows in self.duplicates.groups()]
        return sorted((rows for rows in inside if len(rows) > 1), key=lambda rows: -len(rows))

    def large_groups(self) -> list[list[int]]:
        """Those that are larger than a part of a leak-free split."""
        return [
            rows.tolist()
            for rows in splits.large_groups(self.duplicates.group[: len(self.dataset)])
        ]

    def counts(self) -> dict[str, int | None]:
        """The number of each finding, by what it is; None for what was not looked for."""
        groups = self.groups()
        return {
            "pictures": len(self.dataset),
            "left_out": len(self.dataset.problems),
            "near_duplicate_groups": len(groups),
            "pictures_in_groups": sum(len(rows) for rows in groups),
            "largest_group": max((len(rows) for rows in groups), default=0),
            "near_duplicate_pairs": len(self.pairs),
            "copies": len(self.copies()),
            "pairs_with_two_labels": len(self.two_labels()),
            "label_errors": None if self.label_errors is None else len(self.label_errors),
            "odd_pictures": len({found.row for found in self.odd}),
            "large_groups": len(self.large_groups()),
        }

    def to_json(self) -> dict[str, Any]:
        """Counts and every finding with its files and scores; plain values."""
        return {
            "folder": str(self.dataset.root),
            "counts": self.counts(),
            "groups": [[self.pictures.path(row) for row in rows] for rows in self.groups()],
            "copies": [self._pair(pair) for pair in self.copies()],
            "two_labels": [self._pair(pair) for pair in self.two_labels()],
            "leaks": [self._leaks(leaks) for leaks in self.leaks],
            "label_errors": None
            if self.label_errors is None
            else [self._label_error(error) for error in self.label_errors],
            "odd": [
                {"path": self.pictures.path(found.row), "kind": found.kind, "value": found.value}
                for found in self.odd
            ],
            "claims": [_claim(each) for each in self.claims],
            "problems": [problem._asdict() for problem in self.dataset.problems],
        }

    def leaking_by_class(self, leaks: Leaks) -> list[tuple[str, int, int, int]]:
        """Per class of held-out pictures: name, pictures, near-duplicates, copies among them."""
        held = [self.pictures.character(row) for row in leaks.rows]
        leaking = [(self.pictures.character(pair.first), pair.copy) for pair in leaks.strongest]
        return [
            (
                name,
                held.count(name),
                sum(character == name for character, _ in leaking),
                sum(character == name and copy for character, copy in leaking),
            )
            for name in sorted(set(held))
        ]

    def _pair(self, pair: Pair) -> dict[str, Any]:
        rows = pair.first, pair.second
        return {
            "paths": [self.pictures.path(row) for row in rows],
            "characters": [self.pictures.character(row) for row in rows],
            "similarity": pair.similarity,
            "copy": pair.copy,
        }

    def _leaks(self, leaks: Leaks) -> dict[str, Any]:
        keys = ("character", "pictures", "leaking", "copies")
        return {
            "held_out": leaks.name,
            "pictures": len(leaks.rows),
            "leaking": len(leaks.strongest),
            "copies": leaks.copies,
            "by_class": [dict(zip(keys, row, strict=True)) for row in self.leaking_by_class(leaks)],
            "pairs": [self._pair(pair) for pair in leaks.strongest],
        }

    def _label_error(self, error: labels.LabelError) -> dict[str, Any]:
        classes = self.dataset.classes
        return {
            "path": self.pictures.path(error.row),
            "given": classes[error.given],
            "likely": classes[error.likely],
            "given_probability": error.given_probability,
            "likely_probability": error.likely_probability,
        }


def _claim(each: random_claim.Claim) -> dict[str, Any]:
    parts = {"claimed": each.claimed, "leaking": each.leaking, "clean": each.clean}
    return {"network": each.network} | {
        name: asdict(part) | {"accuracy": part.share, "interval": part.interval}
        for name, part in parts.items()
    }


def find(
    dataset: Dataset,
    *,
    test: Dataset | None = None,
    split: Split | None = None,
    label_errors: Network | None = None,
    random_split: Sequence[Network] = (),
    device: str = "auto",
    watch: Watch,
    track: Track = silent,
) -> Findings:
    """Audit a data set.

    test, split: where to look for leaks. label_errors: the network that looks for them, by
    three trainings. random_split: the networks to train on one, a training each.
    """
    found = duplicates.find(dataset, test, track)
    leaks: list[Leaks] = []
    if test is not None:
        rows = Pictures(dataset, test).of_test
        leaks.append(found.leaks(f"test folder {test.root.name}", rows, np.arange(len(dataset))))
    if split is not None:
        leaks += duplicates.leaks_of_split(found, split)
    odd_ones = image_properties.find(dataset, track)
    errors = None
    if label_errors:
        group = splits.groups(dataset)
        judged = out_of_fold(dataset, group, network=label_errors, device=device, watch=watch)
        errors = tuple(labels.find(dataset.labels, judged))
    claims = tuple(
        random_claim.of_random_split(dataset, network, device=device, watch=watch)
        for network in random_split
    )
    return Findings(
        dataset, test, found, tuple(leaks), tuple(odd_ones), errors, claims, _boxed(dataset)
    )


def _boxed(dataset: Dataset) -> dict[str, set[str]]:
    """Who is named in the boxes of each picture, where the folder has a file of them."""
    path = dataset.root / BOXES
    if not path.is_file():
        return {}
    try:
        listed = boxes.read(path).pictures
    except DataError:  # some other table
        return {}
    names = {box.name for found in listed.values() for box in found} - {"", UNKNOWN}
    meant = {name: find_name(name, dataset.classes) or composed(name) for name in names}
    return {
        composed(path): {meant[box.name] for box in found if box.name in meant}
        for path, found in listed.items()
    }
