"""The device of a training: which one, its precision, its memory, and CUDA graphs."""

import copy
import ctypes
import platform
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from simpsons import processors
from simpsons.errors import SimpsonsError
from simpsons.training import parallel
from simpsons.training.recipe import FASTEST, Precision


@dataclass(frozen=True)
class Machine:
    """What a training runs on, as it is printed and kept in `config.json`.

    device: PyTorch's name of it. name: of the processor or GPU. precision: `bf16` or `float32`.
    threads: of the CPU, in each process. processes: that train together.
    """

    device: str
    name: str
    precision: str
    memory_format: str
    threads: int
    processes: int

    def __str__(self) -> str:
        threads = f"{self.threads} CPU thread{'s' if self.threads > 1 else ''}"
        processes = f"{self.processes} process{'es' if self.processes > 1 else ''}"
        kind = f"{self.precision}, {self.memory_format}"
        return f"{self.device} ({self.name}), {kind}, {processes} of {threads}"


def choose_device(name: str = "auto") -> torch.device:
    """`auto` is CUDA where there is one, else Apple's GPU, else the CPU; or any PyTorch name.

    Of several processes each takes its own GPU. PyTorch, which knows of no control groups, gets no
    more threads than this process has processors. Raises SimpsonsError if the device is not there.
    """
    if torch.get_num_threads() > processors.count():
        torch.set_num_threads(processors.count())
    together = parallel.processes() > 1
    if name == "auto":
        apple = torch.backends.mps.is_available() and not together
        name = "cuda" if torch.cuda.is_available() else "mps" if apple else "cpu"
    if name == "cuda" and together:
        name = f"cuda:{parallel.local_rank()}"
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError):
        raise SimpsonsError(
            f"no device {name!r} here; use auto, cpu, cuda or mps"
            f"{', and no more processes than GPUs' if together else ''}"
        ) from None
    if together and device.type not in ("cpu", "cuda"):
        raise SimpsonsError(f"{name} can't train in several processes; use one, or --device cpu")
    return device


def describe(device: torch.device, precision: Precision = FASTEST) -> Machine:
    """What a training on this device runs on. precision: the recipe's."""
    is_gpu = device.type == "cuda"
    return Machine(
        device=device.type,
        name=torch.cuda.get_device_name(device) if is_gpu else processor(),
        precision="bf16" if _is_bf16(device, precision) else "float32",
        memory_format="channels_last",
        threads=torch.get_num_threads(),
        processes=parallel.processes(),
    )


def processor() -> str:
    """The CPU's model where Linux tells it, else its family or architecture."""
    with suppress(OSError), Path("/proc/cpuinfo").open(encoding="utf-8") as file:
        for line in file:
            name, _, value = line.partition(":")
            if name.strip() == "model name" and value.strip():
                return value.strip()
    return platform.processor() or platform.machine()


def precision(device: torch.device, asked: Precision = FASTEST) -> AbstractContextManager[None]:
    """Automatic bf16 where the device multiplies it faster than float32, else float32.

    asked: the recipe's. A step casts each weight once, so a cache of casts has no use, and CUDA
    graphs forbid it.
    """
    if _is_bf16(device, asked):
        return torch.autocast(device.type, torch.bfloat16, cache_enabled=False)
    return nullcontext()


def validation_precision(
    device: torch.device, asked: Precision = FASTEST
) -> AbstractContextManager[None]:
    """Float32, but on a GPU that of training, as kernels for both take more memory."""
    return precision(device, asked) if device.type == "cuda" else nullcontext()


def _is_bf16(device: torch.device, asked: Precision) -> bool:
    return asked == FASTEST and _multiplies_bf16(device)


def _multiplies_bf16(device: torch.device) -> bool:
    """Whether it is a GPU with bf16 tensor cores, or a CPU with instructions for bf16."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device.type == "cpu" and bool(
        torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    )


_M_TRIM_THRESHOLD = -1  # from glibc's malloc.h
_M_MMAP_THRESHOLD = -3
_KEPT, _RETURNED = 2**30, 2**16  # bytes of the smallest block that goes back to the system


def set_thresholds(device: torch.device) -> None:
    """Keep large freed blocks for the next step on a CPU, return them at once on another device.

    A training step on the CPU allocates the same large activations again and again. With
    glibc's defaults each is mapped, faulted in page by page and unmapped, which can take longer
    than the arithmetic of a small network. On another device no activation is in the system's
    memory, and what CUDA frees once it has compiled and loaded its kernels would be kept for
    nothing. Without glibc (macOS, Windows, musl) nothing is done.
    """
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        threshold = _KEPT if device.type == "cpu" else _RETURNED
        libc.mallopt(_M_MMAP_THRESHOLD, threshold)
        libc.mallopt(_M_TRIM_THRESHOLD, threshold)


Pass = Callable[[Tensor], Tensor]


def replayed(network: nn.Module, device: torch.device) -> Pass:
    """The network for training, replayed where one process trains on a CUDA device.

    It takes pixels, float `[N, 3, size, size]`, and returns logits with a gradient. The first
    batch of a shape takes seconds, as its passes are recorded.
    """
    if device.type != "cuda" or parallel.processes() > 1:
        return network
    torch.autograd.graph.set_warn_on_accumulate_grad_stream_mismatch(False)  # of recording alone
    passes: dict[torch.Size, Pass] = {}

    def forward(pixels: Tensor) -> Tensor:
        if pixels.shape not in passes:
            passes[pixels.shape] = _record(network, pixels)
        return passes[pixels.shape](pixels)

    return forward


def _record(network: nn.Module, pixels: Tensor) -> Pass:
    """The passes for such pixels. Random state, weights and moving statistics stay as they are."""
    before = copy.deepcopy(network.state_dict())
    with torch.random.fork_rng([pixels.device]), warnings.catch_warnings():
        # a thread of autograd's has no CUDA context yet; PyTorch makes one, and warns of it
        warnings.filterwarnings("ignore", "Attempting to run cuBLAS")
        torch.cuda.make_graphed_callables(network, (pixels.clone(),))
    network.load_state_dict(before)
    recorded: Pass = network.__dict__.pop("forward")  # validation goes on as before
    return recorded
