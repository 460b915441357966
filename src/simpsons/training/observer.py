"""What each epoch of a training gave, and who is told."""

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Protocol


@dataclass(frozen=True)
class Epoch:
    """One epoch; a row of `metrics.csv`. Accuracies are shares of 1, losses in nats.

    Epoch 0 is a network that goes on from what another has learnt, before its first step: it is
    validated, and there is nothing yet to say of training.
    """

    epoch: int
    train_loss: float | None
    train_accuracy: float | None
    validation_loss: float
    validation_accuracy: float
    learning_rate: float
    images_per_second: float | None
    seconds: float


def finished(history: Sequence[Epoch]) -> int:
    """How many epochs of training a history has."""
    return history[-1].epoch if history else 0


class Observer(Protocol):
    """Is told how a training goes."""

    def on_step(self, epoch: int, done: int, total: int, loss: float, accuracy: float) -> None:
        """After some steps: pictures done of the epoch's total; means of the epoch so far."""

    def on_epoch(self, history: Sequence[Epoch], best: bool) -> None:
        """After each epoch; `best`: whether it has the best validation accuracy so far."""


class Silent:
    """An observer that shows nothing."""

    def on_step(self, epoch: int, done: int, total: int, loss: float, accuracy: float) -> None:
        """Nothing."""

    def on_epoch(self, history: Sequence[Epoch], best: bool) -> None:
        """Nothing."""


def to_csv(history: Sequence[Epoch]) -> str:
    """The text of `metrics.csv`."""
    text = io.StringIO()
    names = [field.name for field in fields(Epoch)]
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(row) for row in history)
    return text.getvalue()
