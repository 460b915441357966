"""`Classifier`: an ONNX file in, predictions out. NumPy, Pillow and ONNX Runtime, nothing else."""

import json
import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from simpsons import images
from simpsons.characters import display_name
from simpsons.errors import SimpsonsError

SHIPPED = ("cnn", "xception")
"""The networks whose weights are in the package."""

BATCH = 32
"""Pictures that go through the network at once."""

_BATCHES_AHEAD = 4  # decoded while the network works: bounds the memory of a stream


class ModelError(SimpsonsError):
    """Weights that can't be used. The message names the file, the reason and the remedy."""


@dataclass(frozen=True)
class Prediction:
    """Who is in a picture.

    path: the file, or None for a picture that has none. top: labels with their probabilities
    (0 to 1), the most probable first.
    """

    path: str | None
    top: tuple[tuple[str, float], ...]

    @property
    def label(self) -> str:
        """The most probable class, as the data set names it: `homer_simpson`."""
        return self.top[0][0]

    @property
    def name(self) -> str:
        """The most probable class, as people say it: `Homer Simpson`."""
        return display_name(self.label)

    @property
    def probability(self) -> float:
        """The probability of `label`, 0 to 1."""
        return self.top[0][1]

    def to_json(self) -> dict[str, Any]:
        """`{"path", "label", "probability", "top": [{"label", "probability"}, ...]}`."""
        top = [{"label": label, "probability": probability} for label, probability in self.top]
        return {
            "path": self.path,
            "label": self.label,
            "probability": self.probability,
            "top": top,
        }


@dataclass(frozen=True)
class Failure:
    """A picture that could not be read, and why."""

    path: str | None
    error: str

    def to_json(self) -> dict[str, Any]:
        """`{"path", "error"}`."""
        return {"path": self.path, "error": self.error}


class Classifier:
    """Says which character a picture shows.

        >>> classifier = Classifier("xception")
        >>> classifier.predict("picture.jpg").label
        'homer_simpson'

    model: `cnn`, `xception`, the path of an ONNX file that this package exported, or of a run
    folder with one. threads: of the network, None for one per core.

    labels: the classes, in the order of the probabilities. metadata: what the file says of
    itself: recipe, split, figures, licence.

    Raises ModelError for a file that is missing, no ONNX, or of another shape.
    """

    def __init__(
        self, model: str | os.PathLike[str] = "xception", threads: int | None = None
    ) -> None:
        self.path = model_path(model)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4  # what is wrong is said by the ModelError
        # A thread that waits for work leaves its core to the decoding of the next pictures.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        if threads is not None:
            options.intra_op_num_threads = threads
        try:
            self._session = onnxruntime.InferenceSession(
                self.path.read_bytes(), options, providers=["CPUExecutionProvider"]
            )
        except OSError as error:
            raise ModelError(f"{self.path}: can't be read ({error.strerror})") from None
        except Exception as error:  # ONNX Runtime's errors share no base class
            reason = str(error).splitlines()[0]
            raise ModelError(
                f"{self.path}: is no ONNX file that can be run ({reason}); export one with "
                "`simpsons export`"
            ) from None
        self.metadata = self._read_metadata()
        self.labels = tuple(str(label) for label in self.metadata["labels"])
        self._require_shape()

    def probabilities(self, pixels: images.Pixels) -> NDArray[np.float32]:
        """float32 `[N, classes]`, rows that sum to 1, of uint8 `[N, 64, 64, 3]` (RGB)."""
        batches = (pixels[start : start + BATCH] for start in range(0, len(pixels), BATCH))
        rows = [self._run(np.ascontiguousarray(batch)) for batch in batches]
        return np.concatenate(rows) if rows else np.empty((0, len(self.labels)), np.float32)

    def predict(self, source: images.Source, top: int = 5) -> Prediction:
        """Classify one picture: a path, bytes, a file object, a PIL image or an array.

        Raises simpsons.ImageError as `images.decode` does.
        """
        probabilities = self._run(images.load(source)[None])[0]
        return self._prediction(source, probabilities, top)

    def predict_all(
        self, sources: Iterable[images.Source], top: int = 5
    ) -> Iterator[Prediction | Failure]:
        """Classify any number of pictures, in order and in constant memory.

        Pictures are decoded in parallel while the network works on those before. One that
        can't be read gives a Failure, and the rest go on.
        """
        for batch, decoded in _decode_ahead(sources):
            read = [pixels for pixels in decoded if not isinstance(pixels, str)]
            rows = iter(self._run(np.stack(read)) if read else ())
            for source, pixels in zip(batch, decoded, strict=True):
                if isinstance(pixels, str):
                    yield Failure(_name(source), pixels)
                else:
                    yield self._prediction(source, next(rows), top)

    def _run(self, pixels: images.Pixels) -> NDArray[np.float32]:
        result: NDArray[np.float32] = self._session.run(None, {self._input: pixels})[0]
        return result

    def _prediction(
        self, source: images.Source, probabilities: NDArray[np.float32], top: int
    ) -> Prediction:
        order = np.argsort(-probabilities, kind="stable")[: max(1, top)]
        named = tuple((self.labels[label], float(probabilities[label])) for label in order)
        return Prediction(_name(source), named)

    def _read_metadata(self) -> dict[str, Any]:
        values = self._session.get_modelmeta().custom_metadata_map
        try:
            metadata = {key: json.loads(value) for key, value in values.items()}
            metadata["labels"] = list(metadata["labels"])
        except (KeyError, TypeError, ValueError):
            raise ModelError(
                f"{self.path}: has no labels in its metadata; export it with `simpsons export`, "
                "or bring a Keras network in with `simpsons import`"
            ) from None
        return metadata

    def _require_shape(self) -> None:
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        size = [images.SIZE, images.SIZE, 3]
        classes = len(self.labels)
        if (
            len(inputs) != 1
            or inputs[0].type != "tensor(uint8)"
            or list(inputs[0].shape[1:]) != size
            or list(outputs[0].shape[1:]) != [classes]
        ):
            raise ModelError(
                f"{self.path}: takes {inputs[0].type} {inputs[0].shape} and gives "
                f"{outputs[0].shape}; needed are uint8 [N, 64, 64, 3] and [N, {classes}], "
                "as `simpsons export` writes"
            )
        self._input = inputs[0].name


def model_path(model: str | os.PathLike[str]) -> Path:
    """The ONNX file that `--model` names. Raises ModelError if there is none."""
    if model in SHIPPED:
        return Path(__file__).parent / "weights" / f"{model}.onnx"
    path = Path(model)
    if path.is_dir():
        path = path / "model.onnx"
    if not path.is_file():
        raise ModelError(
            f"{path}: no such weights; use {' or '.join(SHIPPED)}, the path of an ONNX file, or a "
            "run folder"
        )
    return path


def _decode_ahead(
    sources: Iterable[images.Source],
) -> Iterator[tuple[list[images.Source], list[images.Pixels | str]]]:
    """Batches of sources with their pixels, or the reason why there are none."""
    remaining = iter(sources)
    with ThreadPoolExecutor() as pool:
        waiting: deque[tuple[list[images.Source], list[Future[images.Pixels | str]]]] = deque()
        while True:
            while len(waiting) < _BATCHES_AHEAD and (batch := list(islice(remaining, BATCH))):
                waiting.append((batch, [pool.submit(_load, source) for source in batch]))
            if not waiting:
                return
            batch, futures = waiting.popleft()
            yield batch, [future.result() for future in futures]


def _load(source: images.Source) -> images.Pixels | str:
    try:
        return images.load(source)
    except images.ImageError as error:
        return str(error)


def _name(source: images.Source) -> str | None:
    return os.fspath(source) if isinstance(source, str | os.PathLike) else None
