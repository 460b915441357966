"""Recognise characters of The Simpsons with convolutional networks small enough to understand.

>>> from simpsons import Classifier
>>> Classifier("xception").predict("picture.jpg").label
'homer_simpson'
"""

from simpsons.characters import CHARACTERS, Character
from simpsons.classifier import Classifier, Failure, Prediction
from simpsons.detector import Detection, Detector, Face
from simpsons.images import ImageError
from simpsons.network import ModelError
from simpsons.predictor import Predictor

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
