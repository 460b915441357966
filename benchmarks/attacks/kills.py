"""Commands killed before each of their file operations: nothing half-written, and they go on.

A command runs in a copy of this process that stops at whatever changes files under a folder:
opening to write, renaming, removing, making folders. Before each such operation its folder is
copied: that is what a kill (SIGKILL) at that moment would leave. In each copy whatever has a final
name is whole; run again there, the command ends with the files of a run that nobody killed, and no
others.
"""

import csv
import importlib
import json
import os
import shutil
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from simpsons.characters import CHARACTERS
from simpsons.cli import main as simpsons
from simpsons.demo.drawings import DOLLS, draw
from simpsons.files import is_leftover

HEADERS = ["command", "file operations", "killed before", "half-written", "did not go on", "others"]

_CHANGES = frozenset(
    ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.link", "os.symlink")
)
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_CLASSES = 3


@dataclass(frozen=True)
class Command:
    """A command that is killed. prepare: puts what it needs into a folder. words: of the command in
    that folder; again: of the one that goes on."""

    name: str
    prepare: Callable[[Path], None]
    words: Callable[[Path], list[str]]
    again: Callable[[Path], list[str]]


class Watch:
    """Counts the operations that change files in a folder. before: is called with the number of
    each, from 1 on, before it is done."""

    def __init__(self, folder: Path, before: Callable[[int], object] = lambda _: None) -> None:
        self._inside, self._before = f"{folder}{os.sep}", before
        self._lock = threading.RLock()
        self._is_before = False
        self.count = 0

    def __call__(self, event: str, arguments: tuple[object, ...]) -> None:
        """As `sys.addaudithook` calls it."""
        if event == "open":
            flags = arguments[2]
            if not (isinstance(flags, int) and flags & _WRITING):
                return
            arguments = arguments[:1]
        elif event not in _CHANGES:
            return
        named = (each for each in arguments if isinstance(each, str | os.PathLike))
        if any(f"{os.path.abspath(each)}{os.sep}".startswith(self._inside) for each in named):  # noqa: PTH100
            with self._lock:
                self._operation()

    def _operation(self) -> None:
        if not self._is_before:
            self.count += 1
            self._is_before = True
            self._before(self.count)
            self._is_before = False


def _copies(folder: Path, copies: Path, every: int) -> Watch:
    """Copies the folder to `copies`/1, /2 and so on, before each `every`th operation."""

    def before(number: int) -> None:
        if number % every == 0:
            with suppress(shutil.Error):  # a file of another thread that was there a moment ago
                shutil.copytree(folder, copies / str(number), symlinks=True)

    return Watch(folder, before)


@dataclass(frozen=True)
class _Done:
    """What a command's process says at its end. code: its exit code, 70 for a traceback."""

    code: int
    operations: int = 0
    modules: Sequence[str] = ()


def _run(words: Sequence[str], folder: Path, watch: Watch | None = None) -> _Done:
    """The command in a copy of this process, which works in `folder`."""
    reading, writing = os.pipe()
    copy = os.fork()
    if copy == 0:
        _be_the_command(words, folder, watch or Watch(folder), writing)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        said = json.loads(pipe.read() or "{}")
    _, status = os.waitpid(copy, 0)
    return _Done(os.waitstatus_to_exitcode(status), **said)


def _be_the_command(words: Sequence[str], folder: Path, watch: Watch, writing: int) -> None:
    code = 70
    try:
        log = os.open(_log(folder), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for number in (1, 2):
            os.dup2(log, number)
        os.chdir(folder)
        os.environ["SIMPSONS_CACHE"] = str(folder / "cache")
        sys.addaudithook(watch)
        try:
            simpsons(list(words))
            code = 0
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 0
        sys.stdout.flush()
        said = {"operations": watch.count, "modules": [*sys.modules]}
        with os.fdopen(writing, "w") as pipe:
            json.dump(said, pipe)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _log(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.log")


def _said(folder: Path) -> str:
    return _log(folder).read_text(errors="replace")[-400:]


def _import(modules: Sequence[str]) -> None:
    """Import what a command has imported: its next copies have it then."""
    for name in modules:
        if name not in sys.modules and not name.startswith("__"):
            with suppress(Exception):
                importlib.import_module(name)


def _pictures(folder: Path, each: int = 12) -> None:
    for number, doll in enumerate(DOLLS[:_CLASSES]):
        of_one = folder / "pictures" / CHARACTERS[number].slug  # whom shipped networks know
        of_one.mkdir(parents=True)
        for one in range(each):
            picture = draw(doll, np.random.default_rng([number, one]), 64)
            picture.save(of_one / f"{one:02}.png")


def _few_pictures(folder: Path) -> None:
    _pictures(folder, 2)


def _again_or_resume(folder: Path) -> list[str]:
    if (folder / "run" / "config.json").exists():
        return ["train", "--resume", "run"]
    return _TRAIN


_TRAIN = ["train", "pictures", "--model", "cnn", "--epochs", "2", "--batch", "8", "--out", "run"]


def _with_run(folder: Path) -> None:
    _pictures(folder)
    assert _run(_TRAIN, folder).code == 0, _said(folder)


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


_NAMED = ["pictures", "--model", "cnn", "--csv"]
_CLEAN = ["data", "clean", "pictures", "--copies", "--out", "drop.csv"]
_BULK = ["bulk", "pictures", "--out", "answers", "--model", "cnn", "--part-size", "4"]

COMMANDS = (
    Command("train", _pictures, _same(_TRAIN), _again_or_resume),
    _plain("export", _with_run, ["export", "run", "out.onnx", "--card"]),
    _plain("data split", _pictures, ["data", "split", "pictures", "--out", "split.csv"]),
    _plain("data audit", _pictures, ["data", "audit", "pictures", "--report", "audit.html"]),
    Command(
        "data clean",
        _pictures,
        _same(_CLEAN),
        lambda folder: ["--version"] if (folder / "drop.csv").exists() else _CLEAN,  # it is done
    ),
    _plain(
        "evaluate",
        _few_pictures,
        [
            *("evaluate", "pictures", "--model", "cnn"),
            *("--report", "report.html", "--picture", "matrix.png"),
        ],
    ),
    _plain("predict", _few_pictures, ["predict", *_NAMED, "--explain", "why"]),
    _plain("predict --sort-into", _few_pictures, ["predict", *_NAMED, "--sort-into", "sorted"]),
    _plain("detect", _few_pictures, ["detect", *_NAMED, "--draw", "drawn"]),
    _plain("timeline", _film, ["timeline", "film.mp4", "--out", "who"]),
    Command(
        "bulk",
        _few_pictures,
        _same(_BULK),
        lambda folder: (
            ["bulk", "--out", "answers"] if any((folder / "answers").glob("run.json")) else _BULK
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
            if check := _CHECKS.get(path.suffix):
                check(path)
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
    return path.read_bytes() if path.suffix in (".csv", ".jpg", ".png") else None


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
    import torch

    torch.set_num_threads(1)  # copies of a process with more threads would wait for them
    table, failures = [], []
    for command in COMMANDS:
        if command.name in chosen:
            row, failed = _attack(command, folder / command.name.replace(" ", "-"), every)
            table.append([command.name, *row])
            failures += [f"{command.name}{failure}" for failure in failed]
            print(" | ".join(table[-1]), *failures[len(failures) - len(failed) :], flush=True)
    return table, failures


def _attack(command: Command, work: Path, every: int) -> tuple[list[str], list[str]]:
    """The row of a command without its name, and the failures."""
    before, copies, again = work / "before", work / "copies", work / "again"
    before.mkdir(parents=True)
    copies.mkdir()
    command.prepare(before)
    shutil.copytree(before, again)
    done = _run(command.words(again), again, _copies(again, copies, every))
    if done.code:
        return [""] * (len(HEADERS) - 1), [f": exit code {done.code} undisturbed: {_said(again)}"]
    _import(done.modules)
    expected = _files(again)
    counts = {"half-written": 0, "did not go on": 0, "others": 0}
    failures = []
    killed = sorted(copies.iterdir(), key=lambda copy: int(copy.name))
    for copy in killed:
        shutil.rmtree(again)
        copy.rename(again)
        for kind, what in _wrong(command, again, expected):
            counts[kind] += 1
            failures.append(f" before {copy.name}: {kind}: {what}")
    return [str(done.operations), str(len(killed)), *map(str, counts.values())], failures


def _wrong(command: Command, folder: Path, expected: dict[str, object]) -> list[tuple[str, str]]:
    """What is wrong with the folder of a command that was killed, and once it has run again."""
    found = [("half-written", what) for what in _half_written(folder)]
    done = _run(command.again(folder), folder)
    if done.code:
        return [*found, ("did not go on", f"exit code {done.code}: {_said(folder)}")]
    left = _files(folder)
    different = {name for name in left.keys() & expected.keys() if left[name] != expected[name]}
    leftover = {name for name in left if is_leftover(Path(name).name)}
    others = sorted(different | leftover | (left.keys() ^ expected.keys()))
    return found + [("others", name) for name in others]
