"""Connections that are bounded in number, and closed when no request comes.

Servers leave that to a proxy in front of them; this one may have none. A connection that says
nothing, or half a header, is closed after a few seconds. When there are as many as there may be,
the oldest that has sent no request makes room, or else the oldest between two requests.
"""

import asyncio
import sys
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

HEADER_SECONDS = 10.0
"""Until the header of a request has to be there."""

MOST = 512
"""Connections, where so many files may be open; else half of those."""

_Base: Any = AutoHTTPProtocol


class Connection(_Base):  # type: ignore[misc]
    """uvicorn's protocol, h11 or httptools, bounded."""

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Watch it, and make room for it."""
        super().connection_made(transport)
        self.began: float = self.loop.time()
        self._silent_since: object = None
        self._watch = self.loop.call_later(HEADER_SECONDS, self._check)
        open_ones = [one for one in self.connections if not one.transport.is_closing()]
        if len(open_ones) > most():
            silent = [one for one in open_ones if one is not self and one.is_silent]
            last = min(silent, key=lambda one: (one.has_asked, one.began), default=self)
            last.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Watch it no more."""
        self._watch.cancel()
        super().connection_lost(exc)

    @property
    def is_silent(self) -> bool:
        """Whether no request is being read or answered."""
        return bool(self.cycle is None or self.cycle.response_complete)

    @property
    def has_asked(self) -> bool:
        """Whether a request has come."""
        return self.cycle is not None

    def _check(self) -> None:
        if self.is_silent and self._silent_since is self.cycle:
            self.transport.abort()
            return
        self._silent_since = self.cycle if self.is_silent else self
        self._watch = self.loop.call_later(HEADER_SECONDS, self._check)


def most() -> int:
    """How many connections there may be."""
    if sys.platform == "win32":
        return MOST
    import resource

    return min(MOST, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)
