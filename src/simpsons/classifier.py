"""`Classifier`: an ONNX file in, predictions out."""

import base64
import binascii
import math
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simpsons.characters import display_name
from simpsons.network import FACES_TASK, ModelError, Network, find
from simpsons.pixels import images
from simpsons.pixels.decoding import Decoder
from simpsons.pixels.picture_files import each
from simpsons.pixels.plain_resize import ANTIALIAS, WAYS, Resize
from simpsons.shares import in_shares

SHIPPED = ("cnn", "xception", "cnn-int8", "dolls")
"""The networks whose weights are in the package.

`cnn-int8` is `cnn` in int8 arithmetic. `dolls`, an `xception` in int8 arithmetic, knows the paper
dolls that `simpsons.demo` draws and nobody else.
"""

UNKNOWN = "unknown"
"""The verdict on a picture that is out of distribution: unlike those the network was trained on."""

BATCH = 32
"""Pictures that go through the network at once."""

_FAMILIARITY, _HEAT = "familiarity", "heat"  # outputs' names in the file
_HOTTEST = 1 + 1e-5  # 1, rounded

_SUM_TOLERANCE = 0.01  # of the probabilities of a picture

_SHARE = 8  # pictures that a thread decodes and classifies on its own


@dataclass(frozen=True)
class Prediction:
    """Who is in a picture.

    path: the file, or None for a picture that has none. top: labels with their probabilities
    (0 to 1), the most probable first. familiarity: how like the pictures that the network learnt
    from, higher is more; None where the file does not say. threshold: of the file, below which
    nobody it knows is in the picture.

    Made of these: label: the most probable class, as the data set names it: `homer_simpson`. name:
    as people say it: `Homer Simpson`. probability: of `label`, 0 to 1. verdict: the label, or
    `unknown` where the familiarity is below the threshold; the label where the file has none. They
    are fields too, so that `dataclasses.asdict` and a pandas DataFrame have them.
    """

    path: str | None
    top: tuple[tuple[str, float], ...]
    familiarity: float | None = None
    threshold: float | None = None
    label: str = field(init=False, compare=False)
    name: str = field(init=False, compare=False)
    probability: float = field(init=False, compare=False)
    verdict: str = field(init=False, compare=False)

    def __post_init__(self) -> None:
        label, probability = self.top[0]
        known = (
            self.familiarity is None or self.threshold is None or self.familiarity >= self.threshold
        )
        set_fields(
            self,
            label=label,
            name=display_name(label),
            probability=probability,
            verdict=label if known else UNKNOWN,
        )

    def to_json(self) -> dict[str, Any]:
        """`{"path", "label", "probability", "verdict", "familiarity", "top"}`.

        top: `[{"label", "probability"}, ...]`. familiarity may be None.
        """
        top = [{"label": label, "probability": probability} for label, probability in self.top]
        return {
            "path": self.path,
            "label": self.label,
            "probability": self.probability,
            "verdict": self.verdict,
            "familiarity": self.familiarity,
            "top": top,
        }


def set_fields(frozen: object, **values: object) -> None:
    """Set fields of a frozen dataclass that are made of its others; for `__post_init__`."""
    for name, value in values.items():
        object.__setattr__(frozen, name, value)


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

    model: `cnn`, `xception`, `cnn-int8`, `dolls` (the paper dolls of `simpsons.demo`), the path of
    an ONNX file that this package exported, or of a run folder with one. threads: of the network,
    None for one per core; `predict_all` gives each core pictures of its own instead.

    labels: the classes, in the order of the probabilities. metadata: what the file says of
    itself: recipe, split, figures, licence. threshold: the familiarity below which the verdict is
    `unknown`, None where the file has none. face_threshold: the same for faces that are cut out of
    a picture. resize: how whole pictures are fitted for it, `antialias` but for some networks from
    elsewhere; see `images.fit`.

    It can be pickled, and so be given to another process: there the same file is opened again.

    Raises ModelError for a file that is missing, no ONNX, of another shape, or whose answers are no
    probabilities; the methods do too, where a network answers so only for some pictures.
    """

    def __init__(
        self, model: str | os.PathLike[str] = "xception", threads: int | None = None
    ) -> None:
        self.path = model_path(model)
        self._opened = model if model in SHIPPED else self.path.absolute(), threads
        remedy = "export one with `simpsons export`"
        if self.path.suffix in (".h5", ".hdf5", ".keras"):
            remedy = "turn a Keras file into one with `simpsons import`"
        self._network = Network(self.path, threads, remedy)
        if self._network.says("task", FACES_TASK):
            raise ModelError(
                f"{self.path}: finds faces and names nobody; use {', '.join(SHIPPED)} or another "
                "classifier here, and this file for `simpsons detect --faces`"
            )
        self.metadata = self._read_metadata()
        self._addition = self.metadata.pop(_HEAT, None)
        self.resize = self._read_resize()
        self._decoder = Decoder(resize=self.resize)
        self.labels: tuple[str, ...] = tuple(self.metadata["labels"])
        self.threshold = self._read_threshold("familiarity_threshold")
        of_faces = self._read_threshold("face_familiarity_threshold")
        self.face_threshold = self.threshold if of_faces is None else of_faces
        self._require_shape()
        if model not in SHIPPED:
            self._run(self._network.on_one_core, _some_pictures())

    def __reduce__(self) -> tuple[Any, ...]:
        kept = {"threshold": self.threshold, "face_threshold": self.face_threshold}
        return type(self), self._opened, kept

    def probabilities(self, pixels: images.Pixels) -> NDArray[np.float32]:
        """float32 `[N, classes]`, rows that sum to 1, of uint8 `[N, 64, 64, 3]` (RGB).

        Raises simpsons.ImageError for pixels of another shape or type.
        """
        return self.probabilities_and_familiarity(pixels)[0]

    def probabilities_and_familiarity(
        self, pixels: images.Pixels
    ) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        """`probabilities`, and the familiarity of each picture, float32 `[N]`.

        Below `threshold` a picture is of nobody the network knows. The familiarity is None where
        the file has none. Raises as `probabilities` does.
        """
        pixels = images.fitted(pixels)
        outputs = [np.empty((0, len(self.labels)), np.float32), np.empty(0, np.float32)]
        if len(pixels):
            batches = (pixels[start : start + BATCH] for start in range(0, len(pixels), BATCH))
            rows = [
                self._run(self._network.on_all_cores, np.ascontiguousarray(part))
                for part in batches
            ]
            outputs = [np.concatenate(output) for output in zip(*rows, strict=True)]
        return outputs[0], outputs[1] if _FAMILIARITY in self._outputs else None

    def class_activations(self, pixels: images.Pixels) -> NDArray[np.float32] | None:
        """Where the evidence for each class is, of uint8 `[N, 64, 64, 3]` (RGB).

        float32 `[N, classes, 64, 64]`, 0 to 1; None if the file can't say, as it was exported by
        an earlier version. `simpsons.explain.heat_map` gives an answer for any file. Raises as
        `probabilities` does.
        """
        pixels = images.fitted(pixels)
        if self._with_heat is None:
            return None
        size = (len(self.labels), images.SIZE, images.SIZE)
        parts = [np.empty((0, *size), np.float32)]
        for start in range(0, len(pixels), BATCH):
            batch = np.ascontiguousarray(pixels[start : start + BATCH])
            [heat] = self._network.run(self._with_heat, [_HEAT], {self._input: batch})
            if heat.dtype != np.float32 or heat.shape != (len(batch), *size):
                raise self._network.error(f"gives heat of {heat.dtype} {list(heat.shape)}")
            if not ((heat >= 0) & (heat <= _HOTTEST)).all():
                raise self._network.error("gives heat that is not from 0 to 1")
            parts.append(heat)
        return np.concatenate(parts)

    @cached_property
    def _with_heat(self) -> Any:
        """A session that also gives the heat; None where the file has none."""
        if self._addition is None:
            return None
        try:
            addition = base64.b64decode(self._addition, validate=True)
        except (TypeError, ValueError, binascii.Error):
            raise self._network.error("its heat is not base64") from None
        return self._network.with_addition(addition)

    def predict(self, source: images.Source, top: int = 5) -> Prediction:
        """Classify one picture: a path, bytes, a file object, a PIL image or an array.

        The channels of an array are RGB; turn OpenCV's BGR with `picture[..., ::-1]`. Raises
        simpsons.ImageError as `images.decode` does.
        """
        pixels = images.load(source, resize=self.resize)[None]
        session = self._network.on_all_cores
        [prediction] = self._predictions(session, [source], pixels, top, self.threshold)
        return prediction

    def predict_pixels(
        self, pixels: images.Pixels, top: int = 5, *, on_one_core: bool = False
    ) -> list[Prediction]:
        """Classify any number of pictures that are fitted already, with no path.

        pixels: uint8 `[N, 64, 64, 3]` (RGB). on_one_core: for a thread of several that each have
        pictures of their own. Raises as `probabilities` does.
        """
        return self._predict_fitted(pixels, top, on_one_core, self.threshold)

    def predict_faces(
        self, crops: images.Pixels, top: int = 5, *, on_one_core: bool = False
    ) -> list[Prediction]:
        """Say whose faces these are, cut out as `images.crop_around` does; see `predict_pixels`."""
        return self._predict_fitted(crops, top, on_one_core, self.face_threshold)

    def _predict_fitted(
        self, pixels: images.Pixels, top: int, on_one_core: bool, threshold: float | None
    ) -> list[Prediction]:
        pixels = images.fitted(pixels)
        session = self._network.on_one_core if on_one_core else self._network.on_all_cores
        parts = (pixels[start : start + BATCH] for start in range(0, len(pixels), BATCH))
        return [
            prediction
            for part in parts
            for prediction in self._predictions(session, [None] * len(part), part, top, threshold)
        ]

    def predict_all(
        self, sources: images.Source | Iterable[images.Source], top: int = 5
    ) -> Iterator[Prediction | Failure]:
        """Classify any number of pictures, in order and in constant memory.

        sources: several of what `predict` takes, or the path of a folder: all pictures in it and
        below; see `picture_files.each`. Each core decodes and classifies a few at a time. One that
        can't be read gives a Failure, and the rest go on. Raises DataError for a folder without
        pictures.
        """
        return in_shares(lambda share: self.answer_share(share, top), each(sources), _SHARE)

    def answer_share(self, sources: list[images.Source], top: int) -> list[Prediction | Failure]:
        """`predict` on one core, for a thread of several; a Failure for what can't be read."""
        decoded = self._decoded(sources)
        pairs = list(zip(sources, decoded, strict=True))
        read = [(source, pixels) for source, pixels in pairs if not isinstance(pixels, str)]
        predictions: Iterator[Prediction] = iter(())
        if read:
            readable, pixels = zip(*read, strict=True)
            predictions = self._predictions(
                self._network.on_one_core, readable, np.stack(pixels), top, self.threshold
            )
        return [
            Failure(path_of(source), pixels) if isinstance(pixels, str) else next(predictions)
            for source, pixels in pairs
        ]

    def _decoded(self, sources: list[images.Source]) -> list[images.Pixels | str]:
        """Pixels, or why a picture can't be read."""
        paths = [source for source in sources if isinstance(source, str | os.PathLike)]
        if len(paths) < len(sources):
            return [_load(source, self.resize) for source in images.read_ahead(sources)]
        loaded = self._decoder.load(paths)
        return [str(one) if isinstance(one, images.ImageError) else one.pixels for one in loaded]

    def _predictions(
        self,
        session: Any,
        sources: Iterable[images.Source | None],
        pixels: images.Pixels,
        top: int,
        threshold: float | None,
    ) -> Iterator[Prediction]:
        rows, familiarity = self._run(session, pixels)
        order = np.argsort(-rows, axis=1, kind="stable")[:, : max(1, top)]
        best = np.take_along_axis(rows, order, axis=1).tolist()
        familiar = familiarity.tolist() or [None] * len(rows)
        for source, labels, values, how in zip(
            sources, order.tolist(), best, familiar, strict=True
        ):
            named = tuple(zip((self.labels[label] for label in labels), values, strict=True))
            yield Prediction(path_of(source), named, how, threshold)

    def _run(
        self, session: Any, pixels: images.Pixels
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Probabilities, and familiarity or, where the file has none, nothing."""
        probabilities, *others = self._network.run(session, self._outputs, {self._input: pixels})
        if probabilities.shape != (len(pixels), len(self.labels)):
            raise self._network.error(f"gives {list(probabilities.shape)} for {len(pixels)}")
        sums = probabilities.sum(axis=1)
        if not ((probabilities >= 0).all() and (np.abs(sums - 1) <= _SUM_TOLERANCE).all()):
            raise self._network.error("its outputs are not probabilities, which sum to 1")
        familiarity = others[0] if others else np.empty(0, np.float32)
        if others and not (familiarity.shape == (len(pixels),) and np.isfinite(familiarity).all()):
            raise self._network.error("its familiarity is not one number a picture")
        return probabilities, familiarity

    def _read_metadata(self) -> dict[str, Any]:
        try:
            metadata = self._network.metadata()
            labels = metadata["labels"]
        except (KeyError, ValueError):
            labels = None
        if not isinstance(labels, list) or not all(isinstance(one, str) for one in labels):
            raise ModelError(
                f"{self.path}: has no labels in its metadata; export it with `simpsons export`, "
                "or bring a Keras network in with `simpsons import`"
            )
        if "" in labels or len(set(labels)) < len(labels):
            raise self._network.error("its metadata has an empty or duplicate label")
        return metadata

    def _read_resize(self) -> Resize:
        found = self.metadata.get("resize", ANTIALIAS)
        for way in WAYS:
            if found == way:
                return way
        raise ModelError(
            f"{self.path}: its resize is {found!r}, and known are {', '.join(WAYS)}; import or "
            "export it again"
        )

    def _read_threshold(self, name: str) -> float | None:
        threshold = self.metadata.get(name)
        if threshold is not None and not _is_number(threshold):
            raise ModelError(
                f"{self.path}: its {name} is {threshold!r}, no number; export it again with "
                "`simpsons export`"
            )
        return threshold

    def _require_shape(self) -> None:
        session = self._network.on_one_core
        inputs, outputs = session.get_inputs(), session.get_outputs()
        size = [images.SIZE, images.SIZE, 3]
        classes = len(self.labels)
        if (
            len(inputs) != 1
            or not outputs
            or isinstance(inputs[0].shape[0], int)
            or inputs[0].type != "tensor(uint8)"
            or list(inputs[0].shape[1:]) != size
            or list(outputs[0].shape[1:]) != [classes]
        ):
            takes = ", ".join(f"{each.type} {each.shape}" for each in inputs)
            gives = ", ".join(str(each.shape) for each in outputs)
            raise ModelError(
                f"{self.path}: takes {takes} and gives {gives}; needed are uint8 [N, 64, 64, 3] "
                f"and [N, {classes}], as `simpsons export` writes"
            )
        self._input = inputs[0].name
        self._outputs = [outputs[0].name, *(o.name for o in outputs if o.name == _FAMILIARITY)]


def model_path(model: str | os.PathLike[str]) -> Path:
    """The ONNX file that `--model` names. Raises ModelError if there is none."""
    return find(model, SHIPPED)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and type(value) is not bool and math.isfinite(value)


def _some_pictures() -> images.Pixels:
    """Two that any network has an answer for: black, and one with every value."""
    values = np.arange(images.SIZE * images.SIZE * 3, dtype=np.uint8)
    colours = values.reshape(images.SIZE, images.SIZE, 3)
    return np.stack([np.zeros_like(colours), colours])


def _load(source: images.Source, resize: Resize) -> images.Pixels | str:
    try:
        return images.load(source, resize=resize)
    except images.ImageError as error:
        return str(error)


def path_of(source: images.Source | None) -> str | None:
    """The path of a picture, None for one that has none."""
    return os.fspath(source) if isinstance(source, str | os.PathLike) else None
