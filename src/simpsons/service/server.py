"""The service on this machine: a socket, and uvicorn on it until it is told to stop."""

import ipaddress
import logging
import socket
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from simpsons import processors
from simpsons.classifier import SHIPPED, Classifier, model_path
from simpsons.detector import FACES, Detector
from simpsons.errors import SimpsonsError
from simpsons.service.app import BOTH, create_app, rooted
from simpsons.service.connections import Connection
from simpsons.service.examples import NETWORK
from simpsons.service.inference import THREADS

NETWORKS = ("xception", "cnn")
"""The shipped networks that `both` names."""

NAMES = "cnn"
"""The one of them that names faces when a request names none."""

LOOPBACK = ("127.0.0.1", "::1", "localhost")
"""Names by which this machine calls itself."""

GRACE = 3
"""Seconds that requests under way have when the service is told to stop."""


def load(model: str) -> dict[str, Classifier]:
    """The networks that `--model` names, `both` for `NETWORKS`. Raises ModelError."""
    if model == BOTH:
        return {name: Classifier(name, THREADS) for name in NETWORKS}
    classifier = Classifier(model, THREADS)
    if model in SHIPPED:
        return {model: classifier}
    path = Path(model)
    return {path.resolve().name if path.is_dir() else model_path(path).stem: classifier}


def load_detector(classifiers: Mapping[str, Classifier], faces: str = FACES) -> Detector:
    """What finds faces for these networks; `NAMES`, or else the first, names them.

    faces: as `Detector` takes it. Raises ModelError.
    """
    names = classifiers.get(NAMES) or next(iter(classifiers.values()))
    return Detector(faces, names, THREADS)


def serve(
    classifiers: Mapping[str, Classifier],
    detector: Detector,
    host: str = "127.0.0.1",
    port: int = 8000,
    root_path: str = "",
    names: Collection[str] = (),
    started: Callable[[str], None] = print,
) -> None:
    """Serve until SIGINT or SIGTERM; then requests under way have `GRACE` seconds.

    port: 0 for any free one. root_path: as `create_app` takes it. names: others by which requests
    may call this machine, as a proxy on it does. started: called with the page's URL when it can be
    opened.

    Raises SimpsonsError for an address that can't be had.
    """
    processes = processors.count()
    dolls = None if NETWORK in classifiers else Classifier(NETWORK, THREADS)

    def app(hosts: Collection[str] | None) -> FastAPI:
        return create_app(
            classifiers,
            detector,
            hosts=hosts,
            root_path=root_path,
            processes=processes,
            dolls=dolls,
        )

    run(app, host, port, root_path, names, started)


def run(
    make_app: Callable[[Collection[str] | None], FastAPI],
    host: str,
    port: int,
    root_path: str = "",
    names: Collection[str] = (),
    started: Callable[[str], None] = print,
) -> None:
    """Run an application as `serve` does.

    make_app: makes it for the names by which requests may call this machine, None for any.
    """
    with listen(host, port) as listener:
        name, number = listener.getsockname()[:2]
        is_open = not ipaddress.ip_address(name).is_loopback
        hosts = None if is_open else {*LOOPBACK, name, host.lower(), *map(str.lower, names)}
        config = uvicorn.Config(
            make_app(hosts),
            http=Connection,
            proxy_headers=False,  # the guard must know who sends a request
            log_level=logging.WARNING,
            ws="none",
            server_header=False,
            timeout_graceful_shutdown=GRACE,
        )
        shown = f"[{name}]" if ":" in name else name
        url = f"http://{shown}:{number}{rooted(root_path)}/"
        server = _Server(config, lambda: started(url))
        try:
            server.run(sockets=[listener])
        except KeyboardInterrupt:  # uvicorn raises it again when all is done
            return


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there. Raises SimpsonsError if that can't be."""
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family, backlog=2048)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SimpsonsError(
            f"{host} port {port}: {reason}; choose another address of this machine with --host, or "
            "another port with --port, 0 for any free one"
        ) from None


def is_local(host: str) -> bool:
    """Whether only this machine reaches a service there. Raises SimpsonsError as `listen` does."""
    with listen(host, 0) as listener:
        return ipaddress.ip_address(listener.getsockname()[0]).is_loopback


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._started = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._started()
