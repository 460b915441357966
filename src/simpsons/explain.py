"""Why an answer: where in a picture the evidence for a class is, as a heat map over it.

The heat of a place is how much of the class's probability is lost when a grey patch covers it
(occlusion: Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", 2014).
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from simpsons.classifier import Classifier, ModelError
from simpsons.images import SIZE, Pixels

Heat = NDArray[np.float32]

_PATCH, _STEP = 16, 8
_STOPS = np.array(  # matplotlib's "inferno", every eighth of it: even steps look even
    [
        (0, 0, 4), (31, 12, 72), (85, 15, 109), (136, 34, 106), (186, 54, 85),
        (227, 89, 51), (249, 140, 10), (249, 201, 50), (252, 255, 164),
    ]
)  # fmt: skip


def heat_map(classifier: Classifier, pixels: Pixels, label: str | None = None) -> Heat:
    """Where the evidence for a class is: float32 `[64, 64]`, 0 (none) to 1 (the most).

    pixels: uint8 `[64, 64, 3]`, as `images.load` gives them. label: the class asked for, None for
    the most probable. All 0 where nothing speaks for the class.

    Raises ModelError for a label that the classifier does not know.
    """
    if label is not None and label not in classifier.labels:
        raise ModelError(
            f"{classifier.path}: knows no {label}; it knows {', '.join(classifier.labels)}"
        )
    probabilities = classifier.probabilities(pixels[None])[0]
    index = probabilities.argmax() if label is None else classifier.labels.index(label)
    starts = range(0, SIZE - _PATCH + 1, _STEP)
    places = [np.s_[y : y + _PATCH, x : x + _PATCH] for y in starts for x in starts]
    covered = np.repeat(pixels[None], len(places), axis=0)
    for copy, place in zip(covered, places, strict=True):
        copy[place] = 128
    lost = probabilities[index] - classifier.probabilities(covered)[:, index]
    heat = np.zeros((SIZE, SIZE), np.float32)
    for place, loss in zip(places, lost, strict=True):
        heat[place] += max(loss, 0)
    return heat / max(heat.max(), np.finfo(np.float32).tiny)


def overlay(picture: Image.Image | Pixels, heat: Heat) -> Image.Image:
    """The picture with the heat over it: RGB, as large as the picture.

    picture: RGB, a PIL image or uint8 `[H, W, 3]`, of any size. heat: as `heat_map` gives it; it
    is stretched over the whole picture, as `images.fit` squeezed the picture.
    """
    if not isinstance(picture, Image.Image):
        picture = Image.fromarray(picture)
    picture = picture.convert("RGB")
    values = Image.fromarray(heat.astype(np.float32)).resize(picture.size, Image.Resampling.BICUBIC)
    strength = Image.fromarray(np.rint(255 * np.asarray(values).clip(0, 1)).astype(np.uint8))
    levels = np.linspace(0, 255, len(_STOPS))
    palette = np.stack([np.interp(np.arange(256), levels, stop) for stop in _STOPS.T], axis=1)
    colours = Image.fromarray(palette.round().astype(np.uint8)[np.asarray(strength)])
    grey = picture.convert("L").convert("RGB")
    return Image.composite(
        Image.blend(grey, colours, 0.55), Image.blend(grey, picture, 0.5), strength
    )
