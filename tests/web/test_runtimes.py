"""One ONNX file gives the same answers in other runtimes, on the same pixels.

Probabilities are within 1e-5 of ONNX Runtime's, familiarity, which is a few standard deviations,
within 1e-4. In int8 a sum that lies between two integers may be rounded to the other.
"""

import base64
import json
import subprocess
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from simpsons import Classifier
from simpsons.classifier import SHIPPED, model_path
from simpsons.dataset import cache
from simpsons.demo.drawings import DOLLS, draw
from simpsons.formats.onnx_export import export
from simpsons.formats.onnx_import import read_onnx
from simpsons.models import familiarity
from simpsons.network import find
from simpsons.pixels.images import fit

pytestmark = pytest.mark.slow

TOLERANCE = {"probabilities": 1e-5, "familiarity": 1e-4}
IN_INT8 = [model_path(name) for name in ("cnn-int8", "dolls")]
INT8 = {"probabilities": 0.005, "familiarity": 0.02}

FACES = find("faces", ["faces"])


@pytest.fixture(scope="module")
def pixels():
    """Three pictures: a doll, noise, and white."""
    rng = np.random.default_rng(0)
    doll = fit(np.asarray(draw(DOLLS[0], rng, 100).convert("RGB")))
    noise = rng.integers(0, 256, doll.shape, dtype=np.uint8)
    return np.stack([doll, noise, np.full_like(doll, 255)])


@pytest.fixture(scope="module")
def exported(tmp_path_factory, drawings):
    """The network `cnn` with weights in float32 and a familiarity that knows no strangers."""
    drawn, network = cache.load(drawings), read_onnx("cnn")
    fitted = familiarity.fit(network, drawn.images, drawn.labels)
    path = tmp_path_factory.mktemp("exported") / "own.onnx"
    export(network, path, Classifier("cnn").labels, {}, familiarity=fitted)
    return path


@pytest.fixture(scope="module", params=["cnn", "xception", "own"])
def model(request):
    """A float file: two that ship, and one just exported."""
    if request.param == "own":
        return request.getfixturevalue("exported")
    return model_path(request.param)


def expected(path, pixels):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, {"pixels": pixels}), strict=True))


def require_equal(answers, path, pixels, tolerance=TOLERANCE):
    for name, value in expected(path, pixels).items():
        answer = np.asarray(answers[name]).reshape(value.shape)
        np.testing.assert_allclose(answer, value, rtol=0, atol=tolerance[name], err_msg=name)


def in_opencv(cv2, path, pixels, names=("probabilities", "familiarity")):
    network = cv2.dnn.readNetFromONNX(str(path))
    network.setInput(pixels)
    return dict(zip(names, network.forward(list(names)), strict=True))


def test_opencv(model, pixels):
    cv2 = pytest.importorskip("cv2")
    require_equal(in_opencv(cv2, model, pixels), model, pixels)
    require_equal(in_opencv(cv2, model, pixels[:1]), model, pixels[:1])


def test_opencv_5_in_int8_and_with_the_face_detector(pixels):
    cv2 = pytest.importorskip("cv2")
    if int(cv2.__version__.split(".")[0]) < 5:
        pytest.skip("OpenCV 4 has neither uint8 arithmetic nor pictures of any size")
    int8 = model_path("cnn-int8")
    require_equal(in_opencv(cv2, int8, pixels), int8, pixels, INT8)
    picture = np.asarray(draw(DOLLS[0], np.random.default_rng(0), 160).convert("RGB"))[None]
    boxes = expected(FACES, picture)
    found = in_opencv(cv2, FACES, picture, boxes)
    assert len(boxes["scores"]) > 0
    for name, value in boxes.items():
        np.testing.assert_allclose(found[name].reshape(value.shape), value, atol=0.01)


def test_the_reference_evaluator(model, pixels):
    from onnx.reference import ReferenceEvaluator

    evaluator = ReferenceEvaluator(onnx.load(model))
    answers = evaluator.run(None, {"pixels": pixels[:1]})
    require_equal(dict(zip(evaluator.output_names, answers, strict=True)), model, pixels[:1])


def test_onnxruntime_web(node, runtime_folder, exported, pixels, tmp_path):
    floats = [model_path("cnn"), model_path("xception"), exported]
    picture = np.asarray(draw(DOLLS[0], np.random.default_rng(0), 160).convert("RGB"))[None]
    files = [*((path, pixels) for path in [*floats, *IN_INT8]), (FACES, picture)]
    jobs = tmp_path / "jobs.json"
    jobs.write_text(
        json.dumps(
            [
                {
                    "model": str(path),
                    "pixels": base64.b64encode(values).decode(),
                    "shape": values.shape,
                }
                for path, values in files
            ]
        )
    )
    command = [node, str(Path(__file__).with_name("run.mjs")), str(runtime_folder), str(jobs)]
    said = subprocess.run(command, capture_output=True)
    assert said.returncode == 0, said.stderr.decode()
    *classified, found = json.loads(said.stdout)
    for answers, path in zip(classified, [*floats, *IN_INT8], strict=True):
        require_equal(answers, path, pixels, INT8 if path in IN_INT8 else TOLERANCE)
    for name, value in expected(FACES, picture).items():
        np.testing.assert_allclose(np.reshape(found[name], value.shape), value, atol=0.01)


def test_no_file_needs_a_later_version_than_others_know(exported):
    for path in (exported, FACES, *map(model_path, SHIPPED)):
        model = onnx.load(path)
        assert model.ir_version <= 8
        assert [(one.domain, one.version) for one in model.opset_import] == [("", 18)]
        assert [value.name for value in model.graph.input] == ["pixels"]
        assert {"If", "Loop", "Scan"}.isdisjoint(node.op_type for node in model.graph.node)
