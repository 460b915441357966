"""Recipes: everything that decides how a network is trained, besides the data and the seed."""

import math
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from simpsons.pixels.images import SIZE
from simpsons.pixels.plain_resize import ANTIALIAS, Resize
from simpsons.plain import built

Network = Literal["cnn", "xception"]
Trained = Literal["cnn", "xception", "resnet", "faces"]
Precision = Literal["fastest", "float32"]
FASTEST: Precision = "fastest"

NAMES = ("default", "notebook")
"""The recipes that ship."""

_STEPS_ON_GPU = 50  # that an epoch keeps
_STEPS_OF_FEW, _SMALLEST_BATCH = 16, 8
_GOING_ON = 0.1  # of the learning rate

_LEAST_SIDE, _MOST_SIDE = 8, 4096  # pixels
_MOST = 2**31 - 1
_RANGES: dict[str, tuple[float, float]] = {
    "epochs": (1, _MOST),
    "batch": (1, _MOST),
    "learning_rate": (0, _MOST),
    "weight_decay": (0, _MOST),
    "warm_up": (0, 1),
    "label_smoothing": (0, 1),
    "average": (0, 1),
    "distillation": (0, 1),
    "views": (0, _MOST),
    "dropout": (0, 1),
    "batch_norm_momentum": (0, 1),
}
_MOST_CHANGED = {"rotation": 360, "shear": 89}  # degrees; the others are shares


@dataclass(frozen=True)
class Augmentation:
    """Random changes of a training picture; each is drawn anew for each picture and epoch.

    flip: mirrored left to right for half of the pictures. rotation, shear: up to so many
    degrees either way. shift: up to this share of width and height. zoom: each side is scaled
    by a factor from 1 - zoom to 1 + zoom; with `keep_aspect`, both by the same factor and then
    apart by at most `stretch`. brightness, contrast, saturation: factors up to so far from 1.
    erase: probability that a rectangle of up to a quarter of the picture is made grey. mix:
    probability that a square of up to half of the picture shows another training picture, changed
    likewise, whose label then counts for its share (CutMix, S. Yun et al., 2019). recolour: of a
    face detector, probability that a picture's colour channels are exchanged or it is made grey.
    """

    flip: bool = True
    rotation: float = 0.0
    shift: float = 0.0
    shear: float = 0.0
    zoom: float = 0.0
    keep_aspect: bool = False
    stretch: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    erase: float = 0.0
    mix: float = 0.0
    recolour: float = 0.0


@dataclass(frozen=True)
class Recipe:
    """How a network is trained.

    optimizer: `adam` or `adamw`. schedule: `constant`, or `one-cycle` (linear warm-up over the
    share `warm_up` of all steps to `learning_rate`, then a half cosine to zero; L. Smith and
    N. Topin, 2018). average: decay of the exponential moving average of the weights, by step; 0 for
    none. distillation: where a run has teachers, the share of their probabilities in the
    target; the rest is the label (G. Hinton et al., 2015; the teachers see the same augmented
    picture, as in L. Beyer et al., 2022). dropout: of the dense layers; the convolutions of
    `cnn` have 0.6 times it.
    views: where a run has teachers, each picture is augmented in so many ways, an epoch each, then
    in the same ways again, so that the teachers are asked only once; 0 for ever new ones.
    batch_norm: train `cnn` with a batch norm after each convolution and fold it away after.
    batch_norm_momentum: what a batch counts for in the running statistics, as in PyTorch; Keras
    calls one minus it the momentum. first_weights: drawn as PyTorch or Keras draws them; see
    `models.first_weights`. precision: `fastest` is bf16 where the device multiplies it faster.
    short_last_batch: what is left of an epoch is a batch of its own, as in Keras; else batches are
    equal, and a few pictures come twice. resize: how whole pictures are fitted, see `images.fit`;
    of faces always with anti-aliasing.
    sizes: width and height in pixels that `xception`, `resnet` or `faces` sees, each from a share
    of all steps on: `((0.0, 32), (0.5, 64))` is 32x32 for the first half. Small pictures cost less,
    and the last steps are the full size (progressive resizing, J. Howard, 2018). Validation is at
    full size.
    """

    name: str
    epochs: int
    batch: int
    optimizer: Literal["adam", "adamw"]
    learning_rate: float
    weight_decay: float = 0.0
    schedule: Literal["constant", "one-cycle"] = "constant"
    warm_up: float = 0.0
    label_smoothing: float = 0.0
    average: float = 0.0
    distillation: float = 0.0
    views: int = 0
    dropout: float = 0.5
    batch_norm: bool = False
    batch_norm_momentum: float = 0.1
    first_weights: Literal["pytorch", "keras"] = "pytorch"
    precision: Precision = FASTEST
    short_last_batch: bool = False
    resize: Resize = ANTIALIAS
    sizes: tuple[tuple[float, int], ...] = ((0.0, SIZE),)
    augmentation: Augmentation = Augmentation()

    @property
    def summary(self) -> str:
        """What a person asks of a recipe first, in words."""
        plural = "" if self.epochs == 1 else "s"
        return (
            f"{self.epochs} epoch{plural}, batch {self.batch}, {self.optimizer}, "
            f"learning rate {self.learning_rate:g}"
        )

    def on_gpu(self, pictures: int) -> "Recipe":
        """The same recipe where large batches and teachers' answers cost little.

        pictures: of the data set. The batch doubles up to 256, as long as an epoch keeps about 50
        steps; the learning rate grows with its square root (S. Malladi et al., "On the SDEs and
        Scaling Rules for Adaptive Gradient Algorithms", 2022), and the moving average forgets as
        much by picture. With teachers, pictures come in four times as many views.
        """
        times = max((n for n in (1, 2, 4) if self.batch * n * _STEPS_ON_GPU <= pictures), default=1)
        return replace(
            self,
            batch=self.batch * times,
            learning_rate=self.learning_rate * math.sqrt(times),
            average=self.average**times,
            views=self.views * 4,
        )

    def for_few(self, pictures: int) -> "Recipe":
        """The same recipe where there are few pictures.

        pictures: of the data set. The batch is halved down to 8, as long as an epoch has fewer than
        about 16 steps: in a few dozen steps the batch norms' running statistics still remember what
        their initial values, and the network performs at chance.
        """
        batch = self.batch
        while batch > _SMALLEST_BATCH and batch * _STEPS_OF_FEW > pictures:
            batch //= 2
        return replace(self, batch=batch)

    def going_on(self) -> "Recipe":
        """The same recipe for a network that goes on and knows all the classes already.

        The highest learning rate is a tenth: at the full one the first epochs undo what the network
        knew, and few pictures don't bring it back.
        """
        return replace(self, learning_rate=self.learning_rate * _GOING_ON)

    def learning_rate_at(self, done: float) -> float:
        """The learning rate after the share `done` of all steps, 0 to 1."""
        if self.schedule == "constant":
            return self.learning_rate
        if done < self.warm_up:
            return self.learning_rate * max(done / self.warm_up, 1e-3)
        falling = (done - self.warm_up) / (1 - self.warm_up)
        return self.learning_rate * (1 + math.cos(math.pi * falling)) / 2

    def size_at(self, done: float) -> int:
        """Width and height in pixels that the network sees after the share `done` of all steps."""
        return [size for start, size in self.sizes if start <= done][-1]

    def to_json(self) -> dict[str, Any]:
        """Plain values, for `config.json` and the ONNX file's metadata."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: object, where: str = "recipe") -> "Recipe":
        """The recipe that `to_json` wrote.

        where: what errors call it. Raises ValueError that names what is no recipe's.
        """
        recipe = built(cls, values, where)
        for name, (low, high) in _RANGES.items():
            if not low <= getattr(recipe, name) <= high:
                raise ValueError(f"{where}.{name} is {getattr(recipe, name)}")
        for name, value in asdict(recipe.augmentation).items():
            if not 0 <= value <= _MOST_CHANGED.get(name, 1):
                raise ValueError(f"{where}.augmentation.{name} is {value}")
        starts = [start for start, _ in recipe.sizes]
        are_sizes = all(_LEAST_SIDE <= side <= _MOST_SIDE for _, side in recipe.sizes)
        if starts[:1] != [0] or starts != sorted(starts) or not starts[-1] <= 1 or not are_sizes:
            raise ValueError(f"{where}.sizes is {recipe.sizes}")
        return recipe


NOTEBOOK = Recipe(
    name="notebook",
    epochs=100,
    batch=32,
    optimizer="adam",
    learning_rate=1e-4,
    batch_norm_momentum=0.01,
    first_weights="keras",
    precision="float32",
    short_last_batch=True,
    resize="bilinear",
    augmentation=Augmentation(rotation=30, shift=0.2, shear=0.2, zoom=0.2),
)
"""The reference notebook's, faithfully. Its shear of 0.2 is in degrees, as Keras means it. Keras's
momentum of 0.99 is 0.01 here. It resizes by `cv2.resize`, which is bilinear."""

_OURS = Augmentation(
    rotation=12,
    shift=0.1,
    shear=8,
    zoom=0.25,
    keep_aspect=True,
    stretch=0.12,
    brightness=0.2,
    contrast=0.25,
    saturation=0.3,
    erase=0.2,
)

_SHARED = Recipe(
    name="default",
    epochs=30,
    batch=64,
    optimizer="adamw",
    learning_rate=3e-3,
    weight_decay=0.05,
    schedule="one-cycle",
    warm_up=0.2,
    label_smoothing=0.1,
    average=0.99,
    distillation=1.0,
    views=8,
    dropout=0.2,
    augmentation=_OURS,
)

DEFAULT: dict[Trained, Recipe] = {
    "cnn": replace(_SHARED, epochs=15, learning_rate=2e-3, warm_up=0.24, batch_norm=True),
    "xception": _SHARED,
    "resnet": replace(
        _SHARED,
        epochs=28,
        learning_rate=2e-3,
        warm_up=0.15,
        distillation=0.5,
        augmentation=replace(_OURS, mix=0.5),
        sizes=((0.0, 32), (0.4, 48), (0.75, 64)),
    ),
    "faces": Recipe(
        name="default",
        epochs=30,
        batch=32,
        optimizer="adamw",
        learning_rate=2e-3,
        weight_decay=0.05,
        schedule="one-cycle",
        warm_up=0.1,
        average=0.998,
        sizes=((0.0, 192),),
        augmentation=Augmentation(brightness=0.3, contrast=0.3, saturation=0.5),
    ),
}
"""Ours: more accuracy in far fewer epochs. `docs/how-it-works.md` says what each part is for."""


_OF_DATA = ("batch", "learning_rate", "average", "views")  # what `on_gpu` and `for_few` set


def fitted(recipe: Recipe, network: Trained, pictures: int, on_gpu: bool) -> Recipe:
    """A recipe with what depends on data and device fitted to them, as `simpsons train` does.

    That is `Recipe.for_few`, and on a GPU `Recipe.on_gpu`, of our default recipe: as far as it is
    as it was, whatever else was changed in it. Other recipes stay as they are.
    """
    default = DEFAULT[network]
    if recipe.name != default.name:
        return recipe
    chosen = (default.on_gpu(pictures) if on_gpu else default).for_few(pictures)
    unchanged = [name for name in _OF_DATA if getattr(recipe, name) == getattr(default, name)]
    return replace(recipe, **{name: getattr(chosen, name) for name in unchanged})


def named(name: str, network: Trained) -> Recipe:
    """The recipe called `notebook` or `default` for a network. Raises ValueError for others."""
    if name == "notebook":
        return NOTEBOOK
    if name == "default":
        return DEFAULT[network]
    raise ValueError(f"no recipe {name!r}; use default or notebook")
