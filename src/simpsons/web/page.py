"""Write the page: its own files, the network, and the runtime, all beside one another.

Nothing is fetched by a script, so the page also works where it is opened as a file: browsers let
scripts read no files, but load scripts. So the network and the runtime's engine are scripts too,
with the bytes compressed and in base64.
"""

import base64
import gzip
import json
import os
import re
from importlib import resources
from pathlib import Path

from simpsons.classifier import SHIPPED
from simpsons.errors import SimpsonsError
from simpsons.files import has_other_content, require_writable, write_bytes
from simpsons.formats import facts
from simpsons.network import find
from simpsons.web import runtime

_OWN = ("resize.js", "margins.js", "pixels.js", "network.js", "page.js", "index.html")
_MADE = ("model.js", "runtime.js")  # whose constants begin with the same name each
_SHARED = ("page.css", "icon.svg")  # with the page of `simpsons serve`
_SCRIPT = "ort.wasm.min.js"
_SIGN = b'<script defer src="network.js">'  # which index.html of other pages lacks
_LICENCES = """\
This folder has:

- the page, part of simpsons, under the MIT licence;
- onnxruntime-web {version} ({script}, runtime.js), Copyright (c) Microsoft Corporation, under the
  MIT licence: https://github.com/microsoft/onnxruntime/blob/main/LICENSE
- the network {file} (model.js){data}
"""


def write(
    folder: str | os.PathLike[str],
    model: str | os.PathLike[str] = "xception",
    place: str | os.PathLike[str] | None = None,
) -> Path:
    """Write a page that says who is in pictures; return the path of its `index.html`.

    It needs no server, and asks for nothing outside its folder. model: `cnn`, `xception`,
    `cnn-int8`, the path of an ONNX file, or of a run folder. place: of the runtime, see
    `runtime.read`. A page there is replaced, other files stay.

    Raises ModelError for a file that is no classifier, SimpsonsError where there is no runtime and
    where the folder has another page or others of its files, and OSError where it can't be written
    to.
    """
    folder = Path(folder)
    path = find(model, SHIPPED)
    known = facts.read(path)
    if "labels" not in known:
        raise SimpsonsError(
            f"{path}: finds faces and names nobody; give {', '.join(SHIPPED)} or another "
            "classifier, which says who is in a picture"
        )
    if folder.exists() and not folder.is_dir():
        raise SimpsonsError(f"{folder}: is a file, not a folder; give another path")
    index = folder / "index.html"
    require_writable(index)
    parts = runtime.read(place)
    licences = _LICENCES.format(
        version=runtime.VERSION,
        script=_SCRIPT,
        file=path.name,
        data=f", learnt from data under {known['data_licence']}" if known["data_licence"] else "",
    )
    own = resources.files("simpsons.web") / "page"
    shared = resources.files("simpsons.service") / "page"
    files = {
        "model.js": _script(FACTS=known, MODEL=path.read_bytes()),
        "runtime.js": _script(LOADER=parts.loader, ENGINE=parts.engine),
        _SCRIPT: parts.script,
        "LICENCES.txt": licences.encode(),
        **{name: (shared / name).read_bytes() for name in _SHARED},
        **{name: (own / name).read_bytes() for name in _OWN},
    }
    _require_replaceable(folder, files)
    for name, content in files.items():  # index.html last: it is there when all is
        write_bytes(folder / name, content)
    return index


def _require_replaceable(folder: Path, files: dict[str, bytes]) -> None:
    """Raise SimpsonsError if the folder has no such page, and other files of these names."""
    if (folder / "index.html").is_file() and not has_other_content(folder / "index.html", _SIGN):
        return
    signs = {name: rb"\A" + re.escape(content) for name, content in files.items()}
    signs["index.html"] = _SIGN
    for name in _MADE:
        signs[name] = rb"\A" + re.escape(files[name].partition(b"=")[0])
    for name, sign in signs.items():
        if has_other_content(folder / name, sign):
            raise SimpsonsError(
                f"{folder / name}: already exists and is not of such a page; give another folder"
            )


def _script(**constants: object) -> bytes:
    """A script that defines constants: bytes compressed and in base64, others as JSON."""
    lines = [
        f"const {name} = {json.dumps(_packed(value) if isinstance(value, bytes) else value)};\n"
        for name, value in constants.items()
    ]
    return "".join(lines).encode()


def _packed(content: bytes) -> str:
    return base64.b64encode(gzip.compress(content, mtime=0)).decode()
