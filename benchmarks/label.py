"""Does the page that names faces hold 20,000 of them? The wall, answers, pages, memory.

A made project: 60 characters of uneven size and strangers, with random embeddings around a mean for
each, and drawn crops of 64 pixels. A real `simpsons label` in a process of its own is asked as the
page asks it: 60 groups of the wall are named, then pages are accepted, character by character; a
face of somebody else is struck. Where there is a Chromium, it says when the wall is seen.
"""

import argparse
import http.client
import io
import json
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import psutil
from numpy.typing import NDArray

from benchmarks.report import machine, table, write_section
from simpsons.demo.drawings import DOLLS, draw
from simpsons.project import NOBODY, CollectedFace
from simpsons.project.store import EMBEDDINGS, write_faces, write_project

CHARACTERS, DIMENSIONS = 60, 512
SPREAD = 0.8
"""Of a character's faces, in parts of the distance of the characters' means from 0."""

STRANGERS = 0.1
SEED = 0
GROUPS, PAGES = 60, 120
SHOT = 4
PAGE = Path(__file__).parents[1] / "docs/naming.md"


def make_project(root: Path, count: int) -> NDArray[np.int64]:
    """Write a project of `count` faces; returns the character of each, -1 for a stranger."""
    rng = np.random.default_rng(SEED)
    shares = 1 / np.arange(3, CHARACTERS + 3)
    who = rng.choice(CHARACTERS, -(-count // SHOT), p=shares / shares.sum()).repeat(SHOT)[:count]
    means = rng.normal(size=(CHARACTERS, DIMENSIONS)) / np.sqrt(DIMENSIONS)
    is_stranger = rng.random(count) < STRANGERS
    own = rng.normal(size=(count, DIMENSIONS)) / np.sqrt(DIMENSIONS)
    embeddings = np.where(is_stranger[:, None], own, means[who] + SPREAD * own)
    (root / "faces/film").mkdir(parents=True)
    crops = [_jpeg(number) for number in range(len(DOLLS))]
    faces = []
    for row in range(count):
        face = f"film_s{row // SHOT:05d}_f{row}"
        (root / f"faces/film/{face}.jpg").write_bytes(crops[who[row] % len(crops)])
        faces.append(_face(face, row))
    write_project(root, [], "0" * 64, "cnn")
    write_faces(root, faces)
    np.save(root / EMBEDDINGS, embeddings.astype(np.float32))
    return np.where(is_stranger, -1, who)


def _face(name: str, row: int) -> CollectedFace:
    return CollectedFace(
        id=name,
        crop=f"faces/film/{name}.jpg",
        frame=f"frames/film/{name}.jpg",
        box=(0, 0, 64, 64),
        score=0.9,
        film="film",
        shot=row // SHOT,
        time=float(row),
        label="homer_simpson",
        probability=0.3,
        verdict="unknown",
        group=row // SHOT,
    )


def _jpeg(number: int) -> bytes:
    file = io.BytesIO()
    draw(DOLLS[number], np.random.default_rng(number), 64).save(file, "JPEG")
    return file.getvalue()


@dataclass(frozen=True)
class Cost:
    """Seconds until an answer was there, and those of a processor that the service spent on it."""

    seconds: float
    processor: float


class Person:
    """Asks and answers as the page does."""

    def __init__(self, url: str, process: int, truth: NDArray[np.int64]) -> None:
        place = urlsplit(url).netloc
        self._connection = http.client.HTTPConnection(place, timeout=600)
        self._service = psutil.Process(process)
        self._truth = truth
        self._project = self.ask("/project")[0]["project"]
        self._seen = 0

    def ask(self, path: str, body: Any = None) -> tuple[Any, Cost]:
        """What the service says, and what that cost."""
        self._connection.close()  # the service closes it when it is silent for long
        began, start = self._processor(), time.perf_counter()
        if body is None:
            self._connection.request("GET", path)
        else:
            headers = {"Content-Type": "application/json"}
            self._connection.request("POST", path, json.dumps(body), headers)
        response = self._connection.getresponse()
        content = response.read()
        cost = Cost(time.perf_counter() - start, self._processor() - began)
        if response.status != 200:
            sys.exit(f"{path}: {response.status} {content.decode()}")
        return json.loads(content), cost

    def answer(self, label: str, rows: list[int]) -> Cost:
        """Name those of the faces that are of the label, and strike the others."""
        parts: dict[bool, list[int]] = {True: [], False: []}
        for row in rows:
            parts[self.label(row) == label].append(row)
        body = {"label": label, "faces": parts[True], "struck": parts[False], "seen": self._seen}
        said, cost = self.ask("/answers", body | {"project": self._project, "client": "person"})
        self._seen = said["state"]["answers"]
        return cost

    def accept_pages(self, most: int) -> tuple[list[Cost], list[Cost]]:
        """Accept pages, one of each character after the other, until none is worth it; what the
        pages cost, and the answers to them."""
        pages: list[Cost] = []
        answers: list[Cost] = []
        done: set[str] = set()
        while len(pages) < most:
            characters = self.ask("/state")[0]["characters"]
            labels = [each["label"] for each in characters if each["label"] not in done]
            if not labels:
                break
            for label in labels:
                said, cost = self.ask(f"/faces?label={label}")
                pages.append(cost)
                if said["stop"]:
                    done.add(label)
                else:
                    answers.append(self.answer(label, said["rows"]))
        return pages, answers

    def label(self, row: int) -> str:
        """Whom a face is of."""
        return NOBODY if self._truth[row] < 0 else f"character_{self._truth[row]}"

    def _processor(self) -> float:
        times = self._service.cpu_times()
        return float(times.user + times.system)


def seconds_to_see(url: str) -> float | None:
    """Until a Chromium shows the faces of the first group; None without one."""
    path = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
    if path is None:
        return None
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = browser.new_page()
        start = time.perf_counter()
        page.goto(url)
        page.wait_for_function(
            "() => [...document.querySelectorAll('#faces img')].slice(0, 12)"
            ".filter((image) => image.naturalWidth > 0).length > 5",
            timeout=120_000,
        )
        seconds = time.perf_counter() - start
        browser.close()
    return seconds


def peak_memory(process: int) -> int:
    """The most bytes that a process has had; where the system doesn't say so, what it has now."""
    status = Path(f"/proc/{process}/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return 1024 * int(line.split()[1])
    return int(psutil.Process(process).memory_info().rss)


def measure(folder: Path, count: int) -> list[list[str]]:
    """Rows of the table: what was done, how long it took, and how long of a processor."""
    truth = make_project(folder, count)
    command = [sys.executable, "-m", "simpsons", "label", str(folder), "--port", "0"]
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as service:
        assert service.stdout is not None
        try:
            url = service.stdout.readline().split()[0]
            begun = time.perf_counter() - start
            person = Person(url, service.pid, truth)
            wall, first = person.ask("/clusters")
            seen = seconds_to_see(url)
            groups = wall["clusters"]
            answers = [
                person.answer(person.label(group["rows"][0]), group["rows"])
                for group in groups[:GROUPS]
            ]
            again = person.ask("/clusters")[1]
            pages, accepted = person.accept_pages(PAGES)
            answers += accepted
            state, _ = person.ask("/state")
            _, compared = person.ask("/doubts")
            peak = peak_memory(service.pid)
        finally:
            service.terminate()
    named = count - state["left"]
    rows = [
        ["from the command to its page", f"{begun:.1f} s", ""],
        [f"the wall of {len(groups):,} groups", f"{first.seconds:.1f} s", _cpu([first])],
        ["the wall again", f"{again.seconds * 1000:.0f} ms", _cpu([again])],
        [f"an answer on the disk, {len(answers)} of them", _spread(answers), _cpu(answers)],
        [f"a page of a character, {len(pages)} of them", _spread(pages), _cpu(pages)],
        [f"doubtful names among {named:,}", f"{compared.seconds:.1f} s", _cpu([compared])],
        ["memory of the service, at most", f"{peak / 1e6:.0f} MB", ""],
    ]
    if seen is not None:
        rows.insert(2, ["from there to its faces in Chromium", f"{seen:.1f} s", ""])
    return rows


def _cpu(costs: list[Cost]) -> str:
    mean = 1000 * sum(cost.processor for cost in costs) / len(costs)
    return f"{mean:,.0f} ms"


def _spread(costs: list[Cost]) -> str:
    seconds = [cost.seconds for cost in costs]
    return f"{1000 * np.median(seconds):.0f} ms, at most {1000 * max(seconds):,.0f} ms"


def main() -> None:
    """Make the project, serve it, answer, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faces", type=int, default=20_000, metavar="N")
    parser.add_argument("--write", action="store_true", help=f"put the table into {PAGE.name}")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(Path(folder), asked.faces)
    text = table([f"{asked.faces:,} faces", "it takes", "of a processor, mean"], rows)
    text += f"\n\n`python -m benchmarks.label --faces {asked.faces}`; {machine()}."
    print(text)
    if asked.write:
        write_section(PAGE, "naming", text)


if __name__ == "__main__":
    main()
