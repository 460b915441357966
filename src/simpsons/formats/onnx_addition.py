"""Outputs of an ONNX graph that are computed only when they are asked for.

Runtimes compute every output of a graph, whether it is fetched or not, and not all of them know
branches. So what only one output needs is taken out of the file into an addition: bytes that, put
behind those of the file, make a file with that output. That is how Protocol Buffers merge: "the
concatenation of two encoded messages" has the nodes, weights and outputs of both
(https://protobuf.dev/programming-guides/encoding/#last-one-wins).
"""

import onnx


def take_out(model: onnx.ModelProto, output: str) -> bytes:
    """Remove an output, with the nodes and weights that nothing else needs; return the addition.

    The nodes of the addition follow those of the file, whose values they use by name. Shapes of
    values between them are left out: runtimes infer them.
    """
    graph = model.graph
    always = needed(graph, [each.name for each in graph.output if each.name != output])
    rest = onnx.ModelProto()
    for kept, moved, is_needed in (
        (graph.node, rest.graph.node, lambda node: always.issuperset(node.output)),
        (graph.initializer, rest.graph.initializer, lambda tensor: tensor.name in always),
        (graph.value_info, rest.graph.value_info, lambda value: value.name in always),
        (graph.output, rest.graph.output, lambda value: value.name != output),
    ):
        moved.extend(each for each in kept if not is_needed(each))
        stays = [each for each in kept if is_needed(each)]
        del kept[:]
        kept.extend(stays)
    rest.graph.ClearField("value_info")
    addition: bytes = rest.SerializePartialToString()
    return addition


def needed(graph: onnx.GraphProto, outputs: list[str]) -> set[str]:
    """The names of all values that these outputs are computed from, themselves included."""
    needed = set(outputs)
    for node in reversed(graph.node):
        if needed.intersection(node.output):
            needed.update(node.input, node.output)
    return needed
