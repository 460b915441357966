"""`python -m benchmarks.bulk kills`: whatever dies, each picture is answered once."""

import hashlib
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pyarrow.parquet

from benchmarks.bulk_cluster import Cluster
from benchmarks.bulk_pictures import write_network, write_pictures
from benchmarks.report import machine

WORKERS = 3
EVENTS = ("worker",) * 8 + ("client",) * 6 + ("silence",) * 3 + ("full",) * 3
"""What happens at the random moments."""

_SILENCE, _FULL = 15.0, 8.0  # seconds
_PATIENCE = 300.0  # seconds without a new part after which the run hangs


def kills(count: int, part_size: int, model: str, seed: int) -> None:
    """Run undisturbed and disturbed, compare, print. Exits with 1 if they differ."""
    drawn = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="bulk") as name:
        folder = Path(name)
        start = time.monotonic()
        expected = write_pictures(folder / "pictures", count)
        print(f"{count:,} files, {expected.total():,} poisoned: {_since(start)}", flush=True)
        listed = str(folder / "pictures/list.txt")
        network = model
        if model == "mean":
            network = str(folder / "mean.onnx")
            write_network(folder / "mean.onnx")
        options = ["--model", network, "--part-size", str(part_size)]
        start = time.monotonic()
        calm = folder / "calm"
        _simpsons([listed, "--out", str(calm), *options], expect=1)
        print(f"undisturbed, in one process: {_since(start)}", flush=True)
        disturbed = folder / "disturbed"
        disturbed.mkdir()
        is_small = _mount(disturbed, max(4, count // 2000))
        try:
            start = time.monotonic()
            events = EVENTS if is_small else tuple(one for one in EVENTS if one != "full")
            happened, apart = _disturb(disturbed, folder, [listed, *options], events, drawn)
            took = _since(start)
            fits = _compare(calm, disturbed, count, expected)
        finally:
            if is_small:
                subprocess.run(["umount", str(disturbed)], check=False)
    where = "network namespaces" if apart else "processes on the loopback interface"
    said = ", ".join(f"{number} {_SAID[event]}" for event, number in happened.items())
    print(f"disturbed, a scheduler and {WORKERS} workers in {where}: {took}; {said}")
    print(f"{'all as it should be' if fits else 'NOT as it should be'}; {model}; {machine()}")
    sys.exit(0 if fits else 1)


_SAID = {
    "worker": "workers killed",
    "client": "clients killed",
    "silence": "workers silent",
    "full": "times the target full",
}


def _disturb(
    target: Path, folder: Path, arguments: list[str], events: tuple[str, ...], drawn: random.Random
) -> tuple[Counter[str], bool]:
    """Until the run has ended by itself; what happened, and whether networks were apart."""
    waiting = list(events)
    drawn.shuffle(waiting)
    command = [sys.executable, "-m", "simpsons", "bulk", *arguments, "--out", str(target)]
    happened: Counter[str] = Counter()
    with Cluster(WORKERS, folder) as cluster:
        command += ["--scheduler", cluster.address]
        client = cluster.run(command, "client.log")
        while not (target / "manifest.json").exists():
            time.sleep(0.1)
        parts = json.loads((target / "manifest.json").read_text(encoding="utf-8"))["parts"]
        moments = sorted(drawn.uniform(0, 0.9 * parts) for _ in waiting)
        later: list[tuple[float, str, int]] = []
        last, seen = time.monotonic(), 0
        while True:
            code = client.poll()
            if code is not None:
                break
            cluster.mend()
            done = len(list(target.glob("part-*.json")))
            now = time.monotonic()
            last = now if done > seen else last
            seen = max(done, seen)
            if now - last > _PATIENCE:
                sys.exit("it hangs")
            for due in [one for one in later if one[0] <= now]:
                later.remove(due)
                if due[1] == "silence":
                    cluster.thaw(due[2])
                else:
                    (target / "filler").unlink(missing_ok=True)
            if moments and done >= moments[0]:
                moments.pop(0)
                event = waiting.pop()
                happened[event] += 1
                number = drawn.randrange(WORKERS)
                if event == "worker":
                    cluster.kill(number)
                elif event == "silence":
                    cluster.freeze(number)
                    later.append((now + _SILENCE, event, number))
                elif event == "full":
                    _fill(target / "filler")
                    later.append((now + _FULL, event, number))
                else:
                    client.kill()
                    client.wait()
                    client = cluster.run(command, "client.log")
            time.sleep(drawn.uniform(0.05, 0.3))
        said = (folder / "client.log").read_text(encoding="utf-8")
        if code != 1 or "Traceback" in said:
            sys.exit(f"{said[-3000:]}\nthe client ended with {code}")
        return happened, cluster.apart


def _compare(calm: Path, disturbed: Path, count: int, expected: Counter[str]) -> bool:
    rows: Counter[int] = Counter()
    kinds: Counter[str] = Counter()
    names = sorted(path.name for path in calm.glob("part-*.parquet"))
    equal = names == sorted(path.name for path in disturbed.glob("part-*.parquet"))
    for name in names:
        table = pyarrow.parquet.read_table(disturbed / name, columns=["row", "error_kind"])
        rows.update(table.column("row").to_pylist())
        kinds.update(filter(None, table.column("error_kind").to_pylist()))
        equal = equal and _digest(calm / name) == _digest(disturbed / name)
    once = rows == Counter(range(count))
    left = list(disturbed.glob(".part-*"))
    print(f"rows {rows.total():,} of {count:,}, each picture once: {once}")
    print(f"bytes of {len(names):,} parts equal to the undisturbed run: {equal}")
    print(f"errors by kind as made: {kinds == expected} ({dict(kinds)}); left behind: {len(left)}")
    return once and equal and kinds == expected and not left


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _simpsons(arguments: list[str], expect: int) -> None:
    code = subprocess.run([sys.executable, "-m", "simpsons", "bulk", *arguments]).returncode
    if code != expect:
        sys.exit(f"simpsons bulk ended with {code}, not {expect}")


def _mount(folder: Path, megabytes: int) -> bool:
    """Make it a small disk that can be filled; False where that is not permitted."""
    if shutil.which("mount") is None:
        return False
    options = ["-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    return subprocess.run(["mount", *options], stderr=subprocess.DEVNULL).returncode == 0


def _fill(path: Path) -> None:
    with suppress(OSError), path.open("wb", buffering=0) as file:
        while file.write(bytes(1 << 16)):
            pass


def _since(start: float) -> str:
    return f"{time.monotonic() - start:.0f} s"
