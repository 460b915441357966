"""Picture files changed again and again where a change took a decoder along a new way.

Of files with any changes most end at the first check. So a file that goes through a pair of lines
of the decoders that no file before went through is kept, and changed further. Lines are seen in the
decoders that are written in Python: those of this package, and Pillow's readers of headers, chunks
and tags. Each format has a process of its own, as in `pictures`.
"""

import argparse
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import PIL

from benchmarks.attacks import mutations, seeds
from benchmarks.attacks.pictures import Judge
from simpsons import processors
from simpsons.pixels import bounded, file_kinds, images, jpeg, margins, png, tiff

HEADERS = ["format", "files", "kept", "ways before", "ways after", "read", "as Pillow", "failures"]

_PATIENCE = 7200.0  # seconds for a format
_PLUGINS = ("Bmp", "Gif", "Jpeg", "Mpo", "Png", "Tiff", "WebP")
_FILES = frozenset(
    [
        *(
            str(module.__file__)
            for module in (bounded, file_kinds, images, jpeg, margins, png, tiff)
        ),
        *(str(Path(PIL.__file__).with_name(f"{name}ImagePlugin.py")) for name in _PLUGINS),
        *(str(Path(PIL.__file__).with_name(name)) for name in ("Image.py", "ImageFile.py")),
    ]
)
_MOST_LINES = 20_000  # of a file; a loop over its pixels takes no new ways after that
_FRESH = 0.2  # share of the files that a drawing is changed for, not what was kept


class Ways:
    """The pairs of lines, one after the other in a function, that some code has gone through."""

    def __init__(self) -> None:
        self.all: set[int] = set()
        self._now: set[int] = set()
        self._last: dict[FrameType, int] = {}
        self._left = 0

    def new(self) -> int:
        """How many there are since this was asked before that were not there then."""
        found = len(self._now - self.all)
        self.all |= self._now
        self._now.clear()
        self._last.clear()
        return found

    def __enter__(self) -> "Ways":
        self._left = _MOST_LINES
        sys.settrace(self._called)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)

    def _called(self, frame: FrameType, *_: object) -> Any:
        if frame.f_code.co_filename not in _FILES:
            return None
        self._last[frame] = 0
        return self._gone

    def _gone(self, frame: FrameType, event: str, _: object) -> Any:
        if event == "line":
            line = frame.f_lineno
            self._now.add(hash((frame.f_code, self._last.get(frame, 0), line)))
            self._last[frame] = line
            self._left -= 1
            if self._left == 0:
                sys.settrace(None)
        return self._gone


class Corpus:
    """Files of a kind that took new ways, the drawings at first."""

    def __init__(self, kind: str, seed: int) -> None:
        self._seed = [seed, seeds.KINDS.index(kind)]
        self.files = [seeds.drawing(kind, number) for number in range(seeds.COUNT)]
        self.ways = Ways()
        for content in self.files:
            _try(content, self.ways)

    def changed(self, number: int) -> bytes:
        """The next file, tried; it is kept if it took a new way."""
        rng = np.random.default_rng([*self._seed, number])
        count = seeds.COUNT if rng.random() < _FRESH else len(self.files)
        last_more_often = int(count * np.sqrt(rng.random()))
        content = mutations.mutated(self.files[last_more_often], rng)
        if _try(content, self.ways):
            self.files.append(content)
        return content


def _try(content: bytes, ways: Ways) -> int:
    """Read a file as all commands do; how many new ways it took."""
    for read in (images.load, images.decode):
        with ways, suppress(Exception):
            read(content)
    return ways.new()


def judge(kind: str, count: int, seed: int) -> dict[str, object]:
    """What comes of so many files, as `pictures.judge` has it, and of how many ways they took."""
    judged, corpus = Judge(f"guided {kind}"), Corpus(kind, seed)
    first = len(corpus.ways.all)
    for number in range(count):
        judged(number, corpus.changed(number))
    kept = len(corpus.files) - seeds.COUNT
    return {**judged.found(), "kept": kept, "first": first, "ways": len(corpus.ways.all)}


def _ask(kind: str, count: int, seed: int) -> dict[str, Any]:
    """`judge` in a process of its own."""
    words = [sys.executable, "-m", "benchmarks.attacks.guided", kind, str(count), str(seed)]
    try:
        done = subprocess.run(words, capture_output=True, timeout=_PATIENCE, check=True)
    except subprocess.TimeoutExpired:
        return {"failures": [f"guided {kind}: a hang in {count}"]}
    except subprocess.CalledProcessError as error:
        return {"failures": [f"guided {kind}: exit code {error.returncode} in {count}"]}
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def rows(files: int, seed: int) -> tuple[list[list[str]], list[str]]:
    """A row for each format, and the failures. files: of all formats together."""
    each = -(-files // len(seeds.KINDS))
    with ThreadPoolExecutor(processors.count()) as pool:
        answers = list(pool.map(lambda kind: _ask(kind, each, seed), seeds.KINDS))
    counted = ("files", "kept", "first", "ways", "read", "as Pillow")
    table = [
        [kind, *(f"{answer.get(name, 0):,}" for name in counted), str(len(answer["failures"]))]
        for kind, answer in zip(seeds.KINDS, answers, strict=True)
    ]
    return table, [failure for answer in answers for failure in answer["failures"]]


def main() -> None:
    """Judge the files of a format, for `rows`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=seeds.KINDS)
    for name in ("count", "seed"):
        parser.add_argument(name, type=int)
    asked = parser.parse_args()
    print(json.dumps(judge(asked.kind, asked.count, asked.seed)))


if __name__ == "__main__":
    main()
