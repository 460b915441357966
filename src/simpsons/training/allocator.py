"""What glibc does with the memory that a training frees."""

import ctypes
import platform

import torch

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
