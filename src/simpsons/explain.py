"""Why an answer: where in a picture the evidence for a class is, and that over the picture.

What `heat` means and how well it points at the character is in `docs/explain.md`.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from simpsons.classifier import Classifier
from simpsons.network import ModelError
from simpsons.pixels import images
from simpsons.pixels.images import SIZE, WHOLE, Pixels, Shares

Heat = NDArray[np.float32]
"""float32 `[64, 64]`, 0 (no evidence) to 1 (the most in this picture)."""

PATCH, STEP = 16, 8
"""Size of the patch that `occlusion` covers the picture with, and its steps, in pixels."""

_INFERNO = np.array(  # a colour map of matplotlib (CC0) in which even steps look even
    [(0, 0, 4), (33, 12, 74), (87, 16, 110), (138, 34, 106), (188, 55, 84), (228, 90, 49),
     (249, 142, 9), (249, 203, 53), (252, 255, 164)]
)  # fmt: skip


def heat_map(classifier: Classifier, pixels: Pixels, label: str | None = None) -> Heat:
    """Where the evidence for a class is: float32 `[64, 64]`, 0 (none) to 1 (the most).

    pixels: uint8 `[64, 64, 3]`, as `images.load` gives them. label: the class asked for, None for
    the most probable. The map is 0 everywhere if nothing speaks for the class.

    It is the class activation map of the ONNX file (`models.class_activation`), or `occlusion`
    for a file that has none, and where it is 0 everywhere as one of its layers has no evidence.
    Raises ModelError for a label that the classifier does not know.
    """
    if label is None:
        index = int(classifier.probabilities(pixels[None])[0].argmax())
    elif label in classifier.labels:
        index = classifier.labels.index(label)
    else:
        raise ModelError(
            f"{classifier.path}: does not know {label}; ask for {', '.join(classifier.labels)}"
        )
    maps = classifier.class_activations(pixels[None])
    if maps is None or not maps[0, index].any():
        return occlusion(classifier, pixels, index)
    heat: Heat = maps[0, index]
    return heat


def occlusion(classifier: Classifier, pixels: Pixels, index: int) -> Heat:
    """The heat of a place is what class `index` loses in log probability when it is covered.

    A grey patch is moved over the picture (Zeiler and Fergus, "Visualizing and Understanding
    Convolutional Networks", 2014). pixels: uint8 `[64, 64, 3]`. Returns float32 `[64, 64]`, 0 to
    1. It needs nothing but the answers, 50 of them for one map.
    """
    starts = range(0, SIZE - PATCH + 1, STEP)
    places = [np.s_[y : y + PATCH, x : x + PATCH] for y in starts for x in starts]
    pictures = np.repeat(pixels[None], 1 + len(places), axis=0)
    for picture, place in zip(pictures[1:], places, strict=True):
        picture[place] = 128
    whole, *covered = np.log(classifier.probabilities(pictures)[:, index] + 1e-6)
    heat = np.zeros((SIZE, SIZE), np.float32)
    for place, value in zip(places, covered, strict=True):
        heat[place] += max(whole - value, 0)
    return heat / np.float32(max(heat.max(), 1e-12))


def overlay(picture: Image.Image | Pixels, heat: Heat, content: Shares = WHOLE) -> Image.Image:
    """The picture with the heat over it: an RGB image, as large as the picture.

    picture: a PIL image, turned upright as its EXIF says, or RGB, uint8 `[H, W, 3]`, of any size.
    heat: as `heat_map` gives it.
    content: the part of the picture that it is stretched over, as `images.fit` squeezed it; see
    `images.content`. Where there is no heat the picture is darker and paler; where there is, it
    glows from purple over orange to yellow.
    """
    picture = Image.fromarray(images.decode(picture))
    left, right = (round(share * picture.width) for share in content[::2])
    top, bottom = (round(share * picture.height) for share in content[1::2])
    strength = Image.new("L", picture.size)
    strength.paste(
        Image.fromarray(np.rint(255 * heat.clip(0, 1)).astype(np.uint8)).resize(
            (right - left, bottom - top), Image.Resampling.BICUBIC
        ),
        (left, top),
    )
    levels = np.linspace(0, 255, len(_INFERNO))
    table = [np.rint(np.interp(np.arange(256), levels, channel)) for channel in _INFERNO.T]
    colours = Image.merge("RGB", [strength.point(list(map(int, row))) for row in table])
    grey = picture.convert("L").convert("RGB")
    cold = Image.blend(Image.new("RGB", picture.size), Image.blend(grey, picture, 0.5), 0.7)
    return Image.composite(Image.blend(picture, colours, 0.5), cold, strength)
