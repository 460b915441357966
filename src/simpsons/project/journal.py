"""What a collection has done so far: a file of lines that is only ever added to.

Each line is a JSON object. `{"networks"}`: what faces are found, named and embedded by from here
on. `{"film", "source"}`: a film or folder begins. `{"film", "shot", "frames", "left_out"}`: one of
its shots is done; of a folder also the `picture`, or the one that is `unread`. `{"film", "end"}`:
it is over. A line that a kill cut off is removed.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from simpsons.duplicates import near_duplicates, neighbours
from simpsons.duplicates.near_duplicates import Links
from simpsons.project.errors import ProjectError
from simpsons.project.kept import Alike
from simpsons.project.store import FACE_FOLDER, FRAME_FOLDER, CollectedFace, Source


@dataclass
class SourceState:
    """A film or folder as far as it was collected.

    about: `path`, `kind`, `size`, `modified`, `fingerprint`, `per_shot`. pictures, unread: of a
    folder, those that are done and those that could not be read, with the number of the shot. end:
    `duration` and `problem`; None while it is not over. files: names that are taken.
    """

    name: str
    about: dict[str, Any]
    shots: int = 0
    frames: int = 0
    faces: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    pictures: dict[str, int] = field(default_factory=dict)
    unread: dict[str, int] = field(default_factory=dict)
    files: set[str] = field(default_factory=set)
    end: dict[str, Any] | None = None

    def to_source(self) -> Source:
        """As a project tells it."""
        end = self.end or {"duration": 0.0, "problem": "is not collected to its end"}
        return Source(
            path=self.about["path"],
            name=self.name,
            kind=self.about["kind"],
            size=self.about["size"],
            modified=self.about["modified"],
            duration=end["duration"],
            shots=self.shots,
            frames=self.frames,
            faces=self.faces,
            left_out=dict(sorted(self.left_out.items())),
            problem=end["problem"],
            is_finished=self.end is not None,
        )


class Journal:
    """The journal of a project, read when it is opened; use it in a `with` block.

    networks: `detector`, `names`, `embedding`, `size`; None for a new one. sources: by name.
    frames: the path below the project and the shot of each kept frame. faces: as a project has
    them, but for the group, which is 0.

    Raises ProjectError for a line that can't be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.networks: dict[str, Any] | None = None
        self.sources: dict[str, SourceState] = {}
        self.frames: list[tuple[str, str, int]] = []
        self.faces: list[CollectedFace] = []
        self._frame_of_face: list[int] = []
        self._alike: list[tuple[int, Alike]] = []
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)
        self._file = os.fdopen(os.open(path, flags, 0o666), "r+b", buffering=0)
        self._end = 0
        try:
            self._read()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, line: dict[str, Any]) -> None:
        """Add a line, and wait until the disk has it. Raises OSError; then it is not there."""
        content = memoryview(json.dumps(line).encode() + b"\n")
        length = len(content)
        self._file.seek(self._end)
        try:
            while content:
                content = content[self._file.write(content) :]
            os.fsync(self._file.fileno())
        except OSError as error:
            self._file.truncate(self._end)
            raise OSError(error.errno, error.strerror, str(self.path)) from error
        self._end += length
        self._take(line)

    def groups(self) -> NDArray[np.int64]:
        """int64 `[faces]`: of each face the group, numbered in the order of the first.

        Frames of one shot share one, and those that are linked as near-duplicates are
        (`simpsons.duplicates.near_duplicates`).
        """
        count = len(self.frames)
        first, second, agreement, mirrored = self._pairs()
        nowhere = np.zeros((len(first), 4), np.float32)
        found = Links(first, second, mirrored, agreement, nowhere)
        linked = near_duplicates.linked(found, near_duplicates.threshold_of(found))
        one, other = self._of_one_shot()
        joined_first = np.concatenate([one, linked.first])
        joined_second = np.concatenate([other, linked.second])
        sure = np.concatenate([np.ones(len(one), bool), linked.shot >= near_duplicates.SURE])
        group = neighbours.grouped(joined_first, joined_second, sure, count)
        return group[np.array(self._frame_of_face, np.int64)]

    def _pairs(
        self,
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32], NDArray[np.bool_]]:
        """First, second, agreement and whether it is mirrored, of links, the surest first."""
        links = sorted(self._alike, key=lambda link: (-link[1].agreement, link[0], link[1].row))
        return (
            np.array([alike.row for _, alike in links], np.int64),
            np.array([row for row, _ in links], np.int64),
            np.array([alike.agreement for _, alike in links], np.float32),
            np.array([alike.mirrored for _, alike in links], np.bool_),
        )

    def _of_one_shot(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Pairs of the first frame of a shot and each other one."""
        first: dict[tuple[str, int], int] = {}
        pairs = []
        for row, (_, film, shot) in enumerate(self.frames):
            before = first.setdefault((film, shot), row)
            if before != row:
                pairs.append((before, row))
        one, other = np.array(pairs, np.int64).reshape(-1, 2).T
        return one, other

    def _read(self) -> None:
        for number, line in enumerate(self._file.read().splitlines(keepends=True), start=1):
            if not line.endswith(b"\n"):
                break
            try:
                self._take(json.loads(line))
            except (ValueError, KeyError, TypeError):
                raise ProjectError(
                    f"{self.path}: its line {number} can't be read; take the project from a copy, "
                    "or collect into a new folder"
                ) from None
            self._end += len(line)
        self._file.truncate(self._end)

    def _take(self, line: dict[str, Any]) -> None:
        if "networks" in line:
            self.networks = line["networks"]
            return
        name = line["film"]
        if "source" in line:
            known = self.sources.get(name)
            if known:
                known.about, known.end = line["source"], None
            else:
                self.sources[name] = SourceState(name, line["source"])
            return
        state = self.sources[name]
        if "end" in line:
            state.end = line["end"]
            return
        self._take_shot(state, line)

    def _take_shot(self, state: SourceState, line: dict[str, Any]) -> None:
        shot = line["shot"]
        state.shots = max(state.shots, shot + 1)
        state.left_out.update(line["left_out"])
        if "picture" in line:
            state.pictures[line["picture"]] = shot
        if "unread" in line:
            state.unread[line["unread"]] = shot
        for frame in line["frames"]:
            row, name, time = len(self.frames), frame["name"], frame["time"]
            path = f"{FRAME_FOLDER}/{state.name}/{name}.jpg"
            self.frames.append((path, state.name, shot))
            self._alike += [(row, Alike(*each)) for each in frame["alike"]]
            state.frames += 1
            state.files.add(name.casefold())
            for number, face in enumerate(frame["faces"]):
                identity = f"{name}_f{number}"
                x1, y1, x2, y2 = face["box"]
                self._frame_of_face.append(row)
                self.faces.append(
                    CollectedFace(
                        id=identity,
                        crop=f"{FACE_FOLDER}/{state.name}/{identity}.jpg",
                        frame=path,
                        box=(x1, y1, x2, y2),
                        score=face["score"],
                        film=state.name,
                        shot=shot,
                        time=time,
                        label=face["label"],
                        probability=face["probability"],
                        verdict=face["verdict"],
                        group=0,
                    )
                )
                state.faces += 1
