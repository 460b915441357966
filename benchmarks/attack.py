"""Does anything break it? Mutated files, kills, lies and hostile clients; one table each.

`--files` mutated pictures of 12 formats, each read as Pillow reads it or refused, and `--guided`
ones that are changed further where a change took a new way; each command killed before its file
operations; run folders, ONNX and Keras files that lie; the service with one client in ten hostile,
and told to stop at several moments. The exit code is 1 if anything failed.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks.attacks import guided, kills, lies, pictures, service
from benchmarks.report import machine, table, write_section

PARTS = ("pictures", "guided", "kills", "lies", "service", "stops")


def main() -> None:
    """Read the command line, attack, print, and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=PARTS, action="append", help="may be given several times")
    parser.add_argument("--files", type=int, default=100_000, help="mutated pictures, all formats")
    parser.add_argument(
        "--guided", type=int, default=60_000, help="pictures changed where it took a new way"
    )
    parser.add_argument(
        "--every",
        type=int,
        default=1,
        help="kill before every N-th operation, tell every N-th lie of a run folder",
    )
    names = [command.name for command in kills.COMMANDS]
    parser.add_argument("--command", choices=names, action="append", help="to kill, these alone")
    parser.add_argument("--models", type=int, default=200, help="mutated files of each network")
    parser.add_argument("--requests", type=int, default=10_000, help="of honest clients")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--write", type=Path, help="a document with a section for each table")
    asked = parser.parse_args()
    failed = []
    with tempfile.TemporaryDirectory() as name:
        for part in asked.only or PARTS:
            headers, rows, failures = _attack(part, Path(name), asked)
            text = f"{table(headers, rows)}\n\n{machine()}."
            print(f"{text}\n", flush=True)
            for failure in failures if part not in ("kills", "lies") else ():
                print(f"FAILED {failure}", flush=True)
            failed += failures
            if asked.write:
                write_section(asked.write, part, text)
    sys.exit(1 if failed else 0)


def _attack(
    part: str, folder: Path, asked: argparse.Namespace
) -> tuple[list[str], list[list[str]], list[str]]:
    """Headers, rows and failures of a part."""
    if part == "pictures":
        return pictures.HEADERS, *pictures.rows(asked.files, asked.seed)
    if part == "guided":
        return guided.HEADERS, *guided.rows(asked.guided, asked.seed)
    if part == "kills":
        chosen = asked.command or [command.name for command in kills.COMMANDS]
        return kills.HEADERS, *kills.rows(folder / "kills", asked.every, chosen)
    if part == "lies":
        run = kills.finished_run(folder / "lies")
        return lies.HEADERS, *lies.rows(folder / "lies", run, asked.models, asked.every)
    if part == "stops":
        return service.STOP_HEADERS, *service.stops()
    return service.HEADERS, *service.rows(asked.requests)


if __name__ == "__main__":
    main()
