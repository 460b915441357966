"""What every request passes first: where it comes from and how large it may be.

A service on this machine can be reached by any page that a browser here has open, so foreign
`Host` and `Origin` headers are refused (DNS rebinding, requests across sites). What a proxy on this
machine says of the host that it was asked for counts for the `Origin` alone. A body is refused by
what it says of its length, and else as soon as it grows above the limit.
"""

import asyncio
import ipaddress
from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from simpsons.service.limits import Limits
from simpsons.service.refusal import Refusal, too_large

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

_PORTS = {"http": 80, "https": 443}


class Guard:
    """ASGI middleware. hosts: the names that a request may be for, None for any. root_path: where a
    proxy has the application, empty for the root."""

    def __init__(
        self, app: ASGIApp, limits: Limits, hosts: Collection[str] | None, root_path: str = ""
    ) -> None:
        self._app = app
        self._limit = limits.request_bytes
        self._hosts = hosts
        self._root_path = root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with a Refusal, or pass the request on with its body counted."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if self._root_path:
            scope["root_path"] = self._root_path
        headers = Headers(scope=scope)
        has_body = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
        body = _Body(receive, self._limit, unread=has_body)

        has_begun = False

        async def send_guarded(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    answer.setdefault(name, value)
                if body.unread:  # so that the server doesn't read the rest only to drop it
                    answer["Connection"] = "close"
            await send(message)

        try:
            self._check(headers, _is_loopback(scope.get("client")))
        except Refusal as refusal:
            await refusal.response()(scope, receive, send_guarded)
        else:
            try:
                await self._app(scope, body, send_guarded)
            except asyncio.CancelledError:
                if not has_begun:
                    stops = Refusal(503, "the service stops", "send it again when it is back")
                    await stops.response()(scope, receive, send_guarded)

    def _check(self, headers: Headers, is_from_here: bool) -> None:
        host = headers.get("host", "")
        if self._hosts is not None and _name(host) not in self._hosts:
            raise Refusal(
                400,
                "the Host header names another machine",
                f"use {' or '.join(sorted(self._hosts))}, or start with --host for other machines, "
                "with --allow-host for a proxy here that is called by another name",
            )
        origin = headers.get("origin")
        hosts = [host, *_forwarded(headers)] if is_from_here else [host]
        if origin is not None and not any(_is_of(origin, each) for each in hosts):
            raise Refusal(
                403,
                "the request comes from another site's page",
                "use the page of this service; let a proxy on this machine send X-Forwarded-Host",
            )
        length = headers.get("content-length", "0")
        if not (length.isascii() and length.isdecimal()):
            raise Refusal(400, "Content-Length is not a number", "send the body's length in bytes")
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


def _forwarded(headers: Headers) -> list[str]:
    """The Host header that a proxy was sent, if it says so.

    Only to be believed of this machine. A page of another site can't add it: the browser would ask
    first, by a preflight, which gets no leave.
    """
    said = headers.get("x-forwarded-host", "").partition(",")[0].strip()
    return [said] if said else []


def _is_loopback(client: object) -> bool:
    """Whether a request comes from this machine. client: of the ASGI scope, address and port."""
    if not isinstance(client, tuple | list) or not client:
        return False
    try:
        address = ipaddress.ip_address(client[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def _is_of(origin: str, host: str) -> bool:
    """Whether an Origin header is of the name and port in a Host header."""
    try:
        said, asked = urlsplit(origin), urlsplit(f"//{host}")
        usual = _PORTS.get(said.scheme)
        names = said.hostname, asked.hostname
        return names[0] == names[1] and (said.port or usual) == (asked.port or usual)
    except ValueError:
        return False


def _name(host: str) -> str | None:
    """The name in a Host header, without the port: `[::1]:8000` gives `::1`."""
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None
