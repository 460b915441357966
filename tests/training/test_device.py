"""What a training runs on is said."""

import sys
from pathlib import Path

import pytest
import torch

from simpsons.training import device


def test_the_processor_has_a_name():
    assert device.processor()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/cpuinfo")
def test_linux_names_the_model():
    told = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    if "model name" in told:
        assert device.processor() in told


@pytest.mark.parametrize("bf16", [False, True])
def test_a_cpu_computes_in_bf16_if_it_has_instructions_for_it(monkeypatch, bf16):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: bf16)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    cpu = torch.device("cpu")
    assert device.describe(cpu).precision == ("bf16" if bf16 else "float32")
    with device.precision(cpu):
        product = torch.ones(2, 2) @ torch.ones(2, 2)
    assert product.dtype is (torch.bfloat16 if bf16 else torch.float32)


def test_a_cpu_validates_in_float32_though_it_trains_in_bf16(monkeypatch):
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: True)
    cpu = torch.device("cpu")
    with device.validation_precision(cpu):
        product = torch.ones(2, 2) @ torch.ones(2, 2)
    assert product.dtype is torch.float32


@pytest.mark.filterwarnings("ignore:.*CUDA is not available")
@pytest.mark.parametrize("bf16", [True, False])
def test_a_gpu_validates_in_the_precision_of_training(monkeypatch, bf16):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: bf16)
    chosen = device.validation_precision(torch.device("cuda"))
    assert isinstance(chosen, torch.autocast) == bf16
