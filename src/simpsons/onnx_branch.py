"""Outputs of an ONNX graph that are computed only when they are asked for.

Runtimes compute every output of a graph, whether it is fetched or not. A branch is different: it
runs only when its condition holds. The condition is an input that may be left out.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def on_request(model: onnx.ModelProto, output: str, switch: str) -> None:
    """Move what only `output` needs into a branch that runs when the input `switch` is true.

    switch: a bool without dimensions, false if it is left out; `output` is then empty. `output`
    must be float32, its first dimension the batch and the others fixed.
    """
    graph = model.graph
    always = needed(graph, [each.name for each in graph.output if each.name != output])
    asked = [node for node in graph.node if not always.issuperset(node.output)]
    kept = [node for node in graph.node if always.issuperset(node.output)]
    result = next(each for each in graph.output if each.name == output)
    shape = [dimension.dim_value for dimension in result.type.tensor_type.shape.dim[1:]]

    inner = f"{output}.asked"
    for node in asked:
        node.output[:] = [inner if name == output else name for name in node.output]
    nothing = numpy_helper.from_array(np.empty((0, *shape), np.float32))
    branches = {
        "then_branch": _branch(asked, inner, "asked"),
        "else_branch": _branch(
            [helper.make_node("Constant", [], [f"{output}.empty"], value=nothing)],
            f"{output}.empty",
            "not asked",
        ),
    }
    del graph.node[:]
    graph.node.extend([*kept, helper.make_node("If", [switch], [output], **branches)])
    inside = {name for node in asked for name in node.output}
    values = [value for value in graph.value_info if value.name not in inside]
    del graph.value_info[:]
    graph.value_info.extend(values)
    result.type.tensor_type.shape.dim[0].dim_param = "M"  # as many as pictures, or none
    graph.input.append(helper.make_tensor_value_info(switch, TensorProto.BOOL, []))
    graph.initializer.append(numpy_helper.from_array(np.array(False), switch))


def needed(graph: onnx.GraphProto, outputs: list[str]) -> set[str]:
    """The names of all values that these outputs are computed from, themselves included."""
    needed = set(outputs)
    for node in reversed(graph.node):
        if needed.intersection(node.output):
            needed.update(node.input, node.output)
    return needed


def _branch(nodes: list[onnx.NodeProto], output: str, name: str) -> onnx.GraphProto:
    value = helper.make_tensor_value_info(output, TensorProto.FLOAT, None)
    return helper.make_graph(nodes, name, [], [value])
