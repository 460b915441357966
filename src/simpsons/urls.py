"""URLs where a path belongs: told from paths, and what to do instead. Nothing is fetched."""

import os
import re
import shlex
from typing import Literal
from urllib.parse import unquote, urlsplit

What = Literal["picture", "film", "folder", "file", "output"]
"""What the path is of."""

_URL = re.compile(r"[a-z][a-z0-9+.-]+:/|data:|file:|blob:", re.IGNORECASE)
_ONE_SLASH = re.compile(r"([a-z][a-z0-9+.-]+):/(?!/)", re.IGNORECASE)
_WITHOUT_HOST = frozenset({"blob", "data", "file"})
_SHOWN = 200  # characters; a data URL holds a whole picture
_BY_CURL = frozenset({"ftp", "ftps", "http", "https", "sftp"})
_PIPED = {"s3": "aws s3 cp {} -", "gs": "gcloud storage cat {}"}
_COPIED = {"s3": "aws s3 cp {} {}", "gs": "gcloud storage cp {} {}"}
_COPIED_WHOLE = {
    "s3": "aws s3 cp --recursive {} pictures",
    "gs": "gcloud storage cp --recursive {} pictures",
}
_NAMES = {"picture": "picture.jpg", "film": "film.mp4", "file": "FILE"}


def refusal(
    path: str | os.PathLike[str], what: What = "picture", command: str = "predict"
) -> str | None:
    """Why a URL can't be read or written, and what to do; None for a path.

    The message names the URL as it was given, also one of which `pathlib` has made one slash of
    two. command: of `simpsons`, that reads a picture on standard input. What exists under such a
    name is no URL.
    """
    text = os.fsdecode(path)
    if not _URL.match(text) or os.path.lexists(path):
        return None
    scheme = text.partition(":")[0].lower()
    url = text if scheme in _WITHOUT_HOST else _ONE_SLASH.sub(r"\1://", text, count=1)
    is_url = f"{url if len(url) <= _SHOWN else url[:_SHOWN] + '...'}: is a URL"
    if what == "output":
        return f"{is_url}, and files are written on this machine alone; give a path"
    if scheme == "file":
        return f"{is_url}; give its path: {_path(url)}"
    if scheme == "data":
        return f"{is_url}, and nothing is read from one; {_from_data(url, what, command)}"
    return f"{is_url}, and nothing is fetched; {_fetched(url, scheme, what, command)}"


def _path(url: str) -> str:
    """The path that a file URL is of."""
    parts = urlsplit(url)
    path = unquote(parts.path)
    if parts.netloc not in ("", "localhost"):
        path = rf"\\{parts.netloc}{path}" if os.name == "nt" else f"/{parts.netloc}{path}"
    return path[1:] if re.match("/[a-z]:", path, re.IGNORECASE) else path


def _from_data(url: str, what: What, command: str) -> str:
    if what in ("picture", "film") and url.partition(",")[0].endswith(";base64"):
        into = f"| simpsons {command} -" if what == "picture" else f"> {_NAMES[what]}"
        return f"send what follows its comma through `base64 -d {into}`"
    return "write what it holds into a file, and give that"


def _fetched(url: str, scheme: str, what: What, command: str) -> str:
    is_pattern = scheme in _PIPED and "*" in url
    if what == "folder" or is_pattern or (scheme in _PIPED and url.endswith("/")):
        if scheme not in _COPIED_WHOLE:
            return "download what is there, and give the folder"
        above = url.partition("*")[0].rpartition("/")[0] + "/" if is_pattern else url
        copied = _COPIED_WHOLE[scheme].format(shlex.quote(above))
        return f"download what is there, `{copied}`, and give the folder"
    quoted, name = shlex.quote(url), _NAMES[what]
    if scheme in _BY_CURL:
        piped, copied = f"curl -sL {quoted}", f"curl -Lo {name} {quoted}"
    elif scheme in _PIPED:
        piped, copied = _PIPED[scheme].format(quoted), _COPIED[scheme].format(quoted, name)
    else:
        return "download it, and give the file"
    if what == "picture":
        return f"`{piped} | simpsons {command} -`, or download it and give the file"
    return f"download it, `{copied}`, and give the file"
