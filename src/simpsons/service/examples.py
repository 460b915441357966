"""Pictures to try the page with: paper dolls of our own, drawn when they are first asked for."""

import io
from functools import cache

import numpy as np

from simpsons.demo.drawings import DOLLS, draw
from simpsons.demo.groups import draw_scene

COUNT = 6
"""How many there are."""

NETWORK = "dolls"
"""The shipped network that knows who is on them."""

_SIZE, _GROUP_SIZE = 320, 640
_SEED, _GROUP_SEED = 7, 29
_GROUP = (0, 3, 5, 8)


def names() -> list[str]:
    """What is on the pictures, in the order of their numbers."""
    return [f"{len(_GROUP)} dolls", *(doll.name for doll in DOLLS[: COUNT - 1])]


@cache
def picture(number: int) -> bytes:
    """A JPEG: several dolls for number 0, then one doll each."""
    if number == 0:
        group = [DOLLS[index] for index in _GROUP]
        drawn, _ = draw_scene(group, np.random.default_rng(_GROUP_SEED), _GROUP_SIZE)
    else:
        rng = np.random.default_rng((_SEED, number - 1))
        drawn = draw(DOLLS[number - 1], rng, _SIZE)
    file = io.BytesIO()
    drawn.save(file, "JPEG")
    return file.getvalue()
