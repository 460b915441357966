"""Recognise characters of The Simpsons with convolutional networks small enough to understand.

>>> from simpsons import Classifier
>>> Classifier("xception").predict("picture.jpg").label
'homer_simpson'
"""

import importlib
from typing import TYPE_CHECKING, Any

from simpsons.characters import CHARACTERS, Character
from simpsons.classifier import Classifier, Failure, Prediction
from simpsons.detector import Detection, Detector, Face
from simpsons.network import ModelError
from simpsons.pixels.images import ImageError
from simpsons.predictor import Predictor

if TYPE_CHECKING:
    from simpsons.project.collecting import collect as collect
    from simpsons.project.neighbours import embed as embed
    from simpsons.project.neighbours import similar as similar

__version__ = "0.1.0"

__all__ = [
    "CHARACTERS",
    "Character",
    "Classifier",
    "Detection",
    "Detector",
    "Face",
    "Failure",
    "ImageError",
    "ModelError",
    "Prediction",
    "Predictor",
]

_LATER = {
    "collect": "simpsons.project.collecting",
    "embed": "simpsons.project.neighbours",
    "similar": "simpsons.project.neighbours",
}
"""Where functions are that need an extra; they are imported when they are asked for."""


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_LATER[name]), name)
