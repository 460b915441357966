"""dlib's detector: histograms of oriented gradients, and linear support-vector machines.

Runs in the environment of requirements-faces.txt. It learns from the same boxes as ours: a template
for each shape of face, wide, square and tall. Pictures of a folder are shared out to processes.
"""

import json
import os
import sys
import tempfile
import time
from multiprocessing import Pool
from pathlib import Path
from xml.etree import ElementTree

import dlib
from PIL import Image

from benchmarks.peers import protocol

SHAPES = ((0.5, 0.85), (0.75, 1.2), (1.05, 1.9))
"""Width over height of the faces that each template learns from; the others don't count."""

WINDOW = 48 * 48
"""Pixels of a template."""

LEAST = 44
"""Pixels of the longer side of a face to learn from; smaller ones don't count."""

AT_BORDER = 0.05
"""Sides of a face that it is away from the border of its picture, to learn from: a template does
not reach further."""

SMALL = 480
"""Pixels of the longer side below which a picture is looked at in twice its size."""

SURE, LIKELY = 0.0, -0.8
"""The scores from which on it says that there is a face, and that average precision takes."""

Found = list[tuple[float, float, float, float, float]]


def train(pictures: dict[str, list[list[float]]], weights: Path) -> None:
    """Learn from boxes by picture and write one file a template, `weights` and a number."""
    options = dlib.simple_object_detector_training_options()
    options.C = 5
    options.add_left_right_image_flips = True
    options.detection_window_size = WINDOW
    options.upsample_limit = 0
    options.num_threads = os.cpu_count() or 1
    for number, shape in enumerate(SHAPES):
        with tempfile.TemporaryDirectory() as temporary:
            listed = Path(temporary, "pictures.xml")
            _write_list(listed, pictures, shape)
            dlib.train_simple_object_detector(str(listed), f"{weights}.{number}", options)


def _write_list(file: Path, pictures: dict[str, list[list[float]]], shape: tuple) -> None:
    root = ElementTree.Element("dataset")
    listed = ElementTree.SubElement(root, "images")
    for path, boxes in pictures.items():
        image = ElementTree.SubElement(listed, "image", file=path)
        with Image.open(path) as opened:
            right, bottom = opened.size
        for x1, y1, x2, y2 in boxes:
            width, height = x2 - x1, y2 - y1
            side = max(width, height)
            space = min(x1, y1, right - x2, bottom - y2)
            fits = shape[0] <= width / height <= shape[1]
            counts = fits and side >= LEAST and space >= AT_BORDER * side
            place = {"left": x1, "top": y1, "width": width, "height": height}
            whole = {name: str(round(value)) for name, value in place.items()}
            ElementTree.SubElement(image, "box", whole, ignore=str(int(not counts)))
    ElementTree.ElementTree(root).write(file)


def load(weights: Path) -> list[dlib.fhog_object_detector]:
    """The templates."""
    return [dlib.fhog_object_detector(f"{weights}.{number}") for number in range(len(SHAPES))]


def faces(templates: list[dlib.fhog_object_detector], path: Path, sure: float = SURE) -> Found:
    """x1, y1, x2, y2 and score of each face in a file."""
    pixels = dlib.load_rgb_image(str(path))
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
        to.write_text(json.dumps(dict(zip(pictures, pool.map(_likely, pictures, 8), strict=True))))


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
