"""One training on several processes, through PyTorch's own engine.

`torchrun --nproc-per-node 2 -m simpsons train ...` starts the processes. Each has all the
pictures and the same weights, and learns from its slice of every batch. `DistributedDataParallel`
sums the gradients. What depends on the whole batch is made so here: batch norms take the whole
batch's mean and variance, and dropout draws for the whole batch and uses its slice. So the weights
are, to rounding, those of one process. The first process alone writes and speaks.

Outside torchrun there is one process, and each function here does nothing or next to nothing.
"""

import atexit
import gc
import importlib
import os
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

import torch
from torch import Tensor, distributed, nn
from torch.autograd.function import FunctionCtx
from torch.nn.parallel import DistributedDataParallel

from simpsons.errors import SimpsonsError
from simpsons.models import dropout

T = TypeVar("T")

_DONE, _FAILED, _INTERRUPTED = range(3)
_LONGEST_WAIT = timedelta(hours=12)  # while the first process decodes or splits a large data set


def launched() -> bool:
    """Whether torchrun started this process."""
    return distributed.is_available() and distributed.is_torchelastic_launched()


def is_first() -> bool:
    """Whether this process is the one that writes and speaks."""
    return not launched() or int(os.environ["RANK"]) == 0


def processes() -> int:
    """How many processes train together."""
    return int(os.environ["WORLD_SIZE"]) if launched() else 1


def local_rank() -> int:
    """The number of this process on its machine, from 0."""
    return int(os.environ["LOCAL_RANK"]) if launched() else 0


def join(device: torch.device) -> None:
    """Connect the processes that torchrun started, once: NCCL between GPUs, gloo between CPUs."""
    if processes() == 1 or distributed.is_initialized():
        return
    backend = "gloo"
    if device.type == "cuda":
        torch.cuda.set_device(device)
        backend = "cpu:gloo,cuda:nccl"
    # Functions of this module have the group as a default argument. Imported later, by
    # `DistributedDataParallel`, they would keep the group and its threads alive after `_leave`.
    importlib.import_module("torch.distributed.nn")
    distributed.init_process_group(backend, timeout=_LONGEST_WAIT)
    atexit.register(_leave)


def _leave() -> None:
    """End the group's threads: one that frees a tensor while Python ends aborts the process."""
    gc.collect()  # networks that still hold the group
    distributed.destroy_process_group()


def first_does(work: Callable[[], T]) -> T | None:
    """Do `work` in the first process while the others wait; None in those.

    Where it fails, it raises in the first, and SimpsonsError or KeyboardInterrupt in the others.
    """
    if not distributed.is_initialized():
        return work()
    outcome = torch.tensor(_FAILED)
    try:
        if is_first():
            result = work()
            outcome.fill_(_DONE)
            return result
    except KeyboardInterrupt:
        outcome.fill_(_INTERRUPTED)
        raise
    finally:
        distributed.broadcast(outcome, 0)
    if outcome == _INTERRUPTED:
        raise KeyboardInterrupt
    if outcome == _FAILED:
        raise SimpsonsError("the first process failed; its message says why")
    return None


def any_of(asked: bool) -> bool:
    """Whether any process says yes."""
    if not distributed.is_initialized():
        return asked
    votes = torch.tensor(int(asked))
    distributed.all_reduce(votes)
    return bool(votes)


def total(values: Tensor) -> Tensor:
    """The sum of the processes' tensors."""
    if distributed.is_initialized():
        distributed.all_reduce(values)
    return values


class Batch:
    """A step's whole batch: its size, and the rows of it that are this process's."""

    def __init__(self) -> None:
        self.size, self.own = 0, slice(0)

    def begin(self, size: int) -> None:
        """Start a step: cut a batch into slices, one a process, that differ by at most one row.

        Raises SimpsonsError if there are too few rows.
        """
        self.size, self.own = size, slice(0, size)
        if distributed.is_initialized():
            rank, count = distributed.get_rank(), distributed.get_world_size()
            if size < count:
                raise SimpsonsError(
                    f"{count} processes are too many for a batch of {size}; start fewer, or "
                    "choose a larger --batch"
                )
            self.own = slice(size * rank // count, size * (rank + 1) // count)

    @property
    def weight(self) -> float:
        """What the mean loss of the slice counts for when the processes' gradients are averaged.

        Then the gradient is that of the mean over the whole batch, though slices differ.
        """
        if not distributed.is_initialized():
            return 1.0
        rows: int = self.own.stop - self.own.start
        return rows * processes() / self.size


def synchronise(network: nn.Module, batch: Batch) -> None:
    """Make batch norms and dropouts those of the whole batch, in place; names stay the same."""
    if not distributed.is_initialized():
        return
    for parent in list(network.modules()):
        for name, layer in list(parent.named_children()):
            if isinstance(layer, nn.Dropout):
                setattr(parent, name, Dropout(layer.p, batch))
            if isinstance(layer, nn.BatchNorm2d):
                setattr(parent, name, _batch_norm(layer))


def averaging(network: nn.Module, device: torch.device) -> nn.Module:
    """The network, with gradients that are averaged over the processes as they are made."""
    if not distributed.is_initialized():
        return network
    where = [device] if device.type == "cuda" else None
    return DistributedDataParallel(network, device_ids=where)


class Dropout(dropout.Dropout):
    """Dropout that draws for the whole batch and uses this process's slice."""

    def __init__(self, p: float, batch: Batch) -> None:
        super().__init__(p)
        self.batch = batch

    def forward(self, x: Tensor) -> Tensor:
        """`[slice, ...]` to the same shape."""
        if not self.training or not self.p:
            return x
        ones = x.new_ones(self.batch.size, *x.shape[1:])
        if ones.ndim == 4:  # the order in which dropout draws is that of memory
            ones = ones.contiguous(memory_format=torch.channels_last)
        return x * super().forward(ones)[self.batch.own]


class BatchNorm(nn.BatchNorm2d):
    """Batch norm over all processes, for a CPU, where `nn.SyncBatchNorm` does not run."""

    def forward(self, x: Tensor) -> Tensor:
        """`[slice, C, H, W]` to the same shape."""
        if not self.training:
            return super().forward(x)
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        assert self.momentum is not None
        values = x.to(torch.promote_types(x.dtype, torch.float32))
        count = total(torch.tensor(values.numel() // self.num_features)).to(values)
        mean = _sum(values.sum((0, 2, 3))) / count
        centred = values - mean.view(1, -1, 1, 1)
        variance = _sum(centred.square().sum((0, 2, 3))) / count
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * count / (count - 1), self.momentum)
        scale = self.weight * (variance + self.eps).rsqrt()
        return (centred * scale.view(1, -1, 1, 1) + self.bias.view(1, -1, 1, 1)).to(x.dtype)


class _Total(torch.autograd.Function):
    @staticmethod
    def forward(_: FunctionCtx, values: Tensor) -> Tensor:
        return total(values.clone())

    @staticmethod
    def backward(_: FunctionCtx, *gradients: Tensor) -> Tensor:
        return total(gradients[0].clone())


def _sum(values: Tensor) -> Tensor:
    """`total` with a gradient; PyTorch's own is deprecated without a public successor."""
    summed: Tensor = _Total.apply(values)  # type: ignore[no-untyped-call]
    return summed


def _batch_norm(layer: nn.BatchNorm2d) -> nn.Module:
    if layer.weight.device.type == "cuda":
        synchronised: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(layer)
        return synchronised
    whole = BatchNorm(layer.num_features, layer.eps, layer.momentum).to(layer.weight)
    whole.load_state_dict(layer.state_dict())
    return whole
