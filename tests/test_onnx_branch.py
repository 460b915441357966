import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from simpsons.onnx_branch import on_request


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
    )
    model = helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 18)])
    on_request(model, "sum", switch="ask")
    onnx.checker.check_model(model, full_check=True)
    return model


@pytest.fixture
def run(model):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    return x, lambda **inputs: session.run(["double", "sum"], {"x": x, **inputs})


def test_what_is_asked_for_is_computed(run):
    x, answer = run
    double, total = answer(ask=np.array(True))
    np.testing.assert_allclose(double, 2 * x)
    np.testing.assert_allclose(total, np.exp(2 * x).sum(axis=1, keepdims=True), rtol=1e-5)


@pytest.mark.parametrize("inputs", [{}, {"ask": np.array(False)}])
def test_what_is_not_asked_for_is_empty(run, inputs):
    x, answer = run
    double, total = answer(**inputs)
    np.testing.assert_allclose(double, 2 * x)
    assert total.shape == (0, 1)


def test_only_the_branch_has_the_work(model):
    assert [node.op_type for node in model.graph.node] == ["Add", "If"]
    branches = {each.name: each.g for each in model.graph.node[-1].attribute}
    asked = branches["then_branch"]
    assert [node.op_type for node in asked.node] == ["Exp", "ReduceSum"]
