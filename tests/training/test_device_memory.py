"""glibc keeps what a training on a CPU frees, and returns what one on a GPU frees."""

import ctypes
import platform

import pytest
import torch

from simpsons.training.device import set_thresholds

TRIM, MMAP = -1, -3  # M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of glibc's malloc.h


@pytest.fixture
def asked(monkeypatch):
    """What the C library is asked for, of a system with glibc."""
    calls = {}

    class Library:
        def mallopt(self, option, value):
            calls[option] = value

    monkeypatch.setattr(ctypes, "CDLL", lambda _: Library())
    monkeypatch.setattr(platform, "libc_ver", lambda: ("glibc", "2.36"))
    return calls


def test_blocks_stay_for_the_next_step_of_a_cpu_whatever_was_trained_on_before(asked):
    set_thresholds(torch.device("cuda"))
    assert asked == {TRIM: 2**16, MMAP: 2**16}
    set_thresholds(torch.device("cpu"))
    assert asked == {TRIM: 2**30, MMAP: 2**30}


def test_another_c_library_is_left_alone(asked, monkeypatch):
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    set_thresholds(torch.device("cpu"))
    assert asked == {}
