"""A service with both networks, and pictures to send."""

import io

import numpy as np
import pytest

from simpsons.classifier import Classifier
from simpsons.demo.drawings import DOLLS, draw
from simpsons.serve.server import NETWORKS


@pytest.fixture(scope="session")
def classifiers():
    return {name: Classifier(name, threads=1) for name in NETWORKS}


@pytest.fixture(scope="session")
def dolls():
    """So many pictures of paper dolls, as PNG."""

    def drawn(count: int) -> list[bytes]:
        pictures = []
        for number in range(count):
            file = io.BytesIO()
            draw(DOLLS[number % len(DOLLS)], np.random.default_rng(number), 80).save(file, "PNG")
            pictures.append(file.getvalue())
        return pictures

    return drawn


@pytest.fixture(scope="session")
def doll(dolls) -> bytes:
    """A picture of a paper doll, as PNG."""
    return dolls(1)[0]
