"""Recognise characters of The Simpsons with convolutional networks small enough to understand.

>>> from simpsons import Classifier
>>> Classifier("xception").predict("picture.jpg").label
'homer_simpson'
"""

import importlib
from typing import TYPE_CHECKING, Any

from simpsons import extras
from simpsons.characters import CHARACTERS, Character
from simpsons.classifier import Classifier, Failure, Prediction
from simpsons.detector import Detection, Detector, Face
from simpsons.errors import DataError, SimpsonsError
from simpsons.network import ModelError
from simpsons.pixels.images import ImageError
from simpsons.predictor import Predictor

if TYPE_CHECKING:
    from simpsons import bulk as bulk
    from simpsons import data as data
    from simpsons.auditing.on_folder import audit as audit
    from simpsons.evaluation.evaluate import evaluate as evaluate
    from simpsons.evaluation.on_folder import compare as compare
    from simpsons.films.timeline import timeline as timeline
    from simpsons.formats.keras.importing import import_keras as import_keras
    from simpsons.labelling.label import label as label
    from simpsons.project.collecting import collect as collect
    from simpsons.project.neighbours import embed as embed
    from simpsons.project.neighbours import similar as similar
    from simpsons.recognition import detect as detect
    from simpsons.recognition import predict as predict
    from simpsons.runs.export import export as export
    from simpsons.runs.train import train as train
    from simpsons.service.serve import serve as serve

__version__ = "0.1.0"

_LATER = {
    "audit": "simpsons.auditing.on_folder",
    "collect": "simpsons.project.collecting",
    "compare": "simpsons.evaluation.on_folder",
    "detect": "simpsons.recognition",
    "embed": "simpsons.project.neighbours",
    "evaluate": "simpsons.evaluation.evaluate",
    "export": "simpsons.runs.export",
    "import_keras": "simpsons.formats.keras.importing",
    "label": "simpsons.labelling.label",
    "predict": "simpsons.recognition",
    "serve": "simpsons.service.serve",
    "similar": "simpsons.project.neighbours",
    "timeline": "simpsons.films.timeline",
    "train": "simpsons.runs.train",
}
_MODULES = {"bulk", "data"}
"""Functions and their modules, which are imported when one is asked for; some need an extra."""

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
    if name in _MODULES:
        return importlib.import_module(f"simpsons.{name}")
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(importlib.import_module(_LATER[name]), name)
    except ModuleNotFoundError as error:
        remedy = extras.remedy(f"simpsons.{name}", error)
        if remedy is None:
            raise
        raise ModuleNotFoundError(remedy, name=error.name) from None


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER, *_MODULES})
