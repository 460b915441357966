"""`create_app`: the page that names the faces of a project, as an ASGI application."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from itertools import groupby
from typing import Annotated, Any

from fastapi import FastAPI, Query
from pydantic import BaseModel, Field
from starlette.responses import FileResponse

from simpsons import __version__
from simpsons.characters import CHARACTERS, display_name
from simpsons.labelling.desk import Desk
from simpsons.project import LATER, NO_FACE, NOBODY, Answer, Project, ProjectError
from simpsons.service.failures import handle_errors
from simpsons.service.guard import Guard
from simpsons.service.limits import MEGABYTE, Limits
from simpsons.service.pages import file_routes
from simpsons.service.refusal import Refusal

LIMITS = Limits(request_bytes=2 * MEGABYTE)
"""An answer may name 100,000 faces."""

KEPT = {"Cache-Control": "private, max-age=31536000, immutable"}
"""Sent with pictures: they never change, and their addresses are of one project."""

_FILES = {
    "/": ("index.html", "text/html"),
    "/label.css": ("label.css", "text/css"),
    "/label.js": ("label.js", "text/javascript"),
    "/keys.js": ("keys.js", "text/javascript"),
    "/service.js": ("service.js", "text/javascript"),
    "/stage.js": ("stage.js", "text/javascript"),
    "/wall.js": ("wall.js", "text/javascript"),
}
_SHARED = {"/page.css": ("page.css", "text/css"), "/icon.svg": ("icon.svg", "image/svg+xml")}

_SAID = {NOBODY: "nobody", NO_FACE: "no face", LATER: "later"}

_Text = Annotated[str, Query(min_length=1, max_length=200)]


class _Asked(BaseModel):
    """project: the token of the page's project. client: who asks."""

    project: str = Field(max_length=64)
    client: str = Field(min_length=1, max_length=64)


class _Given(_Asked):
    """An answer. faces, struck: rows. seen: the last answer that the page knew."""

    label: str = Field(min_length=1, max_length=200)
    faces: list[int]
    struck: list[int] = []
    seen: int = Field(ge=0)


def create_app(project: Project, hosts: Collection[str] | None = None) -> FastAPI:
    """The page for a project. hosts: the names by which requests may call it, None for any.

    The page tells faces by their rows. An answer is on the disk before it is confirmed.
    """
    app = FastAPI(
        title="simpsons label",
        version=__version__,
        openapi_url=None,
        redirect_slashes=False,
    )
    desk = Desk(project)
    app.router.routes.extend(file_routes("simpsons.labelling", _FILES))
    app.router.routes.extend(file_routes("simpsons.service", _SHARED))
    app.add_middleware(Guard, limits=LIMITS, hosts=hosts)
    handle_errors(app, "reload the page")
    _add_questions(app, desk)
    _add_answers(app, desk)
    _add_pictures(app, desk)
    return app


def _add_questions(app: FastAPI, desk: Desk) -> None:
    """What the page shows."""
    session = desk.session

    @app.get("/project")
    def project() -> dict[str, Any]:
        faces = session.project.faces
        return {
            "project": desk.token,
            "name": session.project.root.resolve().name,
            "films": [[film, len(list(run))] for film, run in groupby(face.film for face in faces)],
            "times": [round(face.time) for face in faces],
            "known": [{"label": one.slug, "name": one.name} for one in CHARACTERS],
            "special": {"nobody": NOBODY, "noFace": NO_FACE, "later": LATER},
        }

    @app.get("/state")
    def state() -> dict[str, Any]:
        with desk.lock:
            return _state(desk)

    @app.get("/changes")
    def changes(since: Annotated[int, Query(ge=0)]) -> dict[str, Any]:
        with desk.lock:
            return {"changed": desk.rows(sorted(session.changed_since(since)))}

    @app.get("/clusters")
    def clusters(later: bool = False) -> dict[str, Any]:
        with desk.lock:
            found = [
                {
                    "number": cluster.number,
                    "rows": desk.rows(cluster.faces),
                    "suggestion": cluster.suggestion and _named(cluster.suggestion),
                }
                for cluster in session.clusters(later)
            ]
            return {"clusters": found, "state": _state(desk)}

    @app.get("/faces")
    def faces(label: _Text) -> dict[str, Any]:
        with desk.lock, _refusing():
            return {
                "label": _named(session.label_for(label)),
                "rows": desk.rows(session.page(label)),
                "stop": session.stop_reason(label),
                "state": _state(desk),
            }

    @app.get("/doubts")
    def doubts() -> dict[str, Any]:
        with desk.lock:
            pairs: dict[tuple[str, str], list[str]] = {}
            for doubt in session.doubtful():
                pairs.setdefault((doubt.given, doubt.suggested), []).append(doubt.face)
            found = [
                {"given": _named(given), "suggested": _named(said), "rows": desk.rows(faces)}
                for (given, said), faces in pairs.items()
            ]
            return {"doubts": found, "state": _state(desk)}


def _add_answers(app: FastAPI, desk: Desk) -> None:
    """What a person says."""

    @app.post("/answers")
    def answer(given: _Given) -> dict[str, Any]:
        with desk.lock, _refusing():
            _check(desk, given)
            faces, struck = desk.faces(given.faces), desk.faces(given.struck)
            taken = desk.answer(given.client, given.label, faces, struck, given.seen)
            return {
                "label": _named(desk.session.label_for(given.label)),
                "number": taken.number,
                "left_out": desk.rows(taken.left_out),
                "state": _state(desk),
            }

    @app.post("/undo")
    def undo(asked: _Asked) -> dict[str, Any]:
        with desk.lock, _refusing():
            _check(desk, asked)
            return _told(desk, desk.undo(asked.client))

    @app.post("/redo")
    def redo(asked: _Asked) -> dict[str, Any]:
        with desk.lock, _refusing():
            _check(desk, asked)
            return _told(desk, desk.redo(asked.client))


def _add_pictures(app: FastAPI, desk: Desk) -> None:
    """Crops, and the frames that they are cut from."""
    project = desk.session.project
    root = project.root.resolve()

    def picture(token: str, row: int, kind: str) -> FileResponse:
        if token != desk.token or not 0 <= row < len(project.faces):
            raise Refusal(404, "no such face", "reload the page")
        face = project.faces[row]
        path = (root / (face.crop if kind == "crops" else face.frame)).resolve()
        if not path.is_relative_to(root) or not path.is_file():
            raise Refusal(404, "its picture is missing", "take it from a copy of the project")
        return FileResponse(path, media_type="image/jpeg", headers=KEPT)

    @app.get("/crops/{token}/{row}.jpg")
    def crop(token: str, row: int) -> FileResponse:
        return picture(token, row, "crops")

    @app.get("/frames/{token}/{row}.jpg")
    def frame(token: str, row: int) -> FileResponse:
        return picture(token, row, "frames")

    @app.get("/boxes/{row}")
    def box(row: int) -> dict[str, Any]:
        if not 0 <= row < len(project.faces):
            raise Refusal(404, "no such face", "reload the page")
        face = project.faces[row]
        return {"box": face.box, "film": face.film, "time": face.time}


def _check(desk: Desk, asked: _Asked) -> None:
    if asked.project != desk.token:
        raise Refusal(409, "another project is served here now", "reload the page")


def _state(desk: Desk) -> dict[str, Any]:
    """What is always in sight; the characters in the order of their keys."""
    status = desk.session.status()
    return {
        "answers": status.answers,
        "faces": status.faces,
        "left": status.left,
        "special": {NOBODY: status.nobody, NO_FACE: status.no_face, LATER: status.later},
        "characters": [
            {**_named(label), "count": count} for label, count in status.characters.items()
        ],
    }


def _named(label: str) -> dict[str, str]:
    return {"label": label, "name": _SAID.get(label) or display_name(label)}


def _told(desk: Desk, answer: Answer | None) -> dict[str, Any]:
    """What was undone or given again; None if there was nothing."""
    said = answer and {
        **_named(answer.label or ""),
        "rows": desk.rows(answer.faces),
        "struck": desk.rows(answer.struck),
    }
    return {"answer": said, "state": _state(desk)}


@contextmanager
def _refusing() -> Iterator[None]:
    """Answer with what is wrong: a mistake in the request, or a disk that takes no more."""
    try:
        yield
    except ProjectError as error:
        what, _, remedy = str(error).partition("; ")
        raise Refusal(422, what, remedy) from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise Refusal(
            507, f"the answer can't be written: {reason}", "make room on the disk, answer again"
        ) from None
