"""`create_app`: the page and its API as an ASGI application."""

import logging
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from simpsons import __version__
from simpsons.characters import display_name
from simpsons.classifier import Classifier
from simpsons.serve import examples, pages, uploads
from simpsons.serve.answers import Answer, Health, Label, Network, Service
from simpsons.serve.guard import HEADERS, Guard
from simpsons.serve.inference import Inference
from simpsons.serve.limits import Limits
from simpsons.serve.refusal import Refusal, documented

BOTH = "both"
"""What `model` says to ask every network."""

_SEE = "see /openapi.json"
_FORM = {
    "type": "object",
    "required": [uploads.FIELD],
    "additionalProperties": False,
}


def create_app(
    classifiers: Mapping[str, Classifier],
    limits: Limits | None = None,
    hosts: Collection[str] | None = None,
) -> FastAPI:
    """The service for these networks, by name; the first is asked when a request names none.

    hosts: the names by which requests may call this machine, None for any.
    """
    limits = limits or Limits()
    inference = Inference(classifiers)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        inference.close()

    app = FastAPI(
        title="simpsons",
        version=__version__,
        summary="Says which character of The Simpsons a picture shows.",
        docs_url=None,  # they load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    app.router.routes.extend(pages.routes())
    app.add_middleware(Guard, limits=limits, hosts=hosts)
    _handle_errors(app)
    _add_predict(app, inference, limits)
    _add_facts(app, inference, limits)
    return app


def _add_predict(app: FastAPI, inference: Inference, limits: Limits) -> None:
    networks = list(inference.classifiers)
    choices = [*networks, BOTH] if len(networks) > 1 else networks
    form = _FORM | {
        "properties": {
            uploads.FIELD: {
                "type": "array",
                "minItems": 1,
                "maxItems": limits.pictures,
                "items": {"type": "string", "format": "binary"},
            }
        }
    }
    under_way = 0

    @app.post(
        "/predict",
        response_model=Answer,
        responses=documented(400, 403, 408, 413, 415, 422, 503),
        openapi_extra={
            "requestBody": {"required": True, "content": {"multipart/form-data": {"schema": form}}}
        },
    )
    async def predict(
        request: Request,
        model: Annotated[
            str, Query(description="The network to ask.", json_schema_extra={"enum": choices})
        ] = networks[0],
        explain: Annotated[bool, Query(description="Also say where it looked.")] = False,
        top: Annotated[int, Query(ge=1, le=1000, description="How many characters.")] = 5,
    ) -> dict[str, Any]:
        """Say who is in pictures.

        A picture that can't be read is reported in its place and the rest go on.
        """
        nonlocal under_way
        unknown = sorted(set(request.query_params) - {"model", "explain", "top"})
        if unknown:
            raise Refusal(422, f"no parameter {unknown[0]!r:.80}", "use model, explain or top")
        if model not in choices:
            raise Refusal(422, f"model: no network {model!r:.80}", f"use {' or '.join(choices)}")
        if under_way >= limits.requests:
            raise Refusal(503, "busy", "try again in a moment", {"Retry-After": "1"})
        under_way += 1
        try:
            pictures = await uploads.read(request, limits)
            asked = networks if model == BOTH else [model]
            return {"results": await inference.answer(pictures, asked, top, explain)}
        finally:
            under_way -= 1


def _add_facts(app: FastAPI, inference: Inference, limits: Limits) -> None:
    service = Service(
        version=__version__,
        networks=[
            Network(
                name=name,
                labels=[Label(label=label, name=display_name(label)) for label in network.labels],
            )
            for name, network in inference.classifiers.items()
        ],
        file_bytes=limits.file_bytes,
        request_bytes=limits.request_bytes,
        pictures=limits.pictures,
        examples=examples.names(),
    )

    @app.get("/service", responses=documented(400, 403))
    async def facts() -> Service:
        """Which networks there are, whom they know, and what the limits are."""
        return service

    @app.get("/health", responses=documented(400, 403))
    async def health() -> Health:
        """Answers at once, whatever is being classified."""
        return Health(status="ok")


def _handle_errors(app: FastAPI) -> None:
    @app.exception_handler(Refusal)
    async def refused(_: Request, refusal: Refusal) -> JSONResponse:
        return refusal.response()

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        return Refusal(422, f"{first['loc'][-1]}: {first['msg']}", _SEE).response()

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> JSONResponse:
        path, method = request.url.path, request.method
        said = {
            404: f"there is no {path:.200}",
            405: f"{path:.200} can't be asked with {method:.20}",
        }
        headers = dict(error.headers or {})
        message = said.get(error.status_code, str(error.detail))
        return Refusal(error.status_code, message, _SEE, headers).response()

    @app.exception_handler(Exception)
    async def failed(request: Request, error: Exception) -> JSONResponse:
        logging.getLogger("simpsons.serve").error("%s", request.url.path, exc_info=error)
        # Above all middleware, so what it adds is added here.
        return Refusal(500, "the service failed", "its log says why", HEADERS).response()
