"""The one shape of every error: `{"error": what and why, "remedy": what to do}`."""

from typing import Any

from pydantic import BaseModel, Field
from starlette.responses import JSONResponse


class ErrorMessage(BaseModel):
    """Why a request was refused."""

    error: str = Field(description="What is wrong.", examples=["no pictures in the request"])
    remedy: str = Field(description="What to do.", examples=["send files in the field pictures"])


class Refusal(Exception):  # noqa: N818 (it is an answer, not a fault of ours)
    """A request that gets an error for an answer: a status from 400 on, what, and the remedy."""

    def __init__(
        self, status: int, error: str, remedy: str, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(error)
        self.status = status
        self.message = ErrorMessage(error=error, remedy=remedy)
        self.headers = headers

    def response(self) -> JSONResponse:
        """The answer to send."""
        return JSONResponse(self.message.model_dump(), self.status, self.headers)


def too_large(what: str, limit: int) -> Refusal:
    """413 for `what`, which may have `limit` bytes."""
    return Refusal(
        413,
        f"{what} is too large: at most {limit / 1e6:,.0f} MB",
        "send smaller or fewer pictures",
    )


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """These statuses for the OpenAPI description of a route."""
    return {status: {"model": ErrorMessage, "description": _MEANING[status]} for status in statuses}


_MEANING = {
    400: "Not a request that can be read",
    403: "From another site's page",
    404: "No such page",
    405: "Not with this method",
    408: "The body took too long",
    413: "More than the limits allow",
    415: "Not multipart/form-data, or compressed",
    422: "A field or a parameter that is missing or wrong",
    503: "Too many requests at once",
}
