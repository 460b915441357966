"""Commands killed before each of their file operations: nothing half-written, and they go on.

A command runs in a copy of this process that counts what changes files under a folder: opening to
write, renaming, removing, making folders. The copy is killed (SIGKILL) before the first, the
second, and so on. Whatever it then finds under a final name is whole; run again, the command ends
with the files of a run that nobody killed, and no others.
"""

import csv
import json
import os
import shutil
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from simpsons.cli import main as simpsons
from simpsons.demo.drawings import DOLLS, draw
from simpsons.files import is_leftover

HEADERS = ["command", "file operations", "killed before", "half-written", "did not go on", "others"]

_CHANGES = frozenset(
    ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.link", "os.symlink")
)
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_CLASSES, _PICTURES = 3, 12


@dataclass(frozen=True)
class Command:
    """A command that is killed. prepare: puts what it needs into a folder. words: of the command in
    that folder; again: of the one that goes on."""

    name: str
    prepare: Callable[[Path], None]
    words: Callable[[Path], list[str]]
    again: Callable[[Path], list[str]]


class _Watch:
    """Counts what changes files under a folder, and ends this process before the given one."""

    def __init__(self, folder: Path, killed_before: int | None) -> None:
        self._folder, self._killed_before = str(folder), killed_before
        self.count = 0

    def __call__(self, event: str, arguments: tuple[object, ...]) -> None:
        if event == "open":
            flags = arguments[2]
            if not (isinstance(flags, int) and flags & _WRITING):
                return
        elif event not in _CHANGES:
            return
        named = (each for each in arguments if isinstance(each, str | os.PathLike))
        if any(os.path.abspath(each).startswith(self._folder) for each in named):  # noqa: PTH100
            self.count += 1
            if self.count == self._killed_before:
                os.kill(os.getpid(), signal.SIGKILL)


def _run(words: Sequence[str], folder: Path, killed_before: int | None = None) -> tuple[int, int]:
    """The command in a copy of this process: exit code, -9 if it was killed, and operations."""
    reading, writing = os.pipe()
    copy = os.fork()
    if copy == 0:
        _be_the_command(words, folder, killed_before, writing)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        counted = pipe.read()
    _, status = os.waitpid(copy, 0)
    return os.waitstatus_to_exitcode(status), int(counted or 0)


def _be_the_command(
    words: Sequence[str], folder: Path, killed_before: int | None, writing: int
) -> None:
    code = 70
    try:
        log = os.open(folder.with_suffix(".log"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for number in (1, 2):
            os.dup2(log, number)
        os.chdir(folder)
        os.environ["SIMPSONS_CACHE"] = str(folder / "cache")
        watch = _Watch(folder, killed_before)
        sys.addaudithook(watch)
        try:
            simpsons(list(words))
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 0
        os.write(writing, str(watch.count).encode())
        sys.stdout.flush()
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _pictures(folder: Path) -> None:
    for number, doll in enumerate(DOLLS[:_CLASSES]):
        (folder / "pictures" / doll.slug).mkdir(parents=True)
        for each in range(_PICTURES):
            picture = draw(doll, np.random.default_rng([number, each]), 64)
            picture.save(folder / "pictures" / doll.slug / f"{each:02}.png")


def _again_or_resume(folder: Path) -> list[str]:
    if (folder / "run" / "config.json").exists():
        return ["train", "--resume", "run"]
    return _TRAIN


_TRAIN = ["train", "pictures", "--model", "cnn", "--epochs", "2", "--batch", "8", "--out", "run"]


def _with_run(folder: Path) -> None:
    _pictures(folder)
    code, _ = _run(_TRAIN, folder)
    assert code == 0, folder.with_suffix(".log").read_text()


def finished_run(folder: Path) -> Path:
    """A run of a training in a new folder, beside its pictures and its cache."""
    folder.mkdir(parents=True)
    _with_run(folder)
    return folder / "run"


def _film(folder: Path) -> None:
    import av

    with av.open(folder / "film.mp4", "w") as container:
        stream = container.add_stream("libx264", rate=12, options={"preset": "ultrafast"})
        stream.height = stream.width = 128
        for number in range(12):
            picture = draw(DOLLS[0], np.random.default_rng(number // 6), 128).resize((128, 128))
            container.mux(stream.encode(av.VideoFrame.from_image(picture)))
        container.mux(stream.encode())


def _same(words: Sequence[str]) -> Callable[[Path], list[str]]:
    return lambda _: list(words)


def _plain(name: str, prepare: Callable[[Path], None], words: Sequence[str]) -> Command:
    return Command(name, prepare, _same(words), _same(words))


COMMANDS = (
    Command("train", _pictures, _same(_TRAIN), _again_or_resume),
    _plain("export", _with_run, ["export", "run", "out.onnx", "--card"]),
    _plain("data split", _pictures, ["data", "split", "pictures", "--out", "split.csv"]),
    _plain(
        "predict",
        _pictures,
        ["predict", "pictures", "--model", "cnn", "--csv", "--explain", "why"],
    ),
    _plain("timeline", _film, ["timeline", "film.mp4", "--out", "who"]),
    Command(
        "bulk",
        _pictures,
        _same(["bulk", "pictures", "--out", "answers", "--model", "cnn", "--part-size", "20"]),
        lambda folder: (
            ["bulk", "--out", "answers"]
            if any((folder / "answers").glob("run.json"))
            else ["bulk", "pictures", "--out", "answers", "--model", "cnn", "--part-size", "20"]
        ),
    ),
)


def _half_written(folder: Path) -> list[str]:
    """What lies under a final name and is not whole."""
    found = []
    for path in folder.rglob("*.*"):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if hidden or "cache" in path.relative_to(folder).parts or not path.is_file():
            continue
        try:
            _CHECKS.get(path.suffix, lambda _: None)(path)
        except Exception as error:  # whatever the reader says of it
            found.append(f"{path.relative_to(folder)}: {error}")
    return found


def _require(is_whole: bool) -> None:
    if not is_whole:
        raise ValueError("is cut off")


def _check_png(path: Path) -> None:
    with Image.open(path) as image:
        image.load()


def _check_weights(path: Path) -> None:
    from safetensors.numpy import load_file

    load_file(path)


def _check_onnx(path: Path) -> None:
    from simpsons import Classifier

    Classifier(path, threads=1)


def _check_table(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    rows = list(csv.reader(text.splitlines()))
    _require(text.endswith("\n") and {len(row) for row in rows} == {len(rows[0])})


_CHECKS: dict[str, Callable[[Path], object]] = {
    ".json": lambda path: json.loads(path.read_text(encoding="utf-8")),
    ".html": lambda path: _require(path.read_text(encoding="utf-8").rstrip().endswith("</html>")),
    ".md": lambda path: _require(path.read_text(encoding="utf-8").endswith("\n")),
    ".csv": _check_table,
    ".png": _check_png,
    ".safetensors": _check_weights,
    ".onnx": _check_onnx,
}


def _content(path: Path) -> object:
    """What two runs have in common: all but times."""
    if path.suffix == ".safetensors":
        from safetensors.numpy import load_file

        return {name: value.tobytes() for name, value in sorted(load_file(path).items())}
    if path.name == "metrics.csv":
        rows = csv.reader(path.read_text(encoding="utf-8").splitlines())
        return [row[:-2] for row in rows]
    return path.read_bytes() if path.suffix == ".csv" else None


def _files(folder: Path) -> dict[str, object]:
    """What a run has left; of the cache, whose names say when a file was made, what is no entry."""
    paths = (path for path in folder.rglob("*") if path.is_file() and not _is_of_an_entry(path))
    named = {path.relative_to(folder).as_posix(): path for path in paths}
    return {name: _content(path) for name, path in named.items() if not name.endswith(".lock")}


def _is_of_an_entry(path: Path) -> bool:
    return "cache" in path.parts and path.parent.suffix != ".partial"


def rows(folder: Path, every: int, chosen: Sequence[str]) -> tuple[list[list[str]], list[str]]:
    """A row for each command, and the failures. every: of how many operations one is killed
    before. chosen: names of commands."""
    import sklearn.model_selection  # noqa: F401 (what is imported here, the copies have)
    import torch

    from simpsons.cli import data, timeline, train  # noqa: F401

    torch.set_num_threads(1)  # copies of a process with more threads would wait for them
    table, failures = [], []
    for command in COMMANDS:
        if command.name not in chosen:
            continue
        work = folder / command.name.replace(" ", "-")
        before, calm = work / "before", work / "calm"
        before.mkdir(parents=True)
        command.prepare(before)
        shutil.copytree(before, calm)
        code, operations = _run(command.words(calm), calm)
        if code:
            log = calm.with_suffix(".log").read_text(errors="replace")
            failures.append(f"{command.name}: exit code {code} undisturbed: {log[-400:]}")
            continue
        expected = _files(calm)
        moments = range(1, operations + 1, every)
        counts = {"half-written": 0, "did not go on": 0, "others": 0}
        for moment in moments:
            for kind, what in _killed(command, before, work / "killed", moment, expected):
                counts[kind] += 1
                print(f"FAILED {command.name} before {moment}: {kind}: {what}", flush=True)
                failures.append(f"{command.name} before {moment}: {kind}: {what}")
        table.append([command.name, str(operations), str(len(moments)), *map(str, counts.values())])
    return table, failures


def _killed(
    command: Command, before: Path, folder: Path, moment: int, expected: dict[str, object]
) -> list[tuple[str, str]]:
    """What is wrong after a kill before one operation."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(before, folder)
    code, _ = _run(command.words(folder), folder, moment)
    if code != -signal.SIGKILL:
        return []  # threads do not come to their operations in one order
    found = [("half-written", what) for what in _half_written(folder)]
    code, _ = _run(command.again(folder), folder)
    if code:
        log = folder.with_suffix(".log").read_text(errors="replace")
        return [*found, ("did not go on", f"exit code {code}: {log[-400:]}")]
    left = _files(folder)
    different = sorted(
        {*(left.keys() ^ expected.keys())}
        | {name for name in left.keys() & expected.keys() if left[name] != expected[name]}
    )
    leftover = [name for name in left if is_leftover(Path(name).name)]
    return found + [("others", name) for name in {*different, *leftover}]
