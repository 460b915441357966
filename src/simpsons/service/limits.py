"""How much a request may ask for."""

from dataclasses import dataclass

MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Limits:
    """What is refused before it costs memory or time.

    file_bytes: of one picture. request_bytes: of a request's whole body. pictures: in a request.
    body_seconds: until a body has to be there. stalled_seconds: in which something of it has to
    come. requests: being answered at once. waiting_bytes: of all bodies, from their first byte
    until they are answered.

    A picture's pixels are bounded by `simpsons.pixels.images.MAX_PIXELS` before it is decoded, and
    the time that decoding takes by `simpsons.service.decoders`.
    """

    file_bytes: int = 20 * MEGABYTE
    request_bytes: int = 64 * MEGABYTE
    pictures: int = 32
    body_seconds: float = 60
    stalled_seconds: float = 5
    requests: int = 64
    waiting_bytes: int = 512 * MEGABYTE
