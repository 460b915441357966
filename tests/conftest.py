"""What all tests share. Session fixtures are to be read, never written to."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from simpsons.characters import SLUGS
from simpsons.cli import main
from simpsons.dataset import cache
from simpsons.demo.drawings import write_drawings

REAL_DATA = os.environ.get("SIMPSONS_DATA") or Path(__file__).parents[2] / "shared/data/simpsons"
"""Where the real pictures are, if they are on this machine at all."""


@pytest.fixture(scope="session", autouse=True)
def environment(tmp_path_factory):
    """A cache of our own, and no data set but what a test names."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SIMPSONS_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.delenv("SIMPSONS_DATA", raising=False)
        yield


@pytest.fixture(scope="session")
def drawings(tmp_path_factory) -> Path:
    """18 class folders of 4 paper dolls each, up to 80 pixels a side."""
    folder = tmp_path_factory.mktemp("data") / "drawings"
    write_drawings(folder, per_character=4, size=80)
    return folder


@pytest.fixture(scope="session")
def many_drawings(tmp_path_factory) -> Path:
    """18 class folders of 12 paper dolls each: enough to split and to train on."""
    folder = tmp_path_factory.mktemp("data") / "many_drawings"
    write_drawings(folder, per_character=12, size=80)
    return folder


@pytest.fixture(scope="session")
def onnx_model(tmp_path_factory) -> Path:
    """An exported `xception` that has learnt nothing; it answers each picture differently."""
    import torch

    from simpsons import models
    from simpsons.export import export

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = models.build("xception")
    path = tmp_path_factory.mktemp("model") / "untrained.onnx"
    export(network, path, SLUGS, {"network": "xception"}, temperature=0.05)
    return path


@pytest.fixture(scope="session")
def cli() -> Callable[..., Result]:
    """Run `simpsons` with these arguments; an exception that a user would see as a traceback
    fails the test."""

    def run(*arguments: object, stdin: str | bytes | None = None) -> Result:
        words = [str(argument) for argument in arguments]
        return CliRunner().invoke(main, words, input=stdin, catch_exceptions=False)

    return run


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of the real pictures; a test that asks for it is skipped where it is missing."""
    folder = Path(REAL_DATA)
    if not folder.is_dir():
        pytest.skip(f"no real pictures in {folder}; set SIMPSONS_DATA to their folder")
    return folder


@pytest.fixture(scope="session")
def real_cache(tmp_path_factory) -> Path:
    """Where the real pictures are decoded to, once for all processes of this test run."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    return folder / "real_cache"


@pytest.fixture(scope="session")
def real_dataset(real_data, real_cache) -> cache.Dataset:
    """The real pictures, decoded."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SIMPSONS_CACHE", str(real_cache))
        return cache.load(real_data)
