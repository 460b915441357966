"""A folder that a picture is written to for each that is given."""

import hashlib
import os
import re
from pathlib import Path
from typing import Any

from PIL import Image

from simpsons.errors import SimpsonsError
from simpsons.files import whole

_STDIN = "-"  # the path of a picture on standard input


class PictureFolder:
    """The folder of an option of a command. contents: what is written there, for errors.

    A missing folder is made. Raises SimpsonsError if that fails.
    """

    def __init__(self, folder: Path, option: str, contents: str) -> None:
        self._folder, self._option, self._contents = folder, option, contents
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._unwritable(error) from None

    def write(self, image: Image.Image, path: str | None, suffix: str, **settings: Any) -> str:
        """Write a picture made from the one at `path`, whole or not at all; returns its path.

        No two paths share a file. settings: of the format. Raises SimpsonsError if it fails.
        """
        target = self._folder / f"{_name(path or _STDIN)}{suffix}"
        try:
            with whole(target) as temporary:
                image.save(temporary, **settings)
        except OSError as error:
            raise self._unwritable(error) from None
        return str(target)

    def _unwritable(self, error: OSError) -> SimpsonsError:
        return SimpsonsError(
            f"{self._folder}: {self._contents} can't be written there "
            f"({error.strerror or error}); give {self._option} another folder"
        )


def _name(path: str) -> str:
    """Names of folder and picture, and a digest of the path, so that no two pictures share one."""
    path = "standard input" if path == _STDIN else path
    digest = hashlib.sha256(os.fsencode(os.path.realpath(path))).hexdigest()[:10]
    names = (Path(path).parent.name, Path(path).stem)
    words = [re.sub(r"[^\w-]+", "_", name, flags=re.ASCII)[:80] for name in names if name]
    return "-".join([*words, digest])
