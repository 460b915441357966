"""The data set from Kaggle, and where it is found on this machine."""

import os
import sys
from contextlib import redirect_stdout
from pathlib import Path

from simpsons.dataset.cache import cache_folder
from simpsons.dataset.folders import DataError
from simpsons.files import write_text

HANDLE = "alexattia/the-simpsons-characters-dataset"
PAGE = f"https://www.kaggle.com/datasets/{HANDLE}"
LICENCE = "CC BY-NC-SA 4.0, Alexandre Attia, The Simpsons Characters Data"

_ELSEWHERE = "elsewhere.txt"  # the folder where the client has put it, if not into our cache


def download() -> Path:
    """Fetch the data set with Kaggle's own client; return its folder.

    That is in the cache, or where the client mounts it, as on Kaggle and Colab: then it is
    remembered. Shows progress on standard error, goes on with a download that was cut off, and
    returns at once when the data is there. Raises DataError that says how to fetch it by hand when
    Kaggle can't be reached.
    """
    home = cache_folder() / "kaggle"
    home.mkdir(parents=True, exist_ok=True)
    os.environ["KAGGLEHUB_CACHE"] = str(home)  # read by the client at import
    try:
        with redirect_stdout(sys.stderr):
            import kagglehub

            folder = Path(kagglehub.dataset_download(HANDLE))
    except Exception as error:  # the client's errors share no base class
        reason = type(error).__name__
        raise DataError(
            f"can't download {HANDLE} from Kaggle ({reason}). By hand: open {PAGE}, press "
            f"Download (1.2 GB), unpack the zip anywhere, and give that folder to the commands, "
            "or set SIMPSONS_DATA to it. Run this again to go on with a download that was cut off"
        ) from error
    if folder.resolve().is_relative_to(home.resolve()):
        (home / _ELSEWHERE).unlink(missing_ok=True)
    else:
        write_text(home / _ELSEWHERE, str(folder.resolve()))
    return folder


def installed() -> Path | None:
    """The data set on this machine: `SIMPSONS_DATA`, else what `download` fetched, else None."""
    if named := os.environ.get("SIMPSONS_DATA"):
        return Path(named)
    elsewhere = cache_folder() / "kaggle" / _ELSEWHERE
    if elsewhere.is_file() and (folder := Path(elsewhere.read_text(encoding="utf-8"))).is_dir():
        return folder
    home = cache_folder() / "kaggle" / "datasets" / HANDLE
    unpacked = (home / "versions").glob("*")
    whole = [folder for folder in unpacked if (home / f"{folder.name}.complete").exists()]
    return max(whole, key=lambda folder: folder.stat().st_mtime, default=None)


def resolve(folder: str | os.PathLike[str] | None) -> Path:
    """The folder given, else the installed data set. Raises DataError if there is neither."""
    where = Path(folder) if folder is not None else installed()
    if where is None:
        raise DataError(
            "no data: give a folder of pictures, set SIMPSONS_DATA, or run `simpsons data download`"
        )
    return where
