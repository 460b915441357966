"""The loss and the accuracy of an epoch's steps, added up when somebody looks."""

import torch
from torch import Tensor

from simpsons.training import parallel


class Tally:
    """Sums over the pictures of an epoch.

    A step keeps its figures on the GPU, since reading them would synchronise. The rest is
    done on the CPU: a GPU would load kernels for it, which take tens of megabytes.

    labels: of the data set, int64 `[N]` on the CPU; of those below 0 no answer is correct, and a
    step's share of correct ones is that of the others. sums: float64 `[3]`, loss, correct answers
    and pictures, of the steps that were added up.
    """

    def __init__(self, labels: Tensor) -> None:
        self._labels = labels
        self._steps: list[tuple[Tensor, Tensor, Tensor]] = []
        self._shares: list[tuple[int, Tensor, Tensor]] = []
        self.sums = torch.zeros(3, dtype=torch.float64)

    def note(self, rows: Tensor, logits: Tensor, loss: Tensor) -> None:
        """Keep what a step found: rows, int64 `[batch]`, logits `[batch, classes]`, mean loss."""
        self._steps.append((rows, logits.detach().clone(), loss.detach()))

    def note_share(self, count: int, share: Tensor, loss: Tensor) -> None:
        """Keep what a step of so many pictures found: the share that is right, the mean loss."""
        self._shares.append((count, share.detach(), loss.detach()))

    def add_up(self) -> list[float]:
        """Loss, correct answers and pictures so far, of all processes; all of them must ask."""
        steps = len(self._steps) + len(self._shares)
        figures = torch.zeros(steps, 3, dtype=torch.float64)
        for number, (rows, logits, loss) in enumerate(self._steps):
            labels, count = self._labels[rows.cpu()], len(rows)
            known = int((labels >= 0).sum())
            right = int((logits.cpu().argmax(1) == labels).sum())
            found = loss.item() * count, right * count / max(1, known), count
            figures[number] = torch.tensor(found, dtype=torch.float64)
        for number, (count, share, loss) in enumerate(self._shares, start=len(self._steps)):
            found = loss.item() * count, share.item() * count, count
            figures[number] = torch.tensor(found, dtype=torch.float64)
        self._steps.clear()
        self._shares.clear()
        for step in parallel.total(figures):  # one by one: when somebody looked makes no difference
            self.sums += step
        sums: list[float] = self.sums.tolist()
        return sums
