"""The faces of a picture, as `/detect` answers them: found once, named by any network."""

from collections.abc import Sequence
from typing import Any

from PIL import Image

from simpsons.classifier import Prediction
from simpsons.detector import Detector, FoundFaces
from simpsons.pixels import images
from simpsons.service.heat import data_uri

NAMED_AT_ONCE = 16
"""Faces that a network names in one piece of work."""


def parts(found: FoundFaces) -> list[images.Pixels]:
    """The crops of the faces, as many at a time as are named in one piece of work."""
    starts = range(0, len(found.crops), NAMED_AT_ONCE)
    return [found.crops[start : start + NAMED_AT_ONCE] for start in starts]


def pictures(found: FoundFaces) -> list[str]:
    """The crops of the faces as PNG, data URIs."""
    return [data_uri(Image.fromarray(crop)) for crop in found.crops]


def answer(
    detector: Detector, found: FoundFaces, named: Sequence[Prediction], crops: Sequence[str] | None
) -> dict[str, Any]:
    """`{"width", "height", "faces"}`; a face is `Face.to_json()` with `square` and `crop`.

    Those that don't count for the detector, once they are named, are left out. crops: what
    `pictures` gives, None if it was not asked for.
    """
    shown: Sequence[str | None] = crops or [None] * len(named)
    faces = []
    for face, crop in zip(found.named(named), shown, strict=True):
        if not detector.counts(face):
            continue
        square = images.square_around(found.width, found.height, face.box)
        placed = {"square": [round(edge, 1) for edge in square], "crop": crop}
        faces.append(face.to_json() | placed)
    return {"width": found.width, "height": found.height, "faces": faces}
