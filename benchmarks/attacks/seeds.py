"""Drawings as picture files of 12 formats, each in the variants that people have."""

import io
import struct
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
from PIL import Image

from simpsons.demo.drawings import DOLLS, draw

COUNT = 16
"""Files of a format that differ."""

_Made = Callable[[Image.Image], bytes]


def _saved(kind: str, mode: str = "RGB", **options: Any) -> _Made:
    def made(drawing: Image.Image) -> bytes:
        file = io.BytesIO()
        _as(drawing, mode).save(file, kind, **options)
        return file.getvalue()

    return made


def _as(drawing: Image.Image, mode: str) -> Image.Image:
    if mode == "P":
        return drawing.quantize(16)
    if mode in ("LA", "RGBA"):
        picture = drawing.convert(mode)
        picture.putalpha(drawing.convert("L"))
        return picture
    if mode == "I;16":
        return Image.fromarray(np.asarray(drawing.convert("L")).astype(np.uint16) * 257)
    return drawing.convert(mode)


def _animated(kind: str, mode: str = "RGB", **options: Any) -> _Made:
    def made(drawing: Image.Image) -> bytes:
        file = io.BytesIO()
        frames = [_as(drawing.rotate(turn), mode) for turn in (0, 90, 180)]
        frames[0].save(file, kind, save_all=True, append_images=frames[1:], **options)
        return file.getvalue()

    return made


def _run_lengths(drawing: Image.Image) -> bytes:
    """A BMP file in run lengths, which Pillow does not write."""
    picture = _as(drawing, "P")
    rows = bytearray()
    for row in np.asarray(picture)[::-1]:
        starts = [0, *(np.flatnonzero(np.diff(row)) + 1), len(row)]
        for start, end in pairwise(starts):
            rows += bytes([end - start, row[start]])
        rows += b"\0\0"
    rows += b"\0\1"
    palette = picture.getpalette() or []
    colours = b"".join(bytes([*palette[at : at + 3][::-1], 0]) for at in range(0, 48, 3))
    start = 14 + 40 + len(colours)
    head = struct.pack("<2sIHHI", b"BM", start + len(rows), 0, 0, start)
    head += struct.pack("<IiiHHIIiiII", 40, *picture.size, 1, 8, 1, len(rows), 0, 0, 16, 16)
    return head + colours + bytes(rows)


def _exif(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


_KINDS: dict[str, tuple[_Made, ...]] = {
    "JPEG": (
        _saved("JPEG", quality=85),
        _saved("JPEG", subsampling=0, optimize=True),
        _saved("JPEG", subsampling=1, exif=_exif(6)),
        _saved("JPEG", comment="a drawing", dpi=(72, 72)),
    ),
    "JPEG, progressive": (
        _saved("JPEG", progressive=True),
        _saved("JPEG", progressive=True, subsampling=0, exif=_exif(3)),
    ),
    "JPEG, grey": (
        _saved("JPEG", "L", restart_marker_blocks=3),
        _saved("JPEG", "L"),
    ),
    "JPEG, CMYK": (_saved("JPEG", "CMYK"), _saved("JPEG", "CMYK", progressive=True)),
    "PNG": (
        _saved("PNG"),
        _saved("PNG", "RGBA"),
        _saved("PNG", "L"),
        _saved("PNG", "LA"),
        _saved("PNG", "I;16"),
        _saved("PNG", transparency=(255, 255, 255)),
        _saved("PNG", exif=_exif(8)),
        _animated("PNG"),
    ),
    "PNG, palette": (
        _saved("PNG", "P", bits=4),
        _saved("PNG", "P"),
        _saved("PNG", "P", transparency=bytes(range(0, 256, 16))),
        _saved("PNG", "1"),
    ),
    "GIF": (
        _saved("GIF", "P", interlace=1),
        _saved("GIF", "P", interlace=0, transparency=3),
        _saved("GIF", "L", comment=b"a drawing"),
        _animated("GIF", "P", duration=100, loop=0),
    ),
    "BMP": (
        _saved("BMP"),
        _saved("BMP", "L"),
        _saved("BMP", "P"),
        _saved("BMP", "1"),
        _saved("BMP", "RGBA"),
        _run_lengths,
    ),
    "TIFF": (
        _saved("TIFF"),
        _saved("TIFF", "L"),
        _saved("TIFF", "CMYK"),
        _saved("TIFF", "RGBA"),
        _saved("TIFF", "I;16"),
        _saved("TIFF", "P"),
        _saved("TIFF", big_tiff=True),
        _animated("TIFF"),
    ),
    "TIFF, compressed": (
        _saved("TIFF", compression="tiff_lzw"),
        _saved("TIFF", compression="packbits"),
        _saved("TIFF", compression="tiff_adobe_deflate"),
        _saved("TIFF", compression="jpeg"),
        _saved("TIFF", "1", compression="group4"),
        _saved("TIFF", "RGBA", compression="tiff_lzw"),
    ),
    "WebP": (
        _saved("WEBP", quality=70),
        _saved("WEBP", "RGBA"),
        _saved("WEBP", exif=_exif(5)),
        _animated("WEBP", "RGBA", duration=100),
    ),
    "WebP, lossless": (
        _saved("WEBP", lossless=True),
        _saved("WEBP", "RGBA", lossless=True),
    ),
}
KINDS = tuple(_KINDS)


@cache
def drawing(kind: str, number: int) -> bytes:
    """A drawing of 48 to 96 pixels a side as a file of a format."""
    variants = _KINDS[kind]
    side = 48 + 16 * (number // len(variants) % 4)
    picture = draw(DOLLS[number % len(DOLLS)], np.random.default_rng(number), side)
    return variants[number % len(variants)](picture)
