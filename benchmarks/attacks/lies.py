"""Run folders, ONNX files and Keras files that lie: an error in words, never a traceback.

Each command runs in a copy of this process, so that a crash is seen and counted too.
"""

import json
import os
import shutil
import signal
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from simpsons.cli import main as simpsons

HEADERS = ["lies in", "lies", "commands", "refused", "taken", "tracebacks", "crashes", "hangs"]

_PATIENCE = 120  # seconds for a command
_VALUES: tuple[object, ...] = (None, -5, 10**40, "x", [], {}, float("nan"))
_STEPS: tuple[dict[str, object], ...] = (
    {"step": -5},
    {"step": 10**12},
    {"sums": []},
    {"history": [{}]},
    {"history": None},
)
_FIXTURES = Path(__file__).parents[2] / "tests" / "fixtures"


def _run(words: Sequence[str], log: Path) -> int:
    """The exit code of a command in a copy of this process; 70 for a traceback."""
    copy = os.fork()
    if copy:
        _, status = os.waitpid(copy, 0)
        return os.waitstatus_to_exitcode(status)
    code = 70
    try:
        signal.alarm(_PATIENCE)
        file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, 1)
        os.dup2(file, 2)
        try:
            simpsons(list(words))
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def _judge(
    what: str, lies: Iterator[tuple[str, list[Sequence[str]]]], log: Path
) -> tuple[list[str], list[str]]:
    """A row, and the failures. lies: each is put into its place as it is asked for."""
    number = asked = refused = taken = 0
    bad = {"tracebacks": 0, "crashes": 0, "hangs": 0}
    failures = []
    for name, commands in lies:
        number += 1
        for words in commands:
            asked += 1
            code = _run(words, log)
            refused += code in (1, 2)
            taken += code == 0
            if code not in (0, 1, 2):
                kind = {70: "tracebacks", -signal.SIGALRM: "hangs"}.get(code, "crashes")
                bad[kind] += 1
                end = log.read_text(errors="replace")[-300:]
                failures.append(f"{what}, {name}: {words[0]}: {code}: {end}")
                print(f"FAILED {failures[-1]}", flush=True)
    counts = (number, asked, refused, taken, *bad.values())
    return [what, *(f"{count:,}" for count in counts)], failures


def _of_a_run(run: Path, work: Path, every: int) -> Iterator[tuple[str, list[Sequence[str]]]]:
    commands: list[Sequence[str]] = [
        ["train", "--resume", str(work)],
        ["export", str(work), str(work.with_name("out.onnx"))],
    ]
    asks = ["evaluate", str(run.parent / "pictures"), "--model", str(work)]
    spoils = list(_spoils(json.loads((run / "config.json").read_text())))
    for name, spoil in spoils[::every]:
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(run, work)
        spoil(work)
        yield name, [*commands, asks] if "." in name else commands


def _spoils(config: dict[str, Any]) -> Iterator[tuple[str, Callable[[Path], object]]]:
    def write(values: object) -> Callable[[Path], object]:
        return lambda folder: (folder / "config.json").write_text(json.dumps(values))

    for key in config:
        for value in _VALUES:
            yield f"{key} {value!r}", write(config | {key: value})
        yield f"no {key}", write({k: v for k, v in config.items() if k != key})
    for key in config["recipe"]:
        for value in _VALUES:
            yield (
                f"recipe.{key} {value!r}",
                write(config | {"recipe": config["recipe"] | {key: value}}),
            )
    for name in ("split.csv", "best.safetensors", "last.safetensors", "config.json", "model.onnx"):
        for share in (0, 0.3, 0.9):
            yield (
                f"{name} cut to {share}",
                lambda folder, n=name, s=share: os.truncate(  # type: ignore[misc]
                    folder / n, int((folder / n).stat().st_size * s)
                ),
            )
        yield f"no {name}", lambda folder, n=name: (folder / n).unlink()  # type: ignore[misc]
    for number in (10**30, -1, "x"):
        yield f"group {number}", lambda folder, n=number: _each_group(folder / "split.csv", n)  # type: ignore[misc]
    for facts in _STEPS:
        yield f"state {facts}", lambda folder, f=facts: _facts(folder / "last.safetensors", f)  # type: ignore[misc]


def _each_group(path: Path, number: object) -> None:
    header, *lines = path.read_text().splitlines()
    cells = [line.split(",") for line in lines]
    changed = [",".join([*line[:2], str(number), *line[3:]]) for line in cells]
    path.write_text("\n".join([header, *changed]) + "\n")


def _facts(path: Path, changed: dict[str, Any]) -> None:
    from safetensors import safe_open
    from safetensors.numpy import save_file

    with safe_open(path, framework="np") as file:
        facts = json.loads(file.metadata()["facts"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    save_file(tensors, path, {"facts": json.dumps(facts | changed)})


def _mutated(
    file: Path, work: Path, count: int, words: Callable[[Path], Sequence[str]]
) -> Iterator[tuple[str, list[Sequence[str]]]]:
    content = file.read_bytes()
    for number in range(count):
        rng = np.random.default_rng([number, len(content)])
        changed = bytearray(content)
        for at in rng.integers(0, len(changed), int(rng.integers(1, 9))):
            changed[at] = rng.integers(0, 256)
        if number % 5 == 0:
            del changed[int(rng.integers(0, len(changed))) :]
        work.write_bytes(changed)
        yield str(number), [words(work)]


def rows(folder: Path, run: Path, files: int, every: int) -> tuple[list[list[str]], list[str]]:
    """A row for each kind of file, and the failures.

    run: a finished run, of whose lies each N-th (`every`) is told. files: how many ONNX and Keras
    files of each kind are changed.
    """
    import torch

    from simpsons.cli import predict, train  # noqa: F401 (what is imported here, the copies have)

    torch.set_num_threads(1)
    picture = folder / "picture.png"
    from PIL import Image

    Image.new("RGB", (64, 64), "orange").save(picture)
    log = folder / "log"
    onnx, keras = folder / "lie.onnx", folder / "lie.keras"
    judged = [
        _judge("a run folder", _of_a_run(run, folder / "lying", every), log),
        _judge(
            "an ONNX file",
            _mutated(
                run / "model.onnx",
                onnx,
                files,
                lambda path: ["predict", str(picture), "--model", str(path)],
            ),
            log,
        ),
        *(
            _judge(
                f"{name}",
                _mutated(
                    _FIXTURES / name,
                    keras,
                    files,
                    lambda path: ["import", str(path), str(folder / "out.onnx")],
                ),
                log,
            )
            for name in ("keras_cnn.keras", "keras_xception.keras")
        ),
    ]
    return [row for row, _ in judged], [failure for _, failures in judged for failure in failures]
