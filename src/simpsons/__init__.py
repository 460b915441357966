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
from simpsons.errors import DataError, SimpsonsError
from simpsons.extras import remedy
from simpsons.network import ModelError
from simpsons.pixels.images import ImageError
from simpsons.predictor import Predictor

if TYPE_CHECKING:
    from simpsons import bulk as bulk
    from simpsons.api import data as data
    from simpsons.api.audit import audit as audit
    from simpsons.api.evaluate import evaluate as evaluate
    from simpsons.api.export import export as export
    from simpsons.api.import_keras import import_keras as import_keras
    from simpsons.api.label import label as label
    from simpsons.api.recognition import detect as detect
    from simpsons.api.recognition import predict as predict
    from simpsons.api.serve import serve as serve
    from simpsons.api.timeline import timeline as timeline
    from simpsons.api.train import train as train
    from simpsons.evaluation.on_folder import compare as compare
    from simpsons.project.collecting import collect as collect
    from simpsons.project.neighbours import embed as embed
    from simpsons.project.neighbours import similar as similar

__version__ = "0.1.0"

_LATER = {
    "audit": "simpsons.api.audit",
    "collect": "simpsons.project.collecting",
    "compare": "simpsons.evaluation.on_folder",
    "detect": "simpsons.api.recognition",
    "embed": "simpsons.project.neighbours",
    "evaluate": "simpsons.api.evaluate",
    "export": "simpsons.api.export",
    "import_keras": "simpsons.api.import_keras",
    "label": "simpsons.api.label",
    "predict": "simpsons.api.recognition",
    "serve": "simpsons.api.serve",
    "similar": "simpsons.project.neighbours",
    "timeline": "simpsons.api.timeline",
    "train": "simpsons.api.train",
}
"""Functions and their modules, which are imported when one is asked for; some need an extra."""

_MODULES = {"bulk": "simpsons.bulk", "data": "simpsons.api.data"}

__all__ = [
    "CHARACTERS",
    "Character",
    "Classifier",
    "DataError",
    "Detection",
    "Detector",
    "Face",
    "Failure",
    "ImageError",
    "ModelError",
    "Prediction",
    "Predictor",
    "SimpsonsError",
    "audit",
    "bulk",
    "collect",
    "compare",
    "data",
    "detect",
    "embed",
    "evaluate",
    "export",
    "import_keras",
    "label",
    "predict",
    "serve",
    "similar",
    "timeline",
    "train",
]


def __getattr__(name: str) -> Any:
    place = _MODULES.get(name) or _LATER.get(name)
    if place is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        module = importlib.import_module(place)
    except ModuleNotFoundError as error:
        if said := remedy(f"simpsons.{name}", error):
            raise ModuleNotFoundError(said, name=error.name) from None
        raise
    return module if name in _MODULES else getattr(module, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER, *_MODULES})
