"""The pictures that `simpsons predict --explain FOLDER` writes."""

import hashlib
import os
import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simpsons import images
from simpsons.classifier import Classifier, Failure, Prediction
from simpsons.errors import SimpsonsError
from simpsons.explain import heat_map, overlay
from simpsons.files import whole


@dataclass(frozen=True, kw_only=True)
class Explained(Prediction):
    """A prediction whose explanation was written. explanation: the PNG file."""

    explanation: str

    def to_json(self) -> dict[str, Any]:
        """What a `Prediction` gives, and `explanation`."""
        return super().to_json() | {"explanation": self.explanation}


def explained(
    classifier: Classifier, sources: Iterable[images.Source], top: int, folder: Path
) -> Iterator[Prediction | Failure]:
    """What `Classifier.predict_all` gives, with a PNG in `folder` for each prediction.

    The PNG is the picture with the heat map of the answer over it, written whole or not at all.
    A missing folder is made. Raises SimpsonsError if the folder can't be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(folder, error) from None
    waiting: deque[images.Source] = deque()

    def noted() -> Iterator[images.Source]:
        for source in sources:
            waiting.append(source)
            yield source

    for answer in classifier.predict_all(noted(), top):
        source = waiting.popleft()
        yield answer if isinstance(answer, Failure) else _write(classifier, source, answer, folder)


def _write(
    classifier: Classifier, source: images.Source, answer: Prediction, folder: Path
) -> Explained | Failure:
    try:
        picture = images.decode(source)
    except images.ImageError as error:  # it was there a moment ago
        return Failure(answer.path, str(error))
    drawn = overlay(picture, heat_map(classifier, images.fit(picture), answer.label))
    path = folder / _file_name(answer.path)
    try:
        with whole(path) as temporary:
            drawn.save(temporary)
    except OSError as error:
        raise _unwritable(folder, error) from None
    return Explained(**vars(answer), explanation=str(path))


def _file_name(path: str | None) -> str:
    """Names of folder and picture, and a digest of the path, so that no two pictures share one."""
    path = path or "standard input"
    digest = hashlib.sha256(os.fsencode(path)).hexdigest()[:10]
    names = (Path(path).parent.name, Path(path).stem)
    words = [re.sub(r"[^\w-]+", "_", name, flags=re.ASCII)[:80] for name in names if name]
    return "-".join([*words, f"{digest}.png"])


def _unwritable(folder: Path, error: OSError) -> SimpsonsError:
    return SimpsonsError(
        f"{folder}: explanations can't be written there ({error.strerror or error}); give "
        "--explain another folder"
    )
