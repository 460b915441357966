"""A service with both networks, and pictures to send."""

import io

import numpy as np
import pytest
from PIL import Image

from simpsons.classifier import SHIPPED, Classifier
from simpsons.demo.drawings import DOLLS, draw


@pytest.fixture(scope="session")
def classifiers():
    return {name: Classifier(name, threads=1) for name in reversed(SHIPPED)}


@pytest.fixture(scope="session")
def doll() -> bytes:
    """A picture of a paper doll, as PNG."""
    return png(draw(DOLLS[0], np.random.default_rng(0), 80))


def png(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()
