import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from simpsons.formats.onnx_addition import take_out


@pytest.fixture
def model():
    """`double` is 2 x; `sum` is the sum over the last axis of exp(2 x), and is costly."""
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [
            helper.make_node("Add", ["x", "x"], ["double"]),
            helper.make_node("Exp", ["double"], ["power"]),
            helper.make_node("ReduceSum", ["power", "axis"], ["sum"], keepdims=1),
        ],
        "graph",
        [value("x", TensorProto.FLOAT, ["N", 3])],
        [value("double", TensorProto.FLOAT, ["N", 3]), value("sum", TensorProto.FLOAT, ["N", 1])],
        [helper.make_tensor("axis", TensorProto.INT64, [1], [1])],
        value_info=[value("power", TensorProto.FLOAT, ["N", 3])],
    )
    return helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 18)])


def run(content, x):
    session = onnxruntime.InferenceSession(content)
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, {"x": x}), strict=True))


def test_what_is_left_has_the_other_outputs_alone(model):
    take_out(model, "sum")
    onnx.checker.check_model(model, full_check=True)
    assert [node.op_type for node in model.graph.node] == ["Add"]
    assert [*model.graph.initializer, *model.graph.value_info] == []
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    answers = run(model.SerializeToString(), x)
    assert answers.keys() == {"double"}
    np.testing.assert_allclose(answers["double"], 2 * x)


def test_the_file_and_the_addition_have_all(model):
    addition = take_out(model, "sum")
    content = model.SerializeToString() + addition
    onnx.checker.check_model(onnx.load_from_string(content), full_check=True)
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    answers = run(content, x)
    np.testing.assert_allclose(answers["double"], 2 * x)
    np.testing.assert_allclose(answers["sum"], np.exp(2 * x).sum(axis=1, keepdims=True), rtol=1e-5)
