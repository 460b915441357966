"""One training, from pixels to the best weights: read `train` and `Training.step`.

The whole data set lives on the device as uint8. Each step takes a batch of rows, augments it, and
updates the weights and their moving average. Every random choice comes from the seed and the number
of the epoch or step, so a training can stop at any step and go on to the same result. Of several
processes each has a slice of the batch; `parallel` says how.
"""

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from simpsons import models
from simpsons.dataset.cache import Dataset
from simpsons.dataset.split import Split
from simpsons.errors import SimpsonsError
from simpsons.files import write_text
from simpsons.models.first_weights import draw_as_keras
from simpsons.models.inference import predict_logits
from simpsons.plain import built
from simpsons.training import augment, checkpoint, optimizer, parallel
from simpsons.training.device import (
    choose_device,
    precision,
    replayed,
    set_thresholds,
    validation_precision,
)
from simpsons.training.interrupt import Interrupt, Stopped
from simpsons.training.observer import Epoch, Observer, Silent, finished, to_csv
from simpsons.training.optimizer import Average
from simpsons.training.recipe import Recipe
from simpsons.training.tally import Tally
from simpsons.training.teachers import Teachers

BEST = "best.safetensors"
LAST = "last.safetensors"
METRICS = "metrics.csv"

_CHECK_EVERY = 20  # steps between looks at the loss: each look waits for the device


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
    recipe's `distillation` says. Ctrl-C saves the state after the step that it falls into and
    raises Stopped, a KeyboardInterrupt; a second one acts at once and saves nothing. Of several
    processes the first one writes and tells the observer.

    Raises TrainingError when the loss is not finite; the best weights stay in the folder.
    """
    where = choose_device(device)
    set_thresholds(where)
    training = Classification(dataset, split, network, recipe, initial, teachers, seed, where)
    return run(training, folder, observer)


def run(training: "Training", folder: Path, observer: Observer) -> list[Epoch]:
    """Run a training to its last epoch, from where the run in its folder stopped; see `train`."""
    is_first = parallel.is_first()
    if (folder / LAST).exists():
        try:
            training.restore(checkpoint.read(folder / LAST))
        except ValueError as error:
            raise checkpoint.damaged(folder / LAST, error) from None
    observer = observer if is_first else Silent()
    with Interrupt() as interrupt:
        try:
            if training.goes_on and not training.history and not training.step_number:
                training.measure_first()
                if is_first:
                    training.save(folder)
                    observer.on_epoch(training.history, training.is_best())
            while training.epoch < training.recipe.epochs:
                training.run_epoch(observer, interrupt)
                if is_first:
                    training.save(folder)
                    observer.on_epoch(training.history, training.is_best())
        except Stopped:
            training.tally.add_up()
            if is_first:
                checkpoint.write(folder / LAST, training.state())
            raise
    return training.history


@dataclass(frozen=True)
class Progress:
    """The facts of a state: how far a training has come.

    step: of all. steps_per_epoch: None of a state of an earlier version. sums: of the loss, right
    answers and pictures of the epoch so far. history: the epochs before it.
    """

    step: int
    sums: tuple[float, float, float]
    history: tuple[Epoch, ...]
    steps_per_epoch: int | None = None

    @classmethod
    def of(cls, facts: object, epochs: int) -> "Progress":
        """Those of a state. epochs: of the recipe. Raises ValueError for what can't be."""
        progress = built(cls, facts)
        numbers = [row.epoch for row in progress.history]
        first = numbers[0] if numbers else 1
        if first not in (0, 1) or numbers != list(range(first, first + len(numbers))):
            raise ValueError(f"epochs are {numbers}")
        if finished(progress.history) > epochs:
            raise ValueError(f"{numbers[-1]} epochs of {epochs} are done")
        if not all(math.isfinite(value) and value >= 0 for value in progress.sums):
            raise ValueError(f"sums is {progress.sums}")
        if not 0 <= progress.step < 2**53:
            raise ValueError(f"step is {progress.step}")
        if progress.steps_per_epoch is not None and not 0 < progress.steps_per_epoch < 2**53:
            raise ValueError(f"steps_per_epoch is {progress.steps_per_epoch}")
        return progress


class Training(ABC):
    """The state of a training, and its steps; what it learns is its subclasses' business.

    network: with its first weights. goes_on: whether these have learnt before, so that they are
    worth measuring. rows: of the training pictures, int64 `[N]`. tally: of what an
    epoch finds.
    """

    def __init__(
        self,
        network: nn.Module,
        recipe: Recipe,
        rows: Tensor,
        tally: Tally,
        seed: int,
        device: torch.device,
        goes_on: bool = False,
    ) -> None:
        self.goes_on = goes_on
        self.recipe, self.seed, self.device, self.tally = recipe, seed, device, tally
        self.train_rows = rows
        batches, cut = len(rows) / recipe.batch, recipe.short_last_batch
        self.steps_per_epoch = max(1, math.ceil(batches) if cut else round(batches))
        self.batch = parallel.Batch()
        if cut and len(rows) % recipe.batch:
            self.batch.begin(len(rows) % recipe.batch)  # which may be too few for all processes
        self.network = network
        self.network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        parallel.synchronise(self.network, self.batch)
        self.forward: Callable[[Tensor], Any] = parallel.averaging(self.network, device)
        self.average = Average(self.network, recipe.average)
        self.optimizer = optimizer.build(self.network, recipe)
        self.autocast = precision(device, recipe.precision)
        self.step_number = 0
        self.history: list[Epoch] = []

    @abstractmethod
    def begin_epoch(self) -> None:
        """Draw what the epoch's pictures go through."""

    @abstractmethod
    def loss(self, rows: Tensor) -> Tensor:
        """The mean loss of the pictures in `rows`, int64 `[batch]`; the tally notes it."""

    @abstractmethod
    def end_epoch(self) -> None:
        """After the last step of an epoch."""

    @abstractmethod
    def validate(self, batch: int) -> tuple[float, float]:
        """Loss and accuracy of the averaged weights on the validation pictures.

        batch: pictures in a step, a shape that a GPU has kernels for.
        """

    @property
    def epoch(self) -> int:
        """Epochs finished."""
        return finished(self.history)

    def measure_first(self) -> None:
        """Validate before the first step; what was learnt before is kept if no epoch is better."""
        start = time.perf_counter()
        with validation_precision(self.device, self.recipe.precision):
            loss, accuracy = self.validate(self._batch_size())
        seconds = time.perf_counter() - start
        self.history.append(Epoch(0, None, None, loss, accuracy, 0.0, None, seconds))

    def run_epoch(self, observer: Observer, interrupt: Interrupt) -> None:
        """Run the steps that this epoch still has, then validate."""
        start = time.perf_counter()
        self.begin_epoch()
        batches = self._batches()[self.step_number - self.epoch * self.steps_per_epoch :]
        for rows in batches:
            self.step(rows)
            interrupt.check()
            if self.step_number % _CHECK_EVERY == 0:
                self._report(observer)
        self._report(observer)
        self.end_epoch()
        seconds = time.perf_counter() - start
        loss, correct, pictures = self.tally.sums.tolist()
        with validation_precision(self.device, self.recipe.precision):
            validation_loss, validation_accuracy = self.validate(self._batch_size())
        row = Epoch(
            epoch=self.epoch + 1,
            train_loss=loss / pictures,
            train_accuracy=correct / pictures,
            validation_loss=validation_loss,
            validation_accuracy=validation_accuracy,
            learning_rate=self.recipe.learning_rate_at(self.done()),
            images_per_second=sum(map(len, batches)) / seconds,
            seconds=seconds,
        )
        self.history.append(row)
        self.tally.sums.zero_()

    def step(self, rows: Tensor) -> None:
        """One update of the weights from the pictures in `rows`, int64 `[batch]`."""
        torch.manual_seed(seed_of(self.seed, self.step_number))
        self.network.train()
        for group in self.optimizer.param_groups:
            group["lr"] = self.recipe.learning_rate_at(self.done())
        self.batch.begin(len(rows))
        loss = self.loss(rows[self.batch.own])
        self.optimizer.zero_grad()
        (loss * self.batch.weight).backward()
        self.optimizer.step()
        self.average.move(self.step_number)
        self.step_number += 1

    def is_best(self) -> bool:
        """Whether the last epoch has the best validation accuracy so far."""
        *before, last = [row.validation_accuracy for row in self.history]
        return last > max(before, default=-1.0)

    def save(self, folder: Path) -> None:
        """Write what an epoch leaves."""
        if self.is_best():
            row = self.history[-1]
            facts = {"epoch": row.epoch, "validation_accuracy": row.validation_accuracy}
            average = checkpoint.weights(self.average.network)
            checkpoint.write(folder / BEST, checkpoint.State(average, facts))
        checkpoint.write(folder / LAST, self.state())
        write_text(folder / METRICS, to_csv(self.history))

    def state(self) -> checkpoint.State:
        """What `restore` goes on from."""
        history = [asdict(row) for row in self.history]
        facts = {
            "step": self.step_number,
            "steps_per_epoch": self.steps_per_epoch,
            "sums": self.tally.sums.tolist(),
            "history": history,
        }
        tensors = checkpoint.tensors(self.network, self.average.network, self.optimizer)
        return checkpoint.State(tensors, facts)

    def restore(self, state: checkpoint.State) -> None:
        """Go on from a state.

        Where there are more or fewer pictures than before, at the same share of the epoch. Raises
        CheckpointError if it is another network's, ValueError for facts that no training leaves.
        """
        progress = Progress.of(state.facts, self.recipe.epochs)
        checkpoint.set_tensors(self.network, self.average.network, self.optimizer, state.tensors)
        before, now = progress.steps_per_epoch or self.steps_per_epoch, self.steps_per_epoch
        epoch = finished(progress.history)
        inside = progress.step - epoch * before
        if not 0 <= inside <= before:
            raise ValueError(f"step is {progress.step}")
        self.step_number = epoch * now + round(inside * now / before)
        self.tally.sums = torch.tensor(progress.sums, dtype=torch.float64)
        self.history = list(progress.history)

    def _batches(self) -> Sequence[Tensor]:
        """The rows of this epoch's steps, int64 `[batch]` each, shuffled.

        Equal batches, as a GPU prepares for each size: then the first few rows come twice.
        """
        order = np.random.default_rng([self.seed, self.epoch]).permutation(len(self.train_rows))
        if not self.recipe.short_last_batch:
            order = np.resize(order, self.steps_per_epoch * self._batch_size())
        rows = self.train_rows[torch.from_numpy(order)].to(self.device)
        batches: Sequence[Tensor] = rows.split(self._batch_size())
        return batches

    def _batch_size(self) -> int:
        """Of all batches, but for a short last one."""
        if self.recipe.short_last_batch:
            return self.recipe.batch
        return math.ceil(len(self.train_rows) / self.steps_per_epoch)

    def done(self) -> float:
        """The share of all steps that were made."""
        return self.step_number / (self.recipe.epochs * self.steps_per_epoch)

    def _report(self, observer: Observer) -> None:
        loss, correct, pictures = self.tally.add_up()
        if not math.isfinite(loss):
            raise TrainingError(
                f"the loss is not finite in epoch {self.epoch + 1}; the best weights so far are "
                "kept; train into another folder, with a smaller --learning-rate"
            )
        means, total = (loss / pictures, correct / pictures), len(self.train_rows)
        observer.on_step(self.epoch + 1, min(int(pictures), total), total, *means)


class Classification(Training):
    """Learns which class a picture is of; of a stranger, that no class is likelier than another.

    (D. Hendrycks et al., "Deep Anomaly Detection with Outlier Exposure", 2019.) Strangers count in
    the loss, but not in the accuracy, nor in validation.
    """

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
        labels = torch.from_numpy(dataset.labels)
        classes = len(dataset.classes)
        anybody = torch.full((1, classes), 1 / classes)
        self.answers = torch.cat([torch.eye(classes), anybody]).to(device)  # row i: to label i
        self.pixels = torch.from_numpy(dataset.in_memory()).to(device)
        self.labels = labels.to(device)
        self.has_strangers = bool((labels < 0).any())
        train_rows = torch.from_numpy(split.rows("train"))
        rows = torch.from_numpy(dataset.known(split.rows("validation")))
        self.validation_rows, self.validation_labels = rows.to(device), labels[rows]
        built = models.build(network, classes, recipe.dropout, recipe.batch_norm)
        if recipe.first_weights == "keras":
            draw_as_keras(built)
        for layer in built.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.momentum = recipe.batch_norm_momentum
        if initial is not None:
            checkpoint.set_fitting_weights(built, initial)
        goes_on = initial is not None
        super().__init__(built, recipe, train_rows, Tally(labels), seed, device, goes_on)
        self.forward = replayed(cast(nn.Module, self.forward), device)
        self.teachers = Teachers(teachers, dataset, split, recipe, device)

    def begin_epoch(self) -> None:
        """Draw how each picture is changed, and mixed with another."""
        torch.manual_seed(seed_of(*self.teachers.begin(self.seed, self.epoch)))
        count, how = len(self.pixels), self.recipe.augmentation
        self.changes = augment.draw(count, how, self.device)
        self.mixture = augment.draw_mixture(count, self.train_rows, how, self.device)

    def end_epoch(self) -> None:
        """Keep the teachers' answers."""
        self.teachers.end()

    def loss(self, rows: Tensor) -> Tensor:
        """Cross-entropy with the labels, the teachers' answers, or both."""
        pixels, labels = self._augmented(rows)
        if self.mixture is not None:
            others, their_labels = self._augmented(self.mixture.other[rows])
            pixels = self.mixture.pixels(rows, pixels, others)
            labels = self.mixture.labels(rows, labels, their_labels)
        pixels = pixels.contiguous(memory_format=torch.channels_last)
        with self.autocast:
            taught = self._taught(pixels, rows)
            answers = targets(labels, self.recipe, taught)
            logits = self.forward(augment.smaller(pixels, self.recipe.size_at(self.done())))
            loss = functional.cross_entropy(logits, answers)
        self.tally.note(rows, logits, loss)
        return loss

    def validate(self, batch: int) -> tuple[float, float]:
        """See `Training.validate`."""
        logits = predict_logits(self.average.network, self.pixels, self.validation_rows, batch)
        right = (logits.argmax(1) == self.validation_labels).float().mean().item()
        return functional.cross_entropy(logits, self.validation_labels).item(), right

    def _taught(self, pixels: Tensor, rows: Tensor) -> Tensor | None:
        """What the teachers answer; of strangers, whom they may not know for such, the label."""
        taught = self.teachers.answer(pixels, rows)
        if taught is None or not self.has_strangers:
            return taught
        return torch.where((self.labels[rows] < 0)[:, None], self.answers[-1], taught)

    def _augmented(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Pixels, float `[batch, 3, 64, 64]` in [0, 1], and labels, float `[batch, classes]`."""
        pixels = self.pixels[rows].permute(0, 3, 1, 2).float().div_(255)
        return augment.change(pixels, self.changes.of(rows)), self.answers[self.labels[rows]]


def seed_of(*numbers: int) -> int:
    """A seed of PyTorch's from several numbers."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0]) >> 1


def targets(labels: Tensor, recipe: Recipe, taught: Tensor | None) -> Tensor:
    """Probabilities to learn, float32 `[N, classes]`, rows that sum to 1.

    labels: probabilities, float32 `[N, classes]`; 1 for the label, or its share of a mixed picture.
    taught: what teachers answer, probabilities, float32 `[N, classes]`. See `Recipe` for the
    sources.
    """
    smoothing, share = recipe.label_smoothing, recipe.distillation
    answers = labels * (1 - smoothing) + smoothing / labels.shape[1]
    return answers if taught is None else answers * (1 - share) + taught * share
