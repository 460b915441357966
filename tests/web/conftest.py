"""The runtime of pages and of Node, fetched once for all processes of a test run."""

import os
import shutil
from pathlib import Path

import pytest
from filelock import FileLock

from simpsons.errors import SimpsonsError
from simpsons.web import runtime


@pytest.fixture(scope="session")
def runtime_folder(tmp_path_factory) -> Path:
    """A folder with the three files of onnxruntime-web.

    It is made of the package that `SIMPSONS_ONNXRUNTIME_WEB` names, or of npm's.
    """
    given = os.environ.get("SIMPSONS_ONNXRUNTIME_WEB")
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder = shared / "onnxruntime-web"
    with FileLock(f"{folder}.lock"), pytest.MonkeyPatch.context() as patch:
        if not folder.exists():
            patch.setattr(runtime, "_WAIT", 10)
            folder.mkdir()
            try:
                contents = runtime.read(given)
            except SimpsonsError as error:
                (folder / "missing").write_text(str(error))
            else:
                for name, content in zip(runtime._NAMES, contents, strict=True):
                    (folder / name).write_bytes(content)
    if (folder / "missing").exists():
        pytest.skip((folder / "missing").read_text())
    return folder


@pytest.fixture(scope="session")
def node() -> str:
    """The path of Node.js."""
    path = shutil.which("node")
    if path is None:
        pytest.skip("Node.js is not installed")
    return path
