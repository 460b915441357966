"""`create_app`: the page and its API as an ASGI application."""

import re
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request

from simpsons import __version__
from simpsons.characters import display_name
from simpsons.classifier import Classifier
from simpsons.detector import Detector
from simpsons.errors import SimpsonsError
from simpsons.service import examples, pages, uploads
from simpsons.service.answers import Answer, Everyone, Health, Label, Network, Service
from simpsons.service.clients import unless_gone
from simpsons.service.failures import handle_errors
from simpsons.service.guard import Guard
from simpsons.service.inference import Inference
from simpsons.service.limits import Limits
from simpsons.service.places import Memory, Places
from simpsons.service.refusal import Refusal, documented

BOTH = "both"
"""What `model` says to ask every network."""

Explain = Annotated[bool, Query(description="Also say where it looked.")]
Crops = Annotated[bool, Query(description="Also send what the networks see of each face.")]
Faces = Annotated[
    bool, Query(description="Look at the faces of a picture that is unknown as a whole.")
]
Top = Annotated[int, Query(ge=1, le=1000, description="How many characters.")]


def create_app(
    classifiers: Mapping[str, Classifier],
    detector: Detector,
    limits: Limits | None = None,
    hosts: Collection[str] | None = None,
    root_path: str = "",
    processes: int = 0,
    dolls: Classifier | None = None,
) -> FastAPI:
    """The service for these networks, by name; /predict asks the first when a request names none.

    detector: finds the faces for /detect; when a request names no network, `detector.names` names
    them if it is one of `classifiers`, else the first does. hosts: the names by which requests may
    call this machine, None for any. root_path: where a proxy has the service, `/simpsons`; it may
    take that off the path of requests or leave it. processes: that decode pictures, and are ended
    when one takes too long; with 0 it is decoded in a thread, which can't be ended. dolls: knows
    the paper dolls on the page's example pictures; it can be asked as `dolls`, and `both` does not
    ask it. None if one of `classifiers` is called so.

    A server that runs this must say who sends a request, whatever its headers say of that: uvicorn
    with `proxy_headers=False`. Raises SimpsonsError for a root path that is none.
    """
    limits = limits or Limits()
    for_examples = {examples.NETWORK: dolls} if dolls else {}
    inference = Inference({**classifiers, **for_examples}, detector, processes)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        inference.close()

    app = FastAPI(
        title="simpsons",
        version=__version__,
        summary="Says which characters of The Simpsons a picture shows, and where.",
        docs_url=None,  # they load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    app.router.routes.extend(pages.routes())
    app.add_middleware(Guard, limits=limits, hosts=hosts, root_path=rooted(root_path))
    handle_errors(app)
    _add_networks(app, inference, list(classifiers), limits)
    _add_facts(app, inference, bool(dolls), limits)
    return app


def rooted(path: str) -> str:
    """A root path with a slash before it and none behind; empty for the root itself.

    Raises SimpsonsError for what is no path.
    """
    inside = path.strip("/")
    if re.search(r"[^\w/.~-]|//|(?:^|/)\.\.?(?:/|$)", inside, re.ASCII):
        raise SimpsonsError(f"{path}: is not a path to serve below; give one such as /simpsons")
    return f"/{inside}" if inside else ""


def _add_networks(app: FastAPI, inference: Inference, networks: list[str], limits: Limits) -> None:
    """`/predict` and `/detect`, which share what they take, what they refuse, and their places.

    networks: those that `both` names.
    """
    others = [name for name in inference.classifiers if name not in networks]
    choices = [*networks, *([BOTH] if len(networks) > 1 else []), *others]
    places, memory = Places(limits.requests), Memory(limits.waiting_bytes)
    described: dict[str, Any] = {
        "responses": documented(400, 403, 408, 413, 415, 422, 503),
        "openapi_extra": {"requestBody": _form(limits)},
    }
    which = Query(description="The network to ask.", json_schema_extra={"enum": choices})

    def asked(request: Request, model: str, *others: str) -> list[str]:
        """The networks of a request. Raises Refusal for a parameter that there is not."""
        unknown = sorted(set(request.query_params) - {"model", "top", *others})
        if unknown:
            remedy = f"use model, {', '.join(others)} or top"
            raise Refusal(422, f"no parameter {unknown[0]!r:.80}", remedy)
        if model not in choices:
            raise Refusal(422, f"model: no network {model!r:.80}", f"use {' or '.join(choices)}")
        return networks if model == BOTH else [model]

    @app.post("/predict", response_model=Answer, **described)
    async def predict(
        request: Request,
        model: Annotated[str, which] = networks[0],
        explain: Explain = False,
        faces: Faces = True,
        top: Top = 5,
    ) -> dict[str, Any]:
        """Say who is in pictures, as `simpsons predict` does.

        Where a picture is unknown as a whole, the answer is that of the surest face with a name. A
        picture that can't be read is reported in its place and the rest go on.
        """
        models = asked(request, model, "explain", "faces")
        with memory.body() as held:
            pictures = await uploads.read(request, limits, held)
            with places.one():
                work = inference.predict(pictures, models, top, explain, faces)
                return {"results": await unless_gone(request, work)}

    @app.post("/detect", response_model=Everyone, **described)
    async def detect(
        request: Request,
        model: Annotated[str, which] = inference.names,
        crops: Crops = False,
        top: Top = 5,
    ) -> dict[str, Any]:
        """Find every face in pictures and say whose it is.

        A picture that can't be read is reported in its place and the rest go on.
        """
        models = asked(request, model, "crops")
        with memory.body() as held:
            pictures = await uploads.read(request, limits, held)
            with places.one():
                work = inference.detect(pictures, models, top, crops)
                return {"results": await unless_gone(request, work)}


def _form(limits: Limits) -> dict[str, Any]:
    """The OpenAPI description of the body that `uploads.read` takes."""
    form = {
        "type": "object",
        "required": [uploads.FIELD],
        "additionalProperties": False,
        "properties": {
            uploads.FIELD: {
                "type": "array",
                "minItems": 1,
                "maxItems": limits.pictures,
                "items": {"type": "string", "format": "binary"},
            }
        },
    }
    return {"required": True, "content": {"multipart/form-data": {"schema": form}}}


def _add_facts(app: FastAPI, inference: Inference, has_dolls: bool, limits: Limits) -> None:
    service = Service(
        version=__version__,
        networks=[
            Network(
                name=name,
                labels=[Label(label=label, name=display_name(label)) for label in network.labels],
            )
            for name, network in inference.classifiers.items()
        ],
        names=inference.names,
        file_bytes=limits.file_bytes,
        request_bytes=limits.request_bytes,
        pictures=limits.pictures,
        examples=examples.names(),
        examples_by=examples.NETWORK if has_dolls else None,
    )

    @app.get("/service", responses=documented(400, 403))
    async def facts() -> Service:
        """Which networks there are, whom they know, and what the limits are."""
        return service

    @app.get("/health", responses=documented(400, 403))
    async def health() -> Health:
        """Answers at once, whatever is being classified."""
        return Health(status="ok")
