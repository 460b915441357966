"""`simpsons serve`."""

import webbrowser
from collections.abc import Callable

import click

host = click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on; 0.0.0.0 lets other machines in, with no password.",
)
port = click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    help="0 for any free one.",
)
allow_host = click.option(
    "--allow-host",
    "names",
    multiple=True,
    metavar="NAME",
    help="A host name by which a proxy on this machine reaches the service; may be given several "
    "times.",
)
open_page = click.option("--open", "is_opened", is_flag=True, help="Open the page in a browser.")


def announced(host: str, is_opened: bool) -> Callable[[str], None]:
    """What says where a service is when it can be asked, and opens its page."""
    from simpsons.service.server import is_local

    def started(url: str) -> None:
        click.echo(f"{url}  (Ctrl+C stops)")
        if not is_local(host):
            click.echo(
                f"{host}: other machines can ask this service too, with no password; leave --host "
                "out to keep it to this one",
                err=True,
            )
        if is_opened:
            webbrowser.open(url)

    return started


@click.command()
@click.option(
    "--model",
    default="both",
    show_default=True,
    metavar="MODEL",
    help="cnn, xception, both, cnn-int8, dolls, an ONNX file, or a run folder.",
)
@click.option(
    "--faces",
    default="faces",
    show_default=True,
    metavar="MODEL",
    help="What finds faces: faces, an ONNX file, or a run folder.",
)
@host
@port
@click.option(
    "--root-path",
    default="",
    metavar="PATH",
    help="The path under which a proxy serves the page, such as /simpsons; it may strip it or not.",
)
@allow_host
@open_page
def serve(
    model: str,
    faces: str,
    host: str,
    port: int,
    root_path: str,
    names: tuple[str, ...],
    is_opened: bool,
) -> None:
    """Serve a page to drop pictures on, and an HTTP API, until Ctrl+C.

    \b
    simpsons serve --open
    simpsons serve --model my_cartoon.onnx --port 0
    simpsons serve --root-path /simpsons --allow-host example.org
    curl -F pictures=@picture.jpg "http://127.0.0.1:8000/detect?model=both"

    Pictures stay in this machine's memory. /openapi.json describes the API.
    """
    from simpsons.api.serve import serve as run

    run(
        model,
        faces=faces,
        host=host,
        port=port,
        root_path=root_path,
        allow_host=names,
        started=announced(host, is_opened),
    )
