"""What every request passes first: where it comes from and how large it may be.

A service on this machine can be reached by any page that a browser here has open, so foreign
`Host` and `Origin` headers are refused (DNS rebinding, requests across sites). A body is refused by
what it says of its length, and else as soon as it grows above the limit.
"""

from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from simpsons.serve.limits import Limits
from simpsons.serve.refusal import Refusal, too_large

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src 'self' blob: data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}
"""Sent with every answer: the page gets nothing from elsewhere, and nothing frames it."""


class Guard:
    """ASGI middleware. hosts: the names that a request may be for, None for any."""

    def __init__(self, app: ASGIApp, limits: Limits, hosts: Collection[str] | None) -> None:
        self._app = app
        self._limit = limits.request_bytes
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with a Refusal, or pass the request on with its body counted."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        has_body = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
        body = _Body(receive, self._limit, unread=has_body)

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    answer.setdefault(name, value)
                if body.unread:  # so that the server doesn't read the rest only to drop it
                    answer["Connection"] = "close"
            await send(message)

        try:
            self._check(headers)
        except Refusal as refusal:
            await refusal.response()(scope, receive, send_guarded)
        else:
            await self._app(scope, body, send_guarded)

    def _check(self, headers: Headers) -> None:
        host = headers.get("host", "")
        if self._hosts is not None and _name(host) not in self._hosts:
            raise Refusal(
                400,
                "the Host header names another machine",
                f"use {' or '.join(sorted(self._hosts))}, or start with --host for other names",
            )
        origin = headers.get("origin")
        if origin is not None and _host(origin) != host:
            raise Refusal(
                403, "the request comes from another site's page", "use the page of this service"
            )
        length = headers.get("content-length", "0")
        if not (length.isascii() and length.isdecimal()):
            raise Refusal(400, "Content-Length is no number", "send the body's length in bytes")
        if len(length) > 18 or int(length) > self._limit:
            raise too_large("the request", self._limit)
        if headers.get("content-encoding", "identity").lower() != "identity":
            raise Refusal(415, "the body is compressed", "send it without Content-Encoding")


class _Body:
    """A `receive` that counts the body and refuses it above the limit."""

    def __init__(self, receive: Receive, limit: int, unread: bool) -> None:
        self._receive = receive
        self._limit = limit
        self._size = 0
        self.unread = unread

    async def __call__(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._size += len(message.get("body", b""))
            if self._size > self._limit:
                self.unread = True
                raise too_large("the request", self._limit)
            self.unread = message.get("more_body", False)
        return message


def _host(origin: str) -> str | None:
    """The name and port in an Origin header, as a Host header has them."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None


def _name(host: str) -> str | None:
    """The name in a Host header, without the port: `[::1]:8000` gives `::1`."""
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None
