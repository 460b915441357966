"""From a trained face detector to one ONNX file that is the whole detector.

Input `pixels`: uint8 `[N, H, W, 3]`, RGB, H and W at least 32. Outputs, sorted by picture and then
by score, the highest first: `boxes`, float32 `[M, 4]`, x1, y1, x2, y2 in pixels, which may lie
outside the picture; `scores`, float32 `[M]`, 0 to 1; `picture`, int64 `[M]`, which of the N.
Scaling to [0, 1] and the suppression of boxes on the same face are inside. The metadata says the
threshold from which on a score counts, and which size pictures are scaled to before.
"""

import os
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from simpsons.formats.onnx_export import traced, write
from simpsons.models.faces import Faces, boxes, peaks
from simpsons.network import FACES_TASK
from simpsons.suppression import OVERLAP

LEAST = 0.05
"""The lowest score of a box that the file gives."""

MOST = 500
"""The most boxes of one picture that the file gives."""

_SMALLEST = 32  # pixels of a side


class _Detector(nn.Module):
    """Pixels in; the box of each place, `[N, P, 4]`, and its score, `[N, 1, P]`."""

    def __init__(self, network: Faces) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        log_odds, sides = self.network(pixels.permute(0, 3, 1, 2).float() / 255)
        return boxes(sides).flatten(2).transpose(1, 2), peaks(log_odds).flatten(1).unsqueeze(1)


def export_faces(
    network: Faces, path: str | os.PathLike[str], metadata: dict[str, Any], half: bool = True
) -> None:
    """Write a face detector as ONNX, whole or not at all.

    metadata: JSON values by name, `threshold` (a score) and `longest_side` (pixels) among them.
    half: store large weights as float16, at half the size; the arithmetic stays float32.
    """
    example = torch.zeros(2, 64, 96, 3, dtype=torch.uint8)
    dynamic = {
        0: torch.export.Dim("N"),
        1: torch.export.Dim("H", min=_SMALLEST),
        2: torch.export.Dim("W", min=_SMALLEST),
    }
    model = traced(_Detector(network.cpu().eval()).eval(), example, ["each", "sure"], dynamic)
    _suppress(model)
    write(model, path, {"task": FACES_TASK, **metadata}, half)


def _suppress(model: onnx.ModelProto) -> None:
    """Of the boxes of all places, keep those of faces: the new outputs."""
    constants = {
        "most": np.array([MOST]),
        "overlap": np.array([OVERLAP], np.float32),
        "least": np.array([LEAST], np.float32),
        "number": np.array(0),
        "number_place": np.array([0, 2]),
    }
    found = ["each", "sure", "most", "overlap", "least"]
    graph = model.graph
    graph.initializer.extend(numpy_helper.from_array(v, name) for name, v in constants.items())
    graph.node.extend(
        [
            helper.make_node("NonMaxSuppression", found, ["kept"]),  # number, class, place
            helper.make_node("Gather", ["kept", "number_place"], ["places"], axis=1),
            helper.make_node("GatherND", ["each", "places"], ["boxes"]),
            helper.make_node("GatherND", ["sure", "kept"], ["scores"]),
            helper.make_node("Gather", ["kept", "number"], ["picture"], axis=1),
        ]
    )
    del graph.output[:]
    graph.output.extend(
        [
            helper.make_tensor_value_info("boxes", TensorProto.FLOAT, ["M", 4]),
            helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["M"]),
            helper.make_tensor_value_info("picture", TensorProto.INT64, ["M"]),
        ]
    )
