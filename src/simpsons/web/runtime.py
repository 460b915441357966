"""onnxruntime-web, which runs ONNX files in a browser: the files of its npm package for a page.

They are 14 MB, so they are no part of this package: they are fetched when a page is written, or
taken from where the user has them. Their checksums are those of the version that is tested.
"""

import base64
import hashlib
import io
import os
import tarfile
import urllib.request
from pathlib import Path
from typing import NamedTuple

from simpsons.errors import SimpsonsError

VERSION = "1.30.0"
"""The version of onnxruntime-web."""

URL = f"https://registry.npmjs.org/onnxruntime-web/-/onnxruntime-web-{VERSION}.tgz"
"""The package, 33 MB."""

_INTEGRITY = (  # sha512, as npm says it
    "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
)
_NAMES = ("ort.wasm.min.js", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
_SHA256 = {
    "ort.wasm.min.js": ("faece07e84faa9001f5104bbe4e5c70861d06cb2376a0dea1fa0ad33a67adc81"),
    "ort-wasm-simd-threaded.mjs": (
        "e13f7f94fc51b4ca72b12faeb1ee95f4ace6dfbc8939bc718aabdc0a27c4299b"
    ),
    "ort-wasm-simd-threaded.wasm": (
        "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2"
    ),
}
_WAIT = 60  # seconds without an answer
_LARGEST = 100_000_000  # bytes
_REMEDY = f"fetch {URL} and give the file or the unpacked folder with --runtime"


class Runtime(NamedTuple):
    """The contents of its three files: the API as a script, what loads the engine, the engine."""

    script: bytes
    loader: bytes
    engine: bytes


def read(place: str | os.PathLike[str] | None = None) -> Runtime:
    """The files of the runtime.

    place: the npm package as a `.tgz` file, or a folder with the files in it, in `dist` or in
    `node_modules/onnxruntime-web/dist`; None to fetch it. Raises SimpsonsError if there are none,
    or of another version.
    """
    if place is None:
        return _checked(_from_package(_fetched(), URL), URL)
    path = Path(place)
    if path.is_dir():
        return _checked(_from_folder(path), str(path))
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise SimpsonsError(f"{path}: no such file or folder; {_REMEDY}") from None
    return _checked(_from_package(content, str(path)), str(path))


def _fetched() -> bytes:
    try:
        with urllib.request.urlopen(URL, timeout=_WAIT) as answer:
            content: bytes = answer.read(_LARGEST)
    except (OSError, ValueError) as error:  # of a proxy that is no URL
        reason = getattr(error, "reason", error)
        raise SimpsonsError(f"{URL}: can't be fetched ({reason}); {_REMEDY}") from None
    if base64.b64encode(hashlib.sha512(content).digest()).decode() != _INTEGRITY:
        raise SimpsonsError(f"{URL}: is not what was published (its checksum differs); {_REMEDY}")
    return content


def _from_package(content: bytes, name: str) -> dict[str, bytes]:
    found = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as package:
            for file in _NAMES:
                member = package.extractfile(f"package/dist/{file}")
                assert member is not None
                found[file] = member.read(_LARGEST)
    except (tarfile.TarError, KeyError, EOFError, OSError, AssertionError):
        raise SimpsonsError(f"{name}: is no package of onnxruntime-web; {_REMEDY}") from None
    return found


def _from_folder(folder: Path) -> dict[str, bytes]:
    inside = ("", "dist", "package/dist", "node_modules/onnxruntime-web/dist")
    for place in (folder / part for part in inside):
        if all((place / name).is_file() for name in _NAMES):
            return {name: (place / name).read_bytes() for name in _NAMES}
    raise SimpsonsError(f"{folder}: has not the files of onnxruntime-web; {_REMEDY}")


def _checked(files: dict[str, bytes], name: str) -> Runtime:
    for file, content in files.items():
        if hashlib.sha256(content).hexdigest() != _SHA256[file]:
            raise SimpsonsError(
                f"{name}: its {file} is not that of onnxruntime-web {VERSION}; {_REMEDY}"
            )
    return Runtime(*(files[name] for name in _NAMES))
