"""How much faster than real time is `simpsons timeline`? Prints it, with the share of each step.

The film is made from drawings of our own: shots of 2.5 s with camera movement. The steps are
measured by leaving them out: decoding alone, with finding shots, and everything.
"""

import argparse
import tempfile
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from benchmarks.report import machine, table
from simpsons import Detector, films
from simpsons.demo.drawings import DOLLS, draw
from simpsons.detector import FACES, NAMES
from simpsons.films.film import Film
from simpsons.films.shots import ShotDetector

WIDTH, HEIGHT, FRAME_RATE, SHOT = 640, 360, 24, 60


def make(path: Path, seconds: int, seed: int = 0) -> None:
    """Write a film of 640x360 pixels with 24 frames a second."""
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=FRAME_RATE, options={"preset": "veryfast"})
        stream.width, stream.height = WIDTH, HEIGHT
        for number in range(seconds * FRAME_RATE):
            shot, step = divmod(number, SHOT)
            if step == 0:
                rng = np.random.default_rng((seed, shot))
                drawing = draw(DOLLS[shot % len(DOLLS)], rng, WIDTH)
                drawing = drawing.resize((WIDTH + SHOT, HEIGHT + SHOT))
            frame = drawing.crop((step, step, step + WIDTH, step + HEIGHT))
            container.mux(stream.encode(av.VideoFrame.from_image(frame)))
        container.mux(stream.encode())


def decode(path: Path, shots: ShotDetector | None = None) -> None:
    """Read all frames, and find the shots if asked to."""
    with Film(path) as film:
        frames = film.frames()
        deque(frames if shots is None else map(shots.shot_of, frames), maxlen=0)


def seconds_of(work: Callable[[], object], repeats: int) -> NDArray[np.float64]:
    """The least wall time and the least CPU time (of all threads) of a few runs, in seconds."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter(), time.process_time()
        work()
        times.append((time.perf_counter() - start[0], time.process_time() - start[1]))
    least: NDArray[np.float64] = np.min(times, axis=0)
    return least


def main() -> None:
    """Make the film, time the steps, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--model", default=NAMES)
    parser.add_argument("--rate", type=float, default=5.0)
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    detector = Detector(names=given.model)
    with tempfile.TemporaryDirectory() as folder:
        film = Path(folder) / "film.mp4"
        make(film, given.seconds)
        decoding = seconds_of(lambda: decode(film), given.repeats)
        with_shots = seconds_of(lambda: decode(film, ShotDetector()), given.repeats)
        whole = seconds_of(lambda: films.read(film, detector, given.rate), given.repeats)
        found = films.read(film, detector, given.rate)
        writing = seconds_of(lambda: films.write(Path(folder) / "out", found), given.repeats)
    total = whole + writing
    steps = {
        "decoding": decoding,
        "finding shots": with_shots - decoding,
        "finding and naming faces": whole - with_shots,
        "writing the files": writing,
    }
    rows = [
        [name, f"{wall:.2f} s", f"{cpu:.2f} s", f"{cpu / total[1]:.0%}"]
        for name, (wall, cpu) in steps.items()
    ]
    rows.append(["**all**", f"**{total[0]:.2f} s**", f"{total[1]:.2f} s", ""])
    print(table(["step", "wall time", "CPU time", "share of CPU time"], rows))
    print(
        f"\n**{given.seconds / total[0]:.1f} times as fast as the film** "
        f"({given.seconds / total[1]:.1f} s of film per second of one core)."
    )
    print(
        f"\n{given.seconds} s of {WIDTH}x{HEIGHT} pixels at {FRAME_RATE} frames a second (seed 0), "
        f"{given.rate:g} a second through `{FACES}` and `{given.model}`, best of {given.repeats}; "
        f"{machine()}."
    )


if __name__ == "__main__":
    main()
