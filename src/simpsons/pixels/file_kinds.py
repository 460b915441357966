"""Which kinds of picture files are opened, and what others are called.

Pillow reads some fifty kinds. Each has a decoder of its own, and few of them are written for the
files of strangers: one runs another program, others take minutes for some kilobytes. So only what
people have is opened, and some kinds more if the environment variable `SIMPSONS_FORMATS` says so.
"""

import os

OPENED = ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")
"""What is opened, as Pillow names it."""

ON_DEMAND = ("AVIF", "ICO", "JPEG2000", "PPM", "TGA")
"""What `SIMPSONS_FORMATS` may add. How long these take is bounded by their pixels at best."""

VARIABLE = "SIMPSONS_FORMATS"
"""The environment variable: names of `ON_DEMAND`, with commas between them."""

_ZIP = "ZIP"

_STARTS = (
    ("AVIF", 4, (b"ftypavif", b"ftypavis")),
    ("HEIC", 4, (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftypmsf1", b"ftyphevc")),
    ("ICO", 0, (b"\0\0\1\0", b"\0\0\2\0")),
    ("JPEG2000", 0, (b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51")),
    ("JPEG XL", 0, (b"\xff\x0a", b"\0\0\0\x0cJXL ")),
    (
        "PPM",
        0,
        tuple(b"P" + kind for kind in (b"1", b"2", b"3", b"4", b"5", b"6", b"7", b"f", b"F")),
    ),
    ("PSD", 0, (b"8BPS",)),
    ("PDF", 0, (b"%PDF",)),
    ("EPS", 0, (b"%!PS", b"\xc5\xd0\xd3\xc6")),
    ("ICNS", 0, (b"icns",)),
    ("DDS", 0, (b"DDS ",)),
    ("FLI", 4, (b"\x11\xaf", b"\x12\xaf")),
    ("PCX", 0, (b"\x0a\x05\x01", b"\x0a\x03\x01", b"\x0a\x02\x01")),
    ("SGI", 0, (b"\x01\xda",)),
    ("XBM", 0, (b"#define",)),
    ("XPM", 0, (b"/* XPM */",)),
    ("SVG", 0, (b"<svg",)),
    ("FITS", 0, (b"SIMPLE  =",)),
    ("HDF5", 0, (b"\x89HDF\r\n\x1a\n",)),
    ("EXR", 0, (b"v/1\x01",)),
    ("QOI", 0, (b"qoif",)),
    (_ZIP, 0, (b"PK\x03\x04",)),
)

LONGEST_START = max(at + len(start) for _, at, starts in _STARTS for start in starts)
"""Bytes of a file that `kind` looks at."""


def allowed() -> tuple[str, ...]:
    """What is opened here and now; other names in the variable are passed over."""
    asked = os.environ.get(VARIABLE)
    if not asked:
        return OPENED
    names = {name.strip().upper() for name in asked.split(",")}
    return (*OPENED, *(name for name in ON_DEMAND if name in names))


def kind(start: bytes) -> str | None:
    """What a file that is not opened is, by its first bytes; None if that is not known."""
    for name, at, starts in _STARTS:
        if start[at:].startswith(starts) and (name != "PPM" or start[2:3].isspace()):
            return name
    return None


def refusal(start: bytes) -> str | None:
    """Why a file of this start is not opened, and the remedy; None if its kind is not known."""
    found = kind(start)
    if found is None:
        return None
    if found in ON_DEMAND and found not in allowed():
        return (
            f"files of the kind {found} are opened only if asked for; convert it to PNG, or set "
            f"{VARIABLE}={found}"
        )
    if found == _ZIP:
        return "is a zip file, not a picture; unpack it, or give it to `simpsons bulk`"
    return f"files of the kind {found} are not read, or this one is damaged; convert it to PNG"
