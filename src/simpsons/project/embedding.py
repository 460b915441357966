"""Embeddings: pictures as vectors that are near each other where the same character is shown.

They are the means of the feature maps behind the last three blocks of `xception`, each scaled to
the same length. That tells characters apart whom the network has never seen better than its last
layer does (`python -m benchmarks.embeddings`).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simpsons import processors
from simpsons.classifier import Classifier, Failure, path_of
from simpsons.network import ModelError
from simpsons.pixels import images
from simpsons.pixels.picture_files import each
from simpsons.shares import in_shares

MODEL = "xception"
"""The network whose maps are used, unless another one of its structure is given."""

BLOCKS = 3
"""How many of the last blocks count."""

_BATCH = 32
_SHARE = 16  # pictures that a thread decodes and embeds on its own
_PIXELS = "pixels"

Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class Embedding:
    """A picture as a vector.

    path: the file, or None for a picture that has none. vector: float32 `[D]` of length 1; the
    product of two is their cosine.
    """

    path: str | None
    vector: Vectors


class Embedder:
    """Makes vectors of pictures.

        >>> embedder = Embedder()
        >>> embedder.embed("homer.jpg") @ embedder.embed("another_homer.jpg")
        0.93

    model: `xception`, or the path of an ONNX file or run folder of the same structure. threads: of
    the network, None for one per core; `embed_all` gives each core pictures of its own instead.

    size: numbers of a vector, 512 for `xception`. fingerprint: tells vectors of different networks
    apart; the SHA-256 of the file.

    Raises ModelError as Classifier does, and for a network of another structure.
    """

    def __init__(self, model: str | os.PathLike[str] = MODEL, threads: int | None = None) -> None:
        classifier = Classifier(model, threads)
        content = classifier.path.read_bytes()
        self.path = classifier.path
        self.fingerprint = hashlib.sha256(content).hexdigest()
        self._resize = classifier.resize
        cut = _cut(content)
        if cut is None:
            raise ModelError(
                f"{self.path}: has not the blocks of {MODEL}, which embeddings are made of; use "
                f"{MODEL}, or a network that was trained from it"
            )
        self._on_one_core = _session(cut, 1)
        self._on_all_cores = self._on_one_core if threads == 1 else _session(cut, threads)
        some = np.zeros((1, images.SIZE, images.SIZE, 3), np.uint8)
        self.size = self.embed_pixels(some, on_one_core=True).shape[1]

    def embed(self, source: images.Source) -> Vectors:
        """The vector of one picture, float32 `[D]`. Raises ImageError as `images.decode` does."""
        [vector] = self.embed_pixels(images.load(source, resize=self._resize)[None])
        return np.asarray(vector)

    def embed_pixels(self, pixels: images.Pixels, *, on_one_core: bool = False) -> Vectors:
        """float32 `[N, D]`, each of length 1, of uint8 `[N, 64, 64, 3]` (RGB).

        on_one_core: for a thread of several that each have pictures of their own.
        """
        session = self._on_one_core if on_one_core else self._on_all_cores
        starts = range(0, len(pixels), _BATCH)
        parts = [
            _scaled(session.run(None, {_PIXELS: np.ascontiguousarray(pixels[at : at + _BATCH])}))
            for at in starts
        ]
        return np.concatenate(parts) if parts else np.empty((0, self.size), np.float32)

    def embed_all(
        self, sources: images.Source | Iterable[images.Source]
    ) -> Iterator[Embedding | Failure]:
        """The vectors of any number of pictures, in order and in constant memory.

        sources: several, or the path of a folder; see `picture_files.each`. One that
        can't be read gives a Failure, and the rest go on.
        """
        return in_shares(self._embed_share, each(sources), _SHARE)

    def _embed_share(self, sources: list[images.Source]) -> list[Embedding | Failure]:
        loaded = [self._load(source) for source in images.read_ahead(sources)]
        read = [one for one in loaded if not isinstance(one, str)]
        vectors = iter(self.embed_pixels(np.stack(read), on_one_core=True) if read else ())
        return [
            Failure(path_of(source), one)
            if isinstance(one, str)
            else Embedding(path_of(source), next(vectors))
            for source, one in zip(sources, loaded, strict=True)
        ]

    def _load(self, source: images.Source) -> images.Pixels | str:
        try:
            return images.load(source, resize=self._resize)
        except images.ImageError as error:
            return str(error)


def _scaled(means: list[NDArray[np.float32]]) -> Vectors:
    """Means of maps, each float32 `[N, C]`, side by side: each of the same length, all of 1."""
    units = [
        one / np.maximum(np.linalg.norm(one, axis=1, keepdims=True), np.float32(1e-6))
        for one in means
    ]
    return np.asarray(np.concatenate(units, axis=1) / np.sqrt(len(units)), np.float32)


def _cut(content: bytes) -> bytes | None:
    """The same network with the means of the last blocks' maps as its only outputs.

    A block of `xception` ends with a sum of a max pool and a convolution beside it. None if there
    are too few of those.
    """
    import onnx
    from onnx import TensorProto, helper

    model = onnx.load_from_string(content)
    graph = model.graph
    kind = {name: node.op_type for node in graph.node for name in node.output}
    ends = [
        node.output[0]
        for node in graph.node
        if node.op_type == "Add"
        and sorted(kind.get(name, "") for name in node.input) == ["Conv", "MaxPool"]
    ]
    if len(ends) < BLOCKS:
        return None
    del graph.output[:]
    for number, end in enumerate(ends[-BLOCKS:]):
        pooled, mean = f"embedding.{number}.map", f"embedding.{number}"
        graph.node.append(helper.make_node("GlobalAveragePool", [end], [pooled]))
        graph.node.append(helper.make_node("Flatten", [pooled], [mean]))
        graph.output.append(helper.make_tensor_value_info(mean, TensorProto.FLOAT, None))
    _keep_needed(graph)
    cut: bytes = model.SerializeToString()
    return cut


def _keep_needed(graph: Any) -> None:
    """Remove what the outputs do not depend on, inputs that may be left out too."""
    needed = {output.name for output in graph.output}
    kept = []
    for node in reversed(graph.node):
        if needed.intersection(node.output):
            needed.update(node.input)
            kept.append(node)
    inputs = [each for each in graph.input if each.name in needed]
    weights = [each for each in graph.initializer if each.name in needed]
    kept.reverse()
    for field, values in (
        (graph.node, kept),
        (graph.input, inputs),
        (graph.initializer, weights),
        (graph.value_info, []),
    ):
        del field[:]
        field.extend(values)


def _session(content: bytes, threads: int | None) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    if threads is None and processors.is_limited():
        threads = processors.count()
    if threads is not None:
        options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
