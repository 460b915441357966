"""Picture files with bytes, parts and numbers changed: read as Pillow reads them, or refused.

Each share of the files is decoded by a process of its own, so that a crash or a hang is seen and
counted, and the other shares go on.
"""

import argparse
import io
import json
import re
import subprocess
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
from PIL import Image, ImageOps

from benchmarks.attacks import mutations, seeds
from simpsons import processors
from simpsons.pixels import images

T = TypeVar("T")

HEADERS = ["format", "files", "read", "as Pillow", "refused", "Pillow alone", "longest", "failures"]

_SHARE = 500  # files of a process
_PATIENCE = 600.0  # seconds for a share
_SLOW = 5.0  # seconds of a processor for a file
_LEAST = 2 * round(images.JPEG_GAP * images.SIZE)  # below it no file is decoded at half its size
_APART = 3.0  # mean of 255; turning before or after resizing rounds otherwise
_REDUCED = 24  # pixels of the longer side, at least
_ALPHA = ("RGBA", "LA", "PA")
_PLAIN = ("1", "L", "P", "RGB", "CMYK", "YCbCr")


def _pillow(content: bytes) -> images.Pixels | None:
    """What Pillow alone makes of a file; None if it refuses, empty where it is not to be followed.

    It is not followed in grey values of more than 8 bits, which it cuts off at 255, and in one
    colour that is transparent where that has not 8 bits.
    """
    try:
        with warnings.catch_warnings(), Image.open(io.BytesIO(content)) as image:
            warnings.simplefilter("ignore")
            how = str(image.tile[0].args) if image.tile else ""
            image.load()
            if "transparency" in image.info and image.mode != "P" and how not in ("L", "RGB"):
                return np.empty(0, np.uint8)
            if image.mode not in _PLAIN + _ALPHA:
                return np.empty(0, np.uint8)
            upright = ImageOps.exif_transpose(image)
            if image.has_transparency_data:
                white = Image.new("RGBA", upright.size, "white")
                upright = Image.alpha_composite(white, upright.convert("RGBA"))
            return np.asarray(upright.convert("RGB"))
    except Exception:  # whatever it is, Pillow has not read it
        return None


class Judge:
    """What comes of files of a kind, one after the other."""

    def __init__(self, kind: str) -> None:
        warnings.filterwarnings("ignore", module=r"PIL\.")
        self._kind = kind
        self._found: Counter[str] = Counter()
        self._alone: Counter[str] = Counter()
        self._refusal = ""
        self._longest = 0.0
        self.failures: list[str] = []

    def __call__(self, number: int, content: bytes) -> None:
        """Read a file as all commands do, and compare. number: what a failure calls the file."""
        name = f"{self._kind} {number}"
        pixels = self._timed(name, images.decode, content)
        seen = self._timed(name, images.load, content)
        reduced = self._timed(name, lambda file: images.decode_reduced(file, _REDUCED), content)
        self._found["files"] += 1
        expected = _pillow(content)
        if len({one is None for one in (pixels, seen, reduced)}) > 1:
            self.failures.append(f"{name}: read in one way and not in another")
        if pixels is None:
            self._found["refused"] += 1
            if expected is not None:
                self._found["Pillow alone"] += 1
                self._alone[_without_numbers(self._refusal)] += 1
            return
        self._found["read"] += 1
        if seen is not None and min(pixels.shape[:2]) < _LEAST:
            apart = np.abs(images.fit(pixels).astype(np.int16) - seen).mean()
            if apart > _APART:
                self.failures.append(f"{name}: other pixels for a network")
        if expected is not None and expected.size:
            is_same = np.array_equal(pixels, expected)
            self._found["compared"] += 1
            self._found["as Pillow"] += is_same
            if not is_same:
                self.failures.append(f"{name}: other pixels than Pillow's")

    def _timed(self, name: str, read: Callable[[bytes], T], content: bytes) -> T | None:
        start = time.process_time()
        try:
            return read(content)
        except images.ImageError as error:
            self._refusal = str(error)
            return None
        except Exception as error:
            self.failures.append(f"{name}: {type(error).__name__}: {error}")
            return None
        finally:
            seconds = time.process_time() - start
            self._longest = max(self._longest, seconds)
            if seconds > _SLOW:
                self.failures.append(f"{name}: took {seconds:.1f} s")

    def found(self) -> dict[str, object]:
        """Counts, the longest time in seconds of a processor, the failures, and why files that
        Pillow reads were refused."""
        return {
            **self._found,
            "longest": self._longest,
            "failures": self.failures,
            "alone": self._alone,
        }


def _without_numbers(refusal: str) -> str:
    """Why a file is refused, the same for files that are refused for the same."""
    return re.sub(r"[\d,]+|(?<=chunk) \w+", "", refusal).partition(": ")[2].partition(";")[0]


def mutants(kind: str, first: int, count: int, seed: int) -> Iterator[tuple[int, bytes]]:
    """Numbers and contents of changed files; each is the same whichever others are made."""
    for number in range(first, first + count):
        rng = np.random.default_rng([seed, seeds.KINDS.index(kind), number])
        yield number, mutations.mutated(seeds.drawing(kind, number % seeds.COUNT), rng)


def judge(kind: str, first: int, count: int, seed: int) -> dict[str, object]:
    """What comes of these files; failures say the number of the file."""
    judged = Judge(kind)
    for number, content in mutants(kind, first, count, seed):
        judged(number, content)
    return judged.found()


def _ask(kind: str, first: int, count: int, seed: int) -> dict[str, Any]:
    """`judge` in a process of its own."""
    words = [kind, str(first), str(count), str(seed)]
    command = [sys.executable, "-m", "benchmarks.attacks.pictures", *words]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_PATIENCE, check=True)
    except subprocess.TimeoutExpired:
        return {"failures": [f"{kind} {first}: a hang in this and the next {count}"]}
    except subprocess.CalledProcessError as error:
        return {"failures": [f"{kind} {first}: exit code {error.returncode} in {count}"]}
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def rows(files: int, seed: int) -> tuple[list[list[str]], list[str]]:
    """A row for each format and one for all, and the failures. files: of all formats together."""
    each = -(-files // len(seeds.KINDS))
    table: list[list[str]] = []
    failures: list[str] = []
    slowest, all_together, alone = 0.0, Counter[str](), Counter[str]()
    with ThreadPoolExecutor(processors.count()) as pool:
        for kind in seeds.KINDS:
            shares = [(start, min(_SHARE, each - start)) for start in range(0, each, _SHARE)]
            asked = [pool.submit(_ask, kind, *share, seed) for share in shares]
            answers = [one.result() for one in asked]
            total: Counter[str] = Counter()
            for answer in answers:
                total.update({k: v for k, v in answer.items() if isinstance(v, int)})
                total["failures"] += len(answer["failures"])
                failures += answer["failures"]
                alone.update(answer.get("alone", {}))
            longest = max(float(answer.get("longest", 0)) for answer in answers)
            table.append(_row(kind, total, longest))
            all_together += total
            slowest = max(slowest, longest)
    for reason, count in alone.most_common():
        print(f"Pillow alone, {count:,}: {reason}", flush=True)
    return [*table, _row("all", all_together, slowest)], failures


def _row(kind: str, total: Counter[str], longest: float) -> list[str]:
    return [
        kind,
        f"{total['files']:,}",
        f"{total['read']:,}",
        f"{total['as Pillow']:,} of {total['compared']:,}",
        f"{total['refused']:,}",
        f"{total['Pillow alone']:,}",
        f"{longest * 1000:.0f} ms",
        str(total["failures"]),
    ]


def main() -> None:
    """Judge a share, for `rows`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=seeds.KINDS)
    for name in ("first", "count", "seed"):
        parser.add_argument(name, type=int)
    asked = parser.parse_args()
    print(json.dumps(judge(asked.kind, asked.first, asked.count, asked.seed)))


if __name__ == "__main__":
    main()
