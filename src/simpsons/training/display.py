"""What a person sees of a training: a live bar, a line an epoch, and TensorBoard on request."""

import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from simpsons.errors import SimpsonsError
from simpsons.run_files import TENSORBOARD
from simpsons.training.observer import Epoch, Observer


class Display:
    """Shows a training on standard error: a bar on a terminal, one line an epoch anywhere.

    The bar is there from the first step to the last epoch's end, so that what comes before and
    after can have bars of its own.
    """

    def __init__(self, epochs: int) -> None:
        self._epochs = epochs
        self._console = Console(stderr=True, highlight=False)
        self._progress = Progress(
            TextColumn("epoch {task.fields[epoch]}/{task.fields[epochs]}"),
            BarColumn(),
            TextColumn("{task.fields[figures]}"),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._task = self._progress.add_task("", epoch=1, epochs=epochs, figures="")
        self._started: tuple[float, int] | None = None

    def __enter__(self) -> "Display":
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def on_step(self, epoch: int, done: int, total: int, loss: float, accuracy: float) -> None:
        """Move the bar."""
        self._progress.start()
        now = time.perf_counter()
        all_done = (epoch - 1) * total + done
        start, first = self._started = self._started or (now, all_done)
        rate = f"{(all_done - first) / (now - start):,.0f} images/s" if now > start else ""
        figures = f"loss {loss:.3f}  accuracy {accuracy:.1%}  {rate}"
        total_all = self._epochs * total
        self._progress.update(
            self._task, completed=all_done, total=total_all, epoch=epoch, figures=figures
        )

    def on_epoch(self, history: Sequence[Epoch], best: bool) -> None:
        """Print the epoch's figures."""
        row = history[-1]
        figures = [f"epoch {row.epoch:>3}/{self._epochs}"]
        if row.train_loss is not None:
            figures.append(f"train: loss {row.train_loss:.3f}, accuracy {row.train_accuracy:.1%}")
        figures.append(
            f"validation: loss {row.validation_loss:.3f}, accuracy {row.validation_accuracy:.1%}"
        )
        if row.images_per_second is not None:
            figures.append(f"{row.images_per_second:,.0f} images/s, {row.seconds:.0f} s")
        if row.epoch == 0:
            figures.append("before any training")
        if best:
            figures.append("best so far")
        self._console.print("  ".join(figures), soft_wrap=True)
        if row.epoch == self._epochs:
            self._progress.stop()


class TensorBoard:
    """Writes each epoch's figures for TensorBoard, and passes on what it is told."""

    def __init__(self, folder: Path, observer: Observer) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise SimpsonsError("TensorBoard is not installed: pip install tensorboard") from None
        self._writer = SummaryWriter(str(folder / TENSORBOARD))
        self.on_step = observer.on_step
        self._observer = observer

    def on_epoch(self, history: Sequence[Epoch], best: bool) -> None:
        """Write the epoch's figures."""
        for name, value in asdict(history[-1]).items():
            if name != "epoch" and value is not None:
                self._writer.add_scalar(name, value, history[-1].epoch)
        self._writer.flush()
        self._observer.on_epoch(history, best)
