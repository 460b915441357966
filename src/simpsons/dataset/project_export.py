"""What comes out of a project: a data set in the layouts that every other command takes."""

from __future__ import annotations

import errno
import json
import os
import shlex
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from simpsons.classifier import UNKNOWN
from simpsons.dataset import boxes, split
from simpsons.dataset.boxes import Box
from simpsons.errors import DataError
from simpsons.files import csv_line, write_text
from simpsons.pixels import images
from simpsons.progress import Track, silent
from simpsons.project.answers import LATER, NO_FACE, NOBODY, SPECIAL
from simpsons.project.errors import ProjectError
from simpsons.project.folders import whole_folder
from simpsons.project.store import CollectedFace, Project

BOXES, COCO, SPLIT = "faces.csv", "faces.json", "split.csv"


@dataclass(frozen=True)
class Written:
    """What `write` made.

    folder: where. pictures: how many, by character. left_out: faces, or frames, that are not among
    them, by reason. boxes: how many faces the box files name, strangers too. parts: pictures of
    each part of the split; None if there are too few for one. note: why there is no split, else
    empty.
    """

    folder: Path
    pictures: dict[str, int]
    left_out: dict[str, int]
    boxes: int
    parts: dict[str, int] | None
    note: str

    def to_json(self) -> dict[str, Any]:
        """All of it, by name."""
        return {**asdict(self), "folder": str(self.folder)}


@dataclass
class _Pictures:
    """source: file in the project, by path in the folder. label, group: of each."""

    source: dict[str, str] = field(default_factory=dict)
    label: list[str] = field(default_factory=list)
    group: list[int] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)

    def add(self, path: str, source: str, label: str, group: int) -> None:
        self.source[path] = source
        self.label.append(label)
        self.group.append(group)


def write(
    project: Project,
    folder: str | os.PathLike[str],
    *,
    frames: bool = False,
    seed: int = 0,
    progress: Track = silent,
) -> Written:
    """Write the named faces of a project into a new folder, whole or not at all.

    A folder a character holds its crops, or with `frames` the frames that show it and nobody else
    who has a name. Beside them are `faces.csv`, the boxes of all faces that were answered, in the
    format of this package, the same as COCO JSON, `faces.json`, and `split.csv`: training,
    validation and test, stratified by character, with no shot and no near-duplicate on two sides.
    The boxes' paths are in this folder with `frames`, else in the project. A stranger's box is
    called `unknown`, and one that nobody has answered is to be ignored.

    Pictures are hard links to those of the project, or copies where a disk has none. Nothing in the
    project changes.

    Raises SimpsonsError if nobody has a name or the folder is not empty, OSError if it can't be
    written.
    """
    folder = Path(folder)
    labels = project.labels()
    if not any(label not in SPECIAL for label in labels.values()):
        raise ProjectError(
            f"{project.root}: no face has a name yet; "
            f"`simpsons label {shlex.quote(str(project.root))}` gives some"
        )
    if Path(os.path.realpath(folder)).is_relative_to(os.path.realpath(project.root)):
        raise ProjectError(f"{folder}: lies in the project; give a folder outside")
    pictures = _frames(project, labels) if frames else _crops(project, labels)
    with whole_folder(folder) as beside:
        for path, source in progress(pictures.source.items(), len(pictures.source), "writing"):
            _put(project.root / source, beside / path)
        where = {source: path for path, source in pictures.source.items()} if frames else None
        listed = _boxes(project, labels, where)
        boxes.write(beside / BOXES, listed)
        write_text(beside / COCO, _coco(listed, beside if frames else project.root))
        parts, note = _write_split(beside / SPLIT, pictures, seed)
    return Written(
        folder,
        dict(sorted(Counter(pictures.label).items())),
        dict(sorted(pictures.left_out.items())),
        sum(not box.ignored for each in listed.values() for box in each),
        parts,
        note,
    )


def _crops(project: Project, labels: Mapping[str, str]) -> _Pictures:
    pictures = _Pictures()
    for face in project.faces:
        label = labels.get(face.id)
        if label is None or label in SPECIAL:
            pictures.left_out[_REASONS.get(label or "", "without an answer")] += 1
        else:
            pictures.add(f"{label}/{face.id}.jpg", face.crop, label, face.group)
    return pictures


_REASONS = {NOBODY: "strangers", NO_FACE: "no face", LATER: "left for later"}


def _frames(project: Project, labels: Mapping[str, str]) -> _Pictures:
    pictures = _Pictures()
    for frame, faces in _by_frame(project.faces).items():
        names = {labels[face.id] for face in faces if face.id in labels} - set(SPECIAL)
        if len(names) == 1:
            [label] = names
            pictures.add(f"{label}/{frame.rpartition('/')[2]}", frame, label, faces[0].group)
        else:
            pictures.left_out["several characters" if names else "nobody with a name"] += 1
    return pictures


def _by_frame(faces: Iterable[CollectedFace]) -> dict[str, list[CollectedFace]]:
    found: dict[str, list[CollectedFace]] = defaultdict(list)
    for face in faces:
        found[face.frame].append(face)
    return found


def _boxes(
    project: Project, labels: Mapping[str, str], where: Mapping[str, str] | None
) -> dict[str, tuple[Box, ...]]:
    """By picture. where: the frames that are listed, and their paths; None for all with an answer,
    as they are in the project."""
    listed = {}
    for frame, faces in _by_frame(project.faces).items():
        if where is not None and frame not in where:
            continue
        path = frame if where is None else where[frame]
        found = [
            _box(path, face, labels.get(face.id))
            for face in faces
            if labels.get(face.id) != NO_FACE
        ]
        if any(not box.ignored for box in found):
            listed[path] = tuple(found)
    return listed


def _box(path: str, face: CollectedFace, label: str | None) -> Box:
    is_open = label is None or label == LATER
    name = UNKNOWN if label is None or label in SPECIAL else label
    x1, y1, x2, y2 = map(float, face.box)
    return Box(path, x1, y1, x2, y2, name, is_open)


def _coco(listed: Mapping[str, Iterable[Box]], root: Path) -> str:
    names = sorted({box.name for found in listed.values() for box in found})
    category = {name: number for number, name in enumerate(names, start=1)}
    pictures: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, (path, found) in enumerate(listed.items(), start=1):
        width, height = images.size_of(root / path)
        pictures.append({"id": number, "file_name": path, "width": width, "height": height})
        for box in found:
            across, down = box.x2 - box.x1, box.y2 - box.y1
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": category[box.name],
                    "bbox": [box.x1, box.y1, across, down],
                    "area": across * down,
                    "iscrowd": int(box.ignored),
                }
            )
    categories = [{"id": number, "name": name} for name, number in category.items()]
    content = {"images": pictures, "annotations": annotations, "categories": categories}
    return f"{json.dumps(content, ensure_ascii=False)}\n"


def _write_split(path: Path, pictures: _Pictures, seed: int) -> tuple[dict[str, int] | None, str]:
    """The pictures of each part, or why there are none."""
    _, labels = np.unique(pictures.label, return_inverse=True)
    _, group = np.unique(pictures.group, return_inverse=True)
    try:
        part = split.leak_free(labels.astype(np.int64), group.astype(np.int64), seed)
    except DataError as error:
        return None, f"no {SPLIT}: {error}"
    counts = Counter(part.tolist())
    if lacking := [name for name in split.PARTS if not counts[name]]:
        return None, f"no {SPLIT}: the shots are too few to have {' and '.join(lacking)} pictures"
    rows = zip(pictures.source, pictures.label, group.tolist(), part.tolist(), strict=True)
    lines = [("path", "character", "group", "split"), *rows]
    write_text(path, "".join(f"{csv_line(line)}\n" for line in lines))
    return {name: counts[name] for name in split.PARTS}, ""


def _put(source: Path, target: Path) -> None:
    """A hard link, or a copy where there can be none."""
    target.parent.mkdir(exist_ok=True)
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(source)) from None
    except OSError:
        shutil.copyfile(source, target)
