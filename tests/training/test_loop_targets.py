from dataclasses import replace

import pytest
import torch

from simpsons.training.loop import targets
from simpsons.training.recipe import NOTEBOOK

LABELS = torch.tensor([[1.0, 0.0, 0.0, 0.0], [0.0, 0.25, 0.75, 0.0]])
TAUGHT = torch.tensor([[0.2, 0.4, 0.4, 0.0], [0.0, 0.0, 0.0, 1.0]])


@pytest.mark.parametrize(
    ("smoothing", "share", "taught", "expected"),
    [
        (0.0, 0.25, None, [[1, 0, 0, 0], [0, 0.25, 0.75, 0]]),
        (0.2, 0.25, None, [[0.85, 0.05, 0.05, 0.05], [0.05, 0.25, 0.65, 0.05]]),
        (0.0, 0.25, TAUGHT, [[0.8, 0.1, 0.1, 0], [0, 0.1875, 0.5625, 0.25]]),
        (0.2, 0.25, TAUGHT, [[0.6875, 0.1375, 0.1375, 0.0375], [0.0375, 0.1875, 0.4875, 0.2875]]),
        (0.2, 1.0, TAUGHT, TAUGHT.tolist()),
    ],
    ids=["label", "smoothed", "taught", "both", "teachers only"],
)
def test_the_target_is_the_smoothed_label_and_the_teachers_share(
    smoothing, share, taught, expected
):
    recipe = replace(NOTEBOOK, label_smoothing=smoothing, distillation=share)
    answers = targets(LABELS, recipe, taught)
    torch.testing.assert_close(answers, torch.tensor(expected, dtype=torch.float32))
