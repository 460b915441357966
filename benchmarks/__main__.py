"""`python -m benchmarks`: the performance table. `python -m benchmarks all`: every benchmark."""

import argparse
import ast
import os
import subprocess
import sys
from pathlib import Path

from benchmarks import performance
from benchmarks.data import data_option

FIRST = "performance"

NEED_ARGUMENTS = {"bulk", "train_dolls", "train_faces", "train_names"}
"""Those that can't run without: they say what to measure, or where trained weights go."""


def benchmarks() -> dict[str, str]:
    """What `python -m benchmarks.NAME` runs: each module with a `main`, and its first line."""
    found = {}
    for path in sorted(Path(__file__).parent.glob("*.py")):
        module = ast.parse(path.read_text(encoding="utf-8"))
        functions = {node.name for node in module.body if isinstance(node, ast.FunctionDef)}
        if "main" in functions and path.stem != "__main__":
            found[path.stem] = (ast.get_docstring(module) or "").partition("\n")[0]
    return found


def run_all(options: list[str]) -> None:
    """Run each benchmark in turn, this folder's table first; exit code 1 if one fails."""
    parser = argparse.ArgumentParser(
        "python -m benchmarks all",
        description="Run every benchmark in turn, each with its own defaults, but for "
        f"{', '.join(sorted(NEED_ARGUMENTS))}, which need arguments.",
    )
    data_option(parser)
    data = parser.parse_args(options).data
    if data is not None and not data.is_dir():
        parser.error(f"--data {data}: is no folder; give the data set's")
    found = {"SIMPSONS_DATA": str(data.resolve())} if data else {}
    names = sorted(benchmarks().keys() - NEED_ARGUMENTS, key=lambda name: (name != FIRST, name))
    failed = []
    for name in names:
        print(f"\n== {name}", flush=True)
        command = [sys.executable, "-m", f"benchmarks.{name}"]
        if subprocess.run(command, env=os.environ | found).returncode:
            failed.append(name)
    sys.exit(f"failed: {', '.join(failed)}" if failed else 0)


def main() -> None:
    """Run what the command line asks for."""
    if sys.argv[1:2] == ["all"]:
        run_all(sys.argv[2:])
        return
    listed = "\n".join(f"  {name:20} {line}" for name, line in benchmarks().items())
    performance.main(
        "python -m benchmarks",
        f"python -m benchmarks all runs every benchmark in turn; python -m benchmarks.NAME one:\n"
        f"{listed}",
    )


if __name__ == "__main__":
    main()
