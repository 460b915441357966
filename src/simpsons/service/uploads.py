"""The pictures of a multipart request, read as they arrive and kept in memory.

A name that came with a picture is only ever said again in the answer: nothing is written to disk.
"""

import asyncio
import io
from collections.abc import AsyncGenerator, AsyncIterator
from email.message import Message
from email.utils import collapse_rfc2231_value

from python_multipart.exceptions import FormParserError
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from simpsons.service.limits import Limits
from simpsons.service.places import Held
from simpsons.service.refusal import Refusal, too_large

FIELD = "pictures"
"""The form field that has the pictures."""

REMEDY = f"send one or more files in the multipart field `{FIELD}`: curl -F {FIELD}=@picture.jpg"


class Upload(io.BytesIO):
    """A picture's bytes, and the name that came with them: a source for `images.decode`."""

    def __init__(self, content: bytes, name: str) -> None:
        super().__init__(content)
        self.name = name


async def read(request: Request, limits: Limits, held: Held) -> list[Upload]:
    """The pictures of a request, in order. held: counts its body.

    Raises Refusal: 400 for a body that is not whole or not multipart, 408 for one that takes too
    long, 413 for one above the limits, 415 for another media type, 422 without pictures, 503 while
    bodies take all the memory that they may.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "multipart/form-data":
        raise Refusal(415, f"the body is {media_type or 'of no type'}, not a form", REMEDY)
    reader = _Reader(request, limits, held)
    try:
        async with asyncio.timeout(limits.body_seconds):
            form = await reader.parse()
    except TimeoutError:
        raise Refusal(
            408, f"the body was not there after {limits.body_seconds:g} s", "send it again"
        ) from None
    except (MultiPartException, FormParserError) as error:  # older versions raise both
        raise Refusal(400, f"the body can't be read: {error}", REMEDY) from None
    except ClientDisconnect:
        raise Refusal(400, "the body ends early", "send it again") from None
    if not reader.ended:
        raise Refusal(400, "the body ends early", "send it again")
    files = form.getlist(FIELD)
    if not files:
        raise Refusal(422, "no pictures in the request", REMEDY)
    return [
        Upload(await file.read(), file.filename or f"picture {number}")
        for number, file in enumerate(files, 1)
        if isinstance(file, UploadFile)
    ]


async def _counted(
    stream: AsyncIterator[bytes], stalled_seconds: float, held: Held
) -> AsyncGenerator[bytes, None]:
    """The parts of a body, as they come. Raises Refusal, 408, when nothing comes, 503 as `held`."""
    while True:
        try:
            async with asyncio.timeout(stalled_seconds):
                part = await anext(stream)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise Refusal(
                408, f"nothing of the body came for {stalled_seconds:g} s", "send it again"
            ) from None
        held.take(len(part))
        yield part


class _Reader(MultiPartParser):
    """Takes files of the one field, and refuses at the first byte too many."""

    def __init__(self, request: Request, limits: Limits, held: Held) -> None:
        body = _counted(request.stream(), limits.stalled_seconds, held)
        super().__init__(request.headers, body, max_fields=0)
        self.spool_max_size = limits.request_bytes + 1  # never on disk
        self.ended = False
        self._limits = limits
        self._size = 0

    def on_headers_finished(self) -> None:
        self._take_extended_name()
        super().on_headers_finished()
        name = self._current_part.field_name
        if name != FIELD:
            raise Refusal(422, f"there is no field {name!r:.80}", REMEDY)
        if self._current_files > self._limits.pictures:
            raise Refusal(
                413,
                f"too many pictures: at most {self._limits.pictures} in a request",
                "send the rest in another request",
            )
        self._size = 0

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        self._size += end - start
        if self._size > self._limits.file_bytes:
            file = self._current_part.file
            raise too_large(f"{file.filename if file else FIELD}", self._limits.file_bytes)
        super().on_part_data(data, start, end)

    def on_end(self) -> None:
        self.ended = True

    def _take_extended_name(self) -> None:
        """Let a `filename*` (RFC 5987, RFC 6266) be the part's file name, before a plain one.

        The parser passes over it.
        """
        header = self._current_part.content_disposition
        if not header or b"filename*" not in header.lower():
            return
        message = Message()
        message["Content-Disposition"] = header.decode("latin-1")
        try:
            given = message.get_params([], "content-disposition")
            names = [
                collapse_rfc2231_value(value)
                for key, value in given
                if key.lower() == "filename" and not isinstance(value, str)
            ]
        except (LookupError, TypeError, ValueError):
            raise MultiPartException("a filename* is malformed") from None
        if names:
            quoted = names[0].replace("\\", r"\\").replace('"', r"\"")
            name = quoted.encode(self._charset, "replace")
            self._current_part.content_disposition = header + b'; filename="' + name + b'"'
