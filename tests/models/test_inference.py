"""The logits of many rows are those of each."""

import pytest
import torch
from torch import nn

from simpsons.models.inference import predict_logits


class Colour(nn.Module):
    """Answers by the mean colour, and notes the shapes that it sees."""

    def __init__(self):
        super().__init__()
        self.shapes = set()

    def forward(self, pixels):
        self.shapes.add(tuple(pixels.shape))
        return pixels.mean((2, 3))


@pytest.mark.parametrize(("count", "batch"), [(1, 1), (5, 5), (64, 64), (65, 64), (150, 64)])
def test_each_row_has_its_own_logits_whatever_the_batches(count, batch):
    torch.manual_seed(0)
    pixels = torch.randint(256, (200, 64, 64, 3), dtype=torch.uint8)
    network, rows = Colour(), torch.randperm(200)[:count]
    logits = predict_logits(network, pixels, rows)
    torch.testing.assert_close(logits, pixels[rows].float().mean((1, 2)) / 255)
    assert network.shapes == {(batch, 3, 64, 64)}
