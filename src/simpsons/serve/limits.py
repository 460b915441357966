"""How much a request may ask for."""

from dataclasses import dataclass

MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Limits:
    """What is refused before it costs memory or time.

    file_bytes: of one picture. request_bytes: of a request's whole body. pictures: in a request.
    body_seconds: until a body has to be there. requests: being read or answered at once.

    A picture's pixels are bounded by `simpsons.images.MAX_PIXELS` before it is decoded.
    """

    file_bytes: int = 20 * MEGABYTE
    request_bytes: int = 64 * MEGABYTE
    pictures: int = 32
    body_seconds: float = 60
    requests: int = 64
