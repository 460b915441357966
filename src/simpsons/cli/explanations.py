"""The pictures that `simpsons predict --explain FOLDER` writes."""

from collections.abc import Callable
from pathlib import Path

from simpsons.classifier import Classifier, Prediction
from simpsons.cli.folder import PictureFolder
from simpsons.explain import heat_map, overlay
from simpsons.pixels import images
from simpsons.pixels.plain_resize import ANTIALIAS


def writer(classifier: Classifier, folder: Path) -> Callable[[images.Source, Prediction], str]:
    """A function that writes a picture with the heat map of its answer over it, and says where.

    It is a PNG, written whole or not at all. A missing folder is made. The function raises
    ImageError for a picture that can't be read. Raises SimpsonsError if the folder can't be
    written to.
    """
    explanations = PictureFolder(folder, "--explain", "explanations")

    def write(source: images.Source, answer: Prediction) -> str:
        picture = images.decode(source)
        fitted = images.fit(picture, resize=classifier.resize)
        heat = heat_map(classifier, fitted, answer.label)
        shown = images.content(picture) if classifier.resize == ANTIALIAS else images.WHOLE
        drawn = overlay(picture, heat, shown)
        return explanations.write(drawn, answer.path, ".png")

    return write
