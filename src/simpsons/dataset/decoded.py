"""What is made of pictures once and kept in the cache: pixels, memory-mapped.

For the boxes of a box file: of each picture it is decoded for, some arrays of pixels, whatever they
are, and their shapes in an index beside them.
"""

import hashlib
import json
import os
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import PIL
import simplejpeg

from simpsons.dataset import entries
from simpsons.dataset.boxes import Box, Boxes
from simpsons.dataset.cache import cache_folder
from simpsons.dataset.folders import DataError, Picture, Problem
from simpsons.pixels import images
from simpsons.pixels.images import Pixels
from simpsons.progress import Track, silent
from simpsons.shares import in_shares

FORMAT = 2
"""Raised whenever decoding, resizing or the files of an entry change."""

_SHARE = 16  # pictures that a thread decodes on its own
_INDEX = "index.json"

Boxed = Mapping[str, tuple[Box, ...]]

Make = Callable[[Pixels, tuple[Box, ...]], dict[str, Pixels]]
"""Makes arrays, by name, of a picture, uint8 `[H, W, 3]`, and its boxes."""


@dataclass(frozen=True)
class Decoded:
    """What was made of the pictures that could be read.

    pictures: them, without a character. sizes: width and height of each in pixels. problems: the
    other pictures.
    """

    pictures: tuple[Picture, ...]
    sizes: list[tuple[int, int]]
    problems: tuple[Problem, ...]
    _shapes: dict[str, list[list[int]]]
    _flat: dict[str, Pixels]

    def each(self, name: str) -> list[Pixels]:
        """The arrays of this name, one a picture."""
        ends = np.cumsum([int(np.prod(shape)) for shape in self._shapes[name]]).tolist()
        starts = [0, *ends]
        return [
            self._flat[name][start:end].reshape(shape)
            for start, end, shape in zip(starts, ends, self._shapes[name], strict=False)
        ]

    def together(self, name: str, *shape: int) -> Pixels:
        """The arrays of this name one after the other, `[N, *shape]`."""
        return self._flat[name].reshape(-1, *shape)


def load(
    kind: str,
    root: Path,
    boxes: Boxes,
    pictures: Boxed,
    make: Make,
    depends_on: object,
    track: Track = silent,
) -> Decoded:
    """What `make` makes of these pictures: from the cache if nothing changed, else made now.

    kind: names what is made. boxes: the file that the pictures' boxes are from. depends_on: all
    that `make` depends on besides the picture and its boxes; its text counts.

    Raises DataError when no picture can be read, and when the cache can't be written.
    """
    listed = {path: _listed(root, path) for path in pictures}
    where = f"{root.resolve()}\n{boxes.file.resolve()}"
    decoders = (PIL.__version__, simplejpeg.__version__)
    content = hashlib.sha256(f"{FORMAT} {depends_on} {decoders}\n".encode())
    for picture in listed.values():
        content.update(f"{picture.path}\t{picture.size}\t{picture.modified}\n".encode())
        for box in pictures[picture.path]:
            content.update(f"{box.corners}\n".encode())
    return entries.kept(
        cache_folder() / kind,
        hashlib.sha256(os.fsencode(where)).hexdigest()[:16],
        content.hexdigest()[:16],
        lambda folder: _fill(folder, root, pictures, make, track),
        lambda entry, is_new: _open(entry, listed, is_new),
    )


def _listed(root: Path, path: str) -> Picture:
    try:
        status = (root / path).stat()
    except OSError:  # decoding it says why
        return Picture(path, "", 0, 0)
    return Picture(path, "", status.st_size, max(status.st_mtime_ns, status.st_ctime_ns))


def _fill(folder: Path, root: Path, pictures: Boxed, make: Make, track: Track) -> None:
    paths: list[str] = []
    sizes: list[tuple[int, int]] = []
    shapes: dict[str, list[Sequence[int]]] = {}
    problems: list[tuple[str, str]] = []
    is_whole = True
    with closing(_make_all(root, pictures, make)) as results, ExitStack() as stack:
        files: dict[str, Any] = {}
        for path, made in zip(pictures, track(results, len(pictures), "decoding"), strict=True):
            if isinstance(made, images.ImageError):
                problems.append((path, str(made).removeprefix(f"{root / path}: ")))
                is_whole &= not isinstance(made, images.UnreadableError)
                continue
            size, arrays = made
            paths.append(path)
            sizes.append(size)
            for name, pixels in arrays.items():
                if name not in files:
                    files[name] = stack.enter_context((folder / name).open("wb"))
                files[name].write(pixels.tobytes())
                shapes.setdefault(name, []).append(pixels.shape)
    if not paths:
        path, reason = problems[0]
        raise DataError(
            f"{root}: none of the {len(pictures)} pictures with boxes can be read; the first: "
            f"{path}: {reason}"
        )
    index = {"paths": paths, "sizes": sizes, "shapes": shapes, "problems": problems}
    text = json.dumps(index | {"whole": is_whole})
    (folder / _INDEX).write_text(text, encoding="utf-8")


_Made = tuple[tuple[int, int], dict[str, Pixels]]


def _make_all(
    root: Path, pictures: Boxed, make: Make
) -> Generator[_Made | images.ImageError, None, None]:
    def make_some(share: list[tuple[str, tuple[Box, ...]]]) -> Iterator[_Made | images.ImageError]:
        files = images.read_ahead([root / path for path, _ in share])
        for file, (path, boxes) in zip(files, share, strict=True):
            try:
                with images.blaming(str(root / path)):
                    pixels = images.decode(file)
                    height, width = pixels.shape[:2]
                    made = make(pixels, boxes)
            except images.ImageError as error:
                yield error
                continue
            yield (width, height), made

    yield from in_shares(make_some, pictures.items(), _SHARE)


def _open(entry: Path, listed: Mapping[str, Picture], is_new: bool) -> Decoded | None:
    try:
        index = json.loads((entry / _INDEX).read_text(encoding="utf-8"))
        if not (index["whole"] or is_new):
            return None
        shapes = index["shapes"]
        flat = {
            name: np.memmap(
                entry / name, np.uint8, "r", shape=(sum(int(np.prod(s)) for s in each),)
            )
            for name, each in shapes.items()
        }
        return Decoded(
            tuple(listed[path] for path in index["paths"]),
            index["sizes"],
            tuple(Problem(*problem) for problem in index["problems"]),
            shapes,
            dict(flat),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
