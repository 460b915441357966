"""This package, as `simpsons train`, `predict` and `detect` and its classes run it."""

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from benchmarks.peers import protocol
from simpsons.classifier import Classifier, Failure, Prediction
from simpsons.detector import Detector, FoundFaces
from simpsons.pixels import images
from simpsons.shares import in_shares

if TYPE_CHECKING:
    from simpsons.training.observer import Epoch
    from simpsons.training.recipe import Network

_SHARE = 4  # pictures that a thread looks at on its own


class _Repetitions:
    """Makes each epoch of a training a repetition; the first one is the warm-up."""

    def __init__(self, pictures: int) -> None:
        self._pictures = pictures

    def on_step(self, epoch: int, done: int, total: int, loss: float, accuracy: float) -> None:
        pass

    def on_epoch(self, history: "Sequence[Epoch]", best: bool) -> None:  # noqa: ARG002
        warm = len(history) > 1
        protocol.say({"rate": self._pictures / history[-1].seconds} if warm else {})
        protocol.wait()


def train(network: "Network", folder: Path, count: int, recipe_name: str) -> None:
    """Train from the cache; the pictures after the first `count` validate, outside the time."""
    from simpsons.dataset import cache
    from simpsons.dataset.split import Split
    from simpsons.training import loop
    from simpsons.training.recipe import named

    with tempfile.TemporaryDirectory() as temporary:
        os.environ["SIMPSONS_CACHE"] = temporary
        dataset = cache.load(folder)
        rows = np.arange(len(dataset))
        split = Split("random", None, np.where(rows < count, "train", "validation"), rows)
        recipe = replace(
            named(recipe_name, network), epochs=10_000, precision="fastest", short_last_batch=False
        )
        loop.train(dataset, split, network, recipe, Path(temporary), observer=_Repetitions(count))


def ingest(folder: Path, count: int) -> None:
    """Files into a new cache."""
    from simpsons.dataset import cache

    def repetition() -> protocol.Figures:
        with tempfile.TemporaryDirectory() as temporary:
            os.environ["SIMPSONS_CACHE"] = temporary
            start = time.perf_counter()
            assert len(cache.load(folder)) == count
            return {"rate": count / (time.perf_counter() - start)}

    repetition()
    protocol.serve(repetition)


def classify(network: str, paths: list[Path]) -> None:
    """Files to labels."""
    classifier = Classifier(network)

    def repetition() -> protocol.Figures:
        start = time.perf_counter()
        answers = classifier.predict_all(paths)
        labels = [answer.label for answer in answers if isinstance(answer, Prediction)]
        assert len(labels) == len(paths)
        return {"rate": len(paths) / (time.perf_counter() - start)}

    repetition()
    protocol.serve(repetition)


def latency(count: int, label_of: Callable[[images.Pixels], object]) -> None:
    """One picture's pixels to its label, in a warm process."""
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)

    def repetition() -> protocol.Figures:
        taken = []
        for _ in range(count):
            start = time.perf_counter()
            label_of(pixels)
            taken.append(1e3 * (time.perf_counter() - start))
        return protocol.percentiles(taken)

    repetition()
    protocol.serve(repetition)


def detect(paths: list[Path], names: str) -> None:
    """Files to everyone's boxes and names."""
    detector = Detector(names=names)
    _folder(paths, lambda: detector.detect_all(paths))


def find(paths: list[Path]) -> None:
    """Files to boxes, on every core as `detect_all` does it."""
    detector = Detector()

    def look(some: list[Path]) -> list[FoundFaces]:
        return [detector.find(path, on_one_core=True) for path in some]

    _folder(paths, lambda: in_shares(look, paths, _SHARE))


def _folder(paths: list[Path], answers: Callable[[], Iterable[object]]) -> None:
    def repetition() -> protocol.Figures:
        start = time.perf_counter()
        assert not any(isinstance(answer, Failure) for answer in answers())
        return {"rate": len(paths) / (time.perf_counter() - start)}

    repetition()
    protocol.serve(repetition)


def of_classifier(network: str, threads: int) -> Callable[[images.Pixels], object]:
    """Pixels to a label through our `Classifier`."""
    classifier = Classifier(network, threads)
    return lambda pixels: classifier.predict(pixels).label


def of_runtime(network: str, threads: int) -> Callable[[images.Pixels], object]:
    """Pixels to a label through nothing but ONNX Runtime."""
    import onnxruntime

    from simpsons.classifier import model_path

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(model_path(network), options)
    labels = json.loads(session.get_modelmeta().custom_metadata_map["labels"])
    name = session.get_inputs()[0].name
    return lambda pixels: labels[session.run(None, {name: pixels[None]})[0].argmax()]


def machine(paths: list[Path], device: str, precision: str) -> None:
    """What the machine can do at best, computing in `float32` or `bf16`.

    gflops: matrix product of 2,048 squared, on a GPU of 8,192, in PyTorch. gigabytes: read and
    written by a copy of 256 MB, a second. decoded: pictures a second that one thread decodes at an
    eighth of their size, for which a JPEG decoder must read all that is in a file, and do little
    more.
    """
    import torch

    def decode_smallest(path: Path) -> tuple[int, int]:
        with Image.open(path) as image:
            image.draft(None, (1, 1))
            image.load()
            return image.size

    on_gpu = device == "cuda"
    side = 8192 if on_gpu else 2048
    number = torch.bfloat16 if precision == "bf16" else torch.float32
    square = torch.rand(side, side, device=device).to(number)
    block = torch.rand(2**26, device=device)
    target = torch.empty_like(block)

    def seconds(work: Callable[[], object]) -> float:
        start = time.perf_counter()
        work()
        if on_gpu:
            torch.cuda.synchronize()
        return time.perf_counter() - start

    def repetition() -> protocol.Figures:
        return {
            "gflops": 2 * side**3 / 1e9 / min(seconds(lambda: square @ square) for _ in range(3)),
            "gigabytes": 8 * 2**26 / 1e9 / min(seconds(lambda: target.copy_(block)) for _ in "123"),
            "decoded": len(paths) / seconds(lambda: [decode_smallest(path) for path in paths]),
        }

    repetition()
    protocol.serve(repetition)


def main() -> None:
    """Run one measure."""
    arguments = protocol.arguments()
    network, folder, count = arguments.network, arguments.folder, arguments.count
    name, _, variant = arguments.measure.partition("-")
    match name:
        case "train":
            train(network, folder, count, variant)
        case "ingest":
            ingest(folder, count)
        case "classify":
            classify(network, protocol.files(folder, count))
        case "latency":
            latency(count, of_classifier(network, int(variant)))
        case "runtime":
            latency(count, of_runtime(network, int(variant)))
        case "detect":
            detect(protocol.files(folder, count), network)
        case "find":
            find(protocol.files(folder, count))
        case "detect_one":
            protocol.one_by_one(protocol.files(folder, count), Detector(names=network).detect)
        case "find_one":
            protocol.one_by_one(protocol.files(folder, count), Detector().find)
        case "machine":
            machine(protocol.files(folder, count), *variant.split("-"))
        case _:
            sys.exit(f"no measure {arguments.measure}")


if __name__ == "__main__":
    main()
