"""How well do embeddings tell characters apart whom the networks don't know? Prints a table.

The nearest other picture is of the same character in so many of a hundred: of minor characters, and
of the faces of another cartoon, cut out by their boxes. Near-duplicates of a picture don't count as
others. The layers of one network, `xception`, are compared; nothing is fitted.
"""

import argparse
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper

from benchmarks import other_cartoon
from benchmarks.data import data_option, folder
from benchmarks.report import machine, table, write_section
from benchmarks.strangers import minor_files
from simpsons.classifier import UNKNOWN, model_path
from simpsons.duplicates import near_duplicates
from simpsons.evaluation.metrics import wilson_interval
from simpsons.pixels import images
from simpsons.pixels.images import Pixels
from simpsons.project.embedding import MODEL, Embedder, Vectors

DOCUMENT = "docs/collect.md"

_BATCH = 64


def last_layers(pixels: Pixels) -> dict[str, Vectors]:
    """What the dense layers of the network give, float32 `[N, D]` each."""
    model = onnx.load(model_path(MODEL))
    dense = [node.output[0] for node in model.graph.node if node.op_type == "Gemm"]
    for name in dense:
        model.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))
    session = onnxruntime.InferenceSession(model.SerializeToString())
    starts = range(0, len(pixels), _BATCH)
    parts = [session.run(dense, {"pixels": pixels[at : at + _BATCH]}) for at in starts]
    *_, hidden, logits = (np.concatenate(each) for each in zip(*parts, strict=True))
    return {"its last hidden layer": np.maximum(hidden, 0), "its logits": logits}


def nearest_is_right(
    vectors: Vectors, labels: NDArray[np.str_], group: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """bool `[N]`: whether the nearest of another group, by cosine, has the same label."""
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    alike = unit @ unit.T
    alike[group[:, None] == group] = -np.inf
    right: NDArray[np.bool_] = labels[alike.argmax(axis=1)] == labels
    return right


def minor(data: Path, only_held_out: bool) -> tuple[Pixels, NDArray[np.str_], NDArray[np.int64]]:
    """Pictures, labels and groups of minor characters.

    only_held_out: those that nothing has learnt from, not even as strangers.
    """
    learnt, held_out = minor_files(data.parent / "other_characters")
    files = held_out if only_held_out else [*learnt, *held_out]
    pixels = np.stack([images.load(path) for path in files])
    return pixels, np.array([path.parent.name for path in files]), near_duplicates.groups(pixels)


def other(data: Path) -> tuple[Pixels, NDArray[np.str_], NDArray[np.int64]]:
    """Faces, labels and groups of the test part of the other cartoon."""
    root = other_cartoon.folder(data)
    crops: list[Pixels] = []
    wholes: list[Pixels] = []
    labels, frames = [], []
    for path, boxes in other_cartoon.complete(root, "test").items():
        named = [box for box in boxes if box.name != UNKNOWN]
        if named:
            pixels = images.decode(root / path)
            crops += [images.crop_around(pixels, box.corners) for box in named]
            labels += [box.name for box in named]
            frames += [len(wholes)] * len(named)
            wholes.append(images.fit(pixels))
    group = near_duplicates.groups(np.stack(wholes))
    return np.stack(crops), np.array(labels), group[frames]


def figures(
    pixels: Pixels, labels: NDArray[np.str_], group: NDArray[np.int64], embedder: Embedder
) -> Mapping[str, NDArray[np.bool_]]:
    """By what the vectors are, whether the nearest of each is right."""
    vectors = embedder.embed_pixels(pixels)
    blocks = {
        "the embedding: means of blocks 3 to 5": vectors,
        "block 3 alone": vectors[:, :128],
        "block 4 alone": vectors[:, 128:256],
        "block 5 alone": vectors[:, 256:],
    }
    return {
        name: nearest_is_right(each, labels, group)
        for name, each in {**blocks, **last_layers(pixels)}.items()
    }


def main() -> None:
    """Measure, print, and write the section."""
    parser = argparse.ArgumentParser(description=__doc__)
    data_option(parser)
    parser.add_argument("--write", action="store_true", help=f"write {DOCUMENT}")
    given = parser.parse_args()
    data = folder(given)
    embedder = Embedder()
    sets = {
        "12 minor characters": minor(data, only_held_out=False),
        "6 of them, held out": minor(data, only_held_out=True),
        "the other cartoon": other(data),
    }
    found = {name: figures(*each, embedder) for name, each in sets.items()}
    pixels = sets["12 minor characters"][0]
    start = time.process_time()
    embedder.embed_pixels(pixels, on_one_core=True)
    rate = len(pixels) / (time.process_time() - start)
    rows = []
    for what in next(iter(found.values())):
        cells = [what]
        for each in found.values():
            right = each[what]
            low, high = wilson_interval(int(right.sum()), len(right))
            cells.append(f"{right.mean():.1%} ({low:.1%} to {high:.1%})")
        rows.append(cells)
    headers = ["vectors", *(f"{name} ({len(each[1]):,})" for name, each in sets.items())]
    text = (
        f"{table(headers, rows)}\n\n"
        "`python -m benchmarks.embeddings`: how often the nearest picture of another group of "
        "near-duplicates is of the same character, 95 % interval; nothing is fitted. The shipped "
        "networks have met "
        "other pictures of the minor characters as strangers, but none of the held-out ones and "
        "none of the other cartoon's test part by name. "
        f"{rate:,.0f} pictures are embedded in a second of one core's time; {machine()}, while "
        "other work ran on it."
    )
    print(text)
    if given.write:
        write_section(DOCUMENT, "embeddings", text)


if __name__ == "__main__":
    main()
