"""dlib's detector: histograms of oriented gradients, and linear support-vector machines.

Runs in the environment of requirements-faces.txt. A template is rigid, so faces that look alike are
put together first, and each such group teaches a template, as dlib's `imglab --cluster` prepares
it. Pictures of a folder are shared out to processes.
"""

import json
import os
import sys
import tempfile
import time
from multiprocessing import Pool
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import dlib
import numpy as np
from PIL import Image, ImageOps

from benchmarks.peers import protocol

TEMPLATES = 10
"""Groups of faces that look alike, and templates."""

WINDOW = 48 * 48
"""Pixels of a template."""

COST = 50
"""What errors cost in training, against the size of the weights (dlib's C)."""

LEAST = 44
"""Pixels of the longer side of a face to learn from; smaller ones don't count."""

AT_BORDER = 0.05
"""Sides of a face that it is away from the border of its picture, to learn from: a template does
not reach further."""

STRETCHED = 1.4
"""A face counts if its width over height is within this factor of its group's."""

OTHERS = 5
"""A template learns from the pictures of its group and from every so many of the others."""

SMALL = 480
"""Pixels of the longer side below which a picture is looked at in twice its size."""

SURE, LIKELY = 0.0, -0.9
"""The scores from which on it says that there is a face, and that average precision takes."""

_LOOK, _CELL, _DIRECTIONS = 48, 8, 8
_ROUNDS = 30

Found = list[tuple[float, float, float, float, float]]


class Known(NamedTuple):
    """A face to learn from. box: x1, y1, x2, y2 in pixels of the file. look: what groups go by."""

    file: str
    box: tuple[float, ...]
    counts: bool
    look: np.ndarray


def train(pictures: dict[str, list[list[float]]], weights: Path) -> None:
    """Learn from boxes by picture and write one file a template, `weights` and a number."""
    options = dlib.simple_object_detector_training_options()
    options.C = COST
    options.add_left_right_image_flips = False
    options.detection_window_size = WINDOW
    options.upsample_limit = 0
    options.num_threads = os.cpu_count() or 1
    options.be_verbose = False
    with tempfile.TemporaryDirectory() as temporary:
        faces = _mirrored_too(pictures, Path(temporary))
        counting = [face for face in faces if face.counts]
        group = _groups(np.stack([face.look for face in counting]))
        for number in range(TEMPLATES):
            its = [face for face, one in zip(counting, group, strict=True) if one == number]
            listed = Path(temporary, "pictures.xml")
            while True:
                _write_list(listed, faces, its)
                try:
                    dlib.train_simple_object_detector(str(listed), f"{weights}.{number}", options)
                    break
                except RuntimeError as error:  # it names pictures with a face that none can match
                    refused = {line.strip() for line in str(error).splitlines()}
                    if not any(face.file in refused for face in its):
                        raise
                    its = [face for face in its if face.file not in refused]


def _mirrored_too(pictures: dict[str, list[list[float]]], folder: Path) -> list[Known]:
    """The faces, and those of mirrored copies, which are written into the folder."""
    faces = []
    for number, (path, boxes) in enumerate(pictures.items()):
        with Image.open(path) as opened:
            picture = opened.convert("L")
        faces += [_face(path, picture, tuple(box)) for box in boxes]
        copy = folder / f"{number}.jpg"
        mirrored = ImageOps.mirror(picture)
        mirrored.save(copy, quality=95)
        for x1, y1, x2, y2 in boxes:
            box = (picture.width - x2, y1, picture.width - x1, y2)
            faces.append(_face(str(copy), mirrored, box))
    return faces


def _face(file: str, picture: Image.Image, box: tuple[float, ...]) -> Known:
    x1, y1, x2, y2 = box
    width, height = x2 - x1, y2 - y1
    space = min(x1, y1, picture.width - x2, picture.height - y2)
    side = max(width, height)
    look = np.append(_gradients(picture, box), 2 * np.log(width / height))
    return Known(file, box, side >= LEAST and space >= AT_BORDER * side, look)


def _gradients(picture: Image.Image, box: tuple[float, ...]) -> np.ndarray:
    """Of each cell of a face, how much it changes in each direction; of length 1."""
    x1, y1, x2, y2 = box
    within = (max(x1, 0), max(y1, 0), min(x2, picture.width), min(y2, picture.height))
    grey = np.asarray(picture.resize((_LOOK, _LOOK), box=within), np.float32)
    down, across = np.gradient(grey)
    direction = np.arctan2(down, across) % np.pi * _DIRECTIONS / np.pi
    cells = _LOOK // _CELL
    place = np.arange(_LOOK) // _CELL
    cell = place[:, None] * cells + place
    index = cell * _DIRECTIONS + direction.astype(int) % _DIRECTIONS
    strength = np.hypot(down, across).ravel()
    counted = np.bincount(index.ravel(), strength, cells * cells * _DIRECTIONS)
    return counted / (np.linalg.norm(counted) + 1e-6)


def _groups(looks: np.ndarray) -> np.ndarray:
    """The group of each face, by k-means."""
    rng = np.random.default_rng(0)
    middles = looks[rng.choice(len(looks), TEMPLATES, replace=False)]
    for _ in range(_ROUNDS):
        distance = np.square(looks[:, None] - middles).sum(2)
        nearest: np.ndarray = distance.argmin(1)
        for number in np.unique(nearest):
            middles[number] = looks[nearest == number].mean(0)
    return nearest


def _write_list(file: Path, faces: list[Known], group: list[Known]) -> None:
    """The pictures of a group and some others, in dlib's format; faces of others don't count."""
    usual = np.median([face.look[-1] for face in group])
    close = {id(face) for face in group if abs(face.look[-1] - usual) <= 2 * np.log(STRETCHED)}
    theirs = {face.file for face in group}
    rest = sorted({face.file for face in faces} - theirs)[::OTHERS]
    root = ElementTree.Element("dataset")
    listed = ElementTree.SubElement(root, "images")
    entries = {}
    for path in sorted(theirs | set(rest)):
        entries[path] = ElementTree.SubElement(listed, "image", file=path)
    for face in faces:
        if face.file in entries:
            x1, y1, x2, y2 = face.box
            place = {"left": x1, "top": y1, "width": x2 - x1, "height": y2 - y1}
            whole = {name: str(round(value)) for name, value in place.items()}
            ignored = str(int(id(face) not in close))
            ElementTree.SubElement(entries[face.file], "box", whole, ignore=ignored)
    ElementTree.ElementTree(root).write(file)


def load(weights: Path) -> list[dlib.fhog_object_detector]:
    """The templates."""
    return [dlib.fhog_object_detector(f"{weights}.{number}") for number in range(TEMPLATES)]


def faces(templates: list[dlib.fhog_object_detector], path: Path, sure: float = SURE) -> Found:
    """x1, y1, x2, y2 and score of each face in a file."""
    pixels = dlib.load_grayscale_image(str(path))
    doubled = int(max(pixels.shape) < SMALL)
    found, scores, _ = dlib.fhog_object_detector.run_multiple(templates, pixels, doubled, sure)
    corners = [(box.left(), box.top(), box.right() + 1, box.bottom() + 1) for box in found]
    return [(*box, score) for box, score in zip(corners, scores, strict=True)]


_templates: list[dlib.fhog_object_detector] = []


def _begin(weights: Path) -> None:
    _templates[:] = load(weights)


def _likely(path: Path) -> Found:
    return faces(_templates, path, LIKELY)


def _sure(path: Path) -> Found:
    return faces(_templates, path)


def find(weights: Path, pictures: list[str], to: Path) -> None:
    """Write what is found in each picture as JSON."""
    with Pool(initializer=_begin, initargs=(weights,)) as pool:
        to.write_text(
            json.dumps(dict(zip(pictures, pool.map(_likely, map(Path, pictures), 8), strict=True)))
        )


def folder(weights: Path, paths: list[Path]) -> None:
    """Files to boxes."""
    with Pool(initializer=_begin, initargs=(weights,)) as pool:

        def repetition() -> protocol.Figures:
            start = time.perf_counter()
            pool.map(_sure, paths, 8)
            return {"rate": len(paths) / (time.perf_counter() - start)}

        repetition()
        protocol.serve(repetition)


def main() -> None:
    """Run one measure."""
    match sys.argv[1:]:
        case ["train", weights, pictures]:
            train(json.loads(Path(pictures).read_text()), Path(weights))
        case ["find", weights, pictures, to]:
            find(Path(weights), json.loads(Path(pictures).read_text()), Path(to))
        case ["folder", weights, files, count]:
            folder(Path(weights), protocol.files(Path(files), int(count)))
        case ["one", weights, files, count]:
            templates = load(Path(weights))
            paths = protocol.files(Path(files), int(count))
            protocol.one_by_one(paths, lambda path: faces(templates, path))


if __name__ == "__main__":
    main()
