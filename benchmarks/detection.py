"""Finding faces beside another detector: speed, memory and average precision.

The other one is dlib's, in an environment of its own: histograms of oriented gradients, trained on
first use on pictures of the same training part. Both look at the same files, in turns. It finds
boxes only, so ours is measured with names and without.
"""

import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from PIL import Image

from benchmarks import contenders, faces, frames, other_cartoon
from benchmarks.peers import environment
from benchmarks.report import table
from benchmarks.spread import Spread
from simpsons import Detector
from simpsons.dataset.boxes import Box
from simpsons.dataset.cache import cache_folder
from simpsons.detector import NAMES
from simpsons.evaluation.average_precision import Scene, average_precision
from simpsons.evaluation.detection import FLOOR
from simpsons.pixels import images
from simpsons.progress import bar

OURS, BOXES, HOG = "simpsons, boxes and names", "simpsons, boxes", "dlib's HOG, boxes"
HEADERS = ("finding faces", OURS, BOXES, HOG)

PICTURE = (640, 480)
"""Width and height in pixels of the pictures that speed is measured on."""

_QUALITY = 90

Truth = Mapping[str, Sequence[Box]]
T = TypeVar("T")


@dataclass(frozen=True)
class Sizes:
    """How much is measured.

    folder: pictures of the folder. calls: pictures answered one at a time. learn: pictures of each
    cartoon that the peer learns from. part, judged: of the split, and how many of its pictures of
    each cartoon average precision is of, None for all.
    """

    repetitions: int
    folder: int
    calls: int
    learn: int
    part: str
    judged: int | None

    @property
    def what(self) -> str:
        """For what is said below the table."""
        learnt = f"dlib's detector learnt from {2 * self.learn:,} pictures"
        return f"AP is of the {self.part} part; {learnt}"


FULL = Sizes(repetitions=3, folder=1000, calls=100, learn=750, part="test", judged=None)
QUICK = Sizes(repetitions=2, folder=32, calls=8, learn=40, part="validation", judged=20)


class Cartoons:
    """The pictures of both cartoons with every face boxed, by their full paths.

    Raises DataError if they are not beside the data set.
    """

    def __init__(self, data: Path) -> None:
        self._ours, self._other = frames.folder(data), other_cartoon.folder(data)

    def of(self, part: str) -> dict[str, dict[str, Sequence[Box]]]:
        """The pictures of a part, by cartoon."""
        found: dict[str, tuple[Path, Truth]] = {
            faces.OURS: (self._ours, frames.complete(self._ours, part)),
            faces.OTHER: (self._other, other_cartoon.complete(self._other, part, bar)),
        }
        return {
            cartoon: {str(root / path): boxes for path, boxes in truth.items()}
            for cartoon, (root, truth) in found.items()
        }


def measure(data: Path, sizes: Sizes, work: Path) -> str:
    """The table. work: a folder for pictures. Raises DataError as `Cartoons` does."""
    cartoons = Cartoons(data)
    weights = _weights(cartoons, sizes.learn)
    judged = {
        cartoon: dict(evenly(list(truth.items()), sizes.judged))
        for cartoon, truth in cartoons.of(sizes.part).items()
    }
    files = work / "faces"
    write_pictures([path for truth in judged.values() for path in truth], files, sizes.folder)
    python = [environment.faces_python(), "-m", "benchmarks.peers.hog"]
    ours = [sys.executable, "-m", "benchmarks.peers.ours"]
    folder = (str(files), str(sizes.folder))
    one = (str(files), str(sizes.calls))
    rates = contenders.in_turns(
        {
            OURS: [*ours, "detect", NAMES, *folder],
            BOXES: [*ours, "find", "-", *folder],
            HOG: [*python, "folder", str(weights), *folder],
        },
        sizes.repetitions,
    )
    latencies = contenders.in_turns(
        {
            OURS: [*ours, "detect_one", NAMES, *one],
            BOXES: [*ours, "find_one", "-", *one],
            HOG: [*python, "one", str(weights), *one],
        },
        sizes.repetitions,
    )
    size = "x".join(map(str, PICTURE))
    rows = [
        _row(f"one picture of {size}, from its file, p50, ms", latencies, "p50"),
        _row(f"a folder of {sizes.folder:,}, pictures/s", rates, "rate"),
        _row("the folder, memory, MB", rates, "memory"),
    ]
    for cartoon, truth in judged.items():
        found = {
            BOXES: _found_by_us(list(truth)),
            HOG: _found_by_peer(python, weights, list(truth), work),
        }
        precision = {who: _precision(truth, boxes) for who, boxes in found.items()}
        cells = [precision[who] for who in (BOXES, BOXES, HOG)]
        rows.append([f"AP at 0.5, {cartoon}, {len(truth):,} pictures", *cells])
    return table(HEADERS, rows)


def evenly(items: Sequence[T], count: int | None) -> Sequence[T]:
    """So many of the items in their order, the same distance apart; all, if there are no more."""
    if count is None or count >= len(items):
        return items
    return [items[place * len(items) // count] for place in range(count)]


def write_pictures(paths: Sequence[str], folder: Path, count: int) -> None:
    """`count` JPEG files of `PICTURE` pixels, of these pictures in turn."""
    (folder / "pictures").mkdir(parents=True)
    for number in range(count):
        picture = Image.fromarray(images.decode(paths[number % len(paths)])).resize(PICTURE)
        picture.save(folder / "pictures" / f"{number:05d}.jpg", quality=_QUALITY)


def _weights(cartoons: Cartoons, count: int) -> Path:
    """What the peer has learnt; kept in the cache folder."""
    chosen = {
        path: [box.corners for box in boxes]
        for truth in cartoons.of("train").values()
        for path, boxes in evenly(list(truth.items()), count)
    }
    listed = json.dumps(chosen)
    program = Path(__file__).parent / "peers" / "hog.py"
    key = hashlib.sha256(listed.encode() + program.read_bytes()).hexdigest()[:8]
    folder = cache_folder() / "benchmarks" / f"hog-{key}"
    complete, pictures = folder / "complete", folder / "pictures.json"
    if not complete.exists():
        print(f"dlib's detector learns from {len(chosen):,} pictures", flush=True)
        folder.mkdir(parents=True, exist_ok=True)
        pictures.write_text(listed, encoding="utf-8")
        command = [environment.faces_python(), "-m", "benchmarks.peers.hog", "train"]
        contenders.run([*command, str(folder / "faces"), str(pictures)])
        complete.touch()
    return folder / "faces"


def _found_by_us(paths: Sequence[str]) -> dict[str, list[list[float]]]:
    found = faces.find(Detector(minimum=FLOOR), list(map(Path, paths)), "pictures", None)
    return {
        path: [[*box, score] for box, score in zip(one.boxes.tolist(), one.scores, strict=True)]
        for path, one in zip(paths, found, strict=True)
    }


def _found_by_peer(
    python: Sequence[str], weights: Path, paths: Sequence[str], work: Path
) -> dict[str, list[list[float]]]:
    wanted, found = work / "wanted.json", work / "found.json"
    wanted.write_text(json.dumps(paths), encoding="utf-8")
    contenders.run([*python, "find", str(weights), str(wanted), str(found)])
    return dict(json.loads(found.read_text(encoding="utf-8")))


def _precision(truth: Truth, found: dict[str, list[list[float]]]) -> str:
    scenes = (
        Scene(
            [box.corners for box in boxes],
            [],
            [one[:4] for one in found[path]],
            [one[4] for one in found[path]],
        )
        for path, boxes in truth.items()
    )
    return f"{average_precision(scenes).at_50 or 0:.3f}"


def _row(name: str, figures: dict[str, list[dict[str, float]]], key: str) -> list[str]:
    return [name, *(Spread.of([row[key] for row in figures[who]]).text() for who in HEADERS[1:])]
