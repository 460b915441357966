"""`python -m benchmarks.bulk speed`, `memory` and `engines`: how fast, in how much memory."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.bulk_pictures import write_network, write_pictures
from benchmarks.peers.environment import engines_python
from benchmarks.report import machine, table
from simpsons.bulk import cluster, engine, manifest, parts, tasks
from simpsons.bulk.limits import Limits
from simpsons.bulk.locations import Entry
from simpsons.bulk.stores import open_store
from simpsons.classifier import Classifier

_SOURCE = Path(__file__).parents[1] / "src"
ENGINES = ("ray", "daft", "spark")


def speed(count: int, part_size: int, model: str, turns: int) -> None:
    """Pictures a second beside `Classifier.predict_all`, in turns."""
    with tempfile.TemporaryDirectory(prefix="bulk") as name:
        folder = Path(name)
        write_pictures(folder / "pictures", count, poisoned=False)
        paths = (folder / "pictures/list.txt").read_text(encoding="utf-8").split()
        classifier = Classifier(model)
        ways: dict[str, Callable[[], object]] = {
            "predict_all": lambda: list(classifier.predict_all(paths)),
            "bulk, this process": lambda: list(
                engine.run_here(
                    frozen := _freeze(folder, paths, part_size, model),
                    range(frozen.parts),
                    Limits(),
                )
            ),
        }
        rates: dict[str, list[float]] = {}
        with cluster.workers_here(1) as one, cluster.workers_here(2) as two:
            for workers, address in ((1, one), (2, two)):
                ways[f"bulk, {workers} worker{'s' * (workers > 1)} of one thread"] = partial(
                    _on, address, folder, paths, part_size, model
                )
            for turn in range(turns + 1):
                for way, run in ways.items():
                    start = time.perf_counter()
                    run()
                    if turn:  # the first is not counted
                        rates.setdefault(way, []).append(count / (time.perf_counter() - start))
    base = rates["predict_all"]
    rows = []
    for way, found in rates.items():
        ratios = [one / other for one, other in zip(found, base, strict=True)]
        said = f"{statistics.median(found):,.0f} ({min(found):,.0f} to {max(found):,.0f})"
        rows.append([way, said, f"{statistics.median(ratios):.2f}"])
    print(table(["way", "pictures/s", "of predict_all, within a turn"], rows))
    print(f"\n{count:,} JPEG files of 64 pixels, {model}, n = {turns} in turns; {machine()}.")


def _freeze(folder: Path, paths: list[str], part_size: int, model: str) -> manifest.Manifest:
    target = tempfile.mkdtemp(dir=folder)
    work = tasks.describe(tasks.CLASSIFY, model)
    return manifest.freeze(target, map(Entry, paths), work, source="list", part_size=part_size)


def _on(address: str, folder: Path, paths: list[str], part_size: int, model: str) -> None:
    frozen = _freeze(folder, paths, part_size, model)
    list(cluster.run_on(address, frozen, range(frozen.parts), Limits(cores=1)))


def memory(counts: list[int], part_size: int) -> None:
    """Peak of the process for lists of these lengths, of small pictures and a small network."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="bulk") as name:
        folder = Path(name)
        write_pictures(folder / "pictures", 1000, poisoned=False)
        paths = (folder / "pictures/list.txt").read_text(encoding="utf-8").split()
        write_network(folder / "mean.onnx")
        for count in counts:
            listed = folder / "list.txt"
            with listed.open("w", encoding="utf-8") as file:
                for number in range(count):
                    file.write(f"{paths[number % len(paths)]}\n")
            target = folder / f"out{count}"
            command = [sys.executable, "-m", "simpsons", "bulk", str(listed), "--out", str(target)]
            command += ["--model", str(folder / "mean.onnx"), "--part-size", str(part_size)]
            start = time.perf_counter()
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
            _, _, used = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - start
            frozen = manifest.read(str(target))
            assert frozen is not None
            done = sum(one.rows for one in parts.finished(open_store(str(target)), frozen).values())
            rows.append([f"{done:,}", f"{used.ru_maxrss / 1024:,.0f}", f"{count / seconds:,.0f}"])
            print(" ".join(rows[-1]), flush=True)
    print(table(["rows", "peak, MB", "rows/s"], rows))
    print(f"\nParts of {part_size:,}, a network that takes a mean; {machine()}.")


def engines(count: int, part_size: int, model: str, turns: int) -> None:
    """The documented lines for other engines beside ours, with two processors, in turns."""
    with tempfile.TemporaryDirectory(prefix="bulk") as name:
        folder = Path(name)
        write_pictures(folder / "pictures", count)
        listed = folder / "pictures/list.txt"
        (folder / "list.csv").write_text(f"path\n{listed.read_text(encoding='utf-8')}", "utf-8")
        ours = [sys.executable, "-m", "simpsons", "bulk", str(listed), "--model", model]
        ours += ["--part-size", str(part_size), "--out"]
        ways = {"simpsons bulk": ours, "simpsons bulk --workers 2": [*ours, "--workers", "2"]}
        for each in ENGINES:
            script = Path(__file__).with_name("peers") / f"bulk_{each}.py"
            ways[each] = [engines_python(), str(script), str(folder / "list.csv")]
        seconds: dict[str, list[float]] = {}
        answers: dict[str, list[dict[str, str]]] = {}
        for turn in range(turns):
            for number, (way, command) in enumerate(ways.items()):
                target = str(folder / f"out-{turn}-{number}")
                if way in ENGINES:
                    command = [*command, target, model, str(part_size)]
                else:
                    place = command.index("--out") + 1
                    command = [*command[:place], target, *command[place:]]
                seconds.setdefault(way, []).append(_timed(way, command))
                answers.setdefault(way, []).append(_labels(Path(target)))
    expected = answers["simpsons bulk"][0]
    rows = []
    for way, took in seconds.items():
        rate = count / statistics.median(took)
        same = all(found == expected for found in answers[way])
        spread = f"{statistics.median(took):.1f} ({min(took):.1f} to {max(took):.1f})"
        rows.append([way, spread, f"{rate:,.0f}", "yes" if same else "NO"])
    print(table(["engine", "seconds", "pictures/s", "same answers"], rows))
    print(f"\n{count:,} files, 1 % poisoned, {model}, whole processes, n = {turns}; {machine()}.")


def _timed(name: str, command: list[str]) -> float:
    environment = os.environ | {"PYTHONPATH": str(_SOURCE), "DO_NOT_TRACK": "1"}
    start = time.perf_counter()
    with tempfile.TemporaryFile() as log:
        try:
            code = subprocess.run(command, env=environment, stdout=log, stderr=log, timeout=900)
            fails = code.returncode not in (0, 1)
        except subprocess.TimeoutExpired:
            fails = True
        if fails:
            log.seek(0)
            print(f"{name}: {log.read().decode(errors='replace')[-1500:]}")
    return time.perf_counter() - start


def _labels(folder: Path) -> dict[str, str]:
    import pyarrow.parquet

    found = {}
    for path in sorted(folder.rglob("*.parquet")):
        if path.name == manifest.LIST:
            continue
        read = pyarrow.parquet.read_table(path, columns=["path", "label", "error_kind"])
        for row in read.to_pylist():
            found[row["path"]] = row["label"] or row["error_kind"]
    return found
