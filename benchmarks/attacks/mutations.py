"""Changes of picture files: of any bytes, and of the parts and numbers that their formats have.

A decoder checks sizes and checksums first, so most files with any byte changed go no further than
that. So formats of parts (PNG, JPEG, WebP) are taken apart, a part is changed, moved, doubled or
left out, and sizes and checksums are made right again; in the others (TIFF, GIF, BMP) numbers of
the headers are changed in their places.
"""

import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress

import numpy as np

_EXTREME = (0, 1, 127, 128, 255)
_MOST_BYTES = 2**17
_STRUCTURAL, _BOTH = 0.6, 0.15  # shares of the files

Part = tuple[bytes, bytes]
"""What kind of part it is, and what it has in it."""

Number = tuple[int, str]
"""Where a number lies in a file, and how `struct` reads it."""


def mutated(content: bytes, rng: np.random.Generator) -> bytes:
    """The file with one to six changes: of its parts or numbers, of any bytes, or both."""
    kind = rng.random()
    if kind < _STRUCTURAL + _BOTH:
        content = structural(content, rng)
    if kind >= _STRUCTURAL:
        content = blind(content, rng)
    return content[:_MOST_BYTES]


def blind(content: bytes, rng: np.random.Generator) -> bytes:
    """The file with one to six changes of any bytes, headers more often than the rest."""
    changed = bytearray(content)
    for _ in range(int(rng.integers(1, 7))):
        end = len(changed) if rng.random() < 0.5 else min(len(changed), 256)
        at = int(rng.integers(0, max(1, end)))
        length = int(rng.integers(1, 17))
        match int(rng.integers(0, 6)):
            case 0:
                changed[at : at + 1] = bytes([int(rng.integers(0, 256))])
            case 1:
                changed[at : at + 1] = bytes([int(rng.choice(_EXTREME))])
            case 2:
                changed[at : at + 4] = int(rng.integers(0, 2**32)).to_bytes(4, "big")
            case 3:
                del changed[at : at + length]
            case 4:
                changed[at:at] = changed[at : at + length]
            case _:
                del changed[max(8, int(rng.integers(0, len(changed) + 1))) :]
    return bytes(changed)


def structural(content: bytes, rng: np.random.Generator) -> bytes:
    """The file with one to three of its parts or numbers changed; as it is if it has none."""
    for start, (apart, together) in OF_PARTS.items():
        if content.startswith(start):
            parts = list(apart(content))
            for _ in range(int(rng.integers(1, 4))):
                _change(parts, rng)
            return together(parts)
    for start, numbers in OF_NUMBERS.items():
        if content.startswith(start):
            changed = bytearray(content)
            found = list(numbers(content))
            for _ in range(int(rng.integers(1, 4)) if found else 0):
                _set(changed, found[int(rng.integers(0, len(found)))], rng)
            return bytes(changed)
    return content


def _change(parts: list[Part], rng: np.random.Generator) -> None:
    """Change, move, double, rename or leave out one part."""
    if not parts:
        return
    at, other = (int(number) for number in rng.integers(0, len(parts), 2))
    kind, body = parts[at]
    match int(rng.integers(0, 8)):
        case 0:
            del parts[at]
        case 1:
            parts.insert(other, parts[at])
        case 2:
            parts[at], parts[other] = parts[other], parts[at]
        case 3:
            parts[at] = parts[other][0], body
        case 4:
            parts[at] = kind, body[: int(rng.integers(0, len(body) + 1))]
        case 5 if kind == b"IDAT":
            parts[at] = kind, _packed_anew(body, rng)
        case _:
            parts[at] = kind, _some_changed(body, rng)


def _some_changed(body: bytes, rng: np.random.Generator) -> bytes:
    changed = bytearray(body)
    for _ in range(int(rng.integers(1, 4)) if body else 0):
        width = "BHI"[int(rng.integers(0, 3))]
        last = len(body) - struct.calcsize(width)
        if last >= 0:
            at = int(rng.integers(0, min(last, 32 if rng.random() < 0.5 else last) + 1))
            _set(changed, (at, f">{width}"), rng)
    return bytes(changed)


def _packed_anew(body: bytes, rng: np.random.Generator) -> bytes:
    """Rows of a PNG file with changes, which the decoder then comes to see."""
    with suppress(zlib.error):
        return zlib.compress(blind(zlib.decompress(body), rng), 1)
    return body


def _set(changed: bytearray, number: Number, rng: np.random.Generator) -> None:
    """Give a number a value near its own, near an end of its range, or any."""
    at, form = number
    if at < 0 or at + struct.calcsize(form) > len(changed):
        return
    bits = 8 * struct.calcsize(form)
    (old,) = struct.unpack_from(form, changed, at)
    values = (
        *(old + 1, old - 1, old * 2, old // 2, old ^ (1 << int(rng.integers(0, bits)))),
        *(0, 1, 2**bits - 1, 2 ** (bits - 1), 2 ** (bits - 1) - 1, 0xFFFF, 0xFF),
        *(int(rng.integers(0, 2**bits, dtype=np.uint64)) if bits < 64 else 2**40, len(changed)),
        *(int(rng.integers(0, 20)) for _ in range(3)),
    )
    value = values[int(rng.integers(0, len(values)))] % 2**bits
    struct.pack_into(form, changed, at, value)


def _png_parts(content: bytes) -> Iterator[Part]:
    at = 8
    while at + 8 <= len(content):
        (length,) = struct.unpack_from(">I", content, at)
        yield content[at + 4 : at + 8], content[at + 8 : at + 8 + length]
        at += 12 + length


def _png(parts: list[Part]) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def _jpeg_parts(content: bytes) -> Iterator[Part]:
    """Segments, each with the bytes of the scan that follow it: those after 0xFF00 and RST too."""
    at = 2
    while at + 2 <= len(content):
        marker = content[at : at + 2]
        if marker == b"\xff\xd9":
            yield marker, content[at + 2 :]
            return
        length = int.from_bytes(content[at + 2 : at + 4], "big")
        end = at + 2 + max(2, length)
        if marker == b"\xff\xda":
            yield marker, content[at + 4 : end]
            scan = end
            while end + 1 < len(content):
                if content[end] == 0xFF and not (
                    content[end + 1] == 0 or 0xD0 <= content[end + 1] <= 0xD7
                ):
                    break
                end += 1
            yield b"", content[scan:end]
        else:
            yield marker, content[at + 4 : end]
        at = end


def _jpeg(parts: list[Part]) -> bytes:
    def segment(marker: bytes, body: bytes) -> bytes:
        if marker in (b"", b"\xff\xd9"):
            return marker + body
        return marker + struct.pack(">H", min(len(body) + 2, 0xFFFF)) + body

    return b"\xff\xd8" + b"".join(segment(*part) for part in parts)


def _webp_parts(content: bytes) -> Iterator[Part]:
    at = 12
    while at + 8 <= len(content):
        (length,) = struct.unpack_from("<I", content, at + 4)
        yield content[at : at + 4], content[at + 8 : at + 8 + length]
        at += 8 + length + length % 2


def _webp(parts: list[Part]) -> bytes:
    chunks = b"".join(
        kind + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2) for kind, body in parts
    )
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WEBP" + chunks


def _tiff_numbers(content: bytes) -> Iterator[Number]:
    order = {b"II": "<", b"MM": ">"}[content[:2]]
    is_big = content[2:4] == struct.pack(f"{order}H", 43)
    at, count, word = (8, "Q", "Q") if is_big else (4, "H", "I")
    yield at, order + word
    for _ in range(8):  # directories, which may name one another
        if at + struct.calcsize(word) > len(content):
            return
        (at,) = struct.unpack_from(order + word, content, at)
        if not 0 < at <= len(content) - struct.calcsize(count):
            return
        yield at, order + count
        (tags,) = struct.unpack_from(order + count, content, at)
        at += struct.calcsize(count)
        size = struct.calcsize(word)
        for _ in range(min(tags, 64)):
            yield from (
                (at, f"{order}H"),
                (at + 2, f"{order}H"),
                (at + 4, order + word),
                (at + 4 + size, order + word),
                (at + 4 + size, f"{order}H"),
            )
            at += 4 + 2 * size
        yield at, order + word


def _gif_numbers(content: bytes) -> Iterator[Number]:
    yield from ((6, "<H"), (8, "<H"), (10, "B"), (11, "B"), (12, "B"))
    at = 13
    if len(content) > 10 and content[10] & 0x80:
        at += 3 << ((content[10] & 7) + 1)
    while at < len(content):
        yield at, "B"
        if content[at] == 0x2C and at + 10 < len(content):  # a frame
            yield from ((at + place, "<H") for place in (1, 3, 5, 7))
            yield at + 9, "B"
            colours = content[at + 9]
            at += 10 + (3 << ((colours & 7) + 1) if colours & 0x80 else 0)
            yield at, "B"  # bits of the first code
            at += 1
        elif content[at] == 0x21:  # an extension
            yield at + 1, "B"
            at += 2
        else:
            return
        while at < len(content) and content[at]:
            yield from ((at, "B"), (at + 1, "B"), (at + 2, "<H"))
            at += 1 + content[at]
        at += 1


def _bmp_numbers(content: bytes) -> Iterator[Number]:
    yield from ((2, "<I"), (10, "<I"))
    yield from ((at, "<I") for at in (14, 18, 22, 30, 34, 38, 42, 46, 50))
    yield from ((at, "<H") for at in (26, 28))
    start = int.from_bytes(content[10:14], "little")
    yield from ((at, "<I") for at in range(54, min(start, 122), 4))  # masks and colours
    yield from ((at, "B") for at in range(start, min(len(content), start + 64)))


OF_PARTS: dict[bytes, tuple[Callable[[bytes], Iterator[Part]], Callable[[list[Part]], bytes]]] = {
    b"\x89PNG\r\n\x1a\n": (_png_parts, _png),
    b"\xff\xd8": (_jpeg_parts, _jpeg),
    b"RIFF": (_webp_parts, _webp),
}
OF_NUMBERS: dict[bytes, Callable[[bytes], Iterator[Number]]] = {
    b"II": _tiff_numbers,
    b"MM": _tiff_numbers,
    b"GIF8": _gif_numbers,
    b"BM": _bmp_numbers,
}
