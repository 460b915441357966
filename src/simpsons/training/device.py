"""Which device and precision a training uses."""

from contextlib import AbstractContextManager, nullcontext

import torch

from simpsons.errors import SimpsonsError


def choose_device(name: str = "auto") -> torch.device:
    """`auto` is CUDA where there is one, else Apple's GPU, else the CPU; or any PyTorch name.

    Raises SimpsonsError if the device is not there.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError):
        raise SimpsonsError(f"no device {name!r} here; use auto, cpu, cuda or mps") from None
    return device


def precision(device: torch.device) -> AbstractContextManager[None]:
    """Automatic bf16 where the device multiplies it faster than float32, else float32.

    That is a GPU with bf16 tensor cores, or a CPU with AMX tiles.
    """
    fast = {
        "cuda": lambda: torch.cuda.is_bf16_supported(including_emulation=False),
        "cpu": torch.cpu._is_amx_tile_supported,
    }
    if device.type in fast and fast[device.type]():
        return torch.autocast(device.type, torch.bfloat16)
    return nullcontext()
