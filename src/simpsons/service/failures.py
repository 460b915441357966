"""Every error of a service in the one shape of `simpsons.service.refusal`."""

import logging

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response

from simpsons.service.guard import HEADERS
from simpsons.service.refusal import Refusal


def handle_errors(app: FastAPI, see: str = "see /openapi.json") -> None:
    """Answer in that shape whatever goes wrong. see: the remedy for what a program asks wrongly."""

    @app.exception_handler(Refusal)
    async def refused(_: Request, refusal: Refusal) -> JSONResponse:
        return refusal.response()

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        return Refusal(422, f"{first['loc'][-1]}: {first['msg']}", see).response()

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        path, method = request.url.path, request.method
        if path and path == request.scope.get("root_path"):  # the page's links begin below it
            return RedirectResponse(f"{path}/", headers=HEADERS)
        said = {
            404: f"there is no {path:.200}",
            405: f"{path:.200} can't be asked with {method:.20}",
        }
        headers = dict(error.headers or {})
        message = said.get(error.status_code, str(error.detail))
        return Refusal(error.status_code, message, see, headers).response()

    @app.exception_handler(Exception)
    async def failed(request: Request, error: Exception) -> JSONResponse:
        logging.getLogger("simpsons.service").error("%s", request.url.path, exc_info=error)
        # Above all middleware, so what it adds is added here.
        return Refusal(500, "the service failed", "its log says why", HEADERS).response()
