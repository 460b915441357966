"""CUDA graphs: a GPU replays a network's kernels instead of being told each of them anew.

The networks are so small that telling takes longer than computing.
"""

import copy
import warnings
from collections.abc import Callable

import torch
from torch import Tensor, nn

from simpsons.training import parallel

Pass = Callable[[Tensor], Tensor]


def replayed(network: nn.Module, device: torch.device) -> Pass:
    """The network for training, replayed where one process trains on a CUDA device.

    It takes pixels, float `[N, 3, size, size]`, and returns logits with a gradient. The first
    batch of a shape takes seconds, as its passes are recorded.
    """
    if device.type != "cuda" or parallel.processes() > 1:
        return network
    torch.autograd.graph.set_warn_on_accumulate_grad_stream_mismatch(False)  # of recording alone
    passes: dict[torch.Size, Pass] = {}

    def forward(pixels: Tensor) -> Tensor:
        if pixels.shape not in passes:
            passes[pixels.shape] = _record(network, pixels)
        return passes[pixels.shape](pixels)

    return forward


def _record(network: nn.Module, pixels: Tensor) -> Pass:
    """The passes for such pixels. Random state, weights and moving statistics stay as they are."""
    before = copy.deepcopy(network.state_dict())
    with torch.random.fork_rng([pixels.device]), warnings.catch_warnings():
        # a thread of autograd's has no CUDA context yet; PyTorch makes one, and warns of it
        warnings.filterwarnings("ignore", "Attempting to run cuBLAS")
        torch.cuda.make_graphed_callables(network, (pixels.clone(),))
    network.load_state_dict(before)
    recorded: Pass = network.__dict__.pop("forward")  # validation goes on as before
    return recorded
