"""A service with both networks and a detector that is told where faces are; pictures to send."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from simpsons.classifier import Classifier
from simpsons.demo.drawings import DOLLS, draw
from simpsons.detector import Detector
from simpsons.service.server import NETWORKS

ROW = ((0.1, 0.2, 0.3, 0.7), (0.4, 0.2, 0.6, 0.7), (0.95, 0.5, 1.0, 0.62))
"""The faces of a picture with a `MARK`: x1, y1, x2, y2 in parts of its width and height."""

SURE = (0.75, 0.875, 0.625)
"""How sure the detector is of each of them."""

CROWD = tuple(
    (x / 20 + 0.01, y / 10 + 0.02, x / 20 + 0.04, y / 10 + 0.07)
    for y in range(10)
    for x in range(20)
)
"""The faces of a picture with a mark of the other colour."""

MARK, CROWD_MARK = (255, 0, 255), (0, 255, 255)
"""Colours of the corner at the top left."""


@pytest.fixture(scope="session")
def classifiers():
    return {name: Classifier(name, threads=1) for name in NETWORKS}


@pytest.fixture(scope="session")
def detector(tmp_path_factory, classifiers) -> Detector:
    """Finds faces where the corner of a picture says that they are."""
    path = tmp_path_factory.mktemp("model") / "told.onnx"
    _save_told_detector(path)
    return Detector(path, classifiers["cnn"], threads=1)


@pytest.fixture(scope="session")
def dolls():
    """So many pictures of paper dolls, as PNG."""

    def drawn(count: int) -> list[bytes]:
        pictures = []
        for number in range(count):
            file = io.BytesIO()
            draw(DOLLS[number % len(DOLLS)], np.random.default_rng(number), 80).save(file, "PNG")
            pictures.append(file.getvalue())
        return pictures

    return drawn


@pytest.fixture(scope="session")
def doll(dolls) -> bytes:
    """A picture of a paper doll, as PNG."""
    return dolls(1)[0]


@pytest.fixture(scope="session")
def row() -> bytes:
    """A PNG of three dolls side by side, 240x120, whose faces are `ROW`."""
    return _marked(MARK)


@pytest.fixture(scope="session")
def crowd() -> bytes:
    """The same, whose faces are `CROWD`."""
    return _marked(CROWD_MARK)


def _marked(colour: tuple[int, int, int]) -> bytes:
    picture = Image.new("RGB", (240, 120))
    for number, doll in enumerate(DOLLS[:3]):
        drawn = draw(doll, np.random.default_rng(number), 120).resize((80, 120))
        picture.paste(drawn, (80 * number, 0))
    picture.paste(colour, (0, 0, 20, 20))
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def _save_told_detector(path) -> None:
    """An ONNX file that compares the corner with the marks, and gives the boxes that go with it."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    count = len(ROW) + len(CROWD)
    told = np.zeros((2, count), np.float32)
    told[0, : len(ROW)] = SURE
    told[1, len(ROW) :] = np.linspace(0.95, 0.55, len(CROWD))
    constants = {
        "corner": np.array([4, 4]),
        "next": np.array([5, 5]),
        "sides": np.array([1, 2]),
        "colours": np.array([MARK, CROWD_MARK], np.float32),
        "near": np.float32(60),
        "one_row": np.array([1, 2]),
        "told": told,
        "flat": np.array([-1]),
        "shares": np.array([*ROW, *CROWD], np.float32),
        "order": np.array([2, 1, 2, 1]),
        "picture_numbers": np.zeros(count, np.int64),
    }
    nodes = [
        helper.make_node("Slice", ["pixels", "corner", "next", "sides"], ["first"]),
        helper.make_node("Cast", ["first"], ["colour"], to=TensorProto.FLOAT),
        helper.make_node("Sub", ["colour", "colours"], ["differences"]),
        helper.make_node("Abs", ["differences"], ["distances"]),
        helper.make_node("ReduceMax", ["distances"], ["distance"], axes=[3], keepdims=0),
        helper.make_node("Less", ["distance", "near"], ["alike"]),
        helper.make_node("Cast", ["alike"], ["which"], to=TensorProto.FLOAT),
        helper.make_node("Reshape", ["which", "one_row"], ["row"]),
        helper.make_node("MatMul", ["row", "told"], ["rows"]),
        helper.make_node("Reshape", ["rows", "flat"], ["scores"]),
        helper.make_node("Shape", ["pixels"], ["shape"]),
        helper.make_node("Gather", ["shape", "order"], ["lengths"]),
        helper.make_node("Cast", ["lengths"], ["extent"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["shares", "extent"], ["boxes"]),
        helper.make_node("Identity", ["picture_numbers"], ["picture"]),
    ]
    graph = helper.make_graph(
        nodes,
        "told",
        [helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["N", "H", "W", 3])],
        [
            helper.make_tensor_value_info("boxes", TensorProto.FLOAT, ["M", 4]),
            helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["M"]),
            helper.make_tensor_value_info("picture", TensorProto.INT64, ["M"]),
        ],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    said = {"task": "faces", "threshold": 0.5, "longest_side": 320, "labels": ["face"]}
    helper.set_model_props(model, {key: json.dumps(value) for key, value in said.items()})
    onnx.save(model, path)
