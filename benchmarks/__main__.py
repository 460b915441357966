"""`python -m benchmarks`: the performance table. `python -m benchmarks all`: every benchmark."""

import ast
import subprocess
import sys
from pathlib import Path

from benchmarks import performance

FIRST = "performance"


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
    names = sorted(benchmarks(), key=lambda name: (name != FIRST, name))
    failed = []
    for name in names:
        print(f"\n== {name}", flush=True)
        if subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *options]).returncode:
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
