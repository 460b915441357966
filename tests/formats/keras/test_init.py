"""Every kind of file, as each Keras writes it: the layouts and figures are made by
tests/fixtures/make_keras_layouts.py."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from torch import Tensor

from simpsons.formats.keras import VALUES, KerasImportError, read, read_keras
from simpsons.models.cnn import CNN
from simpsons.models.scaled import Scaled
from simpsons.models.xception import Xception

NEWEST = "keras-3.15.1"
VERSIONS = [
    path.name.removesuffix(".json.xz")
    for path in sorted((Path(__file__).parents[2] / "fixtures" / "keras_layouts").glob("*.xz"))
]
INSIDE = {"cnn_prepared": "-1..1", "xception_operators": "-1..1"}
"""What the model scales pixels to by layers without weights, which a file of weights lacks."""

KerasFile = Callable[..., Path]
Probabilities = Callable[[str, str], np.ndarray]


def pixels() -> Tensor:
    """The pictures of make_keras_layouts.py, in [0, 1]."""
    n, y, x, channel = np.ogrid[:6, :64, :64, :3]
    rings = (x - 9 * n) ** 2 * (n + 1) + (y - 7 * channel) ** 2 * (6 - n)
    values = (rings // 16 + x * y * (channel + 1) // 8 + 41 * n * channel) % 256
    return torch.from_numpy(values.astype(np.float32) / 255).permute(0, 3, 1, 2)


def difference(network: torch.nn.Module, expected: np.ndarray) -> float:
    with torch.inference_mode():
        return float(np.abs(network(pixels()).softmax(1).numpy() - expected).max())


def plain(network: torch.nn.Module) -> torch.nn.Module:
    return network.network if isinstance(network, Scaled) else network


def test_all_kinds_of_keras_are_there() -> None:
    assert {"keras-2.12.0", "keras-2.13.1", "keras-2.15.0", "tf_keras-2.21.0"} < set(VERSIONS)
    assert {"keras-3.0.5", "keras-3.8.0", NEWEST} < set(VERSIONS)


@pytest.mark.parametrize(
    ("version", "built"),
    [
        *((version, built) for version in VERSIONS for built in ("xception", "xception_nested")),
        *((version, "cnn_prepared") for version in ("keras-2.12.0", "keras-2.15.0", NEWEST)),
    ],
)
def test_every_file_predicts_as_in_keras(
    version: str,
    built: str,
    files_of: Callable[[str, str], list[str]],
    keras_file: KerasFile,
    probabilities: Probabilities,
) -> None:
    names = files_of(version, built)
    assert len(names) >= 2
    first: dict[str, Tensor] = {}
    for name in names:
        path = keras_file(version, built, name)
        has_layers = not name.endswith("weights.h5")
        imported = read(path, None if has_layers else INSIDE.get(built))
        assert imported.name == built.partition("_")[0]
        assert imported.has_layers is has_layers
        assert not any(module.training for module in imported.network.modules())
        state = imported.network.state_dict()
        if not first:
            assert difference(imported.network, probabilities(version, built)) < 1e-5
            first = state
        assert state.keys() == first.keys()
        for key, value in state.items():
            assert torch.allclose(value, first[key], rtol=1e-6, atol=0), (name, key)


@pytest.mark.parametrize("version", ["keras-2.15.0", NEWEST])
@pytest.mark.parametrize("built", ["cnn", "cnn_nested", "xception_operators"])
@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
def test_other_ways_of_building_the_network(
    version: str, built: str, name: str, keras_file: KerasFile, probabilities: Probabilities
) -> None:
    imported = read(keras_file(version, built, name))
    assert difference(imported.network, probabilities(version, built)) < 1e-5
    assert imported.says_values is (built in INSIDE)


def test_hdf5_is_told_by_what_is_in_it_not_by_its_name(keras_file: KerasFile) -> None:
    path = keras_file("keras-2.15.0", "xception", "model.h5")
    for name in ("a.hdf5", "a.keras", "weights-improvement-12-0.93"):
        path = path.rename(path.with_name(name))
        assert read_keras(path)[0] == "xception"


def test_a_keras_file_that_was_unpacked(keras_file: KerasFile, tmp_path: Path) -> None:
    path = keras_file(NEWEST, "xception", "model.keras")
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path / "unpacked")
    assert read_keras(tmp_path / "unpacked")[0] == "xception"


@pytest.mark.parametrize("values", VALUES)
def test_values_that_the_network_was_given(values: str, keras_file: KerasFile) -> None:
    path = keras_file(NEWEST, "xception", "model.weights.h5")
    given = {"0..1": pixels(), "-1..1": 2 * pixels() - 1, "0..255": 255 * pixels()}[values]
    usual, other = read(path).network, read(path, values).network
    assert isinstance(usual, Xception)
    with torch.inference_mode():
        assert torch.allclose(other(pixels()), usual(given), rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("built", ["cnn", "xception_nested"])
def test_a_network_that_was_given_bgr_takes_rgb(built: str, keras_file: KerasFile) -> None:
    path = keras_file(NEWEST, built, "model.keras")
    usual, turned = read(path).network, read(path, bgr=True).network
    with torch.inference_mode():
        bgr = usual(pixels().flip(1))
        assert torch.allclose(turned(pixels()), bgr, rtol=1e-4, atol=1e-4)
        assert not torch.allclose(turned(pixels()), usual(pixels()), atol=1e-2)


def test_scaling_and_values_are_both_done(keras_file: KerasFile) -> None:
    """Who divided by 255 and has a Rescaling as well gave the network what both make."""
    path = keras_file(NEWEST, "cnn_prepared", "model.keras")
    assert isinstance(plain(read(path).network), CNN)
    network = read(path, "0..1").network
    assert isinstance(network, Scaled)
    assert network.scale.item() == pytest.approx(1 / 255 / 127.5)
    assert network.offset.item() == -1


def test_mixed_precision_is_said(keras_file: KerasFile) -> None:
    def mixed(file: h5py.File) -> None:
        policy = '"dtype": {"class_name": "Policy", "config": {"name": "mixed_float16"}}'
        file.attrs["model_config"] = file.attrs["model_config"].replace(
            '"dtype": "float32"', policy
        )

    assert read(keras_file("keras-2.15.0", "xception", "model.h5", mixed)).is_mixed
    assert not read(keras_file("keras-2.15.0", "xception", "model.h5")).is_mixed


def test_unknown_values(tmp_path: Path) -> None:
    with pytest.raises(KerasImportError, match=r"use 0\.\.1, -1\.\.1, 0\.\.255"):
        read(tmp_path / "a.keras", "0..2")
