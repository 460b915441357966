"""Keep freed memory for the next training step."""

import ctypes
import platform

import torch

_M_TRIM_THRESHOLD = -1  # from glibc's malloc.h
_M_MMAP_THRESHOLD = -3
_LARGEST = 2**30


def keep_freed_memory(device: torch.device) -> None:
    """Tell glibc to reuse large blocks instead of returning them to the system at once.

    A training step on the CPU allocates the same large activations again and again. With
    glibc's defaults each is mapped, faulted in page by page and unmapped, which can take longer
    than the arithmetic of a small network. On another device, where activations are not in the
    system's memory, and without glibc (macOS, Windows, musl) nothing is done.
    """
    if device.type == "cpu" and platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_THRESHOLD, _LARGEST)
        libc.mallopt(_M_TRIM_THRESHOLD, _LARGEST)
