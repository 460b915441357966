"""The environments that peers run in, each pinned by a file."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from simpsons.dataset.cache import cache_folder

REQUIREMENTS = {"cpu": "requirements-notebook.txt", "cuda": "requirements-notebook-gpu.txt"}


FACES = "requirements-faces.txt"

S3 = "requirements-s3.txt"

ENGINES = "requirements-engines.txt"


def notebook_python(device: str) -> str:
    """The interpreter of the notebook's environment, for `cpu` or `cuda`."""
    return _python("notebook", REQUIREMENTS[device])


def faces_python() -> str:
    """The interpreter of the environment that another face detector runs in."""
    return _python("faces", FACES)


def s3_server() -> str:
    """The program of an S3 server, SeaweedFS."""
    python = Path(_python("s3", S3))
    return str(python.with_name("weed.exe" if os.name == "nt" else "weed"))


def engines_python() -> str:
    """The interpreter of the environment with Ray, Daft and Spark."""
    return _python("engines", ENGINES)


def _python(name: str, pinned: str) -> str:
    """The environment is made in the cache folder on first use."""
    requirements = Path(__file__).with_name(pinned)
    pins = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()[:8]
    folder = cache_folder() / "benchmarks" / f"{name}-{pins}"
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    complete = folder / "complete"
    if not complete.exists():
        print(f"making the environment {name} in {folder}", flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "-r", str(requirements)]
        subprocess.run(install, check=True)
        complete.touch()
    return str(python)
