"""The page, its files and its example pictures, at paths that are known beforehand.

Nothing is looked up by a path from outside, so no path leads anywhere else.
"""

from collections.abc import Callable, Mapping
from importlib import resources

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from simpsons.service import examples

_FILES = {
    "/": ("index.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
    "/card.js": ("card.js", "text/javascript"),
    "/faces.js": ("faces.js", "text/javascript"),
    "/camera.js": ("camera.js", "text/javascript"),
    "/filter.js": ("filter.js", "text/javascript"),
    "/save.js": ("save.js", "text/javascript"),
    "/zip.js": ("zip.js", "text/javascript"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}


def routes() -> list[Route]:
    """A route for each file of the page and for each example picture."""
    files = file_routes("simpsons.service", _FILES)
    pictures = [
        Route(f"/examples/{number}.jpg", _example(number), include_in_schema=False)
        for number in range(examples.COUNT)
    ]
    return [*files, *pictures]


def file_routes(package: str, files: Mapping[str, tuple[str, str]]) -> list[Route]:
    """A route for each file in a package's folder `page`: its name and media type by path."""
    folder = resources.files(package) / "page"
    return [
        Route(path, _file((folder / name).read_bytes(), media_type), include_in_schema=False)
        for path, (name, media_type) in files.items()
    ]


def _file(content: bytes, media_type: str) -> Callable[[Request], Response]:
    return lambda _: Response(content, media_type=media_type)


def _example(number: int) -> Callable[[Request], Response]:
    return lambda _: Response(examples.picture(number), media_type="image/jpeg")
