"""What a network says of many pictures at once."""

import math

import torch
from torch import Tensor, nn

_ON_CPU, _ON_GPU = 64, 256  # pictures at once, so that it takes no more memory than training


@torch.inference_mode()
def predict_logits(
    network: nn.Module, pixels: Tensor, rows: Tensor, batch_on_gpu: int = _ON_GPU
) -> Tensor:
    """Logits on the CPU, float32 `[len(rows), classes]`, of those rows of uint8 `[N, 64, 64, 3]`.

    batch_on_gpu: pictures at once on a GPU, which makes kernels for each shape that is new to it.
    """
    network.eval()
    size = batch_on_gpu if pixels.is_cuda else min(len(rows), _ON_CPU)
    parts = math.ceil(len(rows) / size)
    equal = (torch.arange(parts * size) % len(rows)).to(rows.device)  # one shape
    logits = []
    for part in rows[equal].split(size):
        batch = pixels[part].permute(0, 3, 1, 2).float().div_(255)
        logits.append(network(batch.contiguous(memory_format=torch.channels_last)).float().cpu())
    return torch.cat(logits)[: len(rows)]
