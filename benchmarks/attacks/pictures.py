"""Picture files with bytes changed, cut and put in: read as Pillow reads them, or refused.

Each share of the files is decoded by a process of its own, so that a crash or a hang is seen and
counted, and the other shares go on.
"""

import argparse
import io
import json
import subprocess
import sys
import time
import warnings
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from PIL import Image, ImageOps

from simpsons import images, processors
from simpsons.demo.drawings import DOLLS, draw

HEADERS = ["format", "files", "read", "as Pillow", "refused", "Pillow alone", "longest", "failures"]

_SHARE = 500  # files of a process
_PATIENCE = 300.0  # seconds for a share
_SLOW = 5.0  # seconds for a file
_EXTREME = (0, 1, 127, 128, 255)

_KINDS: dict[str, tuple[str, str, dict[str, object]]] = {
    "JPEG": ("RGB", "JPEG", {"quality": 85}),
    "JPEG, progressive": ("RGB", "JPEG", {"progressive": True}),
    "JPEG, grey": ("L", "JPEG", {"restart_marker_blocks": 3}),
    "JPEG, CMYK": ("CMYK", "JPEG", {}),
    "PNG": ("RGB", "PNG", {}),
    "PNG, palette": ("P", "PNG", {"bits": 4}),
    "GIF": ("P", "GIF", {"interlace": 1}),
    "BMP": ("RGB", "BMP", {}),
    "TIFF": ("RGB", "TIFF", {}),
    "TIFF, LZW": ("RGB", "TIFF", {"compression": "tiff_lzw"}),
    "WebP": ("RGB", "WEBP", {"quality": 70}),
    "WebP, lossless": ("RGB", "WEBP", {"lossless": True}),
}
KINDS = tuple(_KINDS)


def seed_file(kind: str, number: int) -> bytes:
    """A drawing as a file of a format."""
    mode, name, options = _KINDS[kind]
    size = 48 + 16 * (number % 4)
    picture = draw(DOLLS[number % len(DOLLS)], np.random.default_rng(number), size)
    if mode == "P":
        picture = picture.quantize(16)
    elif mode != "RGB":
        picture = picture.convert(mode)
    file = io.BytesIO()
    picture.save(file, name, **options)
    return file.getvalue()


def mutated(content: bytes, rng: np.random.Generator) -> bytes:
    """The file with one to six changes, headers more often than the rest."""
    changed = bytearray(content)
    for _ in range(int(rng.integers(1, 7))):
        end = len(changed) if rng.random() < 0.5 else min(len(changed), 256)
        at = int(rng.integers(0, max(1, end)))
        length = int(rng.integers(1, 17))
        match int(rng.integers(0, 6)):
            case 0:
                changed[at : at + 1] = bytes([int(rng.integers(0, 256))])
            case 1:
                changed[at : at + 1] = bytes([int(rng.choice(_EXTREME))])
            case 2:
                changed[at : at + 4] = int(rng.integers(0, 2**32)).to_bytes(4, "big")
            case 3:
                del changed[at : at + length]
            case 4:
                changed[at:at] = changed[at : at + length]
            case _:
                del changed[max(8, int(rng.integers(0, len(changed) + 1))) :]
    return bytes(changed)


def _pillow(content: bytes) -> images.Pixels | None:
    """What Pillow alone makes of a file without transparency, None if it refuses."""
    try:
        with warnings.catch_warnings(), Image.open(io.BytesIO(content)) as image:
            warnings.simplefilter("ignore")
            image.load()
            has_colours = image.mode in ("L", "RGB", "P", "1") and "transparency" not in image.info
            if not has_colours:
                return np.empty(0, np.uint8)
            return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    except Exception:  # whatever it is, Pillow has not read it
        return None


def judge(kind: str, first: int, count: int, seed: int) -> dict[str, object]:
    """What comes of these files; failures say the number of the file."""
    warnings.filterwarnings("ignore", module=r"PIL\.")
    found: Counter[str] = Counter()
    failures: list[str] = []
    longest = 0.0
    for number in range(first, first + count):
        rng = np.random.default_rng([seed, KINDS.index(kind), number])
        content = mutated(seed_file(kind, number % 16), rng)
        start = time.perf_counter()
        pixels: images.Pixels | None = None
        try:
            pixels = images.decode(content)
        except images.ImageError:
            pass
        except Exception as error:
            failures.append(f"{kind} {number}: {type(error).__name__}: {error}")
        seconds = time.perf_counter() - start
        longest = max(longest, seconds)
        if seconds > _SLOW:
            failures.append(f"{kind} {number}: took {seconds:.1f} s")
        expected = _pillow(content)
        found["files"] += 1
        if pixels is None:
            found["refused"] += 1
            found["Pillow alone"] += expected is not None
            continue
        found["read"] += 1
        if expected is not None and expected.size:
            found["compared"] += 1
            found["as Pillow"] += np.array_equal(pixels, expected)
    return {**found, "longest": longest, "failures": failures}


def _ask(kind: str, first: int, count: int, seed: int) -> dict[str, object]:
    """`judge` in a process of its own."""
    words = [kind, str(first), str(count), str(seed)]
    command = [sys.executable, "-m", "benchmarks.attacks.pictures", *words]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_PATIENCE, check=True)
    except subprocess.TimeoutExpired:
        return {"failures": [f"{kind} {first}: a hang in this and the next {count}"]}
    except subprocess.CalledProcessError as error:
        return {"failures": [f"{kind} {first}: exit code {error.returncode} in {count}"]}
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


def rows(files: int, seed: int) -> tuple[list[list[str]], list[str]]:
    """A row for each format, and the failures. files: of all formats together."""
    each = -(-files // len(KINDS))
    table, failures = [], []
    with ThreadPoolExecutor(processors.count()) as pool:
        for kind in KINDS:
            shares = [(start, min(_SHARE, each - start)) for start in range(0, each, _SHARE)]
            answers = list(pool.map(lambda share: _ask(kind, *share, seed), shares))  # noqa: B023
            total: Counter[str] = Counter()
            for answer in answers:
                total.update({k: v for k, v in answer.items() if isinstance(v, int)})
                failures += answer["failures"]  # type: ignore[arg-type]
            longest = max(float(answer.get("longest", 0)) for answer in answers)  # type: ignore[arg-type]
            table.append(
                [
                    kind,
                    f"{total['files']:,}",
                    f"{total['read']:,}",
                    f"{total['as Pillow']:,} of {total['compared']:,}",
                    f"{total['refused']:,}",
                    f"{total['Pillow alone']:,}",
                    f"{longest * 1000:.0f} ms",
                    str(sum(len(answer["failures"]) for answer in answers)),  # type: ignore[arg-type]
                ]
            )
    return table, failures


def main() -> None:
    """Judge a share, for `rows`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=KINDS)
    for name in ("first", "count", "seed"):
        parser.add_argument(name, type=int)
    asked = parser.parse_args()
    print(json.dumps(judge(asked.kind, asked.first, asked.count, asked.seed)))


if __name__ == "__main__":
    main()
