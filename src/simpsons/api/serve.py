"""`serve`: the page and the HTTP API."""

import os
from collections.abc import Callable, Collection

from simpsons.detector import FACES
from simpsons.service import server
from simpsons.service.app import BOTH


def serve(
    model: str | os.PathLike[str] = BOTH,
    *,
    faces: str | os.PathLike[str] = FACES,
    host: str = "127.0.0.1",
    port: int = 8000,
    root_path: str = "",
    allow_host: Collection[str] = (),
    started: Callable[[str], None] = print,
) -> None:
    """Serve a page to drop pictures on, and an HTTP API, until SIGINT or SIGTERM.

    Args:
        model: cnn, xception, both, cnn-int8, dolls, an ONNX file, or a run folder.
        faces: what finds faces: faces, an ONNX file, or a run folder.
        host: the address to listen on; 0.0.0.0 lets other machines in, with no password.
        port: 0 for any free one.
        root_path: the path under which a proxy serves the page.
        allow_host: host names by which a proxy on this machine reaches the service.
        started: called with the page's address when it can be opened.

    Raises:
        SimpsonsError: for a network or address that can't be used; says why.
    """
    classifiers = server.load(os.fspath(model))
    detector = server.load_detector(classifiers, os.fspath(faces))
    server.serve(classifiers, detector, host, port, root_path, allow_host, started)
