"""The page on this machine, until it is told to stop."""

from collections.abc import Callable, Collection

from simpsons.labelling.app import create_app
from simpsons.project import Project
from simpsons.service.server import run


def serve(
    project: Project,
    host: str = "127.0.0.1",
    port: int = 8000,
    names: Collection[str] = (),
    started: Callable[[str], None] = print,
) -> None:
    """Serve the page that names a project's faces until SIGINT or SIGTERM.

    host, port, names, started: as `simpsons.service.server.serve` takes them. Raises SimpsonsError
    for an address that can't be had.
    """
    run(lambda hosts: create_app(project, hosts), host, port, names=names, started=started)
