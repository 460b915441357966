"""Pictures to try the page with: paper dolls of our own, drawn when they are first asked for."""

import io
from functools import cache

import numpy as np

from simpsons.demo.drawings import DOLLS, draw

COUNT = 6
"""How many there are."""

_SIZE = 320
_SEED = 7


def names() -> list[str]:
    """What the dolls are called, in the order of their numbers."""
    return [doll.name for doll in DOLLS[:COUNT]]


@cache
def picture(number: int) -> bytes:
    """A JPEG, 320 pixels on the longer side, of the doll with this number (from 0)."""
    file = io.BytesIO()
    draw(DOLLS[number], np.random.default_rng((_SEED, number)), _SIZE).save(file, "JPEG")
    return file.getvalue()
