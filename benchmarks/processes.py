"""Whether training in several processes on one machine is faster: two of half the threads, or one.

Each network is trained for some epochs on the same drawings, alternately with one process and with
several; the speed is that of the last epoch, by `metrics.csv`. Writes docs/performance.md.
"""

import argparse
import csv
import os
import subprocess
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks.report import machine, table, write_section
from simpsons import processors
from simpsons.demo.drawings import write_drawings
from simpsons.models import NETWORKS
from simpsons.progress import bar

DOCUMENT = Path("docs", "performance.md")
_EPOCHS = 3


def images_per_second(network: str, data: Path, run: Path, processes: int, threads: int) -> float:
    """Trained pictures per second in the last epoch of a training by the command."""
    command = [sys.executable, "-m", "simpsons", "train", str(data), "--model", network]
    if processes > 1:
        launcher = ["-m", "torch.distributed.run", "--nproc-per-node", str(processes)]
        command[1:2] = [*launcher, "-m"]
    command += ["--epochs", str(_EPOCHS), "--batch", "128", "--device", "cpu", "--out", str(run)]
    environment = os.environ | {"OMP_NUM_THREADS": str(threads // processes)}
    subprocess.run(command, check=True, env=environment, capture_output=True)
    with (run / "metrics.csv").open(newline="", encoding="utf-8") as file:
        return float(list(csv.DictReader(file))[-1]["images_per_second"])


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--pictures", type=int, default=100, help="per character, of 18")
    arguments = parser.parse_args()
    threads = processors.count()
    found: dict[tuple[str, int], list[float]] = {}
    with TemporaryDirectory() as folder:
        data = Path(folder, "drawings")
        write_drawings(data, per_character=arguments.pictures, size=80)
        turns = [(turn, n, p) for turn in range(arguments.turns) for n in NETWORKS for p in (1, 2)]
        for turn, network, processes in bar(turns, None, "training"):
            run = Path(folder, f"{network}-{processes}-{turn}")
            speed = images_per_second(network, data, run, processes, threads)
            found.setdefault((network, processes), []).append(speed)
    rows = []
    for network in NETWORKS:
        one, two = found[network, 1], found[network, 2]
        ratios = [b / a for a, b in zip(one, two, strict=True)]
        spread = f"{median(ratios):.2f}x ({min(ratios):.2f} to {max(ratios):.2f})"
        rows.append([f"`{network}`", f"{median(one):,.0f}", f"{median(two):,.0f}", spread])
    headers = ["network", "one process, images/s", "two processes, images/s", "ratio"]
    text = (
        f"{table(headers, rows)}\n\n`python -m benchmarks.processes --turns {arguments.turns} "
        f"--pictures {arguments.pictures}`: drawings, batch 128, {_EPOCHS} epochs, the last one "
        f"timed; medians, the ratio with the lowest and the highest. {machine()}."
    )
    print(text)
    write_section(DOCUMENT, "processes", text)


if __name__ == "__main__":
    main()
