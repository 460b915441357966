"""The loss and the accuracy of an epoch's steps, added up when somebody looks."""

import torch
from torch import Tensor

from simpsons.training import parallel


class Tally:
    """Sums over the pictures of an epoch.

    A step leaves what it found on its device, as looking at it waits for the device. The rest is
    done on the CPU: a GPU would load kernels for it, which take tens of megabytes.

    labels: of the data set, int64 `[N]` on the CPU. sums: float64 `[3]`, loss, correct answers and
    pictures, of the steps that were added up.
    """

    def __init__(self, labels: Tensor) -> None:
        self._labels = labels
        self._steps: list[tuple[Tensor, Tensor, Tensor]] = []
        self.sums = torch.zeros(3, dtype=torch.float64)

    def note(self, rows: Tensor, logits: Tensor, loss: Tensor) -> None:
        """Keep what a step found: rows, int64 `[batch]`, logits `[batch, classes]`, mean loss."""
        self._steps.append((rows, logits.detach().clone(), loss.detach()))

    def add_up(self) -> list[float]:
        """Loss, correct answers and pictures so far, of all processes; all of them must ask."""
        figures = torch.zeros(len(self._steps), 3, dtype=torch.float64)
        for number, (rows, logits, loss) in enumerate(self._steps):
            right = logits.cpu().argmax(1) == self._labels[rows.cpu()]
            count = len(rows)
            found = loss.item() * count, right.sum().item(), count
            figures[number] = torch.tensor(found, dtype=torch.float64)
        self._steps.clear()
        for step in parallel.total(figures):  # one by one: when somebody looked makes no difference
            self.sums += step
        sums: list[float] = self.sums.tolist()
        return sums
