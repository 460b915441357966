"""How a contender and the benchmark talk: a line when it is ready, a line a repetition.

Standard library alone, since the notebook's environment has nothing of ours.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

Figures = dict[str, float]


def arguments() -> argparse.Namespace:
    """What to do: `measure`, `network`, `folder` of pictures, `count` of them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("measure")
    parser.add_argument("network")
    parser.add_argument("folder", type=Path)
    parser.add_argument("count", type=int)
    return parser.parse_args()


def files(folder: Path, count: int) -> list[Path]:
    """The first `count` pictures under a folder, one folder a class."""
    return sorted(folder.glob("*/*.jpg"))[:count]


def labels(paths: list[Path]) -> list[int]:
    """The number of each picture's class."""
    names = sorted({path.parent.name for path in paths})
    return [names.index(path.parent.name) for path in paths]


def say(figures: Figures) -> None:
    """Send a line to the benchmark."""
    print(json.dumps(figures), flush=True)


def wait() -> None:
    """Wait for the benchmark to ask for a repetition; end when it asks no more."""
    if not sys.stdin.readline():
        sys.exit()


def serve(repetition: Callable[[], Figures]) -> None:
    """Say that the contender is ready, then run a repetition whenever it is asked for."""
    say({})
    while True:
        wait()
        say(repetition())


def one_by_one(paths: list[Path], answer: Callable[[Path], object]) -> None:
    """Serve the milliseconds from each file to its answer, in a warm process."""

    def repetition() -> Figures:
        taken = []
        for path in paths:
            start = time.perf_counter()
            answer(path)
            taken.append(1e3 * (time.perf_counter() - start))
        return percentiles(taken)

    repetition()
    serve(repetition)


def percentiles(milliseconds: list[float]) -> Figures:
    """The median and the 99th percentile (the nearest rank) of latencies."""
    ranked = sorted(milliseconds)
    last = len(ranked) - 1
    return {"p50": ranked[round(0.50 * last)], "p99": ranked[round(0.99 * last)]}
