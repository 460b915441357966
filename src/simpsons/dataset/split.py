"""Which picture is for training, which for validation, which for the test.

The leak-free split gives whole groups of near-duplicates to one part, so that no test picture
has a neighbouring frame or a copy among the training pictures. The random split is the
reference notebook's, kept for comparison: it leaks.
"""

import csv
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simpsons.characters import composed
from simpsons.classifier import UNKNOWN
from simpsons.dataset.cache import Dataset
from simpsons.dataset.folders import DataError
from simpsons.duplicates import near_duplicates
from simpsons.duplicates.near_duplicates import NearDuplicates
from simpsons.files import csv_line, read_table, require_replaceable, write_text
from simpsons.progress import Track, silent

PARTS = ("train", "validation", "test")
HELD_OUT = PARTS[1:]
KINDS = ("leak-free", "random", "shipped", "given", "shots")

UNLISTED = "unlisted"
"""The part of a picture that a split's list does not have: it is in none."""

EXCLUDED = "excluded"
"""The part of a training picture that a list of exclusions drops."""

PART_TYPE = np.dtype(f"<U{max(map(len, (*PARTS, UNLISTED, EXCLUDED)))}")
"""Of an array of parts; a longer name would be cut off without a word."""

_SHIPPED = Path(__file__).parent.parent / "weights" / "split.csv"

_COLUMNS = ("path", "character", "group", "split")
_SIGN = rb"\A(\xef\xbb\xbf)?" + ",".join(_COLUMNS).encode() + rb"\r?\n"
_FOLDS = 10
_NOTEBOOK_SEED = 3
_NOTEBOOK_SHARE = 0.2


@dataclass(frozen=True)
class Split:
    """Which part each of N pictures is in.

    kind: as `make` takes it, of a file its name. seed: None where none was used. part: `[N]` of
    `PARTS`, or `UNLISTED` or `EXCLUDED`. group: int64 `[N]`, near-duplicates share one; None where
    they were not looked for, see `with_groups`. gone: how many pictures of the list are not there.
    """

    kind: str
    seed: int | None
    part: NDArray[np.str_]
    group: NDArray[np.int64] | None = None
    gone: int = 0

    def rows(self, part: str) -> NDArray[np.int64]:
        """The indices of the pictures in a part."""
        return np.flatnonzero(self.part == part)

    def counts(self) -> dict[str, int]:
        """Pictures per part."""
        return {part: len(self.rows(part)) for part in PARTS}

    @property
    def note(self) -> str:
        """What there is to say of pictures that the list and the folder don't share, if any."""
        notes = []
        if unlisted := len(self.rows(UNLISTED)):
            notes.append(f"{unlisted:,} pictures are not in the split {self.kind}, so in no part")
        if self.gone:
            notes.append(
                f"{self.gone:,} pictures of the split {self.kind} are not there or can't be read"
            )
        return "; ".join(notes)


def make(dataset: Dataset, kind: str | None = None, seed: int = 0, track: Track = silent) -> Split:
    """Split a data set.

    kind: `leak-free` for 80/10/10 by whole near-duplicate groups, stratified by class, from
    `seed`; `random` for the notebook's 80/20 without a test part (`random_state=3`, whatever
    the seed); `shipped` for the leak-free split that the shipped weights were trained on, by
    file name; `given` for the one that the folders are (`train/`, `val/`, `test/`), where a tenth
    of the training part, by whole near-duplicate groups, is for validation if no folder is;
    `shots` for 80/10/10 by whole shots of a project's films, stratified likewise; or the path of a
    CSV that `write` wrote. None for `shots` of a project, `given` where whole pictures are arranged
    so, else `leak-free`.

    Raises DataError when a class is too small, or the file does not fit the data set.
    """
    if kind is None:
        kind = "given" if dataset.listing.parts and dataset.wholes is None else "leak-free"
        kind = "shots" if dataset.listing.shots else kind
    if kind not in KINDS:
        return read(kind, dataset)
    if kind == "given":
        return _given(dataset, seed, track)
    if kind == "shots":
        return _by_shot(dataset, seed)
    if kind == "shipped":
        return Split(kind, None, parts_by_name(dataset))
    if kind == "random":
        picture = _picture(dataset)
        held = _random_validation(int(picture.max()) + 1)
        part = np.where(np.isin(picture, held), "validation", "train")
        return Split(kind, _NOTEBOOK_SEED, part)
    group = groups(dataset, track)
    return Split(kind, seed, leak_free(dataset.labels, group, seed), group)


def _given(dataset: Dataset, seed: int, track: Track) -> Split:
    """The split that the folders are."""
    folders = dataset.listing.parts
    if not folders:
        raise DataError(
            f"{dataset.root}: has no folders train and val or test that give a split; choose "
            "another --split"
        )

    def part_of(path: str) -> str:
        inside = (part for folder, part in folders.items() if path.startswith(f"{folder}/"))
        return next(inside, UNLISTED)

    part = np.array([part_of(path) for path in dataset.paths], PART_TYPE)
    if "validation" in folders.values():
        return Split("given", None, part)
    group = groups(dataset, track)
    train = np.flatnonzero(part == "train")
    purpose = "a validation part out of the training part"
    held = train[folds(dataset.labels[train], group[train], _FOLDS, seed, purpose)[0]]
    part[held] = "validation"
    for label in np.setdiff1d(dataset.labels[train], dataset.labels[part == "train"]):
        part[held[np.isin(group[held], group[dataset.labels == label])]] = "train"
    return Split("given", seed, part, group)


def _by_shot(dataset: Dataset, seed: int) -> Split:
    """The split of a project by whole shots."""
    if not dataset.listing.shots:
        raise DataError(
            f"{dataset.root}: is not a project, so nothing says which pictures are of one shot; "
            "choose another --split"
        )
    shot = np.array([dataset.listing.shots[path] for path in dataset.paths])
    count = len(np.unique(shot))
    if count < _FOLDS:
        raise DataError(
            f"{dataset.root}: its named faces are of {count} different shots, and a split by shot "
            f"needs {_FOLDS}; name more, or collect another film"
        )
    return Split("shots", seed, leak_free(dataset.labels, shot, seed), shot)


def shot_note(dataset: Dataset, split: Split) -> str:
    """Which characters of a project are in one shot only; empty if none is."""
    if split.kind != "shots" or split.group is None:
        return ""
    lone = [
        name
        for label, name in enumerate(dataset.classes)
        if len(np.unique(split.group[dataset.labels == label])) == 1
    ]
    if not lone:
        return ""
    return (
        f"{', '.join(lone)}: in one shot only, so in one part only, and no figure says how well "
        "such a character is known; name faces of other shots, or collect another film"
    )


def groups(dataset: Dataset, track: Track = silent) -> NDArray[np.int64]:
    """int64 `[N]`: the near-duplicate group of each picture, or of the picture a face is from."""
    return _near_duplicates(dataset, track).group[_picture(dataset)]


def _near_duplicates(dataset: Dataset, track: Track) -> NearDuplicates:
    whole = dataset.images if dataset.wholes is None else dataset.wholes.images
    return near_duplicates.find(whole, track)


def _picture(dataset: Dataset) -> NDArray[np.int64]:
    """int64 `[N]`: the number of the whole picture that each row is of."""
    return np.arange(len(dataset)) if dataset.wholes is None else dataset.wholes.row


def with_groups(dataset: Dataset, split: Split, track: Track = silent) -> Split:
    """The split with its groups of near-duplicates, which are looked for if nobody has yet."""
    return split if split.group is not None else replace(split, group=groups(dataset, track))


def leak_free(labels: NDArray[np.int64], group: NDArray[np.int64], seed: int) -> NDArray[np.str_]:
    """`[N]` of `PARTS`: 80/10/10 by whole groups, stratified by label.

    A class of which none would be for training gives all its groups to it.

    labels, group: int64 `[N]`. Raises DataError if no class has 10 pictures, or there are fewer
    than 10 groups.
    """
    purpose = "a split into training, validation and test"
    test, validation, *_ = folds(labels, group, _FOLDS, seed, purpose)
    part = np.full(len(labels), "train", dtype=PART_TYPE)
    part[test] = "test"
    part[validation] = "validation"
    for label in np.setdiff1d(labels, labels[part == "train"]):
        part[np.isin(group, group[labels == label])] = "train"
    return part


def folds(
    labels: NDArray[np.int64], group: NDArray[np.int64], count: int, seed: int, purpose: str
) -> list[NDArray[np.int64]]:
    """The rows of each of `count` folds: whole groups, stratified by label.

    labels, group: int64 `[N]`. Raises DataError that names the purpose if no class has `count`
    pictures, or there are fewer groups.

    The same seed gives the same folds with any version of any library. They are those of
    `StratifiedGroupKFold(count, shuffle=True, random_state=seed)` of scikit-learn 1.8 and later:
    groups are shuffled, those with the most unequal classes come first, and each goes to the fold
    that then leaves every class spread most evenly.
    """
    if np.unique(labels, return_counts=True)[1].max() < count or len(np.unique(group)) < count:
        raise DataError(
            f"{len(labels)} pictures are too few for {purpose}: at least one class needs {count}, "
            f"and {count} must be no near-duplicates of one another; add pictures"
        )
    _, class_of, class_sizes = np.unique(labels, return_inverse=True, return_counts=True)
    _, group_of = np.unique(group, return_inverse=True)
    in_group = np.zeros((int(group_of.max()) + 1, len(class_sizes)))
    np.add.at(in_group, (group_of, class_of), 1)
    order = np.arange(len(in_group))
    np.random.RandomState(seed).shuffle(order)  # whose numbers are frozen, unlike a Generator's
    unequal = np.argsort(-np.std(in_group[order], axis=1), kind="stable")
    fold_of = np.empty(len(in_group), np.int64)
    in_fold = np.zeros((count, len(class_sizes)))
    for number in order[unequal]:
        fold_of[number] = fold = _evenest(in_fold, in_group[number], class_sizes)
        in_fold[fold] += in_group[number]
    return [np.flatnonzero(fold_of[group_of] == fold) for fold in range(count)]


def _evenest(
    in_fold: NDArray[np.float64], group: NDArray[np.float64], class_sizes: NDArray[np.int64]
) -> int:
    """The fold that a group goes to: of those about as good, the one with the fewest pictures.

    in_fold: pictures by fold and class. group: pictures by class.
    """
    best, least_spread, fewest = 0, np.inf, np.inf
    for fold, pictures in enumerate(in_fold.sum(axis=1)):
        in_fold[fold] += group
        spread = np.mean(np.std(in_fold / class_sizes, axis=0))
        in_fold[fold] -= group
        as_good = np.isclose(spread, least_spread) and pictures < fewest
        if spread < least_spread or as_good:
            best, least_spread, fewest = fold, spread, pictures
    return best


def require_parts(dataset: Dataset, split: Split, remedy: str) -> None:
    """Raise DataError unless there are pictures to train on and to validate with."""
    for part in PARTS[:2]:
        if len(dataset.known(split.rows(part))) == 0:
            raise DataError(
                f"{dataset.root}: the split {split.kind} has no {part} pictures in it; {remedy}"
            )
    learnt = dataset.labels[split.rows("train")]
    unseen = [name for label, name in enumerate(dataset.classes) if label not in learnt]
    if unseen and split.kind == "given":
        raise DataError(
            f"{dataset.root}: has no training picture of {', '.join(unseen)}; add some, or {remedy}"
        )


def _random_validation(count: int) -> NDArray[np.int64]:
    """The pictures that scikit-learn's `train_test_split` holds out with that `random_state`."""
    if count < 2:
        raise DataError("one picture can't be split; add pictures")
    order = np.random.RandomState(_NOTEBOOK_SEED).permutation(count)
    return order[: math.ceil(_NOTEBOOK_SHARE * count)]


def leaks(dataset: Dataset, split: Split, part: str, track: Track = silent) -> int:
    """How many pictures of a part have a near-duplicate among the training pictures."""
    return len(leaking(dataset, split, part, track))


def leaking(dataset: Dataset, split: Split, part: str, track: Track = silent) -> NDArray[np.int64]:
    """The rows of a part that have a near-duplicate among the training pictures."""
    picture, rows = _picture(dataset), split.rows(part)
    found = _near_duplicates(dataset, track)
    learnt = np.zeros(len(found.group), np.bool_)
    learnt[picture[split.rows("train")]] = True
    return rows[found.near(learnt)[picture[rows]]]


def large_groups(group: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """The rows of each group that is larger than a part of a leak-free split, the largest first."""
    sizes = np.bincount(group)
    large = np.flatnonzero(sizes * _FOLDS > len(group))
    return [np.flatnonzero(group == number) for number in large[np.argsort(-sizes[large])]]


def fill_note(dataset: Dataset, split: Split) -> str:
    """What there is to say of groups so large that parts can't be filled; empty if none is."""
    if split.group is None or not (large := large_groups(split.group)):
        return ""
    named = ", ".join(f"{len(rows):,} pictures like {dataset.paths[rows[0]]}" for rows in large[:3])
    return (
        f"{_groups(len(large))} larger than a tenth of all pictures and in one part as a whole, so "
        f"the parts are not of the size they should be: {named}; look at them with `simpsons data "
        "audit`, drop copies with `simpsons data clean --copies`, add other pictures, or move "
        "pictures by hand in the CSV, which leaks"
    )


def _groups(count: int) -> str:
    return "1 group is" if count == 1 else f"{count} groups are"


def leak_note(pictures: Mapping[str, int], leaking: Mapping[str, int]) -> str:
    """What there is to say of pictures held out that leak, by part; empty if none does."""
    told = [f"{count:,} of {pictures[part]:,} {part}" for part, count in leaking.items() if count]
    if not told:
        return ""
    return (
        f"{' and '.join(told)} pictures have a near-duplicate among the training pictures; on "
        "those, accuracy measures memory. --split leak-free parts all pictures anew."
    )


def shipped_rows(dataset: Dataset, part: str) -> NDArray[np.int64]:
    """The pictures of a data set that the shipped weights' split has in a part, by file name."""
    return np.flatnonzero(parts_by_name(dataset) == part)


def is_shipped(metadata: dict[str, Any]) -> bool:
    """Whether an exported file says in its metadata that it learnt from the shipped split."""
    kind: str | None = metadata.get("split", {}).get("kind")
    return kind == "shipped"


def parts_by_name(dataset: Dataset, path: Path = _SHIPPED) -> NDArray[np.str_]:
    """`[N]`: `parts_of` the pictures of a data set."""
    return parts_of(dataset.paths, path)


def parts_of(paths: Sequence[str], path: Path = _SHIPPED) -> NDArray[np.str_]:
    """`[N]`: the part that a split's CSV has pictures of these names in, else `UNLISTED`.

    A picture's name is its path, of which either may begin some folders further up, wherever the
    data set lies.
    """
    listed = {file: line.get("split") or UNLISTED for file, line in lines_of(path).items()}
    shorter: dict[str, str] = {}
    for file, part in listed.items():
        for name in _names(file):
            if shorter.setdefault(name, part) != part:
                shorter[name] = UNLISTED

    def part_of(file: str) -> str:
        known = (listed[name] for name in _names(file) if name in listed)
        return next(known, None) or shorter.get(file, UNLISTED)

    return np.array([part_of(composed(file)) for file in paths], np.str_)


def _names(path: str) -> list[str]:
    """A path, and what is left without its first folders, down to the last folder and the file."""
    parts = path.split("/")
    return ["/".join(parts[start:]) for start in range(max(1, len(parts) - 1))]


def write(
    path: str | os.PathLike[str],
    dataset: Dataset,
    split: Split,
    checksums: Mapping[str, str] | None = None,
) -> int:
    """Write a split as CSV with the columns path, character, group, split; returns its pictures.

    Each picture has one line, however many of its faces the data set has. checksums: by path, for
    one more column.
    """
    group = with_groups(dataset, split).group
    assert group is not None
    lines = [list(_COLUMNS)]
    _, first = np.unique(_picture(dataset), return_index=True)
    for row in np.sort(first):
        label = dataset.labels[row]
        character = UNKNOWN if label < 0 else dataset.classes[label]
        lines.append([dataset.paths[row], character, str(group[row]), str(split.part[row])])
    if checksums is not None:
        lines[0].append("checksum")
        for line in lines[1:]:
            line.append(checksums[composed(line[0])])
    write_text(path, _to_csv(lines), flush=True)
    return len(lines) - 1


def require_target(path: str | os.PathLike[str]) -> None:
    """Raise SimpsonsError if the file there is no split that `write` wrote, or one of a run."""
    require_replaceable(path, "a split", _SIGN)


def _to_csv(lines: Sequence[Sequence[str]]) -> str:
    return "".join(f"{csv_line(line)}\n" for line in lines)


def read(path: str | os.PathLike[str], dataset: Dataset) -> Split:
    """Read a split that `write` wrote; the column `group` may be missing.

    Pictures that it does not list are in no part. Raises DataError if it lists none of them.
    """
    path = Path(path)
    table = lines_of(path)
    files = [composed(file) for file in dataset.paths]
    there = [file in table for file in files]
    if not any(there):
        raise DataError(
            f"{path}: none of the {len(files):,} pictures of {dataset.root} is in it, "
            f"{dataset.paths[0]} for one; give the folder that it was made for, or make a new one "
            "with `simpsons data split`"
        )
    try:
        lines = [table.get(file) for file in files]
        part = np.array([UNLISTED if line is None else line["split"] for line in lines], np.str_)
        groups_there = all(line is not None and "group" in line for line in lines)
        group = (
            np.array([int(table[file]["group"] or "") for file in files], np.int64)
            if groups_there
            else None
        )
    except (KeyError, TypeError, ValueError, OverflowError):
        raise DataError(f"{path}: is not a split; make one with `simpsons data split`") from None
    if wrong := set(part.tolist()) - {*PARTS, UNLISTED, EXCLUDED}:
        raise DataError(f"{path}: unknown part {sorted(wrong)[0]}; use {', '.join(PARTS)}")
    gone = len(table.keys() - set(files)) if len(dataset.listing.left_out) == 0 else 0
    return Split(path.name, None, part, group, gone)


def lines_of(path: Path) -> dict[str, dict[str, str | None]]:
    """The lines of a split's CSV by path. Raises DataError if it is none."""
    try:
        _, table = read_table(path)
        found: dict[str, dict[str, str | None]] = {}
        for line in table:
            file = composed(str(line["path"]))
            if file in found and found[file].get("split") != line.get("split"):
                raise DataError(f"{path}: lists {file} in two parts; remove one of the lines")
            found[file] = line
        return found
    except FileNotFoundError:
        raise DataError(
            f"{path}: no such split; give {', '.join(KINDS)}, or a CSV that "
            "`simpsons data split` wrote"
        ) from None
    except (KeyError, UnicodeDecodeError, csv.Error):
        raise DataError(f"{path}: is not a split; make one with `simpsons data split`") from None
