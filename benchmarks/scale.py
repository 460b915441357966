"""What the search for duplicates costs: time, memory, recall. Writes docs/near-duplicates.md.

Each size is a process of its own. The pictures are random, with the spectrum of natural ones; one
in a hundred is a distorted copy of another (`benchmarks.distortions`). They lie in a file that is
mapped into memory, as the decoded pictures of a data set do. The peak of memory includes pages of
that file, which the system may take back at any time; how many there were at most is said apart.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.distortions import DISTORTIONS
from benchmarks.near_duplicates import DOCUMENT
from benchmarks.report import machine, table, write_section
from simpsons.auditing import duplicates
from simpsons.dataset import cache, kaggle
from simpsons.pixels import images
from simpsons.pixels.images import Pixels
from simpsons.progress import bar

SEED = 0
SIZES = (10_000, 100_000, 1_000_000)
_COPIES = 0.01
_WAVES = 16
_SIDE = 32
_BLOCK = 1000
_NOISE = 3  # of 255, at most


def paint(count: int, rng: np.random.Generator) -> Pixels:
    """Random pictures, uint8 `[count, 64, 64, 3]`: cosine waves of amplitude 1 / frequency."""
    wave = np.arange(_WAVES)
    places = (np.arange(_SIDE) + 0.5) / _SIDE
    basis = np.cos(np.pi * places[:, None] * wave).astype(np.float32)
    strength = 1 / np.maximum(np.hypot(wave[:, None], wave), 1).astype(np.float32)
    light = rng.standard_normal((count, 1, _WAVES, _WAVES), np.float32)
    colour = rng.standard_normal((count, 3, _WAVES, _WAVES), np.float32)
    pictures = basis @ (strength * (light + 0.4 * colour)) @ basis.T
    pixels = np.clip(128 + 45 * np.moveaxis(pictures, 1, 3), 0, 255).astype(np.uint8)
    return pixels.repeat(images.SIZE // _SIDE, axis=1).repeat(images.SIZE // _SIDE, axis=2)


def paint_alike(count: int, rng: np.random.Generator) -> Pixels:
    """One random picture again and again, each time with other noise; see `paint`."""
    noise = rng.integers(-_NOISE, _NOISE + 1, (count, images.SIZE, images.SIZE, 3), np.int16)
    card = paint(1, np.random.default_rng(SEED)).astype(np.int16)
    return np.asarray(np.clip(card + noise, 0, 255), np.uint8)


def plant(pixels: Pixels, rng: np.random.Generator) -> NDArray[np.int64]:
    """Make one in a hundred a copy of another; int64 `[C, 2]`, copies and their originals."""
    rows = rng.permutation(len(pixels))[: 2 * round(_COPIES * len(pixels))].reshape(-1, 2)
    kinds = tuple(DISTORTIONS.values())
    for number, (copy, original) in enumerate(rows.tolist()):
        picture = kinds[number % len(kinds)](Image.fromarray(pixels[original]), rng)
        pixels[copy] = images.load(picture)
    return np.asarray(rows)


def measured(pixels: Pixels, planted: NDArray[np.int64]) -> dict[str, float]:
    """Find the duplicates and say what it took."""
    wall, cpu = time.perf_counter(), time.process_time()
    with MappedPages() as mapped:
        found = duplicates.within(pixels, bar)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    pairs = {(pair.first, pair.second) for pair in found.pairs if pair.copy}
    hits = sum((min(pair), max(pair)) in pairs for pair in planted.tolist())
    return {
        "pictures": len(pixels),
        "pairs": len(found.pairs),
        "seconds": wall,
        "cpu_seconds": cpu,
        "memory": _resident("VmHWM"),
        "mapped": mapped.most,
        "planted": len(planted),
        "found": hits,
        "others": len(pairs) - hits,
    }


class MappedPages:
    """While it is entered it looks, ten times a second, how much of mapped files is resident.

    most: GiB, libraries included.
    """

    def __init__(self) -> None:
        self.most = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> "MappedPages":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(0.1):
            self.most = max(self.most, _resident("RssFile"))


def _resident(which: str) -> float:
    """GiB of this process that are resident: `VmHWM`, the peak, or `RssFile`, of mapped files now.

    Linux tells it in /proc. `getrusage` would not do: its maximum is inherited from the process
    that started this one, which has just made the pictures.
    """
    found = re.search(rf"{which}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) / 2**20


def painted(size: int, is_alike: bool = False) -> dict[str, float]:
    """Make `size` pictures in a file and measure."""
    rng = np.random.default_rng(SEED)
    make = paint_alike if is_alike else paint
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / "images.npy"
        shape = (size, images.SIZE, images.SIZE, 3)
        written = np.lib.format.open_memmap(path, "w+", np.uint8, shape)
        for start in range(0, size, _BLOCK):
            written[start : start + _BLOCK] = make(min(_BLOCK, size - start), rng)
        planted = np.empty((0, 2), np.int64) if is_alike else plant(written, rng)
        np.save(Path(temporary) / "planted.npy", planted)
        written.flush()
        del written
        return _run("--file", str(path))


def _run(*arguments: str) -> dict[str, float]:
    """Measure in a process of its own, whose memory is that of the search alone."""
    command = [sys.executable, "-m", "benchmarks.scale", *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    result: dict[str, float] = json.loads(done.stdout)
    return result


def row(name: str, figures: dict[str, float]) -> list[str]:
    """A row of the table."""
    planted = int(figures["planted"])
    return [
        name,
        f"{figures['pictures']:,}",
        f"{figures['seconds']:,.0f} s",
        f"{figures['cpu_seconds']:,.0f} s",
        f"{figures['memory']:.2f} GiB",
        f"{figures['mapped']:.2f} GiB",
        f"{figures['found'] / planted:.1%} of {planted:,}" if planted else "-",
        f"{int(figures['others']):,}" if planted else "-",
    ]


def alike(sizes: Sequence[int]) -> None:
    """Measure so many pictures that are all alike, as black frames and title cards are; print."""
    headers = ["pictures, all alike", "pairs", "pairs a picture", "processor time", "peak memory"]
    rows = []
    for size in sizes:
        found = painted(size, is_alike=True)
        rows.append(
            [
                f"{size:,}",
                f"{int(found['pairs']):,}",
                f"{found['pairs'] / size:.1f}",
                f"{found['cpu_seconds']:,.0f} s",
                f"{found['memory']:.2f} GiB",
            ]
        )
        print(" | ".join(rows[-1]), flush=True)
    words = " ".join(map(str, sizes))
    print(f"{table(headers, rows)}\n\n`python -m benchmarks.scale --alike {words}`; {machine()}.")


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="example: python -m benchmarks.scale --sizes 10000 60000",
    )
    parser.add_argument(
        "--data", metavar="FOLDER", help="the data set's folder (default: $SIMPSONS_DATA)"
    )
    parser.add_argument(
        "--sizes",
        type=int,
        nargs="*",
        default=SIZES,
        metavar="N",
        help=f"how many random pictures, a run each (default: {' '.join(map(str, SIZES))}); a "
        "million take 12 GB of the disk",
    )
    parser.add_argument(
        "--only-random", action="store_true", help="leave out the data set, which need not be there"
    )
    parser.add_argument("--alike", type=int, nargs="+", help="only these, all of one picture")
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--real", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.file:
        planted = np.load(arguments.file.with_name("planted.npy"))
        print(json.dumps(measured(np.load(arguments.file, mmap_mode="r"), planted)))
        return
    if arguments.real:
        empty = np.empty((0, 2), np.int64)
        root = str(kaggle.resolve(arguments.data))
        print(json.dumps(measured(cache.load(root, track=bar).images, empty)))
        return
    if arguments.alike:
        alike(arguments.alike)
        return
    if not arguments.only_random:
        root = str(kaggle.resolve(arguments.data))
        tell("scale", lambda: [row("the data set", _run("--real", "--data", root))])
    if arguments.sizes:
        sizes = arguments.sizes
        tell("scale, random", lambda: [row("random waves", painted(size)) for size in sizes])


def tell(section: str, rows: Callable[[], list[list[str]]]) -> None:
    """Measure, print and write."""
    headers = ["pictures of", "number", "time", "processor time", "peak memory", "mapped pages"]
    headers += ["planted copies found", "other copies found"]
    before = os.getloadavg()[0]
    text = (
        f"{table(headers, rows())}\n\n`python -m benchmarks.scale`, seed {SEED}; {machine()}. "
        f"The load average was {before:.1f} before the start and {os.getloadavg()[0]:.1f} at the "
        f"end, of which up to {os.cpu_count()} is the search itself; other work adds to the time."
    )
    print(text, flush=True)
    write_section(DOCUMENT, section, text)


if __name__ == "__main__":
    main()
