"""`label`: the page that names a project's faces."""

import os
from collections.abc import Callable, Collection

from simpsons.labelling.server import serve
from simpsons.progress import Track, silent
from simpsons.project.verdicts import opened_with


def label(
    project: str | os.PathLike[str],
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    allow_host: Collection[str] = (),
    model: str | os.PathLike[str] | None = None,
    started: Callable[[str], None] = print,
    track: Track = silent,
) -> None:
    """Serve a page on which the faces of a project are named, until SIGINT or SIGTERM.

    `simpsons.dataset.project_export.write` makes a data set of what is named, and
    `simpsons.labelling.session.Session` asks and takes answers without a page.

    Args:
        project: a folder that `collect` made.
        host: the address to listen on; 0.0.0.0 lets other machines in, with no password.
        port: 0 for any free one.
        allow_host: host names by which a proxy on this machine reaches the page.
        model: a network of your own, a run folder or an ONNX file: it reads all faces again, and
            the wall begins with those of which it is least sure. Remembered in the project.
        started: called with the page's address when it can be opened.
        track: shows progress of the reading, such as `simpsons.progress.bar`.

    Raises:
        SimpsonsError: for a project, network or address that can't be used; says why.
    """
    opened, _ = opened_with(project, model, track)
    serve(opened, host, port, allow_host, started)
