"""Would int8 or float16 weights be faster, and as accurate? Writes docs/performance.md.

Both networks in ONNX Runtime: as shipped (float32 arithmetic), as `simpsons export --int8` writes
them, and with float16 arithmetic. Accuracy is that of the validation part of the shipped split.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx
import onnx.utils
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.transformers.float16 import convert_float_to_float16

from benchmarks.data import data_option, folder
from benchmarks.report import machine, table, write_section
from benchmarks.spread import Spread
from simpsons.classifier import Classifier, model_path
from simpsons.dataset import cache
from simpsons.dataset import split as splits
from simpsons.dataset.cache import Dataset
from simpsons.dataset.split import Split
from simpsons.formats.quantize import CALIBRATION
from simpsons.models import NETWORKS
from simpsons.progress import bar
from simpsons.runs import exporting

DOCUMENT = "docs/performance.md"
BATCHES = (1, 32)
REPETITIONS = 7


def variants(network: str, dataset: Dataset, split: Split, out: Path) -> dict[str, Path]:
    """Files of a shipped network: as it is, int8, float16."""
    shipped = model_path(network)
    plain, int8, half = (out / f"{network}-{kind}.onnx" for kind in ("plain", "int8", "half"))
    exporting.export_again(network, int8, dataset, split, int8=True)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(plain)  # weights as float32
    session = onnxruntime.InferenceSession(shipped, options, providers=["CPUExecutionProvider"])
    answers = [output.name for output in session.get_outputs() if output.name != "heat"]
    onnx.utils.extract_model(plain, half, ["pixels"], answers)  # a branch can't be converted
    model = convert_float_to_float16(onnx.load(half), keep_io_types=True)
    onnx.helper.set_model_props(model, session.get_modelmeta().custom_metadata_map)
    onnx.save(model, half)
    return {"float32": shipped, "int8": int8, "float16": half}


def speed(files: dict[str, Path], pixels: NDArray[np.uint8]) -> dict[str, list[Spread]]:
    """Milliseconds a batch, for each of `BATCHES`, the variants in turns."""
    classifiers = {kind: Classifier(path) for kind, path in files.items()}
    taken: dict[str, list[Spread]] = {kind: [] for kind in files}
    for batch in BATCHES:
        calls = 2 * max(BATCHES) // batch
        times: dict[str, list[float]] = {kind: [] for kind in files}
        for repetition in range(REPETITIONS + 1):
            for kind, classifier in classifiers.items():
                start = time.perf_counter()
                for _ in range(calls):
                    classifier.probabilities(pixels[:batch])
                if repetition:  # the first one warms up
                    times[kind].append(1e3 * (time.perf_counter() - start) / calls)
        for kind in files:
            taken[kind].append(Spread.of(times[kind]))
    return taken


def accuracy(file: Path, dataset: Dataset, rows: NDArray[np.int64]) -> float:
    """The share of pictures whose most probable class is right."""
    probabilities = Classifier(file).probabilities(dataset.images[rows])
    return float((probabilities.argmax(axis=1) == dataset.labels[rows]).mean())


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    data_option(parser)
    dataset = cache.load(folder(parser.parse_args()), track=bar)
    split = splits.make(dataset, "shipped")
    validation = split.rows("validation")
    lines = []
    with tempfile.TemporaryDirectory() as temporary:
        for network in NETWORKS:
            files = variants(network, dataset, split, Path(temporary))
            taken = speed(files, dataset.images[validation[: max(BATCHES)]])
            for kind, file in files.items():
                right = accuracy(file, dataset, validation)
                size = file.stat().st_size / 1e6
                times = [spread.text() for spread in taken[kind]]
                lines.append([f"`{network}`, {kind}", f"{size:.1f}", *times, f"{right:.2%}"])
    headers = ["network", "MB", *(f"ms, batch {batch}" for batch in BATCHES), "validation accuracy"]
    text = (
        f"{table(headers, lines)}\n\n`python -m benchmarks.quantized`, {CALIBRATION} training "
        f"pictures calibrate, {len(validation):,} validate, seed 0, n = {REPETITIONS} in turns; "
        f"ONNX Runtime {onnxruntime.__version__}; {machine()}."
    )
    print(text)
    write_section(DOCUMENT, "quantized", text)


if __name__ == "__main__":
    main()
