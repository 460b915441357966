"""`Detector`: a picture in, every face in it out, each with a box and a name.

Two networks: a face detector finds the faces, a `Classifier` says who each one is from a crop
around it. Both are ONNX files; the pixels come through `images`.
"""

import json
import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simpsons import images
from simpsons.classifier import Classifier, Failure, ModelError, Prediction

FACES = "faces"
"""The face detector whose weights are in the package."""

NAMES = "cnn-int8"
"""The network that names faces, unless another one is given."""


@dataclass(frozen=True)
class Face:
    """One face of a picture.

    box: x1, y1, x2, y2 in pixels of the picture as people see it, x to the right and y down; within
    the picture. score: how sure the detector is that this is a face, 0 to 1. prediction: who it is.
    """

    box: tuple[float, float, float, float]
    score: float
    prediction: Prediction

    @property
    def label(self) -> str:
        """The most probable class, as the data set names it: `homer_simpson`."""
        return self.prediction.label

    @property
    def name(self) -> str:
        """The most probable class, as people say it: `Homer Simpson`."""
        return self.prediction.name

    @property
    def probability(self) -> float:
        """The probability of `label`, 0 to 1."""
        return self.prediction.probability

    @property
    def verdict(self) -> str:
        """The label, or `unknown` for a stranger's face."""
        return self.prediction.verdict

    def to_json(self) -> dict[str, Any]:
        """`{"box", "score", "label", "probability", "verdict", "top"}`."""
        named = self.prediction.to_json()
        return {
            "box": [round(value, 1) for value in self.box],
            "score": self.score,
            **{key: named[key] for key in ("label", "probability", "verdict", "top")},
        }


@dataclass(frozen=True)
class Detection:
    """Everyone in a picture.

    path: the file, or None for a picture that has none. faces: the surest first; empty where the
    picture shows no face.
    """

    path: str | None
    faces: tuple[Face, ...]

    def to_json(self) -> dict[str, Any]:
        """`{"path", "faces"}`; of a face see `Face.to_json`."""
        return {"path": self.path, "faces": [face.to_json() for face in self.faces]}


class Detector:
    """Finds every face in a picture and says whose it is.

        >>> detector = Detector()
        >>> [face.verdict for face in detector.detect("family.jpg").faces]
        ['homer_simpson', 'marge_simpson', 'unknown']

    model: `faces`, or the path of a face detector's ONNX file or run folder. names: the network
    that names the faces: a Classifier, or what one takes. threads: of the networks, None for one
    per core; `detect_all` gives each core pictures of its own instead. minimum: the score, 0 to 1,
    from which on a face counts; None for the threshold of the detector's file.

    metadata: what the detector's file says of itself. names: the Classifier. minimum: as in use.

    Raises ModelError for a file that is missing, no ONNX, or no face detector.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] = FACES,
        names: str | os.PathLike[str] | Classifier = NAMES,
        threads: int | None = None,
        minimum: float | None = None,
    ) -> None:
        self.path = _model_path(model)
        self._threads = threads
        self._content = self.path.read_bytes()
        self._on_one_core = self._session(threads=1)
        self.metadata = {
            key: json.loads(value)
            for key, value in self._on_one_core.get_modelmeta().custom_metadata_map.items()
        }
        self.minimum = self.metadata["threshold"] if minimum is None else minimum
        self.names = names if isinstance(names, Classifier) else Classifier(names, threads)

    def boxes(self, pixels: images.Pixels) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The faces of one picture before they are named, the surest first.

        pixels: uint8 `[H, W, 3]`, RGB. Returns boxes, float32 `[M, 4]`, x1, y1, x2, y2 in pixels of
        the picture, and scores, float32 `[M]`.
        """
        return self._boxes(self._on_all_cores, pixels)

    def detect(self, source: images.Source, top: int = 5) -> Detection:
        """Everyone in one picture: a path, bytes, a file object, a PIL image or an array.

        Raises simpsons.ImageError as `images.decode` does.
        """
        return self._detect(self._on_all_cores, source, top)

    def detect_all(
        self, sources: Iterable[images.Source], top: int = 5
    ) -> Iterator[Detection | Failure]:
        """Everyone in any number of pictures, in order and in constant memory.

        One that can't be read gives a Failure, and the rest go on.
        """
        threads = os.cpu_count() or 1
        remaining = iter(sources)
        with ThreadPoolExecutor(threads) as pool:
            waiting: deque[Future[Detection | Failure]] = deque()
            while True:
                while len(waiting) < threads * 4 and (one := list(islice(remaining, 1))):
                    waiting.append(pool.submit(self._answer, one[0], top))
                if not waiting:
                    return
                yield waiting.popleft().result()

    def _answer(self, source: images.Source, top: int) -> Detection | Failure:
        try:
            return self._detect(self._on_one_core, source, top)
        except images.ImageError as error:
            return Failure(_name(source), str(error))

    def _detect(self, session: Any, source: images.Source, top: int) -> Detection:
        pixels = images.decode(source)
        boxes, scores = self._boxes(session, pixels)
        crops = (
            np.stack([images.crop_around(pixels, box) for box in boxes.tolist()])
            if len(boxes)
            else []
        )
        named = self.names.predict_pixels(crops, top) if len(boxes) else []
        faces = tuple(
            Face(tuple(box), score, prediction)
            for box, score, prediction in zip(boxes.tolist(), scores.tolist(), named, strict=True)
        )
        return Detection(_name(source), faces)

    def _boxes(
        self, session: Any, pixels: images.Pixels
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        smaller, scale = images.fit_within(pixels, self.metadata["longest_side"])
        boxes, scores, _ = session.run(["boxes", "scores", "picture"], {"pixels": smaller[None]})
        sure = scores >= self.minimum
        height, width = pixels.shape[:2]
        limits = np.array([width, height, width, height], np.float32)
        return np.clip(boxes[sure] / scale, 0, limits), scores[sure]

    def _session(self, threads: int | None) -> Any:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        if threads is not None:
            options.intra_op_num_threads = threads
        return onnxruntime.InferenceSession(
            self._content, options, providers=["CPUExecutionProvider"]
        )

    @cached_property
    def _on_all_cores(self) -> Any:
        return self._on_one_core if self._threads == 1 else self._session(self._threads)


def _model_path(model: str | os.PathLike[str]) -> Path:
    if model == FACES:
        return Path(__file__).parent / "weights" / f"{model}.onnx"
    path = Path(model)
    if not path.is_file():
        raise ModelError(
            f"{path}: no such face detector; use {FACES}, an ONNX file, or a run folder"
        )
    return path


def _name(source: images.Source) -> str | None:
    return os.fspath(source) if isinstance(source, str | os.PathLike) else None
