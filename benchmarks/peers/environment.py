"""The environment that the notebook's pipeline runs in, pinned by a file."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from simpsons.dataset.cache import cache_folder

REQUIREMENTS = {"cpu": "requirements-notebook.txt", "cuda": "requirements-notebook-gpu.txt"}


def notebook_python(device: str) -> str:
    """Its interpreter, for `cpu` or `cuda`. It is made in the cache folder on first use."""
    requirements = Path(__file__).with_name(REQUIREMENTS[device])
    pins = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()[:8]
    folder = cache_folder() / "benchmarks" / f"notebook-{pins}"
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    complete = folder / "complete"
    if not complete.exists():
        print(f"making the notebook's environment in {folder}", flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "-r", str(requirements)]
        subprocess.run(install, check=True)
        complete.touch()
    return str(python)
