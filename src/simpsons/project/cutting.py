"""Faces are found in a picture, named, and cut out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from simpsons.detector import Detector, Face
from simpsons.duplicates import copies
from simpsons.pixels import images, jpeg
from simpsons.pixels.face_crops import square
from simpsons.pixels.margins import Rectangle
from simpsons.project.embedding import Embedder, Vectors
from simpsons.project.selection import Picture, Shot, is_flat


@dataclass(frozen=True)
class CutFace:
    """A face that was found. box: x1, y1, x2, y2 in pixels of the picture. crop: a JPEG file."""

    box: tuple[int, int, int, int]
    face: Face
    crop: bytes


@dataclass(frozen=True)
class CutPicture:
    """A picture with its faces.

    name, time: of the picture. file: all of it, a JPEG file. faces: the surest first. vectors:
    float32 `[faces, D]`. thumbnail, larger: what is inside its bars, uint8 `[64, 64, 3]` and
    `[copies.SIZE, copies.SIZE, 3]`. shorter: pixels of the shorter side.
    """

    name: str
    time: float
    file: bytes
    faces: tuple[CutFace, ...]
    vectors: Vectors
    thumbnail: images.Pixels
    larger: images.Pixels
    shorter: int


@dataclass(frozen=True)
class Cut:
    """A shot, or a picture of a folder on its own: those of its pictures that have a face.

    left_out: how many others there were, by reason.
    """

    number: int
    pictures: tuple[CutPicture, ...]
    left_out: Counter[str]


@dataclass(frozen=True)
class Listed:
    """A picture of a folder. number: its shot's. name, time: see `Picture`."""

    number: int
    path: Path
    name: str
    time: float


class Cutter:
    """Cuts faces out; any number of threads may use it."""

    def __init__(self, detector: Detector, embedder: Embedder) -> None:
        self._detector, self._embedder = detector, embedder

    def shot(self, shot: Shot) -> Cut:
        """The faces of a film's shot."""
        left_out = shot.left_out.copy()
        cut = []
        for picture in shot.pictures:
            found = self._cut(picture, None)
            if found is None:
                left_out["no_face"] += 1
            else:
                cut.append(found)
        return Cut(shot.number, tuple(cut), left_out)

    def file(self, listed: Listed) -> Cut | images.ImageError:
        """The faces of a picture file, or why it can't be read."""
        try:
            pixels = images.decode(listed.path)
        except images.ImageError as error:
            return error
        height, width = pixels.shape[:2]
        inside = np.rint(np.multiply(images.content(pixels), [width, height] * 2)).astype(int)
        picture = Picture(listed.name, listed.time, pixels, Rectangle(*inside.tolist()))
        if is_flat(picture.content):
            return Cut(listed.number, (), Counter(flat=1))
        try:
            found = self._cut(picture, listed.path)
        except OSError as error:  # it was there a moment ago
            return images.ImageError(f"{listed.path}: can't be read ({error.strerror})")
        if found is None:
            return Cut(listed.number, (), Counter(no_face=1))
        return Cut(listed.number, (found,), Counter())

    def _cut(self, picture: Picture, path: Path | None) -> CutPicture | None:
        """None for a picture without a face."""
        content = picture.content
        found = self._detector.find(content, on_one_core=True)
        names = self._detector.names.predict_faces(found.crops, 1, on_one_core=True)
        faces = found.named(names)
        counts = [self._detector.counts(face) for face in faces]
        if not any(counts):
            return None
        vectors = self._embedder.embed_pixels(found.crops[counts], on_one_core=True)
        content_of_file = path.read_bytes() if path else b""
        is_jpeg = content_of_file.startswith(jpeg.START)
        return CutPicture(
            name=picture.name,
            time=picture.time,
            file=content_of_file if is_jpeg else jpeg.encoded(picture.pixels),
            faces=tuple(
                _face(picture, face) for face, one in zip(faces, counts, strict=True) if one
            ),
            vectors=vectors,
            thumbnail=images.fit(content),
            larger=images.fit(content, copies.SIZE),
            shorter=min(content.shape[:2]),
        )


def _face(picture: Picture, face: Face) -> CutFace:
    left, top, right, bottom = picture.inside
    x1, y1, x2, y2 = face.box
    first_x = min(max(left, round(x1) + left), right - 1)
    first_y = min(max(top, round(y1) + top), bottom - 1)
    last_x = max(first_x + 1, min(right, round(x2) + left))
    last_y = max(first_y + 1, min(bottom, round(y2) + top))
    return CutFace(
        (first_x, first_y, last_x, last_y), face, jpeg.encoded(square(picture.content, face.box))
    )
