"""One training, from pixels to the best weights: read `train` and `_Training.step`.

The whole data set lives on the device as uint8. Each step takes a batch of rows, augments it,
and updates the weights and their moving average. Every random choice of a step comes from the
seed and the step's number, so a training can stop at any step and go on to the same result.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel

from simpsons import models
from simpsons.dataset.cache import Dataset
from simpsons.dataset.split import Split
from simpsons.errors import SimpsonsError
from simpsons.files import write_text
from simpsons.training import checkpoint
from simpsons.training.allocator import keep_freed_memory
from simpsons.training.augment import augment
from simpsons.training.device import choose_device, precision
from simpsons.training.history import Epoch, Observer, to_csv
from simpsons.training.interrupt import Interrupt
from simpsons.training.recipe import Recipe

BEST = "best.safetensors"
LAST = "last.safetensors"

_CHECK_EVERY = 20  # steps between looks at the loss: each look waits for the device
_EVALUATION_BATCH = 256

_Tensors = tuple[Tensor, ...] | list[Tensor]


class TrainingError(SimpsonsError):
    """A training that can't go on. The message says why, what is kept, and the remedy."""


def train(
    dataset: Dataset,
    split: Split,
    network: str,
    recipe: Recipe,
    folder: Path,
    *,
    initial: nn.Module | None = None,
    teachers: Sequence[nn.Module] = (),
    seed: int = 0,
    device: str = "auto",
    observer: Observer,
) -> list[Epoch]:
    """Train a network into a run folder, or go on where the run in that folder stopped.

    The folder gets `metrics.csv`, `best.safetensors` (the averaged weights of the epoch with the
    best validation accuracy) and `last.safetensors` (the state to go on from). Returns the
    history. initial: a network whose weights are the first ones, as far as their shapes fit.
    teachers: trained networks whose probabilities are mixed into the labels, as the
    recipe's `distillation` says. A KeyboardInterrupt saves the state at the last whole step and
    is raised again.

    Raises TrainingError when the loss is not finite; the best weights stay in the folder.
    """
    keep_freed_memory()
    where = choose_device(device)
    training = _Training(dataset, split, network, recipe, initial, teachers, seed, where)
    if (folder / LAST).exists():
        training.restore(checkpoint.read(folder / LAST))
    try:
        with Interrupt() as interrupt:
            while training.epoch < recipe.epochs:
                row = training.run_epoch(observer, interrupt)
                best = training.is_best()
                if best:
                    facts = {"epoch": row.epoch, "validation_accuracy": row.validation_accuracy}
                    average = checkpoint.weights(training.average)
                    checkpoint.write(folder / BEST, checkpoint.State(average, facts))
                checkpoint.write(folder / LAST, training.state())
                write_text(folder / "metrics.csv", to_csv(training.history))
                observer.on_epoch(training.history, best)
    except KeyboardInterrupt:
        checkpoint.write(folder / LAST, training.state())
        raise
    return training.history


class _Training:
    """The state of a training, and its steps."""

    def __init__(
        self,
        dataset: Dataset,
        split: Split,
        network: str,
        recipe: Recipe,
        initial: nn.Module | None,
        teachers: Sequence[nn.Module],
        seed: int,
        device: torch.device,
    ) -> None:
        torch.manual_seed(seed)
        self.recipe, self.seed, self.device = recipe, seed, device
        self.classes = len(dataset.classes)
        self.pixels = torch.from_numpy(np.array(dataset.images)).to(device)
        self.labels = torch.from_numpy(dataset.labels).to(device)
        self.train_rows = split.rows("train")
        self.validation_rows = split.rows("validation")
        self.steps_per_epoch = max(1, round(len(self.train_rows) / recipe.batch))
        self.network = models.build(network, self.classes, recipe.dropout, recipe.batch_norm).to(
            device
        )
        if initial is not None:
            checkpoint.set_fitting_weights(self.network, initial)
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.teachers = [teacher.to(device).eval() for teacher in teachers]
        self.average = self.network
        if recipe.average:
            self.averaged = AveragedModel(
                self.network, multi_avg_fn=self._move_average, use_buffers=True
            )
            self.average = self.averaged.module
        self.optimizer = _optimizer(self.network, recipe)
        self.autocast = precision(device)
        self.step_number = 0
        self.sums = torch.zeros(3, device=device)  # loss, correct, pictures of this epoch
        self.history: list[Epoch] = []

    @property
    def epoch(self) -> int:
        """Epochs finished."""
        return len(self.history)

    def run_epoch(self, observer: Observer, interrupt: Interrupt) -> Epoch:
        """Run the steps that this epoch still has, then validate."""
        start, first = time.perf_counter(), self.step_number
        batches = self._batches()
        for rows in batches[self.step_number - self.epoch * self.steps_per_epoch :]:
            self.step(rows)
            interrupt.check()
            if self.step_number % _CHECK_EVERY == 0:
                self._report(observer)
        self._report(observer)
        seconds = time.perf_counter() - start
        loss, correct, pictures = self.sums.tolist()
        validation_loss, validation_accuracy = self._validate()
        row = Epoch(
            epoch=self.epoch + 1,
            train_loss=loss / pictures,
            train_accuracy=correct / pictures,
            validation_loss=validation_loss,
            validation_accuracy=validation_accuracy,
            learning_rate=self._learning_rate(),
            images_per_second=(self.step_number - first) * self.recipe.batch / seconds,
            seconds=seconds,
        )
        self.history.append(row)
        self.sums.zero_()
        return row

    def step(self, rows: Tensor) -> None:
        """One update of the weights from the pictures in `rows`, int64 `[batch]`."""
        torch.manual_seed(_step_seed(self.seed, self.step_number))
        self.network.train()
        for group in self.optimizer.param_groups:
            group["lr"] = self._learning_rate()
        pixels = self.pixels[rows].permute(0, 3, 1, 2).float().div_(255)
        pixels = augment(pixels, self.recipe.augmentation)
        pixels = pixels.contiguous(memory_format=torch.channels_last)
        labels = self.labels[rows]
        with self.autocast:
            targets = self._targets(pixels, labels)
            logits = self.network(pixels)
            loss = functional.cross_entropy(logits, targets)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        if self.recipe.average:
            self.averaged.update_parameters(self.network)
        correct = (logits.detach().argmax(1) == labels).sum()
        batch = torch.tensor(float(len(rows)), device=self.device)
        self.sums += torch.stack([loss.detach().float() * batch, correct.float(), batch])
        self.step_number += 1

    @torch.no_grad()
    def _targets(self, pixels: Tensor, labels: Tensor) -> Tensor:
        """Probabilities to learn, float32 `[batch, classes]`: smoothed labels and teachers."""
        smoothing, share = self.recipe.label_smoothing, self.recipe.distillation
        targets = functional.one_hot(labels, self.classes).float()
        targets = targets * (1 - smoothing) + smoothing / self.classes
        if not self.teachers:
            return targets
        taught = torch.stack([teacher(pixels).float().softmax(1) for teacher in self.teachers])
        return targets * (1 - share) + taught.mean(0) * share

    def is_best(self) -> bool:
        """Whether the last epoch has the best validation accuracy so far."""
        *before, last = [row.validation_accuracy for row in self.history]
        return last > max(before, default=-1.0)

    def state(self) -> checkpoint.State:
        tensors = checkpoint.weights(self.network, "network.")
        if self.recipe.average:
            tensors |= checkpoint.weights(self.averaged, "average.")
        tensors |= checkpoint.optimizer_tensors(self.optimizer)
        facts = {
            "step": self.step_number,
            "sums": self.sums.tolist(),
            "history": [asdict(row) for row in self.history],
        }
        return checkpoint.State(tensors, facts)

    def restore(self, state: checkpoint.State) -> None:
        """Go on from a state. Raises CheckpointError if it is another network's."""
        try:
            checkpoint.set_weights(self.network, state.tensors, "network.")
            if self.recipe.average:
                checkpoint.set_weights(self.averaged, state.tensors, "average.")
            checkpoint.set_optimizer_tensors(self.optimizer, state.tensors)
        except (RuntimeError, KeyError, ValueError):
            raise checkpoint.CheckpointError(
                "the run in this folder is of another network or recipe; choose another folder"
            ) from None
        self.step_number = state.facts["step"]
        self.sums = torch.tensor(state.facts["sums"], device=self.device)
        self.history = [Epoch(**row) for row in state.facts["history"]]

    def _batches(self) -> list[Tensor]:
        """The rows of each step of this epoch: every training picture once, shuffled."""
        order = np.random.default_rng([self.seed, self.epoch]).permutation(self.train_rows)
        batches = np.array_split(order, self.steps_per_epoch)
        return [torch.from_numpy(batch).to(self.device) for batch in batches]

    def _learning_rate(self) -> float:
        steps = self.recipe.epochs * self.steps_per_epoch
        return self.recipe.learning_rate_at(self.step_number / steps)

    def _move_average(self, averaged: _Tensors, current: _Tensors, _: Tensor | int) -> None:
        """Move the averaged weights towards the current ones.

        The decay rises with the steps, so that the first weights and batch-norm variances, which
        mean nothing, are soon forgotten.
        """
        decay = min(self.recipe.average, (1 + self.step_number) / (10 + self.step_number))
        if averaged[0].is_floating_point():
            torch._foreach_lerp_(averaged, current, 1 - decay)
        else:
            torch._foreach_copy_(averaged, current)

    def _report(self, observer: Observer) -> None:
        loss, correct, pictures = self.sums.tolist()
        if not math.isfinite(loss):
            raise TrainingError(
                f"the loss is not finite in epoch {self.epoch + 1}; the best weights so far are "
                "kept; train again with a smaller --learning-rate"
            )
        done = int(pictures)
        total = len(self.train_rows)
        observer.on_step(self.epoch + 1, done, total, loss / pictures, correct / pictures)

    def _validate(self) -> tuple[float, float]:
        """Log loss and accuracy of the averaged weights on the validation pictures."""
        rows = torch.from_numpy(self.validation_rows).to(self.device)
        logits = predict_logits(self.average, self.pixels, rows)
        labels = self.labels[rows]
        loss = functional.cross_entropy(logits, labels).item()
        return loss, (logits.argmax(1) == labels).float().mean().item()


@torch.inference_mode()
def predict_logits(network: nn.Module, pixels: Tensor, rows: Tensor) -> Tensor:
    """Logits, float32 `[len(rows), classes]`, for those rows of uint8 `[N, 64, 64, 3]`."""
    network.eval()
    logits = []
    for part in rows.split(_EVALUATION_BATCH):
        batch = pixels[part].permute(0, 3, 1, 2).float().div_(255)
        logits.append(network(batch.contiguous(memory_format=torch.channels_last)).float())
    return torch.cat(logits)


def _optimizer(network: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    if recipe.optimizer == "adam":  # epsilon as in Keras
        return torch.optim.Adam(network.parameters(), recipe.learning_rate, eps=1e-7)
    decayed = [p for p in network.parameters() if p.ndim > 1]
    others = [p for p in network.parameters() if p.ndim == 1]
    groups = [
        {"params": decayed, "weight_decay": recipe.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, recipe.learning_rate)


def _step_seed(seed: int, step: int) -> int:
    return int(np.random.SeedSequence([seed, step]).generate_state(1, np.uint64)[0] >> 1)
