"""How long does `simpsons collect` take for ten minutes of film, in how much memory? Prints it.

The film is that of `benchmarks.film`: shots of held-out pictures that the camera moves over, with
cuts, dissolves, titles and bars. It is collected in a process of its own, and a second time killed
`--kills` times on the way; both must give the same. Memory is read off when a tenth of the shots
are done, and at the end. Needs Linux, and scikit-image, for photographs.
"""

import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import film_scenes
from benchmarks.data import data_option, folder
from benchmarks.film_scenes import HEIGHT, RATE, WIDTH, Pictures
from benchmarks.report import machine, table, write_section
from simpsons.project import Project
from simpsons.project.store import COLLECTED

DOCUMENT = "docs/collect.md"

_PAUSE = 0.2  # seconds between two looks at the memory

_COLLECT = "from simpsons.cli import main; main()"


def collect(
    film: Path, project: Path, kill_after: float | None = None
) -> tuple[float, dict[int, int]]:
    """Seconds of a process, and the most memory that it has had, in MB, by the shots done.

    kill_after: seconds until it is killed.
    """
    command = [sys.executable, "-c", _COLLECT, "collect", str(film), "--out", str(project)]
    start, memory = time.perf_counter(), {}
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            if kill_after is not None and time.perf_counter() - start > kill_after:
                process.send_signal(signal.SIGKILL)
            status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
            if most := re.search(r"VmHWM:\s+(\d+) kB", status):
                memory[shots_done(project)] = int(most[1]) // 1024
            time.sleep(_PAUSE)
    if process.returncode not in (0, -signal.SIGKILL):
        sys.exit(f"collecting ended with {process.returncode}")
    return time.perf_counter() - start, memory


def shots_done(project: Path) -> int:
    """How many shots the journal of a project has."""
    journal = project / COLLECTED
    return journal.read_bytes().count(b'"shot": ') if journal.is_file() else 0


def content(project: Path) -> dict[str, bytes]:
    """All of a project but what says where and when it was made, by path."""
    return {
        path.relative_to(project).as_posix(): path.read_bytes()
        for path in project.rglob("*")
        if path.is_file() and path.name not in ("project.json", "collect.lock")
    }


def main() -> None:
    """Make the film, collect it, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    data_option(parser)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--part", choices=("validation", "test"), default="validation")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kills", type=int, default=3, help="0 for no second time")
    parser.add_argument("--film", type=Path, help="where the film is kept; made if it is not there")
    parser.add_argument("--write", action="store_true", help=f"write {DOCUMENT}")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        film = given.film or Path(place) / "film.mp4"
        if not film.exists():
            pictures = Pictures(folder(given), given.part)
            shots = film_scenes.shots(pictures, 60 * given.minutes, given.seed)
            film_scenes.write(film, list(shots))
        first, second = Path(place) / "whole", Path(place) / "killed"
        before = os.times()
        seconds, memory = collect(film, first)
        after = os.times()
        used = after.children_user + after.children_system
        used -= before.children_user + before.children_system
        for number in range(1, given.kills + 1):
            collect(film, second, seconds * number / (given.kills + 1))
        if given.kills:
            collect(film, second)
            same = content(first) == content(second)
        project = Project.open(first)
        [source] = project.sources
        tenth = next(shots for shots in sorted(memory) if shots >= source.shots / 10)
        after_tenth = memory[tenth]
        size = sum(len(each) for each in content(first).values()) / 1e6
    rows = [
        ["film", f"{source.duration / 60:.1f} minutes, {WIDTH}x{HEIGHT}, {RATE} frames a second"],
        ["collected in", f"{seconds:.0f} s ({used:.0f} s of one core)"],
        [
            "most memory",
            f"{after_tenth} MB after {tenth:,} shots, {max(memory.values())} MB after all",
        ],
        ["shots", f"{source.shots:,}"],
        ["frames kept", f"{source.frames:,}"],
        ["faces", f"{source.faces:,}"],
        ["left out", ", ".join(f"{count:,} {what}" for what, count in source.left_out.items())],
        ["on disk", f"{size:.0f} MB"],
    ]
    if given.kills:
        came_to = "the same, byte by byte" if same else "DIFFERENT"
        rows.append([f"killed {given.kills} times on the way", came_to])
    text = (
        f"{table(['', ''], rows)}\n\n"
        f"`python -m benchmarks.collect --minutes {given.minutes:g} --kills {given.kills}` (film "
        f"of the {given.part} part, seed {given.seed}); {machine()}, while other work ran on it."
    )
    print(text)
    if given.write:
        write_section(DOCUMENT, "collect", text)


if __name__ == "__main__":
    main()
