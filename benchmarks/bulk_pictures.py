"""Many small picture files for `benchmarks.bulk`, some of them poisoned in ten ways."""

import io
import json
import os
import socket
import struct
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from simpsons.files import write_bytes

EVERY = 100
"""One file in so many is poisoned."""

DISTINCT = 2000
"""Different pictures; the files go round them."""

SIDE = 64


def write_pictures(folder: Path, count: int, *, poisoned: bool = True) -> Counter[str]:
    """Write `count` files below `folder`, a thousand a folder, and `list.txt` that names them.

    Returns how many of them no answer is expected for, by kind.
    """
    bodies = [_body(number) for number in range(min(count, DISTINCT))]
    expected: Counter[str] = Counter()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "list.txt").open("w", encoding="utf-8") as listed:
        for number in range(count):
            if number % 1000 == 0:
                (folder / f"{number // 1000:05d}").mkdir()
            path = folder / f"{number // 1000:05d}" / f"{number:08d}.jpg"
            listed.write(f"{path}\n")
            if poisoned and number % EVERY == EVERY // 2:
                poison, kind = POISONS[number // EVERY % len(POISONS)]
                poison(path, bodies[number % len(bodies)])
                expected[kind] += 1
            else:
                path.write_bytes(bodies[number % len(bodies)])
    return expected


def write_network(path: Path) -> None:
    """Who is meant by the mean of a picture: nobody in particular, in no time."""
    from onnx import TensorProto, helper, numpy_helper

    constants = {"sides": np.array([1, 2]), "scale": np.array(50, np.float32)}
    nodes = [
        helper.make_node("Cast", ["pixels"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["numbers", "sides"], ["means"], keepdims=0),
        helper.make_node("Div", ["means", "scale"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "mean",
        [helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["N", 64, 64, 3])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", 3])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    labels = json.dumps(["bart_simpson", "homer_simpson", "marge_simpson"])
    helper.set_model_props(model, {"labels": labels, "network": '"mean"'})
    write_bytes(path, model.SerializeToString())


def _body(number: int) -> bytes:
    """A JPEG of a few large blots."""
    random = np.random.default_rng(number)
    blots = Image.fromarray(random.integers(0, 256, (6, 6, 3), dtype=np.uint8))
    data = io.BytesIO()
    blots.resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(data, "JPEG", quality=85)
    return data.getvalue()


def _missing(_path: Path, _body: bytes) -> None:
    """Listed, and not there."""


def _link_to_nothing(path: Path, _body: bytes) -> None:
    path.symlink_to("nothing.jpg")


def _link_to_itself(path: Path, _body: bytes) -> None:
    path.symlink_to(path.name)


def _folder(path: Path, _body: bytes) -> None:
    path.mkdir()


def _pipe(path: Path, _body: bytes) -> None:
    os.mkfifo(path)


def _socket(path: Path, _body: bytes) -> None:
    """Bound by a short name: the path of a socket has 108 bytes at most."""
    here = Path.cwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)


def _empty(path: Path, _body: bytes) -> None:
    path.touch()


def _cut(path: Path, body: bytes) -> None:
    path.write_bytes(body[: len(body) // 2])


def _page(path: Path, _body: bytes) -> None:
    path.write_text("<!doctype html><title>Not found</title>", encoding="utf-8")


def _bomb(path: Path, _body: bytes) -> None:
    """A PNG file of 60,000 by 60,000 pixels in a few bytes."""

    def chunk(name: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(name + data))
        return struct.pack(">I", len(data)) + name + data + check

    header = struct.pack(">2I5B", 60_000, 60_000, 8, 0, 0, 0, 0)
    chunks = (b"IHDR", header), (b"IDAT", zlib.compress(bytes(100))), (b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*one) for one in chunks))


POISONS: tuple[tuple[Callable[[Path, bytes], None], str], ...] = (
    (_missing, "missing"),
    (_link_to_nothing, "missing"),
    (_link_to_itself, "missing"),
    (_folder, "not a file"),
    (_pipe, "not a file"),
    (_socket, "not a file"),
    (_empty, "damaged"),
    (_cut, "damaged"),
    (_page, "damaged"),
    (_bomb, "too large"),
)
"""What makes a bad file, and the kind of error that its row is to have."""
