"""How many points does a split that tears shots apart flatter? Prints a table.

A film is made of frames of the other cartoon: each is a shot, in which the camera moves over it.
`simpsons collect` makes a project of the film, and each face gets the name of whom the frame shows.
Then the project is split by shot, by groups of near-duplicates, and at random. Of the faces held
out it is counted how many have a near-duplicate among the training faces, as `simpsons data split`
counts them, and how many come from a shot that training has faces of too. The nearest training
face, and a linear head, both on the embeddings, name those held out.
"""

import argparse
import tempfile
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from PIL import Image

import simpsons
from benchmarks import other_cartoon
from benchmarks.data import data_option, folder
from benchmarks.frames import COMPLETE
from benchmarks.report import machine, table, write_section
from simpsons.dataset import boxes, cache
from simpsons.dataset import split as splits
from simpsons.dataset.boxes import Box
from simpsons.labelling import order
from simpsons.pixels import images
from simpsons.progress import Track, bar, silent
from simpsons.project import Project

DOCUMENT = "docs/your-own-cartoon.md"

SHOTS, RATE, FRAMES = 400, 10, 15
"""Shots of the film, as many of each character, frames a second, and frames of a shot."""

WINDOW = 0.8
"""Share of the width and height of a frame that the camera sees."""

SEEDS = 5
"""Splits of each kind that is drawn; the random one is always the same."""


@dataclass(frozen=True)
class Row:
    """What a kind of split gives, the sum of several seeds.

    held_out: faces of the validation and test parts. leaking: those with a near-duplicate among the
    training faces. torn: those of a shot that has training faces too. nearest, linear: those that
    the nearest training face, and a linear head, name rightly.
    """

    kind: str
    held_out: int
    leaking: int
    torn: int
    nearest: int
    linear: int


def compare(root: Path, kinds: Sequence[str], seeds: int, track: Track = silent) -> list[Row]:
    """Splits of the named faces of a project, side by side."""
    project, dataset = Project.open(root), cache.load(root, track=track)
    number = {face.crop: row for row, face in enumerate(project.faces)}
    rows = np.array([number[path] for path in dataset.paths])
    vectors = np.asarray(project.embeddings)[rows]
    reduced = order.features(vectors)
    shot = np.array([f"{project.faces[row].film}\t{project.faces[row].shot}" for row in rows])
    names = np.array(dataset.classes)[dataset.labels]
    found = []
    for kind in kinds:
        drawn = [splits.make(dataset, kind, seed, track) for seed in range(seeds)]
        if drawn[0].seed == drawn[-1].seed:  # always the same
            drawn = drawn[:1]
        counts = np.zeros(5, np.int64)
        for split in drawn:
            train = split.rows("train")
            held = np.concatenate([split.rows(part) for part in splits.HELD_OUT])
            leaking = sum(splits.leaks(dataset, split, part, track) for part in splits.HELD_OUT)
            nearest = names[train][(vectors[held] @ vectors[train].T).argmax(axis=1)]
            head = order.fit(reduced[train], names[train].tolist())
            said = np.array(head.classes)[head.probabilities(reduced[held]).argmax(axis=1)]
            right = (nearest == names[held]).sum(), (said == names[held]).sum()
            counts += len(held), leaking, np.isin(shot[held], shot[train]).sum(), *right
        found.append(Row(kind, *counts.tolist()))
    return found


def chosen(root: Path) -> list[Box]:
    """The faces of frames that show one alone, as many of each character, in a random order."""
    alone = [found[0] for found in boxes.read(root / COMPLETE).complete.values() if len(found) == 1]
    rng = np.random.default_rng(0)
    taken: list[Box] = []
    for name in other_cartoon.FOLDERS:
        of_name = [box for box in alone if box.name == name]
        rows = rng.permutation(len(of_name))[: SHOTS // len(other_cartoon.FOLDERS)]
        taken += [of_name[row] for row in rows]
    return [taken[row] for row in rng.permutation(len(taken))]


def write_film(path: Path, root: Path, shown: Sequence[Box], track: Track = silent) -> None:
    """A film in H.264 with a shot of each picture: a window that moves from one place to another.

    It keeps as much of the face inside as it can.
    """
    rng = np.random.default_rng(0)
    width, height = (length // 2 * 2 for length in images.size_of(root / shown[0].path))
    seen = WINDOW * np.array([width, height])
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"crf": "18"})
        stream.width, stream.height = width, height
        for box in track(shown, len(shown), "drawing"):
            picture = Image.fromarray(images.decode(root / box.path))
            room = np.array([width, height]) - seen
            corners = np.reshape(box.corners, (2, 2))
            low = np.clip(corners[1] - seen, 0, room)
            high = np.clip(corners[0], low, room)
            first, last = rng.uniform(low, high, (2, 2))
            for share in np.linspace(0, 1, FRAMES):
                x, y = (1 - share) * first + share * last
                window = (x, y, x + seen[0], y + seen[1])
                drawn = picture.resize((width, height), Image.Resampling.BILINEAR, box=window)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(np.asarray(drawn))))
        container.mux(stream.encode())


def collect(root: Path, place: Path, track: Track = silent) -> Project:
    """A project of a film of the other cartoon, with the names of all faces.

    Frames in which not one face alone was found are left without.
    """
    shown = chosen(root)
    write_film(place / "film.mp4", root, shown, track)
    project = simpsons.collect(place / "film.mp4", place / "project", track=track).project
    found = Counter(face.frame for face in project.faces)
    named: dict[str, list[str]] = defaultdict(list)
    for face in project.faces:
        if found[face.frame] == 1:
            named[shown[round(face.time * RATE) // FRAMES].name].append(face.id)
    for name, faces in named.items():
        project.answers.name(faces, name)
    return project


def report(project: Project, rows: Sequence[Row]) -> str:
    """The table, and what it was made of."""
    headers = (
        "`--split`",
        "held out",
        "with a near-duplicate in training",
        "of a shot that training has",
        "nearest neighbour",
        "linear head",
    )
    cells = [
        [
            f"`{row.kind}`",
            f"{row.held_out:,}",
            f"{row.leaking:,} ({row.leaking / row.held_out:.1%})",
            f"{row.torn:,} ({row.torn / row.held_out:.1%})",
            f"{row.nearest / row.held_out:.1%}",
            f"{row.linear / row.held_out:.1%}",
        ]
        for row in rows
    ]
    shots = sum(source.shots for source in project.sources)
    return (
        f"{table(headers, cells)}\n\n"
        f"`python -m benchmarks.shots`: a film made of frames of another cartoon, over each of "
        f"which the camera moves: {shots:,} shots, {len(project.labels()):,} faces with a name; "
        f"sums of {SEEDS} splits, seeds 0 to {SEEDS - 1}, and of one for `random`, which is always "
        f"the same. {machine()}."
    )


def main() -> None:
    """Collect, split, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    data_option(parser)
    parser.add_argument("--write", action="store_true", help=f"write {DOCUMENT}")
    given = parser.parse_args()
    root = other_cartoon.folder(folder(given))
    with tempfile.TemporaryDirectory() as place:
        project = collect(root, Path(place), bar)
        text = report(project, compare(project.root, ("shots", "leak-free", "random"), SEEDS))
    print(text)
    if given.write:
        write_section(DOCUMENT, "shots", text)


if __name__ == "__main__":
    main()
