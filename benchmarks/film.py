"""Who does `simpsons timeline` find in a film of held-out pictures, and how fast? Prints a table.

The film has shots of one, shots of several, strangers, titles and photographs, with cuts,
dissolves, zooms, pans, letterboxes and pillarboxes. `--part validation` is to choose by, the test
part to report. Needs scikit-image, for photographs: `pip install scikit-image`.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks import film_scenes
from benchmarks.data import data_option, folder
from benchmarks.film_scenes import DISSOLVE, HEIGHT, KINDS, RATE, WIDTH, Pictures, Shot
from benchmarks.report import machine, table
from simpsons import Detector, films
from simpsons.characters import SLUGS
from simpsons.detector import FACES, NAMES
from simpsons.films import Timeline
from simpsons.films.intervals import SHORTEST
from simpsons.films.reading import RATE as SAMPLES
from simpsons.films.tracks import MINIMUM

WITH_NAMES = ("one", "several")

Flags = NDArray[np.bool_]


class Truth(NamedTuple):
    """Of each frame: kind, index into `KINDS`, int64 `[F]`; who must be found and who may be, bool
    `[F, 18]`."""

    kind: NDArray[np.int64]
    must: Flags
    may: Flags


def truth(shots: Sequence[Shot]) -> Truth:
    """What the film shows. In a dissolve who is in either shot may be found, and must be in the
    half in which it is seen better."""
    starts = film_scenes.starts(shots)
    length = starts[-1] + shots[-1].frames
    kind = np.zeros(length, np.int64)
    must, may = np.zeros((2, length, len(SLUGS)), np.bool_)
    for start, shot in zip(starts, shots, strict=True):
        names = np.isin(SLUGS, list(shot.names))
        seen = slice(start + DISSOLVE // 2 * shot.dissolves, None)
        must[seen] = names
        kind[seen] = list(KINDS).index(shot.kind)
        may[start : start + shot.frames] |= names
    return Truth(kind, must, may)


def said(found: Timeline, length: int) -> Flags:
    """Whom a time line names in each frame, bool `[F, 18]`."""
    times = (np.arange(length) + 0.5) / RATE
    named = np.zeros((length, len(SLUGS)), np.bool_)
    for each in found.intervals:
        named[(times >= each.start) & (times < each.end), SLUGS.index(each.label)] = True
    return named


def figures(named: Flags, true: Truth) -> dict[str, dict[str, float]]:
    """By kind of shot and for all: seconds; of the character-seconds there the share found
    (`found`) and of those named the share that is right (`precision`); and the share of the time in
    which somebody who is not there is named (`wrong`)."""
    result = {}
    for number, kind in enumerate([*KINDS, "all"]):
        chosen = true.kind == number if kind in KINDS else np.ones(len(named), np.bool_)
        must, may, here = true.must[chosen], true.may[chosen], named[chosen]
        result[kind] = {
            "seconds": float(chosen.sum() / RATE),
            "found": _share((here & must).sum(), must.sum()),
            "precision": _share((here & may).sum(), here.sum()),
            "wrong": _share((here & ~may).any(axis=1).sum(), len(here)),
        }
    return result


def _share(part: int, whole: int) -> float:
    return float(part / whole) if whole else float("nan")


def report(result: dict[str, dict[str, float]]) -> str:
    """The figures as a table."""
    rows = [
        [
            kind,
            f"{row['seconds']:.0f}",
            *(
                f"{row[key]:.3f}" if kind in (*WITH_NAMES, "all") else ""
                for key in ("found", "precision")
            ),
            f"{row['wrong']:.1%}",
        ]
        for kind, row in result.items()
    ]
    return table(["shots of", "seconds", "found", "precision", "time with a wrong name"], rows)


def main() -> None:
    """Make the film, read it, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    data_option(parser)
    parser.add_argument("--part", default="test", choices=("validation", "test"))
    parser.add_argument("--seconds", type=int, default=480, help="about how long the film is")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model", default=NAMES)
    parser.add_argument("--faces", default=FACES)
    parser.add_argument("--rate", type=float, default=SAMPLES)
    parser.add_argument("--minimum", type=float, default=MINIMUM)
    parser.add_argument("--shortest", type=float, default=SHORTEST)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    pictures = Pictures(folder(given), given.part)
    shots = list(film_scenes.shots(pictures, given.seconds, given.seed))
    true = truth(shots)
    detector = Detector(given.faces, given.model)
    with tempfile.TemporaryDirectory() as temporary:
        film = Path(temporary) / "film.mp4"
        film_scenes.write(film, shots)
        start = time.perf_counter()
        found = films.read(film, detector, given.rate, given.minimum, given.shortest)
        films.write(Path(temporary) / "out", found)
        speed = len(true.kind) / RATE / (time.perf_counter() - start)
    result = figures(said(found, len(true.kind)), true)
    if given.json:
        print(json.dumps({"part": given.part, "seed": given.seed, "speed": speed, **result}))
        return
    print(report(result))
    print(f"\n**{speed:.1f} times as fast as the film.**")
    command = f"python -m benchmarks.film --part {given.part} --seed {given.seed}"
    print(
        f"\n`{command}`: {len(shots)} shots, {WIDTH}x{HEIGHT} pixels at {RATE} frames a second; "
        f"{given.rate:g} a second through `{given.faces}` and `{given.model}`; {machine()}."
    )


if __name__ == "__main__":
    main()
