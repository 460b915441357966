"""The notebook's pipeline: Keras 3 on TensorFlow, OpenCV, `ImageDataGenerator`.

Runs in the environment of requirements-notebook.txt, or of requirements-notebook-gpu.txt, where
Keras computes with JAX. Pictures are read one by one, as the notebook does; training has them in
memory as float32.
"""

import os
import sys
import time
from importlib.util import find_spec
from pathlib import Path

os.environ["KERAS_BACKEND"] = "tensorflow" if find_spec("tensorflow") else "jax"
os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"  # the contenders share a GPU's memory
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import cv2
import keras
import numpy as np
from keras import layers

from benchmarks.peers import protocol

BATCH = 32
PARAMETERS = {"cnn": 2_240_306, "xception": 768_210}


def cnn() -> keras.Model:
    """The notebook's first network."""
    model = keras.Sequential([keras.Input((64, 64, 3))])
    for width in (32, 64, 128, 256):
        model.add(layers.Conv2D(width, 3, padding="same", activation="relu"))
        model.add(layers.Conv2D(width, 3, activation="relu"))
        model.add(layers.MaxPooling2D(2))
        model.add(layers.Dropout(0.3))
    model.add(layers.Flatten())
    model.add(layers.Dense(1024, activation="relu"))
    model.add(layers.Dropout(0.5))
    model.add(layers.Dense(18, activation="softmax"))
    return model


def xception() -> keras.Model:
    """The notebook's second network."""
    inputs = keras.Input((64, 64, 3))
    x = layers.Conv2D(32, 3, use_bias=False)(inputs)
    for width in (32, 64, 128, 128, 256):
        before = x
        for _ in range(2):
            x = layers.BatchNormalization()(x)
            x = layers.Activation("relu")(x)
            x = layers.SeparableConv2D(width, 3, padding="same", use_bias=False)(x)
        x = layers.MaxPooling2D(3, strides=2, padding="same")(x)
        residual = layers.Conv2D(width, 1, strides=2, padding="same", use_bias=False)(before)
        x = layers.add([x, residual])
    x = layers.GlobalAveragePooling2D()(x)
    for width in (1024, 256):
        x = layers.Dense(width, activation="relu")(x)
        x = layers.Dropout(0.5)(x)
    return keras.Model(inputs, layers.Dense(18, activation="softmax")(x))


def build(network: str) -> keras.Model:
    """A network with new weights, compiled as the notebook does."""
    model = {"cnn": cnn, "xception": xception}[network]()
    assert model.count_params() == PARAMETERS[network]
    model.compile(keras.optimizers.Adam(1e-4), "categorical_crossentropy", metrics=["accuracy"])
    return model


def read(paths: list[Path]) -> np.ndarray:
    """Decode and resize one by one: uint8 `[N, 64, 64, 3]`, RGB."""
    pictures = []
    for path in paths:
        decoded = cv2.imread(str(path))
        assert decoded is not None
        picture = cv2.resize(decoded, (64, 64))
        pictures.append(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB))
    return np.array(pictures)


def batches_of(paths: list[Path]) -> keras.utils.PyDataset:
    """Batches of changed pictures without end, from an `ImageDataGenerator`."""
    pixels = read(paths).astype("float32") / 255
    labels = keras.utils.to_categorical(protocol.labels(paths), 18)
    generator = keras.src.legacy.preprocessing.image.ImageDataGenerator(
        horizontal_flip=True,
        rotation_range=30,
        width_shift_range=0.2,
        height_shift_range=0.2,
        shear_range=0.2,
        zoom_range=0.2,
    )
    return generator.flow(pixels, labels, batch_size=BATCH)


def augment(paths: list[Path]) -> None:
    """The changed pictures alone: no training gets them sooner, whatever it computes with."""
    batches = batches_of(paths)
    steps = len(paths) // BATCH

    def repetition() -> protocol.Figures:
        start = time.perf_counter()
        for _ in range(steps):
            next(batches)
        return {"rate": steps * BATCH / (time.perf_counter() - start)}

    repetition()
    protocol.serve(repetition)


class _Stopwatch(keras.callbacks.Callback):  # type: ignore[misc]
    """From the first step of an epoch to the end of the last.

    At the end of an epoch Keras may wait for 5 s for a batch that nobody makes any more. In the
    notebook's epochs of minutes that is next to nothing, in the short ones here most of the time.
    """

    def on_train_batch_begin(self, batch: int, logs: object = None) -> None:  # noqa: ARG002
        if batch == 0:
            self._start = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: object = None) -> None:  # noqa: ARG002
        self.seconds = time.perf_counter() - self._start


def train(network: str, paths: list[Path]) -> None:
    """`fit` on what an `ImageDataGenerator` yields."""
    model, batches = build(network), batches_of(paths)
    model.fit(batches, steps_per_epoch=2, verbose=0)
    steps = len(paths) // BATCH
    stopwatch = _Stopwatch()

    def repetition() -> protocol.Figures:
        model.fit(batches, steps_per_epoch=steps, verbose=0, callbacks=[stopwatch])
        return {"rate": steps * BATCH / stopwatch.seconds}

    protocol.serve(repetition)


def ingest(paths: list[Path]) -> None:
    """Files to one array."""
    read(paths[:BATCH])

    def repetition() -> protocol.Figures:
        start = time.perf_counter()
        read(paths)
        return {"rate": len(paths) / (time.perf_counter() - start)}

    protocol.serve(repetition)


def classify(network: str, paths: list[Path]) -> None:
    """Files to labels."""
    model = build(network)

    def repetition() -> protocol.Figures:
        start = time.perf_counter()
        pixels = read(paths).astype("float32") / 255
        model.predict(pixels, batch_size=BATCH, verbose=0).argmax(axis=1)
        return {"rate": len(paths) / (time.perf_counter() - start)}

    repetition()
    protocol.serve(repetition)


def latency(network: str, count: int) -> None:
    """One picture's pixels to its label, in a warm process."""
    model = build(network)
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)

    def repetition() -> protocol.Figures:
        taken = []
        for _ in range(count):
            start = time.perf_counter()
            model.predict(pixels[None].astype("float32") / 255, verbose=0).argmax()
            taken.append(1e3 * (time.perf_counter() - start))
        return protocol.percentiles(taken)

    repetition()
    protocol.serve(repetition)


def label(weights: Path, picture: Path) -> None:
    """Print one picture's label."""
    model = keras.models.load_model(weights)
    pixels = read([picture]).astype("float32") / 255
    print(model.predict(pixels, verbose=0).argmax(), flush=True)


def main() -> None:
    """Run one measure."""
    if sys.argv[1] == "label":
        label(Path(sys.argv[2]), Path(sys.argv[3]))
        return
    arguments = protocol.arguments()
    paths = protocol.files(arguments.folder, arguments.count)
    match arguments.measure:
        case "augment":
            augment(paths)
        case "train":
            train(arguments.network, paths)
        case "ingest":
            ingest(paths)
        case "classify":
            classify(arguments.network, paths)
        case "latency":
            latency(arguments.network, arguments.count)
        case "save":
            build(arguments.network).save(arguments.folder / f"{arguments.network}.keras")


if __name__ == "__main__":
    main()
