"""A scheduler and workers of Dask on a small network of their own, for `benchmarks.bulk`.

Each is in a network namespace of its own where this process may make them, else a process on the
loopback interface.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

_ADDRESS = "10.213.7"
_PORT = 28786
_TTL = "6s"


class Cluster:
    """A scheduler and workers of one thread. As a context manager it ends all it has started.

    log: a folder for what they print. address: of the scheduler. apart: whether each is in a
    network namespace of its own.
    """

    def __init__(self, workers: int, log: Path) -> None:
        self._log = log
        self._name = f"sb{os.getpid()}"
        self.apart = self._make_networks(workers)
        host = f"{_ADDRESS}.1" if self.apart else "127.0.0.1"
        self.address = f"tcp://{host}:{_PORT}"
        command = ["dask_scheduler", "--host", host, "--port", str(_PORT), "--no-dashboard"]
        self._scheduler = self._start(
            "s", [sys.executable, "-m", f"distributed.cli.{command[0]}", *command[1:]]
        )
        self.workers: list[subprocess.Popen[bytes]] = []
        for number in range(workers):
            self.workers.append(self._start_worker(number))

    def run(self, command: list[str], log: str) -> "subprocess.Popen[bytes]":
        """Start a command beside the scheduler."""
        return self._start("s", command, log)

    def kill(self, number: int) -> None:
        """kill -9, and another one in its place."""
        self.workers[number].kill()
        self.workers[number].wait()
        self.workers[number] = self._start_worker(number)

    def mend(self) -> None:
        """Another worker for each that has ended, as one does that was given up for lost."""
        for number, worker in enumerate(self.workers):
            if worker.poll() is not None:
                self.workers[number] = self._start_worker(number)

    def freeze(self, number: int) -> None:
        """It answers nothing more, and its connections stay open."""
        self.workers[number].send_signal(signal.SIGSTOP)

    def thaw(self, number: int) -> None:
        """It goes on, with a part that others may have made meanwhile."""
        self.workers[number].send_signal(signal.SIGCONT)

    def __enter__(self) -> "Cluster":
        return self

    def __exit__(self, *_: object) -> None:
        for process in (*self.workers, self._scheduler):
            process.kill()
            process.wait()
        if self.apart:
            for name in self._spaces:
                subprocess.run(["ip", "netns", "del", name], check=False)

    def _start_worker(self, number: int) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "distributed.cli.dask_worker", self.address]
        command += ["--nthreads", "1", "--no-nanny", "--no-dashboard", "--memory-limit", "0"]
        return self._start(f"w{number}", [*command, "--death-timeout", "60"])

    def _start(self, place: str, command: list[str], log: str = "") -> "subprocess.Popen[bytes]":
        if self.apart:
            command = ["ip", "netns", "exec", f"{self._name}{place}", *command]
        environment = os.environ | {
            "DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": _TTL,
            "OMP_NUM_THREADS": "1",
            "PYTHONWARNINGS": "ignore",
        }
        with (self._log / (log or f"{place}.log")).open("ab") as output:
            return subprocess.Popen(command, stdout=output, stderr=output, env=environment)

    def _make_networks(self, workers: int) -> bool:
        """The scheduler's network has a bridge that each worker's is joined to."""
        first = f"{self._name}s"
        self._spaces = [first, *(f"{self._name}w{number}" for number in range(workers))]
        commands = [["netns", "add", name] for name in self._spaces]
        commands += [["-n", name, "link", "set", "lo", "up"] for name in self._spaces]
        commands += [
            ["-n", first, "link", "add", "bridge", "type", "bridge"],
            ["-n", first, "addr", "add", f"{_ADDRESS}.1/24", "dev", "bridge"],
            ["-n", first, "link", "set", "bridge", "up"],
        ]
        for number, name in enumerate(self._spaces[1:]):
            port = f"port{number}"
            commands += [
                [
                    "-n",
                    first,
                    "link",
                    "add",
                    port,
                    "type",
                    "veth",
                    "peer",
                    "name",
                    "out",
                    "netns",
                    name,
                ],
                ["-n", first, "link", "set", port, "master", "bridge"],
                ["-n", first, "link", "set", port, "up"],
                ["-n", name, "addr", "add", f"{_ADDRESS}.{number + 2}/24", "dev", "out"],
                ["-n", name, "link", "set", "out", "up"],
            ]
        try:
            for command in commands:
                subprocess.run(["ip", *command], check=True, stderr=subprocess.DEVNULL)
        except (OSError, subprocess.CalledProcessError):
            for name in self._spaces:
                subprocess.run(["ip", "netns", "del", name], check=False, stderr=subprocess.DEVNULL)
            return False
        return True
