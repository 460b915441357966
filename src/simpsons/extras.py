"""Packages that a plain installation leaves out, and how to get them."""

TRAIN_PACKAGES = frozenset(
    {
        "cleanlab",
        "filelock",
        "h5py",
        "jinja2",
        "kagglehub",
        "matplotlib",
        "onnx",
        "onnxscript",
        "platformdirs",
        "pycocotools",
        "safetensors",
        "scipy",
        "sklearn",
        "threadpoolctl",
        "torch",
        "usearch",
        "yaml",
    }
)

APP_PACKAGES = frozenset({"fastapi", "pydantic", "python_multipart", "starlette", "uvicorn"})

BULK_PACKAGES = frozenset({"aiohttp", "dask", "distributed", "fsspec", "pyarrow"})

VIDEO_PACKAGES = frozenset({"av", "cv2", "scenedetect"})

EXTRAS = {
    **dict.fromkeys(TRAIN_PACKAGES, "train"),
    **dict.fromkeys(APP_PACKAGES, "app"),
    **dict.fromkeys(BULK_PACKAGES, "bulk"),
    **dict.fromkeys(VIDEO_PACKAGES, "video"),
}
"""The extra that has a package which a command may lack."""


def remedy(who: str, error: ModuleNotFoundError) -> str | None:
    """What who lacks, and the command that installs it; None if the package is of no extra.

    The project is installed from its folder: on a package index its name may be another project's.
    """
    extra = EXTRAS.get((error.name or "").partition(".")[0])
    if extra is None:
        return None
    return (
        f"{who} needs {error.name}: run pip install '.[{extra}]' in the project's folder, the one "
        "with its pyproject.toml"
    )
