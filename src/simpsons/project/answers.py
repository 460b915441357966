"""What a person said of faces: a file of lines that is only ever added to.

Each line is a JSON object, `{"number", "faces", "label"}` or `{"number", "undo"}`; numbers count
from 1. The first may have `"not"` too: faces that are not of the label, struck in the same answer.
A line is on the disk when `name` or `undo` returns. A kill in the middle leaves at most a line
without its end, which is not read, and which the next answer removes.
"""

import json
import os
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simpsons.characters import SLUGS, composed, find_name
from simpsons.classifier import UNKNOWN
from simpsons.files import to_disk
from simpsons.project.errors import ProjectError
from simpsons.sorting import folder_name

NOBODY = "!nobody"
"""The label of a stranger's face."""

NO_FACE = "!no-face"
"""The label of what is no face."""

LATER = "!later"
"""The label of a face that the person wants to come back to."""

SPECIAL = (NOBODY, NO_FACE, LATER)
"""Labels that are no character. No character's begins with an exclamation mark."""

_NO_NAME = re.compile(r'[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff<>:"/\\|?*]')


@dataclass(frozen=True)
class Answer:
    """One line of the file.

    number: from 1. faces: ids. label: a character or one of `SPECIAL`; None for an undo.
    undoes: the number of the answer that this one takes back; None for a label. struck: ids of
    faces that are not of the label.
    """

    number: int
    faces: tuple[str, ...]
    label: str | None
    undoes: int | None = None
    struck: tuple[str, ...] = ()


@dataclass(frozen=True)
class Folded:
    """What holds after all answers.

    labels: of each named face, by id. rejected: the labels that a face is not, by id.
    """

    labels: dict[str, str]
    rejected: dict[str, frozenset[str]]


class Answers:
    """The answers in a file, which need not be there yet.

    Any number of processes and threads may read and write: they write one after the other, by a
    lock beside the file, and each sees what the others wrote.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._lock = threading.RLock()
        self._read_up_to = 0
        self._answers: list[Answer] = []

    def name(self, faces: Sequence[str], label: str, struck: Sequence[str] = ()) -> int:
        """Say that these faces, by id, have a label; returns the answer's number.

        label: one of `SPECIAL`, or a character, which is cleaned by `clean_label`. struck: other
        faces, which are not of the label. It is on the disk when this returns. Raises ProjectError
        for no face or a label that can't be one, OSError if it can't be written; then nothing is.
        """
        if label not in SPECIAL:
            label = clean_label(label)
        if not faces and not struck:
            raise ProjectError("an answer is of one face at least; give its id")
        content: dict[str, Any] = {"faces": list(dict.fromkeys(faces)), "label": label}
        if struck:
            content["not"] = list(dict.fromkeys(struck))
        return self._append(content)

    def undo(self, number: int | None = None) -> int | None:
        """Take back an answer, None for the last that holds; returns its number.

        None if there is none, or that one is taken back already.
        """
        with self._writing():
            holding = [answer.number for answer in self._holding()]
            if number is None:
                number = holding[-1] if holding else None
            if number not in holding:
                return None
            self._write({"undo": number})
            return number

    def read(self) -> list[Answer]:
        """All answers in their order, undone ones and undos too.

        Raises ProjectError for a line that is no answer.
        """
        with self._lock:
            self._catch_up()
            return list(self._answers)

    def labels(self) -> dict[str, str]:
        """The label of each face by id: of the last answer that names it and is not undone."""
        return self.folded().labels

    def folded(self) -> Folded:
        """The labels, and what faces are not.

        A face that is struck loses the label if it has it; one that is given it later may have it.
        """
        labels: dict[str, str] = {}
        rejected: dict[str, set[str]] = {}
        for answer in self.holding():
            label = answer.label or ""
            for face in answer.faces:
                labels[face] = label
                rejected.get(face, set()).discard(label)
            for face in answer.struck:
                rejected.setdefault(face, set()).add(label)
                if labels.get(face) == label:
                    del labels[face]
        return Folded(labels, {face: frozenset(each) for face, each in rejected.items() if each})

    def holding(self) -> list[Answer]:
        """The answers that are not undone, in their order."""
        with self._lock:
            self._catch_up()
            return self._holding()

    def _holding(self) -> list[Answer]:
        undone = {answer.undoes for answer in self._answers}
        return [
            answer
            for answer in self._answers
            if answer.undoes is None and answer.number not in undone
        ]

    def _append(self, content: dict[str, Any]) -> int:
        with self._writing():
            return self._write(content)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Hold the file: all its answers are read, and nobody else writes."""
        from filelock import FileLock

        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._lock, FileLock(f"{self.path}.lock"):
            self._catch_up()
            yield

    def _write(self, content: dict[str, Any]) -> int:
        """Add a line to what was read; a part of a line behind it is overwritten."""
        number = len(self._answers) + 1
        line = json.dumps({"number": number, **content}, ensure_ascii=False).encode() + b"\n"
        is_new = not self.path.exists()
        file = os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
        try:
            os.ftruncate(file, self._read_up_to)
            os.lseek(file, self._read_up_to, os.SEEK_SET)
            try:
                written = 0
                while written < len(line):
                    written += os.write(file, line[written:])
                os.fsync(file)
            except OSError as error:
                os.ftruncate(file, self._read_up_to)
                raise OSError(error.errno, error.strerror, str(self.path)) from error
        finally:
            os.close(file)
        if is_new:
            to_disk(self.path.parent)
        self._catch_up()
        return number

    def _catch_up(self) -> None:
        """Read the lines that were added since; one without its end is not one yet."""
        try:
            if self.path.stat().st_size < self._read_up_to:  # another file is there now
                self._read_up_to, self._answers = 0, []
            with self.path.open("rb") as file:
                file.seek(self._read_up_to)
                added = file.read()
        except FileNotFoundError:
            self._read_up_to, self._answers = 0, []
            return
        for line in added.splitlines(keepends=True):
            if not line.endswith(b"\n"):
                return
            number = len(self._answers) + 1
            answer = _parsed(line, number)
            if answer is None:
                raise ProjectError(
                    f"{self.path}: its line {number} is no answer; mend it, or delete it and all "
                    "lines behind it"
                )
            self._answers.append(answer)
            self._read_up_to += len(line)


def clean_label(text: str) -> str:
    """The label of a character as a folder of any system can be called.

    Letters with accents are composed (NFC), spaces are single, and what no file name may have
    becomes an underscore. One of the 18 gets the data set's name: `Homer Simpson` gives
    `homer_simpson`. Raises ProjectError for a name that is empty or too long, begins with an
    exclamation mark, or is `unknown`, as strangers are called.
    """
    shown = text if len(text) <= 40 else f"{text[:40]}..."
    label = " ".join(_NO_NAME.sub("_", composed(" ".join(text.split()))).split())
    label = label.strip(" .")
    if not label:
        raise ProjectError(f"{shown!r} is no name; give a character's")
    if label.startswith("!"):
        raise ProjectError(f"{shown!r} begins with an exclamation mark; give a name without")
    if label.casefold() == UNKNOWN:
        raise ProjectError(f"{shown!r} is what strangers are called; answer `nobody` instead")
    if folder_name(label) != label:
        raise ProjectError(f"{shown!r} can't be the name of a folder; give a shorter or other name")
    return find_name(label, SLUGS) or label


def _parsed(line: bytes, number: int) -> Answer | None:
    """None for a line that is no answer of this number."""
    try:
        found = json.loads(line)
        if found["number"] != number:
            return None
        if "undo" in found:
            return Answer(number, (), None, int(found["undo"]))
        faces, label, struck = found["faces"], found["label"], found.get("not", [])
    except (ValueError, KeyError, TypeError):
        return None
    if not (isinstance(label, str) and isinstance(faces, list) and isinstance(struck, list)):
        return None
    return Answer(number, tuple(map(str, faces)), label, struck=tuple(map(str, struck)))
