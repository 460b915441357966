"""A detector that is told what to find."""

from types import SimpleNamespace

import pytest

from simpsons import Detection, Face, Prediction
from simpsons.classifier import Failure
from simpsons.evaluation.detection import FLOOR

LABELS = ("bart_simpson", "homer_simpson", "lisa_simpson")


def face(box, score=0.9, verdict="homer_simpson", probability=0.8):
    """A face; verdict: `unknown` for one that is like nobody."""
    label = LABELS[0] if verdict == "unknown" else verdict
    familiarity = 0.0 if verdict == "unknown" else 1.0
    return Face(box, score, Prediction(None, ((label, probability),), familiarity, 0.5))


class Told:
    """Has the API of a Detector. answers: faces by file name; a text is why it can't be read."""

    def __init__(self, answers, minimum=FLOOR, threshold=0.5):
        self.answers, self.minimum = answers, minimum
        self.metadata = {"threshold": threshold}
        self.names = SimpleNamespace(labels=LABELS, threshold=0.5, metadata={})

    def detect_all(self, sources, top=5):
        for source in sources:
            answer = self.answers.get(source.name, ())
            if isinstance(answer, str):
                yield Failure(str(source), answer)
            else:
                yield Detection(str(source), tuple(answer))


@pytest.fixture(scope="session")
def told():
    return Told


@pytest.fixture(scope="session")
def make_face():
    return face
