"""The environment that the notebook's pipeline runs in, pinned by a file."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from simpsons.dataset.cache import cache_folder

REQUIREMENTS = Path(__file__).with_name("requirements-notebook.txt")


def notebook_python() -> str:
    """Its interpreter. The environment is made in the cache folder on first use."""
    pins = hashlib.sha256(REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()[:8]
    folder = cache_folder() / "benchmarks" / f"notebook-{pins}"
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    complete = folder / "complete"
    if not complete.exists():
        print(f"making the notebook's environment in {folder}", flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "-r", str(REQUIREMENTS)]
        subprocess.run(install, check=True)
        complete.touch()
    return str(python)
