"""Whoever asks may leave before the answer is there; then the work is given up."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.requests import Request

from simpsons.service.refusal import Refusal

T = TypeVar("T")


async def unless_gone(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """What the work gives; it is cancelled when the client closes its connection.

    request: its body has been read. Raises Refusal, 400, for a client that has gone, which nobody
    reads, and whatever the work raises.
    """
    working, gone = asyncio.ensure_future(work), asyncio.create_task(_gone(request))
    try:
        await asyncio.wait((working, gone), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise Refusal(400, "the client has gone", "send it again")
        return working.result()
    finally:
        for task in (working, gone):
            task.cancel()


async def _gone(request: Request) -> None:
    message = await request.receive()
    if message["type"] != "http.disconnect":  # no server sends more than the body
        await asyncio.Event().wait()
