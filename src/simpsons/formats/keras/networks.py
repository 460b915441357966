"""Which of the notebook's networks a chain of Keras layers is."""

from typing import Any, NamedTuple

from simpsons.formats.keras.errors import OTHER, REBUILD, KerasImportError
from simpsons.formats.keras.graph import FORK, OPERATION, Layer
from simpsons.formats.keras.preprocessing import is_preprocessing
from simpsons.models import cnn, xception
from simpsons.models.xception import BATCH_NORM_EPSILON
from simpsons.pixels.images import SIZE

MAX_CLASSES = 10_000

_CHANNELS_LAST = {"data_format": "channels_last"}
_CONVOLUTION = {
    "filters": None,
    "kernel_size": None,
    "strides": 1,
    "padding": "valid",
    "dilation_rate": 1,
    "groups": 1,
    "use_bias": True,
    **_CHANNELS_LAST,
}
_SETTINGS: dict[str, dict[str, Any]] = {
    "Add": {},
    "BatchNormalization": {
        "axis": -1,
        "epsilon": 1e-3,
        "center": True,
        "scale": True,
        "renorm": False,
    },
    "Conv2D": _CONVOLUTION,
    "Dense": {"units": None, "use_bias": True},
    "Flatten": _CHANNELS_LAST,
    "GlobalAveragePooling2D": {"keepdims": False, **_CHANNELS_LAST},
    "MaxPooling2D": {"pool_size": 2, "strides": None, "padding": "valid", **_CHANNELS_LAST},
    "ReLU": {"max_value": None, "negative_slope": 0, "threshold": 0},
    "SeparableConv2D": {**_CONVOLUTION, "depth_multiplier": 1},
    "Softmax": {"axis": -1},
}
"""What decides a layer's answer, by class, with Keras's default for each."""

_TRAINING_ONLY = {
    "ActivityRegularization",
    "AlphaDropout",
    "AugMix",
    "CutMix",
    "Dropout",
    "GaussianDropout",
    "GaussianNoise",
    "Identity",
    "InputLayer",
    "MixUp",
    "RandAugment",
    "RandomBrightness",
    "RandomColorDegeneration",
    "RandomColorJitter",
    "RandomContrast",
    "RandomElasticTransform",
    "RandomErasing",
    "RandomFlip",
    "RandomGaussianBlur",
    "RandomGrayscale",
    "RandomHeight",
    "RandomHue",
    "RandomInvert",
    "RandomPerspective",
    "RandomPosterization",
    "RandomRotation",
    "RandomSaturation",
    "RandomSharpness",
    "RandomShear",
    "RandomTranslation",
    "RandomWidth",
    "RandomZoom",
    "SpatialDropout2D",
}
"""Layers that change nothing at inference."""

_RESIZING = ("CenterCrop", "RandomCrop", "Resizing")


class Recognised(NamedTuple):
    """name: `cnn` or `xception`. first: the layers that scale and normalise pixels, in order.
    resize: how the model fits pictures of any size to its own, None if it takes fitted ones."""

    name: str
    classes: int
    first: list[Layer]
    resize: str | None


def recognise(chain: list[Layer]) -> Recognised:
    """Which network it is. Raises KerasImportError if neither, with the first difference."""
    first: list[Layer] = []
    resize = None
    steps: list[tuple[Layer, str]] = []
    for layer in chain:
        if is_preprocessing(layer) and not steps:
            first.append(layer)
        elif layer.kind in _RESIZING:
            resize = _resizing(layer, chain[0], bool(steps))
        else:
            steps += [(layer, text) for text in _steps(layer)]
    name, classes = _named(steps)
    return Recognised(name, classes, first, resize)


def _named(steps: list[tuple[Layer, str]]) -> tuple[str, int]:
    dense = [layer for layer, text in steps if text.startswith("Dense")]
    classes = dense[-1].config["units"] if dense else 18
    if type(classes) is not int or not 2 <= classes <= MAX_CLASSES:
        raise KerasImportError(
            f"{dense[-1]} gives {classes} classes; from 2 to {MAX_CLASSES:,} can be imported: "
            f"{OTHER}"
        )
    found = [text for _, text in steps]
    best = 0
    differences: list[str] = []
    for name, expected in (("cnn", _cnn(classes)), ("xception", _xception(classes))):
        if found in (expected, expected[:-1]):
            return name, classes
        same = _common(found, expected)
        wanted = f"{name} has {expected[same]}" if same < len(expected) else f"{name} ends"
        if same > best:
            best, differences = same, []
        if same == best:
            differences.append(wanted)
    here = "{} is {}".format(*steps[best]) if best < len(steps) else "it ends"
    raise KerasImportError(
        f"is neither network of the notebook: {here} where {' and '.join(differences)}; {OTHER}"
    )


def _common(found: list[str], expected: list[str]) -> int:
    """How many steps two networks have in common before the first that differs."""
    pairs = enumerate(zip(found, expected, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(found), len(expected)))


def _steps(layer: Layer) -> list[str]:
    """What a layer computes at inference, as texts to compare: `Conv2D(filters=32, ...)`."""
    kind, config = layer.kind, layer.config
    if kind in _TRAINING_ONLY:
        return []
    if is_preprocessing(layer):
        what = f"an operation ({config['does']})" if kind == OPERATION else kind
        raise KerasImportError(
            f"{layer} is {what} between layers; values can be scaled before the first of them "
            f"only: {REBUILD}"
        )
    if kind == "Activation":
        return _activation(config["activation"])
    return [_text(kind, config), *_activation(config.get("activation"))]


def _resizing(layer: Layer, entry: Layer, is_inside: bool) -> str | None:
    """How a layer fits pictures, None if it leaves those of `SIZE` alone."""
    config = layer.config
    shape = entry.config.get("batch_shape") or entry.config.get("batch_input_shape") or []
    is_fitted = list(shape[1:3]) == [SIZE, SIZE]
    size = [config.get("height"), config.get("width")]
    ways = ("crop_to_aspect_ratio", "pad_to_aspect_ratio", "antialias")
    interpolation = config.get("interpolation", "bilinear")
    if size == [SIZE, SIZE] and not is_inside:
        if is_fitted:
            return None
        is_plain = layer.kind == "Resizing" and not any(config.get(way) for way in ways)
        if is_plain and interpolation in ("bilinear", "nearest"):
            return str(interpolation)
    raise KerasImportError(
        f"{layer} is {layer.kind}, in a way that can't be imported: Resizing({SIZE}, {SIZE}), "
        f"bilinear or nearest, before all other layers can; {OTHER}"
    )


def _activation(activation: Any) -> list[str]:
    if isinstance(activation, dict) and isinstance(activation["config"], str):
        activation = activation["config"]
    if isinstance(activation, dict):
        return [_text(activation["class_name"], activation["config"])]
    known = {None: [], "linear": [], "relu": ["ReLU"], "softmax": ["Softmax"]}
    return known.get(activation, [f"Activation({activation})"])


def _text(kind: str, config: dict[str, Any]) -> str:
    """A layer's class and those of its settings that aren't Keras's defaults."""
    defaults = _SETTINGS.get(kind, {})
    settings = [
        f"{name}={value}"
        for name, value in _settings(kind, config).items()
        if value != defaults[name]
    ]
    return f"{kind}({', '.join(settings)})" if settings else kind


def _settings(kind: str, config: dict[str, Any]) -> dict[str, Any]:
    """A layer's settings, written one way: `3` for `[3, 3]`, `same` for any 1x1 padding."""
    settings = {}
    for name, default in _SETTINGS.get(kind, {}).items():
        value = config.get(name, default)
        if isinstance(value, list) and len(set(value)) == 1:
            value = value[0]
        settings[name] = value
    if kind == "BatchNormalization" and settings["axis"] == 3:
        settings["axis"] = -1
    if kind == "MaxPooling2D" and settings["strides"] == settings["pool_size"]:
        settings["strides"] = None
    if kind == "Conv2D" and settings["kernel_size"] == 1 and settings["padding"] == "valid":
        settings["padding"] = "same"
    if settings.get("data_format", "") is None:
        settings["data_format"] = "channels_last"
    return settings


def _cnn(classes: int) -> list[str]:
    steps = []
    for width in cnn.WIDTHS:
        convolution = {"filters": width, "kernel_size": 3}
        steps += [_text("Conv2D", {**convolution, "padding": "same"}), "ReLU"]
        steps += [_text("Conv2D", convolution), "ReLU", "MaxPooling2D"]
    return [*steps, "Flatten", *_dense(1024, classes)]


def _xception(classes: int) -> list[str]:
    convolution = {"kernel_size": 3, "use_bias": False}
    steps = [_text("Conv2D", {**convolution, "filters": 32})]
    norm = _text("BatchNormalization", {"epsilon": BATCH_NORM_EPSILON})
    pool = _text("MaxPooling2D", {"pool_size": 3, "strides": 2, "padding": "same"})
    for width in xception.WIDTHS:
        same = {**convolution, "filters": width, "padding": "same"}
        steps += [FORK, *[norm, "ReLU", _text("SeparableConv2D", same)] * 2]
        steps += [pool, _text("Conv2D", {**same, "kernel_size": 1, "strides": 2}), "Add"]
    return [*steps, "GlobalAveragePooling2D", *_dense(1024, 256, classes)]


def _dense(*widths: int) -> list[str]:
    steps = [step for width in widths for step in (_text("Dense", {"units": width}), "ReLU")]
    return [*steps[:-1], "Softmax"]
