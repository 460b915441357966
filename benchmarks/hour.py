"""From a film of ten minutes to a trained network: how many minutes is the machine at work?

Runs the first commands of docs/your-own-cartoon.md as they stand there, each in a process of its
own, on the film that `simpsons demo --film` draws. Who is where in it is known, so the part of the
person is played: somebody who knows every face answers as `benchmarks.labelling` says, in place of
the page. The network is then tried on another film of the same characters, too. `--write` puts the
tables into that document.
"""

import argparse
import csv
import json
import os
import re
import resource
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.labelling import Face, Person
from benchmarks.report import machine, table, write_section
from simpsons.classifier import UNKNOWN
from simpsons.demo.film import RATE
from simpsons.evaluation.overlap import iou
from simpsons.project import NO_FACE, NOBODY, Project

DOCUMENT = Path(__file__).parents[1] / "docs/your-own-cartoon.md"
NEXT_MINUTES = 3
"""How long the other film is."""

SAME = 0.5
"""Overlap (IoU) from which a box that was found is held to be a face that was drawn."""

_PROGRAM = "from simpsons.cli import main; main()"


class Drawn(NamedTuple):
    """A face of a film: from when to when, seconds; its box in pixels; whose it is."""

    start: float
    end: float
    box: tuple[float, float, float, float]
    name: str


class Spent(NamedTuple):
    """Seconds on the clock, and of a processor."""

    wall: float
    processor: float


class Seen(NamedTuple):
    """A time line against the truth. found: of the time for which the characters are on screen,
    the share for which they are named. right: of the time for which somebody is named, the share
    for which that one is there. names: that are named at all."""

    found: float
    right: float
    names: frozenset[str]


def script(document: Path = DOCUMENT) -> list[list[str]]:
    """The commands of the document's first block, as words, without `simpsons` before them."""
    text = document.read_text(encoding="utf-8")
    block = re.search(r"^```sh\n(.*?)^```$", text, re.M | re.S)
    assert block, f"{document}: has no block of commands"
    lines = block[1].replace("\\\n", " ").splitlines()
    found = [shlex.split(line, comments=True) for line in lines]
    assert all(words[0] == "simpsons" for words in found), f"{document}: runs another program"
    return [words[1:] for words in found]


def option(words: Sequence[str], name: str) -> str:
    """What stands behind an option."""
    return words[list(words).index(name) + 1]


def replaced(words: Sequence[str], name: str, value: object) -> list[str]:
    """The words with another value of an option, if it is among them."""
    return [str(value) if before == name else word for before, word in _pairs(words)]


def _pairs(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    return zip(["", *words], words, strict=False)


def drawn(film: Path) -> list[Drawn]:
    """The faces of a film of `simpsons demo --film`."""
    with film.with_name(f"{film.stem}-faces.csv").open(encoding="utf-8") as lines:
        return [
            Drawn(
                float(row["start"]),
                float(row["end"]),
                (float(row["x1"]), float(row["y1"]), float(row["x2"]), float(row["y2"])),
                row["name"],
            )
            for row in csv.DictReader(lines)
        ]


def whose(project: Project, truth: Sequence[Drawn]) -> list[str]:
    """Whom each face of a project shows, which was made of one film; `NO_FACE` for none."""
    found = []
    for face in project.faces:
        time = face.time + 0.5 / RATE
        there = [each for each in truth if each.start <= time < each.end]
        overlaps = iou([face.box], [each.box for each in there])[0]
        if not there or overlaps.max() < SAME:
            found.append(NO_FACE)
            continue
        name = there[int(overlaps.argmax())].name
        found.append(NOBODY if name == UNKNOWN else name)
    return found


def missed(project: Project, truth: Sequence[Drawn]) -> tuple[int, int]:
    """How many faces the frames of a project show, and how many of them were not found."""
    boxes: dict[tuple[str, float], list[tuple[int, int, int, int]]] = {}
    for face in project.faces:
        boxes.setdefault((face.frame, face.time), []).append(face.box)
    shown = lost = 0
    for (_, start), found in boxes.items():
        time = start + 0.5 / RATE
        there = [each.box for each in truth if each.start <= time < each.end]
        shown += len(there)
        lost += int((iou(there, found).max(axis=1) < SAME).sum())
    return shown, lost


def compared(timeline: Path, truth: Sequence[Drawn]) -> Seen:
    """Compare a `timeline.csv` with what was drawn, frame by frame."""
    with timeline.open(encoding="utf-8") as lines:
        said = [
            (float(row["start"]), float(row["end"]), row["character"])
            for row in csv.DictReader(lines)
        ]
    shown = [(each.start, each.end, each.name) for each in truth if each.name != UNKNOWN]
    names = sorted({name for *_, name in [*said, *shown]})
    times = (np.arange(round(RATE * max(end for _, end, _ in [*said, *shown]))) + 0.5) / RATE
    flags = np.zeros((2, len(times), len(names)), np.bool_)
    for mask, intervals in zip(flags, (said, shown), strict=True):
        for start, end, name in intervals:
            mask[(times >= start) & (times < end), names.index(name)] = True
    both = (flags[0] & flags[1]).sum()
    named, there = flags.sum(axis=(1, 2))
    return Seen(
        float(both / there), float(both / max(named, 1)), frozenset(name for *_, name in said)
    )


def play(project: Path, truth: Sequence[Drawn]) -> Person:
    """Name the faces of a project as somebody does who knows them all."""
    opened = Project.open(project)
    names = whose(opened, truth)
    faces = [
        Face(opened.root / face.crop, name, face.group, "")
        for face, name in zip(opened.faces, names, strict=True)
    ]
    person = Person(opened, faces)
    person.play()
    return person


def run(words: Sequence[str], place: Path) -> str:
    """Run a command in a folder, in a process of its own; returns what it prints."""
    command = [sys.executable, "-c", _PROGRAM, *words]
    print("simpsons", shlex.join(words), file=sys.stderr, flush=True)
    environment = os.environ | {"SIMPSONS_CACHE": str(place / "cache")}
    done = subprocess.run(command, cwd=place, env=environment, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"simpsons {shlex.join(words)} ended with {done.returncode}")
    return done.stdout


@contextmanager
def timed(spent: dict[str, Spent], step: str) -> Iterator[None]:
    """Note what the block took, in this process and in those that it started."""
    before = time.perf_counter(), _processor()
    yield
    spent[step] = Spent(time.perf_counter() - before[0], _processor() - before[1])


def _processor() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def measure(place: Path, commands: Sequence[Sequence[str]], seed: int) -> str:
    """Run all of it in a folder; returns the tables."""
    [demo] = [words for words in commands if words[0] == "demo"]
    [timeline] = [words for words in commands if words[0] == "timeline"]
    film, after = place / option(demo, "--film"), place / "next.mp4"
    spent: dict[str, Spent] = {}
    for words in commands:
        step = words[0]
        with timed(spent, step):
            if step == "demo":
                run([*words, "--seed", str(seed)], place)
            elif step == "label":
                person = play(place / words[1], drawn(film))
            elif step == "evaluate":
                evaluated = json.loads(run([*words, "--json"], place))
            else:
                run(words, place)
    length = ["--minutes", str(NEXT_MINUTES)]
    run(["demo", "--film", after.name, *length, "--seed", str(seed + 1)], place)
    run([after.name if word == timeline[1] else word for word in timeline], place)
    return f"{_times(spent)}\n\n{_figures(film, after, person, evaluated)}"


def _timeline_of(film: Path) -> Path:
    return film.with_name(f"{film.stem}-timeline") / "timeline.csv"


def _times(spent: Mapping[str, Spent]) -> str:
    def row(name: str, steps: Collection[str]) -> list[str]:
        wall, processor = (sum(spent[step][k] for step in steps) / 60 for k in range(2))
        return [name, f"{wall:.1f}", f"{processor:.1f}"]

    rows = [row(f"`{step}`", [step]) for step in spent]
    rows.append(row("all but `demo`", spent.keys() - {"demo"}))
    return table(["command", "minutes", "minutes of a processor"], rows)


def _figures(film: Path, after: Path, person: Person, evaluated: Mapping[str, Any]) -> str:
    project, truth = person.session.project, drawn(film)
    [source] = project.sources
    shown, lost = missed(project, truth)
    count, no_face = len(project.faces), list(person.truth.values()).count(NO_FACE)
    low, high = evaluated["accuracy_interval"]
    first, second = (compared(_timeline_of(each), drawn(each)) for each in (film, after))
    minutes = f"{source.duration / 60:g} minutes"
    rows = [
        ["film", f"{minutes}, {source.shots} shots; {source.frames:,} frames kept"],
        ["faces in these frames", f"{shown:,}"],
        ["faces found", f"{count:,}; {lost:,} missed, {no_face:,} that are none"],
        ["actions of the person", f"{person.actions:,}, {person.actions / count:.1%} of the faces"],
        ["faces of the six that got their name", f"{person.covered():.1%}"],
        ["names that are right", f"{person.purity():.1%}"],
        [
            "test part: faces named right",
            f"{evaluated['accuracy']:.1%} of {evaluated['n']:,} ({low:.1%} to {high:.1%})",
        ],
        ["time line: time of the six that is found", f"{first.found:.1%}"],
        ["time line: time of the names that is right", f"{first.right:.1%}"],
        [
            f"time line of the second film, {NEXT_MINUTES} minutes: found, right",
            f"{second.found:.1%}, {second.right:.1%}",
        ],
    ]
    return table(["", ""], rows)


def main() -> None:
    """Run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, help="of the film, in place of the document's")
    parser.add_argument("--epochs", type=int, help="of the training, in place of the document's")
    parser.add_argument(
        "--seed", type=int, default=0, help="of the film; the other one has the next"
    )
    parser.add_argument("--write", action="store_true", help=f"write {DOCUMENT.name}")
    given = parser.parse_args()
    commands, asked = script(), "python -m benchmarks.hour"
    for name, value in (("--minutes", given.minutes), ("--epochs", given.epochs)):
        if value is not None:
            commands = [replaced(words, name, value) for words in commands]
            asked += f" {name} {value:g}"
    with tempfile.TemporaryDirectory() as place:
        text = measure(Path(place), commands, given.seed)
    text += f"\n\n`{asked} --seed {given.seed}`; {machine()}."
    print(text)
    if given.write:
        write_section(DOCUMENT, "hour", text)


if __name__ == "__main__":
    main()
