"""Contenders in processes of their own, measured in turns."""

import json
import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

import psutil

ROOT = Path(__file__).parents[1]

_LOOK_EVERY = 0.1  # seconds between looks at the memory


class Contender:
    """A program that speaks `peers.protocol`, from its start to the last repetition."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (closed in __exit__)
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            cwd=ROOT,
            env=environment(),
            text=True,
        )
        self._peak = 0.0
        self._ended = threading.Event()
        self._at_work = threading.Event()
        self._watch = threading.Thread(target=self._look, daemon=True)
        self._watch.start()

    def get_ready(self) -> None:
        """Wait until it has set itself up and warmed up. Raises RuntimeError if it ends."""
        self._answer()

    def repeat(self) -> dict[str, float]:
        """Run one repetition. Returns its figures, and the peak of memory so far in MB."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return {**self._answer(), "memory": self._peak}

    def __enter__(self) -> "Contender":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ended.set()
        if error is not None:
            self._process.kill()
        self._process.communicate()  # ends its input, so it ends, and removes what it wrote
        self._watch.join()
        self._errors.close()

    def _answer(self) -> dict[str, float]:
        assert self._process.stdout is not None
        self._at_work.set()
        for line in self._process.stdout:
            if line.startswith("{"):
                self._at_work.clear()
                return dict(json.loads(line))
        self._errors.seek(0)
        said = self._errors.read().decode(errors="replace")[-2000:]
        raise RuntimeError(f"{' '.join(self._command)} ended early:\n{said}")

    def _look(self) -> None:
        """Follow the memory while it works: looking takes time from whoever's turn it is."""
        while not self._ended.wait(_LOOK_EVERY):
            if self._at_work.is_set():
                self._peak = max(self._peak, memory(self._process.pid))


def environment() -> dict[str, str]:
    """Ours, without limits on threads: each contender uses the machine as it sees fit."""
    limits = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    return {name: value for name, value in os.environ.items() if name not in limits}


def memory(pid: int) -> float:
    """What a process and those it started hold, in MB.

    The resident memory of the process, and what each of the others has for itself, so that pages
    that a fork shares count once.
    """
    try:
        process = psutil.Process(pid)
        held: float = process.memory_info().rss
        for child in process.children(recursive=True):
            held += child.memory_full_info().uss
    except psutil.Error:  # ended while we looked
        return 0.0
    return held / 1e6


def in_turns(
    commands: Mapping[str, Sequence[str]], repetitions: int
) -> dict[str, list[dict[str, float]]]:
    """The figures of each contender: one repetition of each, then the next of each."""
    figures: dict[str, list[dict[str, float]]] = {name: [] for name in commands}
    with ExitStack() as stack:
        running = {}
        for name, command in commands.items():
            running[name] = stack.enter_context(Contender(command))
        for contender in running.values():
            contender.get_ready()
        for _ in range(repetitions):
            for name, contender in running.items():
                figures[name].append(contender.repeat())
    return figures


def run(command: Sequence[str]) -> None:
    """Run a program to its end. Raises CalledProcessError if it fails."""
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL, cwd=ROOT, env=environment())


def seconds_to_answer(command: Sequence[str]) -> float:
    """From the start of a new process to the first line it prints."""
    start = time.perf_counter()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT, env=environment()
    ) as process:
        assert process.stdout is not None
        answer = process.stdout.readline()
        taken = time.perf_counter() - start
        process.stdout.read()
    if process.returncode or not answer:
        raise RuntimeError(f"{' '.join(command)} gave no answer")
    return taken
