"""What a Keras model does to the values of pixels before its first convolution.

Scaling and normalising are one line per channel, `scale * value + offset`, which the ONNX file does
too.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simpsons.formats.keras.errors import REBUILD, KerasImportError
from simpsons.formats.keras.graph import OPERATION, Layer

VALUES = {"0..1": (1 / 255, 0.0), "-1..1": (1 / 127.5, -1.0), "0..255": (1.0, 0.0)}
"""The ways to give pixels to a network: scale and offset of the values 0 to 255 of a file."""

DEFAULT = "0..1"
"""The notebook's."""

_EPSILON = 1e-7  # keras.backend.epsilon()
_LARGEST = 16.0  # of what networks are given; beyond, pixels were scaled before
_SMALLEST = 0.02

Pair = NDArray[np.float64]
Statistics = Callable[[Layer], tuple[Pair, Pair]]
"""The mean and variance of a Normalization layer that was fitted to pictures."""


class Scaling(NamedTuple):
    """`scale * value + offset`, for each channel or one for all: float64 `[1]` or `[3]`."""

    scale: Pair
    offset: Pair

    def then(self, scale: Any, offset: Any) -> "Scaling":
        """This, and another after it."""
        scale, offset = np.asarray(scale, np.float64), np.asarray(offset, np.float64)
        return Scaling(self.scale * scale, self.offset * scale + offset)


NONE = Scaling(np.ones(1), np.zeros(1))


def of_layers(layers: list[Layer], statistics: Statistics) -> Scaling | None:
    """What the layers before the first convolution do; None if that is nothing.

    Raises KerasImportError for what is not one line per channel.
    """
    scaling = NONE
    for layer in layers:
        match layer.kind:
            case "Rescaling":
                scaling = scaling.then(*_rescaling(layer))
            case "Normalization":
                scaling = scaling.then(*_normalization(layer, statistics))
            case _:
                scaling = scaling.then(*_operation(layer))
    _require_channels(scaling)
    does_nothing = np.array_equal(scaling.scale, NONE.scale) and not scaling.offset.any()
    return None if does_nothing else scaling


def with_values(inside: Scaling | None, values: str | None) -> Scaling:
    """What is done to the values 0 to 255 in all: before the model, and inside it.

    inside: of the model, None if it does nothing. values: a name in `VALUES` for what it was given,
    None if that was not said: then 0..1 if the model does nothing, 0..255 if it scales that to what
    networks are given. Raises KerasImportError if it is neither.
    """
    if values is not None:
        return Scaling(*map(np.atleast_1d, VALUES[values])).then(*(inside or NONE))
    if inside is None:
        return with_values(NONE, DEFAULT)
    ends = inside.offset, 255 * inside.scale + inside.offset
    span = float(np.abs(255 * inside.scale).max())
    if span > _SMALLEST and float(np.abs(ends).max()) <= _LARGEST:
        return inside
    raise KerasImportError(
        f"its first layers compute {_text(inside.scale)} * value + {_text(inside.offset)}, which "
        "does not say what values they were given; say it with --values, "
        f"{', '.join(VALUES)}"
    )


def _text(values: Pair) -> str:
    numbers = [f"{value:.4g}" for value in values.ravel()[:3]]
    return numbers[0] if len(set(numbers)) == 1 else f"[{', '.join(numbers)}]"


def _rescaling(layer: Layer) -> tuple[Pair, Pair]:
    return _numbers(layer, "scale"), _numbers(layer, "offset", 0.0)


def _numbers(layer: Layer, key: str, default: Any = None) -> Pair:
    try:
        values = np.atleast_1d(np.asarray(layer.config.get(key, default), np.float64))
    except (TypeError, ValueError):
        values = np.array([np.nan])
    if not np.isfinite(values).all() or values.size not in (1, 3):
        raise KerasImportError(
            f"{layer}, {layer.kind}, has a {key} that is not a number; {REBUILD}"
        )
    return values.ravel()


def _normalization(layer: Layer, statistics: Statistics) -> tuple[Pair, Pair]:
    config = layer.config
    if config.get("invert"):
        raise KerasImportError(f"{layer}, Normalization, works the other way round; {REBUILD}")
    if config.get("mean") is not None:
        mean, variance = _numbers(layer, "mean"), _numbers(layer, "variance")
    else:
        mean, variance = statistics(layer)
    return _by_deviation(mean, variance)


def normalized(mean: Pair, variance: Pair) -> Scaling:
    """What a Normalization with this mean and variance does."""
    return Scaling(*_by_deviation(mean, variance))


def _by_deviation(mean: Pair, variance: Pair) -> tuple[Pair, Pair]:
    deviation = np.maximum(np.sqrt(np.maximum(variance, 0)), _EPSILON)
    return 1 / deviation, -mean / deviation


def _operation(layer: Layer) -> tuple[Pair, Pair]:
    does, constant, first = (layer.config[key] for key in ("does", "constant", "first"))
    if does == "cast":
        return np.ones(1), np.zeros(1)
    if constant is None or (does == "divide" and (first or constant == 0)):
        raise KerasImportError(f"{layer} is an operation that can't be read; {REBUILD}")
    number = np.array([float(constant)])
    match does:
        case "multiply":
            return number, np.zeros(1)
        case "divide":
            return 1 / number, np.zeros(1)
        case "add":
            return np.ones(1), number
        case _:
            return (-np.ones(1), number) if first else (np.ones(1), -number)


def _require_channels(scaling: Scaling) -> None:
    if scaling.scale.size not in (1, 3) or scaling.offset.size not in (1, 3):
        raise KerasImportError(f"it scales pixels by other than 1 or 3 numbers; {REBUILD}")


def is_preprocessing(layer: Layer) -> bool:
    """Whether a layer is one of those that `of_layers` takes."""
    return layer.kind in ("Rescaling", "Normalization", OPERATION)
