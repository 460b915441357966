"""How many actions does it take to name all faces of a cartoon, and is the result as good?

A person who knows every face plays `simpsons.labelling.session.Session` as the page is played: a
group of look-alikes is named if few in it are somebody else, else its first face alone; then pages
of the surest faces, character by character, are accepted. A wrong face on them gets its own name
by its key, or is struck if that has no key yet. What is left is named one by one. Each name, page,
and face that is named alone or struck is an action.

The other cartoon's faces are cut out by their boxes, and those of minor characters by the detector,
as `simpsons collect` does; a picture without a face is taken whole. `xception` is fine-tuned on the
named faces, and on all faces with their true names, and measured on pictures that have no
near-duplicate among them. Writes docs/naming.md.
"""

import argparse
import os
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import simpsons
from benchmarks import other_cartoon
from benchmarks.data import data_option, folder
from benchmarks.frames import COMPLETE
from benchmarks.report import machine, table, write_section
from simpsons import data
from simpsons.classifier import UNKNOWN, Classifier, Failure
from simpsons.dataset import cache, split
from simpsons.detector import Detector
from simpsons.files import csv_line, write_text
from simpsons.labelling.session import Session
from simpsons.pixels import images, jpeg
from simpsons.pixels.face_crops import square
from simpsons.progress import bar
from simpsons.project import NO_FACE, NOBODY, CollectedFace, Project
from simpsons.project.embedding import Embedder
from simpsons.project.store import EMBEDDINGS, write_faces, write_project

DOCUMENT = Path("docs", "naming.md")
COVERED = 0.95
"""Share of the faces of named characters that the person wants to have named."""

STRAYS = 0.25
"""Share of a group that may be somebody else for it to be named; else it is passed over."""

RUN = 10
"""Numbers of pictures of the other cartoon that make a shot of the project. They follow no film, so
a shot has all sorts of pictures there."""

_NAMELESS = (NOBODY, NO_FACE)

POINTS = (0.25, 0.5, 1.0)
"""Shares of all actions after which a network is trained."""


@dataclass(frozen=True)
class Face:
    """A picture of a face: its file, who it is (NOBODY for a stranger), its shot, and its part."""

    path: Path
    who: str
    group: int
    part: str


def other_faces(root: Path, cut: Path) -> list[Face]:
    """The faces of the other cartoon, cut out into a folder, with the parts of their pictures."""
    data.crop(root, boxes=root / COMPLETE, out=cut, track=bar)
    parts = other_cartoon.split(root, track=bar)
    faces = []
    for path in sorted(cut.glob("*/*.jpg")):
        picture = path.stem.rpartition("_f")[0]
        place, _, number = picture.rpartition("_")
        part = parts.get(f"{place}/{number}.jpg")
        if part in split.PARTS:
            shot = sum(place.encode()) * 10_000 + int(number) // RUN
            who = NOBODY if path.parent.name == UNKNOWN else path.parent.name
            faces.append(Face(path, who, shot, str(part)))
    return faces


def minor_faces(root: Path, cut: Path) -> list[Face]:
    """The surest face of each picture of minor characters, in a leak-free split."""
    dataset = cache.load(root, "all", bar)
    parts = split.with_groups(dataset, split.make(dataset, "leak-free", 0, bar), bar)
    assert parts.group is not None
    cut.mkdir(parents=True)
    paths = [root / path for path in dataset.paths]
    faces = []
    for row, found in enumerate(bar(Detector().detect_all(paths), len(paths), "finding faces")):
        assert not isinstance(found, Failure)
        pixels = images.decode(paths[row])
        crop = square(pixels, found.faces[0].box) if found.faces else pixels
        path = cut / f"{row:05d}.jpg"
        path.write_bytes(jpeg.encoded(crop))
        who = dataset.classes[dataset.labels[row]]
        faces.append(Face(path, who, int(parts.group[row]), str(parts.part[row])))
    return faces


def make_project(root: Path, faces: Sequence[Face]) -> Project:
    """A project of these faces, as `simpsons collect` would have made it."""
    embedder, namer = Embedder(), Classifier("cnn-int8")
    paths = [face.path for face in faces]
    vectors = []
    for found in bar(embedder.embed_all(paths), len(paths), "embedding"):
        assert not isinstance(found, Failure)
        vectors.append(found.vector)
    (root / "faces/film").mkdir(parents=True)
    rows = []
    for number, (face, said) in enumerate(zip(faces, namer.predict_all(paths), strict=True)):
        assert not isinstance(said, Failure)
        crop = f"faces/film/{number:05d}.jpg"
        os.link(face.path, root / crop) if same_disk(face.path, root) else (
            root / crop
        ).write_bytes(face.path.read_bytes())
        rows.append(
            CollectedFace(
                f"{number:05d}",
                crop,
                f"frames/film/{number:05d}.jpg",
                (0, 0, 64, 64),
                0.9,
                "film",
                face.group,
                float(number),
                said.label,
                said.probability,
                said.verdict,
                face.group,
            )
        )
    write_project(root, [], "0" * 64, "cnn-int8", embedder.fingerprint)
    write_faces(root, rows)
    np.save(root / EMBEDDINGS, np.stack(vectors))
    return Project.open(root)


def same_disk(one: Path, other: Path) -> bool:
    """Whether a hard link can be made."""
    return one.stat().st_dev == other.stat().st_dev


class Person:
    """Knows every face, and counts what it does."""

    def __init__(self, project: Project, faces: Sequence[Face]) -> None:
        self.session = Session(project)
        self.truth = {face.id: known.who for face, known in zip(project.faces, faces, strict=True)}
        self.actions = 0
        self._used = set(_NAMELESS)
        self.history: list[tuple[int, int]] = []
        """Actions, and the number of the answer that they led to."""

    def play(self) -> None:
        """Name faces until enough of them are named."""
        self._groups()
        before = -1
        while before < self.actions and not self._is_done():
            before = self.actions
            self._pages()
        for face in self._left():
            if self._is_done():
                return
            self._answer([face], self.truth[face])

    def _groups(self) -> None:
        for cluster in self.session.clusters():
            counts = Counter(self.truth[face] for face in cluster.faces)
            who, count = counts.most_common(1)[0]
            if count < 2:
                continue
            strays = [face for face in cluster.faces if self.truth[face] != who]
            if len(strays) <= STRAYS * len(cluster.faces):
                self._name([face for face in cluster.faces if face not in strays], who, strays)
            elif who not in self._used:
                self._answer([cluster.medoid], self.truth[cluster.medoid])

    def _pages(self) -> None:
        """One page of each character."""
        for label in [*self.session.labels(), NOBODY]:
            if self._is_done() or self.session.stop_reason(label) is not None:
                continue
            page = self.session.page(label)
            wrong = [face for face in page if self.truth[face] != label]
            self._name([face for face in page if face not in wrong], label, wrong)

    def _name(self, right: Sequence[str], label: str, wrong: Sequence[str]) -> None:
        """Answer a group or a page; what is wrong there gets its own name if that has a key."""
        keyed = [face for face in wrong if self.truth[face] in self._used]
        struck = [face for face in wrong if face not in keyed]
        if right or struck:
            self._answer(right, label, struck)
        for face in keyed:
            self._answer([face], self.truth[face])

    def _answer(self, faces: Sequence[str], label: str, struck: Sequence[str] = ()) -> None:
        number = self.session.name(faces, label, struck)
        self._used.add(label)
        self.actions += 1 + len(struck)
        self.history.append((self.actions, number))

    def _left(self) -> Iterator[str]:
        for cluster in self.session.clusters():
            yield from (face for face in cluster.faces if self.truth[face] not in _NAMELESS)

    def _is_done(self) -> bool:
        return self.covered() >= COVERED

    def covered(self) -> float:
        """Share of the faces of named characters that have their name."""
        labels = self.session.project.answers.labels()
        wanted = [face for face, who in self.truth.items() if who not in _NAMELESS]
        return sum(labels.get(face) == self.truth[face] for face in wanted) / len(wanted)

    def purity(self) -> float:
        """Share of the answers that are right."""
        labels = self.session.project.answers.labels()
        return sum(self.truth[face] == label for face, label in labels.items()) / len(labels)


def accuracy(project: Project, faces: Sequence[Face], test: Path, run: Path, epochs: int) -> float:
    """Of `xception`, fine-tuned on what is named in a project, on the held-out faces."""
    rows = ["path,split\n"]
    for face, known in zip(project.faces, faces, strict=True):
        rows.append(csv_line((face.crop, known.part)) + "\n")
    parts = run.with_name(f"{run.name}.csv")
    write_text(parts, "".join(rows))
    trained = simpsons.train(
        project.root,
        initial="xception",
        epochs=epochs,
        split=str(parts),
        out=run,
        track=bar,
        tell=print,
    )
    assert trained is not None
    return simpsons.evaluate(test, run, characters="all", track=bar).evaluation.accuracy


def held_out(faces: Sequence[Face], root: Path) -> Path:
    """A folder per character with links to the held-out faces of characters."""
    for number, face in enumerate(faces):
        if face.part == "test" and face.who != NOBODY:
            place = root / face.who
            place.mkdir(parents=True, exist_ok=True)
            (place / f"{number:05d}.jpg").write_bytes(face.path.read_bytes())
    return root


def measure(name: str, faces: list[Face], place: Path, epochs: int) -> tuple[list[str], list[str]]:
    """The row of a cartoon, and that of its curve."""
    test = held_out(faces, place / "test")
    asked = [face for face in faces if face.part != "test"]
    project = make_project(place / "project", asked)
    person = Person(project, asked)
    person.play()
    share = person.actions / len(asked)
    row = [name, f"{len(asked):,}", f"{person.actions:,}", f"{share:.1%}"]
    row += [f"{person.covered():.1%}", f"{person.purity():.1%}"]
    curve = [name]
    if epochs:
        answers = project.answers.read()
        for point in POINTS:
            allowed = [number for done, number in person.history if done <= point * person.actions]
            part = make_copy(place / f"project-{point}", project)
            for answer in answers[: len(allowed)]:
                part.answers.name(answer.faces, str(answer.label), answer.struck)
            found = accuracy(part, asked, test, place / f"run-{point}", epochs)
            curve.append(f"{found:.1%}")
        true = make_copy(place / "project-true", project)
        for who in sorted({face.who for face in asked}):
            true.answers.name([f for f, w in person.truth.items() if w == who], who)
        curve.append(f"{accuracy(true, asked, test, place / 'run-true', epochs):.1%}")
    return row, curve


def make_copy(root: Path, project: Project) -> Project:
    """The project without its answers, in another folder."""
    root.mkdir()
    for name in ("project.json", "faces.csv", EMBEDDINGS):
        (root / name).write_bytes((project.root / name).read_bytes())
    (root / "faces").symlink_to((project.root / "faces").resolve(), target_is_directory=True)
    return Project.open(root)


def main() -> None:
    """Play, train, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    data_option(parser)
    parser.add_argument("--epochs", type=int, default=8, help="of each training; 0 for none")
    parser.add_argument("--only", choices=["other", "minor"], help="one of the two")
    arguments = parser.parse_args()
    root = folder(arguments)
    rows: list[list[str]] = []
    curves: list[list[str]] = []
    with tempfile.TemporaryDirectory() as made:
        place = Path(made)
        if arguments.only != "other":
            faces = minor_faces(root.parent / "other_characters", place / "minor-crops")
            row, curve = measure("minor characters", faces, place / "minor", arguments.epochs)
            rows, curves = [*rows, row], [*curves, curve]
        if arguments.only != "minor":
            faces = other_faces(other_cartoon.folder(root), place / "crops")
            row, curve = measure("another cartoon", faces, place / "other", arguments.epochs)
            rows, curves = [*rows, row], [*curves, curve]
    headers = ["faces of", "faces", "actions", "of one by one", "named", "of these right"]
    text = table(headers, rows)
    if arguments.epochs:
        points = [f"after {point:.0%} of the actions" for point in POINTS]
        text += "\n\n" + table(["test accuracy", *points, "true names"], curves)
    text += (
        f"\n\n`python -m benchmarks.labelling --epochs {arguments.epochs}`; `xception` fine-tuned, "
        f"seed 0. {machine()}."
    )
    print(text)
    if arguments.epochs and not arguments.only:
        write_section(DOCUMENT, "labelling", text)


if __name__ == "__main__":
    main()
