"""Speed and memory against the notebook's pipeline and plain PyTorch.

Writes the tables of docs/performance.md. Each contender runs in a process of its own; they take
turns, so that a busy machine slows all alike. Pictures are made here, but those with faces to find
are real; without the data set that measure is left out. The environments of peers are made on first
use. Where there is a CUDA device, training is measured on it, and latency and finding faces are
left out. On a busy machine use --quick, which measures everything on tiny sizes and writes nothing.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from benchmarks import contenders, detection, pictures
from benchmarks.data import data_option, folder
from benchmarks.peers import environment
from benchmarks.report import machine, table, write_section
from benchmarks.roofline import FORWARD, TRAINING, Machine, Work
from benchmarks.spread import Better, Spread, ratios
from simpsons.classifier import SHIPPED
from simpsons.dataset.folders import DataError
from simpsons.demo.drawings import write_drawings
from simpsons.models import NETWORKS
from simpsons.training.device import choose_device, describe

OURS, NOTEBOOK, TORCH = "simpsons", "the notebook", "plain PyTorch"
PEERS = (NOTEBOOK, TORCH)
SECTION = "performance"
THREADS = (1, 2)
DOCUMENT = "docs/performance.md"

_HELD_OUT = 2  # pictures a character that validate our training, outside the time
_CHARACTERS = 18


@dataclass(frozen=True)
class Sizes:
    """How much is measured. train: pictures an epoch. ingest, folder: files. calls: latencies."""

    repetitions: int
    train: int
    ingest: int
    folder: int
    calls: int
    calls_of_peers: int


FULL = Sizes(repetitions=5, train=576, ingest=2000, folder=640, calls=300, calls_of_peers=40)
ON_GPU = Sizes(repetitions=3, train=1152, ingest=2000, folder=2000, calls=300, calls_of_peers=40)
QUICK = Sizes(repetitions=2, train=64, ingest=128, folder=64, calls=20, calls_of_peers=5)


@dataclass(frozen=True)
class Measured:
    """One measure: figures of each contender by repetition, in `unit`."""

    name: str
    unit: str
    better: Better
    figures: dict[str, list[float]]

    def row(self, peers: Sequence[str] = PEERS) -> list[str]:
        """Cells: the measure, our median and spread, our ratio to each peer."""
        ours = self.figures[OURS]
        cells = [self.name, f"{Spread.of(ours).text()} {self.unit}"]
        for peer in peers:
            theirs = self.figures.get(peer)
            cells.append(ratios(ours, theirs, self.better).text("x") if theirs else "-")
        return cells

    def details(self) -> list[str]:
        """Cells: the measure with its unit, then median and spread of each contender."""
        cells = [
            Spread.of(self.figures[name]).text() if name in self.figures else "-"
            for name in (OURS, *PEERS)
        ]
        return [f"{self.name}, {self.unit}", *cells]


class Performance:
    """Runs measures on pictures in a temporary folder, and keeps what they gave."""

    def __init__(self, folder: Path, sizes: Sizes, device: str) -> None:
        self._drawings, self._files = folder / "drawings", folder / "files"
        self._sizes, self._device = sizes, device
        self._pythons = {
            OURS: [sys.executable, "-m", "benchmarks.peers.ours"],
            NOTEBOOK: [environment.notebook_python(device), "-m", "benchmarks.peers.notebook"],
            TORCH: [sys.executable, "-m", "benchmarks.peers.plain_torch"],
        }
        print("making pictures", flush=True)
        write_drawings(self._drawings, sizes.train // _CHARACTERS + _HELD_OUT)
        pictures.write_originals(self._files, sizes.ingest)
        self.precision = describe(choose_device(device)).precision
        self.machine = self.trainer = self._machine("cpu", "float32")
        if (device, self.precision) != ("cpu", "float32"):
            self.trainer = self._machine(device, self.precision)
        self.measured: list[Measured] = []
        self.sentences: list[str] = []
        self.latencies: list[list[str]] = []

    def training(self) -> None:
        """Training images/s with augmentation, and the peak of memory."""
        for network in NETWORKS:
            count = self._sizes.train
            runs = {
                name: (name, "train" + "-notebook" * (name == OURS), network, self._drawings, count)
                for name in (OURS, *PEERS)
            }
            runs["default"] = (OURS, "train-default", network, self._drawings, count)
            if self._device == "cuda":
                runs["pictures"] = (NOTEBOOK, "augment", network, self._drawings, count)
            results = self._turns(runs)
            own = {OURS: results.pop("default")}
            pictures_alone = results.pop("pictures", None)
            name = f"train `{network}`"
            self._keep(f"{name}, batch 32", "images/s", "higher", results, "rate")
            if pictures_alone:
                bound = {OURS: results[OURS], NOTEBOOK: pictures_alone}
                told = f"{name}, batch 32, the notebook's pictures alone"
                self._keep(told, "images/s", "higher", bound, "rate")
            peers = {peer: results[peer] for peer in PEERS}
            self._keep(f"{name}, our recipe", "images/s", "higher", own | peers, "rate")
            self._keep(f"{name}, memory", "MB", "lower", results, "memory")
            work = Work.of(network, TRAINING, size=2 if self.precision == "bf16" else 4)
            self._bound(f"Training `{network}`, batch 32", work, results, self.trainer)

    def ingest(self) -> None:
        """JPEG files of original size to 64x64 pixels in the cache."""
        count = self._sizes.ingest
        results = self._turns(
            {name: (name, "ingest", "-", self._files, count) for name in (OURS, *PEERS)}
        )
        self._keep("decode files", "images/s", "higher", results, "rate")
        self._bound("Decoding files", Work(files=1), results, self.machine)

    def folder(self) -> None:
        """JPEG files of original size to labels, and the peak of memory."""
        for network in NETWORKS:
            files = (self._files, self._sizes.folder)
            runs = {name: (name, "classify", network, *files) for name in (OURS, *PEERS)}
            int8 = f"{network}-int8"
            if int8 in SHIPPED:
                runs[int8] = (OURS, "classify", int8, *files)
            results = self._turns(runs)
            quantised = results.pop(int8, None)
            name = f"classify a folder, `{network}`"
            self._keep(name, "images/s", "higher", results, "rate")
            self._keep(f"{name}, memory", "MB", "lower", results, "memory")
            work = Work.of(network, FORWARD, files=1)
            self._bound(f"Classifying a folder with `{network}`", work, results, self.machine)
            if quantised:
                name = f"classify a folder, `{int8}`, the peers `{network}`"
                self._keep(name, "images/s", "higher", results | {OURS: quantised}, "rate")

    def cold_start(self) -> None:
        """From the start of a process to the label of one picture."""
        picture = str(next(self._files.glob("*/*.jpg")))
        saving = [
            [*self._pythons[peer], "save", network, str(self._files), "0"]
            for network in NETWORKS
            for peer in PEERS
        ]
        with ThreadPoolExecutor(len(saving)) as pool:
            list(pool.map(contenders.run, saving))
        for network in NETWORKS:
            commands = {
                OURS: [sys.executable, "-m", "simpsons", "predict", picture, "--model", network]
            }
            for peer, suffix in zip(PEERS, ("keras", "pt"), strict=True):
                weights = self._files / f"{network}.{suffix}"
                commands[peer] = [*self._pythons[peer], "label", str(weights), picture]
            taken: dict[str, list[dict[str, float]]] = {name: [] for name in commands}
            for _ in range(self._sizes.repetitions):
                for name, command in commands.items():
                    taken[name].append({"seconds": contenders.seconds_to_answer(command)})
            self._keep(f"cold start to label, `{network}`", "s", "lower", taken, "seconds")
            arithmetic = Work.of(network, FORWARD).flop / self.machine.gflops / 1e6
            self.sentences.append(
                f"**Cold start, `{network}`:** {arithmetic:.1f} ms of it are arithmetic at the "
                "machine's best. The bound is starting Python, importing, and reading weights."
            )

    def latency(self) -> None:
        """One picture's pixels to its label in a warm process: p50 and p99 by threads."""
        for network in NETWORKS:
            calls = self._sizes.calls
            runs = {
                peer: (peer, "latency", network, self._files, self._sizes.calls_of_peers)
                for peer in PEERS
            }
            for threads in THREADS:
                for measure in ("latency", "runtime"):
                    run = (OURS, f"{measure}-{threads}", network, self._files, calls)
                    runs[f"{measure}-{threads}"] = run
            results = self._turns(runs)
            named = {OURS: results[f"latency-{THREADS[-1]}"]}
            named |= {peer: results[peer] for peer in PEERS}
            self._keep(f"one picture, warm, `{network}`", "ms", "lower", named, "p50")
            for threads in THREADS:
                cells = [
                    Spread.of([figures[key] for figures in results[f"{who}-{threads}"]]).text()
                    for who in ("latency", "runtime")
                    for key in ("p50", "p99")
                ]
                self.latencies.append([f"`{network}`, {threads}", *cells])
            rate = 1e3 / Spread.of(self.measured[-1].figures[OURS]).median
            sentence = Work.of(network, FORWARD).sentence(
                f"One picture at a time, `{network}`, {THREADS[-1]} threads", rate, self.machine
            )
            self.sentences.append(sentence)

    def _turns(
        self, runs: dict[str, tuple[str, str, str, Path, int]]
    ) -> dict[str, list[dict[str, float]]]:
        commands = {
            name: [*self._pythons[who], *map(str, what)] for name, (who, *what) in runs.items()
        }
        return contenders.in_turns(commands, self._sizes.repetitions)

    def _keep(
        self,
        name: str,
        unit: str,
        better: Better,
        results: dict[str, list[dict[str, float]]],
        key: str,
    ) -> None:
        figures = {who: [row[key] for row in rows] for who, rows in results.items()}
        self.measured.append(Measured(name, unit, better, figures))
        print(table(HEADERS, [self.measured[-1].row()]).splitlines()[-1], flush=True)

    def _bound(
        self, name: str, work: Work, results: dict[str, list[dict[str, float]]], machine: Machine
    ) -> None:
        rate = Spread.of([row["rate"] for row in results[OURS]]).median
        self.sentences.append(work.sentence(name, rate, machine))

    def _machine(self, device: str, precision: str) -> Machine:
        count = min(200, self._sizes.ingest)
        measure = f"machine-{device}-{precision}"
        best = self._turns({OURS: (OURS, measure, "-", self._files, count)})[OURS]
        gflops, gigabytes, decoded = (
            max(row[name] for row in best) for name in ("gflops", "gigabytes", "decoded")
        )
        return Machine(gflops, gigabytes, decoded, os.cpu_count() or 1)


HEADERS = ("measure", OURS, *(f"times better than {peer}" for peer in PEERS))

BENCHMARKS: dict[str, Callable[[Performance], None]] = {
    "training": Performance.training,
    "ingest": Performance.ingest,
    "folder": Performance.folder,
    "cold-start": Performance.cold_start,
    "latency": Performance.latency,
}
FACES = "faces"
WITH_A_GPU = ("training", "ingest", "folder", "cold-start")


def main(prog: str | None = None, epilog: str | None = None) -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(
        prog, description=__doc__, epilog=epilog, formatter_class=argparse.RawTextHelpFormatter
    )
    data_option(parser)
    parser.add_argument("--quick", action="store_true", help="tiny sizes; nothing is written")
    parser.add_argument(
        "--only",
        choices=[*BENCHMARKS, FACES],
        help=f"this measure alone; nothing is written, but for {FACES}",
    )
    arguments = parser.parse_args()
    where = choose_device()
    on_gpu = where.type == "cuda"
    sizes = QUICK if arguments.quick else ON_GPU if on_gpu else FULL
    gpu = f"{describe(where).name}, " if on_gpu else ""
    by = f"`python -m benchmarks`, n = {sizes.repetitions} in turns; {gpu}{machine()}."
    measures = list(WITH_A_GPU) if on_gpu else [*BENCHMARKS, FACES]
    wanted = [arguments.only] if arguments.only else measures
    sections: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as temporary:
        if FACES in wanted:
            wanted.remove(FACES)
            sections |= finding_faces(arguments, Path(temporary))
        if wanted:
            performance = Performance(Path(temporary), sizes, "cuda" if on_gpu else "cpu")
            for name in wanted:
                BENCHMARKS[name](performance)
            ratios_of_all = table(HEADERS, [measured.row() for measured in performance.measured])
            sections[SECTION] = f"{ratios_of_all}\n\n{by}"
            sections |= _details(performance, by)
    for text in sections.values():
        print(f"\n{text}")
    if not arguments.quick and arguments.only in (None, FACES):
        suffix = " cuda" if on_gpu else ""
        for name, text in sections.items():
            write_section(DOCUMENT, f"{name}{suffix}", text)


def finding_faces(arguments: argparse.Namespace, work: Path) -> dict[str, str]:
    """The section on finding faces beside another detector; none where no data set is."""
    sizes = detection.QUICK if arguments.quick else detection.FULL
    try:
        measured = detection.measure(folder(arguments), sizes, work)
    except DataError as error:
        print(f"finding faces is left out: {error}", flush=True)
        return {}
    by = f"`python -m benchmarks --only {FACES}`, n = {sizes.repetitions} in turns; {machine()}."
    return {FACES: f"{measured}\n\n{sizes.what}. {by}"}


def _details(performance: Performance, by: str) -> dict[str, str]:
    """The sections of docs/performance.md."""
    rows = [measured.details() for measured in performance.measured]
    machines = [performance.machine.text()]
    if performance.trainer is not performance.machine:
        trainer = f"The device that trains, in {performance.precision},"
        machines.append(performance.trainer.text(trainer))
    sections = {
        "contenders": f"{table(('measure', OURS, *PEERS), rows)}\n\n{by}",
        "bounds": "\n\n".join([*machines, *performance.sentences]),
    }
    if performance.latencies:
        headers = ("network, threads", "p50", "p99", "bare ONNX Runtime: p50", "p99")
        latencies = table(headers, performance.latencies)
        sections["latency"] = f"{latencies}\n\nMilliseconds. {by}"
    return sections


if __name__ == "__main__":
    main()
