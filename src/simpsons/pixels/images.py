"""The only way in for pixels: `decode` anything to RGB, `fit` it to the network's size.

Training, evaluation, the command line and the Python API all call these two, so a network
never sees at work a picture that was prepared in another way than those it learnt from. `fit`
takes off plain bars and margins (`margins`); boxes and heat maps are in the whole picture.
"""

import io
import os
import stat
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from math import ceil, floor
from pathlib import Path
from typing import BinaryIO, NamedTuple, TypeVar, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from simpsons import urls
from simpsons.errors import SimpsonsError
from simpsons.pixels import file_kinds, jpeg, margins, png, tiff
from simpsons.pixels.bounded import Bounded, TooLongError
from simpsons.pixels.plain_resize import ANTIALIAS, Resize, resized

SIZE = 64
"""Width and height in pixels of what the networks see."""

MAX_PIXELS = 80_000_000
"""Largest picture that is decoded, in pixels; a larger one is refused before it is decoded."""

LARGE = 16_000_000
"""Pixels above which pictures are decoded one at a time, to bound the memory."""

CONTEXT = 1.9
"""Side of the square around a face that a network names it by, in longer sides of its box."""

HAIR = 0.08
"""How far the middle of that square lies above the middle of the face, in sides of the square."""

FORMATS = file_kinds.OPENED
"""What is decoded, as Pillow names it, unless more is asked for."""

_FEWER_PIXELS = {"WEBP": 30_000_000}
"""Largest picture of a kind whose decoder takes more memory, 20 bytes a pixel."""

_RUN_LENGTHS = 20  # times fewer pixels of a BMP file in run lengths, which Pillow decodes in Python

REDUCING_GAP = 3.0
"""How many times larger than the result a picture stays when it is first reduced by a whole factor,
which is fast; the bicubic filter does the rest."""

JPEG_GAP = 1.5
"""The same for the JPEG decoder, which reduces by leaving out high frequencies, so less is lost."""

SUFFIXES = frozenset(
    {".bmp", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}
)
"""File name endings, in lower case, that are taken for pictures when a folder is read."""

Pixels = NDArray[np.uint8]
File = str | os.PathLike[str] | bytes | BinaryIO
Source = File | Image.Image | NDArray[np.generic]
_AnySource = TypeVar("_AnySource", bound=Source)

_READ_AT_ONCE = 64_000_000  # bytes; a larger file is read piece by piece, as it is decoded
_READ_AHEAD = 1_000_000  # bytes; a larger file is read when it is decoded
_BAND = 1_000_000  # pixels that are converted at once
_ONE_LARGE = threading.Lock()
_READING = threading.Semaphore(2)  # more threads would wait for one another, not for the disk
_RANGES = "give uint8, uint16, or floats in [0, 1]"
_SIGNATURES = (b"BM", b"GIF8", b"\xff\xd8\xff", png.SIGNATURE, b"II*\0", b"MM\0*")
_FILMS = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".ts", ".webm", ".wmv")
_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0)
_EXIF_ORIENTATION = 0x0112
_TRANSPOSE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS = {_TRANSPOSE[orientation] for orientation in (5, 6, 7, 8)}
_MIRRORS_X, _MIRRORS_Y = (  # after x and y are exchanged, in those that do
    {_TRANSPOSE[orientation] for orientation in orientations}
    for orientations in ((2, 3, 6, 7), (3, 4, 7, 8))
)

Shares = tuple[float, float, float, float]
"""Left, top, right and bottom of a part of a picture as people see it, 0 to 1."""

WHOLE: Shares = (0.0, 0.0, 1.0, 1.0)


class ImageError(SimpsonsError):
    """A picture that can't be read. The message names it, the reason and the remedy."""


class UnreadableError(ImageError):
    """A file that the system does not give now, and may give later."""


class TooLargeError(ImageError):
    """A picture of more than `MAX_PIXELS`."""


class Original(NamedTuple):
    """A picture file as the networks see it, and what the file itself was.

    pixels: uint8 `[size, size, 3]`, RGB. width, height: of the file in pixels, as it is shown.
    format: `JPEG`, `PNG`, ... content: the part of it that the pixels show, without plain bars.
    """

    pixels: Pixels
    width: int
    height: int
    format: str
    content: Shares = WHOLE


class Reduced(NamedTuple):
    """A picture that may be smaller than its file.

    pixels: uint8 `[H, W, 3]`, RGB. width, height: of the file in pixels, as it is shown.
    """

    pixels: Pixels
    width: int
    height: int


class _Decoded(NamedTuple):
    """RGB, and the transposition, if any, that puts it upright."""

    image: Image.Image
    turn: Image.Transpose | None


def _upright(image: Image.Image, turn: Image.Transpose | None) -> Pixels:
    return np.asarray(image if turn is None else image.transpose(turn))


def load(source: Source, size: int = SIZE, resize: Resize = ANTIALIAS) -> Pixels:
    """Decode and fit: what every network of this package is given.

    resize: see `fit`. Returns uint8 `[size, size, 3]`, RGB. Raises ImageError as `decode` does.
    """
    if isinstance(source, np.ndarray | Image.Image):
        with blaming(_name(source)):
            return fit(decode(source), size, resize)
    return load_file(source, size, resize).pixels


def load_file(source: File, size: int = SIZE, resize: Resize = ANTIALIAS) -> Original:
    """`load` a file, and tell its size and format; it is opened once.

    A large JPEG file is decoded at a half, a quarter or an eighth of its size, as the decoder does
    in less time, never below `JPEG_GAP` times `size`. resize: see `fit`; without anti-aliasing the
    whole file is decoded. Raises ImageError as `decode` does.
    """
    if resize != ANTIALIAS:
        return _load_whole(source, size, resize)
    least = round(JPEG_GAP * size)
    with _opened(source) as (file, name):
        return _load_with_simplejpeg(file, size, least) or _load_with_pillow(
            file, name, size, least
        )


def _load_whole(source: File, size: int, resize: Resize) -> Original:
    with (
        _opened(source) as (file, name),
        _identified(file, name) as image,
        _room_for(image),
    ):
        decoded, turn = _decoded(image, name)
        pixels = _upright(decoded, turn)
        height, width = pixels.shape[:2]
        return Original(resized(pixels, size, resize), width, height, image.format or "unknown")


def _load_with_simplejpeg(file: BinaryIO, size: int, least: int) -> Original | None:
    """None for what is left to Pillow."""
    ordinary = jpeg.decode(file, least, MAX_PIXELS)
    if not ordinary:
        return None
    image, width, height, scale = ordinary
    part = margins.content(image)
    more = _least_of_all(image, part, least)
    if scale > 1 and more > least:
        return _load_with_simplejpeg(file, size, more)
    filled = (0, 0, width / scale, height / scale)  # the last pixels may be partly outside
    values = _resized_part(image, part, size, filled).tobytes("raw", "RGB")
    pixels = np.frombuffer(values, np.uint8).reshape(size, size, 3)
    return Original(pixels, width, height, "JPEG", _shares(image, part))


def read_ahead(sources: Sequence[_AnySource]) -> list[_AnySource | BinaryIO]:
    """The same sources, small files read: for a thread of many that each decode a few.

    Each call into the system hands Python's lock to another thread and waits to have it back, so
    threads that read and decode by turns hold one another up. A file that can't be read stays a
    path: decoding it says why.
    """
    with _READING:
        return [_content(source) or source for source in sources]


def _content(source: Source) -> BinaryIO | None:
    """A small file in memory, under its name; None for what is no path of such a file."""
    if not isinstance(source, str | os.PathLike):
        return None
    try:
        path = Path(source)
        status = path.stat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > _READ_AHEAD:
            return None
        opened = os.open(path, _FLAGS)
        try:
            file = io.BytesIO(os.read(opened, status.st_size))
        finally:
            os.close(opened)
    except (OSError, ValueError, MemoryError):
        return None
    file.name = str(path)
    return file


def _load_with_pillow(file: BinaryIO, name: str, size: int, least: int) -> Original:
    with _identified(file, name) as image:
        width, height = image.size
        drafted = image.draft(None, (least, least))
        filled = drafted[1] if drafted else None  # the last pixels may be partly outside
        with _room_for(image):
            decoded, turn = _decoded(image, name)
            part = margins.content(decoded)
            more = _least_of_all(decoded, part, least)
            is_enough = image.size == (width, height) or more <= least
            if is_enough:
                pixels = _upright(_resized_part(decoded, part, size, filled), turn)
    if not is_enough:
        return _load_with_pillow(file, name, size, more)
    if turn in _SIDEWAYS:
        width, height = height, width
    kind = image.format or "unknown"
    return Original(pixels, width, height, kind, _shares(decoded, part, turn))


def _least_of_all(image: Image.Image, part: margins.Rectangle, least: int) -> int:
    """Pixels of the shorter side of all of a picture for its content to have `least` of them."""
    inside = min(part.width, part.height)
    return least if inside == min(image.size) else ceil(least * min(image.size) / inside)


def _shares(
    image: Image.Image, part: margins.Rectangle, turn: Image.Transpose | None = None
) -> Shares:
    """A part of a picture that has yet to be turned, once it is."""
    width, height = image.size
    x1, y1, x2, y2 = part.left / width, part.top / height, part.right / width, part.bottom / height
    if turn in _SIDEWAYS:
        x1, y1, x2, y2 = y1, x1, y2, x2
    if turn in _MIRRORS_X:
        x1, x2 = 1 - x2, 1 - x1
    if turn in _MIRRORS_Y:
        y1, y2 = 1 - y2, 1 - y1
    return x1, y1, x2, y2


def fitted(pixels: object) -> Pixels:
    """Pictures that are fitted already, uint8 `[N, SIZE, SIZE, 3]`; N may be 0.

    Raises ImageError for any other shape or type.
    """
    try:
        found = np.asarray(pixels)
    except ValueError:  # of several shapes
        found = np.empty(1, object)
    if found.dtype == np.uint8 and found.shape[1:] == (SIZE, SIZE, 3):
        return np.ascontiguousarray(found)
    if found.shape == (0,):
        return np.empty((0, SIZE, SIZE, 3), np.uint8)
    raise ImageError(
        f"the pixels are {found.dtype} {list(found.shape)}; give uint8 [N, {SIZE}, {SIZE}, 3], as "
        "numpy.stack makes of what simpsons.pixels.images.load gives, or let `predict` take the "
        "picture"
    )


def fit(pixels: Pixels, size: int = SIZE, resize: Resize = ANTIALIAS) -> Pixels:
    """What uint8 `[H, W, 3]` shows, as uint8 `[size, size, 3]`; the aspect ratio is not kept.

    Plain bars and margins are left out, as `margins.content` finds them. Bicubic with
    anti-aliasing: the filter widens with the reduction, so that one drawing looks the same to the
    network whether its file has 96 or 1,000 pixels a side. resize: another way, that of a network
    from elsewhere, see `plain_resize`; nothing is left out then.
    """
    if resize != ANTIALIAS:
        return resized(pixels, size, resize)
    image = Image.fromarray(pixels)
    part = margins.content(image)
    if image.size == (size, size) and part == (0, 0, size, size):
        return pixels
    return np.asarray(_resized_part(image, part, size))


def content(pixels: Pixels) -> Shares:
    """The part of uint8 `[H, W, 3]` that `fit` shows; `WHOLE` where it has no bars or margins."""
    image = Image.fromarray(pixels)
    return _shares(image, margins.content(image))


def fit_within(pixels: Pixels, longest: int) -> tuple[Pixels, float]:
    """Resize uint8 `[H, W, 3]` so that its longer side is `longest` pixels; the aspect is kept.

    Returns the pixels, uint8 `[H', W', 3]`, and the factor from the old size to the new one. The
    filter is that of `fit`.
    """
    height, width = pixels.shape[:2]
    scale = longest / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    if size == (width, height):
        return pixels, 1.0
    image = Image.fromarray(pixels)
    resized = image.resize(size, Image.Resampling.BICUBIC, reducing_gap=REDUCING_GAP)
    return np.asarray(resized), scale


def square_around(
    width: float, height: float, box: Sequence[float]
) -> tuple[float, float, float, float]:
    """The square around a face, x1, y1, x2, y2 in pixels, in a picture of this width and height.

    box: x1, y1, x2, y2 of the face in pixels. The square is `CONTEXT` times as long as the longer
    side of the box and a little above it, for the hair; at a border of the picture it is moved
    inside, and it is never larger than the picture.
    """
    x1, y1, x2, y2 = box
    side = CONTEXT * max(x2 - x1, y2 - y1, 1.0)
    middle_x, middle_y = (x1 + x2) / 2, (y1 + y2) / 2 - HAIR * side
    across, down = min(side, width), min(side, height)
    left = min(max(middle_x - across / 2, 0.0), width - across)
    top = min(max(middle_y - down / 2, 0.0), height - down)
    return left, top, left + across, top + down


def crop_around(pixels: Pixels, box: Sequence[float], size: int = SIZE) -> Pixels:
    """The square around a face that tells whose it is, uint8 `[size, size, 3]`.

    pixels: uint8 `[H, W, 3]`. box: x1, y1, x2, y2 of the face in pixels. The square is that of
    `square_around`.
    """
    height, width = pixels.shape[:2]
    left, top, right, bottom = square_around(width, height, box)
    across, down = right - left, bottom - top
    reach = 3 * max(across, down) / size + 3  # of the filter: what lies further has no weight
    first_x, first_y = max(0, floor(left - reach)), max(0, floor(top - reach))
    around = pixels[
        first_y : ceil(top + down + reach),
        first_x : ceil(left + across + reach),
    ]
    left, top = left - first_x, top - first_y
    part = (left, top, left + across, top + down)
    return np.asarray(_resized(Image.fromarray(around), size, part))


def decode(source: Source) -> Pixels:
    """Decode a picture to RGB, uint8 `[H, W, 3]`.

    `source` is a path, the bytes of a file, a binary file object, a PIL image or an array:
    `[H, W]`, `[H, W, 1]`, `[H, W, 3]` or `[H, W, 4]`, uint8, uint16 or float in [0, 1]. The
    channels of an array are red, green, blue and alpha; turn OpenCV's blue, green, red with
    `picture[..., ::-1]`.

    EXIF orientation is applied, transparency is put on white, grey, palette, CMYK and 16-bit
    pictures become 8-bit RGB, and of an animation the first frame is taken.

    Raises ImageError for what is missing, empty, truncated or damaged, not a picture, larger than
    `MAX_PIXELS` or than the memory, or of numbers of which none is known to be white. Whatever a
    decoder raises is one too.
    """
    if isinstance(source, np.ndarray | Image.Image):
        name = _name(source)
        with blaming(name):
            if isinstance(source, np.ndarray):
                return _array_to_rgb(source, name)
            return _upright(*_decoded(source, name))
    with _opened(source) as (file, name), _identified(file, name) as image, _room_for(image):
        return _upright(*_decoded(image, name))


def decode_reduced(source: Source, least: int) -> Reduced:
    """`decode` a picture, smaller by a whole factor if its longer side keeps `least` pixels so.

    That side then has less than twice as many. A JPEG file is decoded at a half, a quarter or an
    eighth of its size, as the decoder does in less time; of other pictures each pixel is the mean
    of a square. Raises ImageError as `decode` does.
    """
    if isinstance(source, np.ndarray | Image.Image):
        with blaming(_name(source)):
            pixels = decode(source)
            height, width = pixels.shape[:2]
            if max(height, width) >= 2 * least:
                pixels = np.asarray(_reduced(Image.fromarray(pixels), least))
            return Reduced(pixels, width, height)
    with _opened(source) as (file, name):
        ordinary = jpeg.decode(file, least, MAX_PIXELS, max)
        if ordinary:
            image, width, height, _ = ordinary
            return Reduced(np.asarray(_reduced(image, least).convert("RGB")), width, height)
        with _identified(file, name) as image:
            width, height = image.size
            share = least / max(image.size)
            image.draft(None, (ceil(width * share), ceil(height * share)))
            with _room_for(image):
                decoded, turn = _decoded(image, name)
                if turn in _SIDEWAYS:
                    width, height = height, width
                pixels = _upright(_reduced(decoded, least), turn)
            return Reduced(pixels, width, height)


def _reduced(image: Image.Image, least: int) -> Image.Image:
    factor = max(image.size) // least
    return image.reduce(factor) if factor > 1 else image


def size_of(file: File) -> tuple[int, int]:
    """Width and height in pixels of a picture as people see it; only its header is read.

    Raises ImageError as `decode` does, but not for damage behind the header.
    """
    with _opened(file) as (opened, name), _identified(opened, name, whole=False) as image:
        turned = _TRANSPOSE.get(_orientation(image)) in _SIDEWAYS
        return (image.height, image.width) if turned else image.size


def _resized_part(
    image: Image.Image,
    part: margins.Rectangle,
    size: int,
    filled: tuple[float, float, float, float] | None = None,
) -> Image.Image:
    """filled: of all of the image, what is no padding; None for all of it."""
    if part == (0, 0, *image.size):
        return _resized(image, size, filled)
    cut = image.crop(part)  # or the filter would mix in what is beside it
    if filled is None:
        return _resized(cut, size)
    across, down = min(part.right, filled[2]) - part.left, min(part.bottom, filled[3]) - part.top
    return _resized(cut, size, (0, 0, across, down))


def _resized(
    image: Image.Image, size: int, box: tuple[float, float, float, float] | None = None
) -> Image.Image:
    """`box`: the part that is resized, left, upper, right, lower; None for all."""
    return image.resize((size, size), Image.Resampling.BICUBIC, box=box, reducing_gap=REDUCING_GAP)


@contextmanager
def _opened(source: File) -> Iterator[tuple[BinaryIO, str]]:
    """The file of a picture, and what errors call it; they are its ImageErrors."""
    name = _name(source)
    with blaming(name):
        if isinstance(source, bytes):
            yield io.BytesIO(source), name
        elif isinstance(source, str | os.PathLike):
            with _readable(os.fsdecode(source)) as file:
                yield file, name
        elif source.closed if hasattr(source, "closed") else False:
            raise ImageError(f"{name}: the file object is closed; give it open")
        elif isinstance(source, io.TextIOBase):
            raise ImageError(f"{name}: is opened as text; open it with the mode 'rb'")
        else:
            yield source, name


def _name(source: Source) -> str:
    """What errors call it. Raises ImageError for what can be no picture."""
    if isinstance(source, str | os.PathLike):
        return str(Path(os.fsdecode(source)))
    if isinstance(source, np.ndarray):
        return "the array"
    if isinstance(source, Image.Image):
        return "the PIL image"
    if isinstance(source, bytes):
        return "the bytes given"
    if hasattr(source, "read"):
        return str(getattr(source, "name", "the file object"))
    raise ImageError(
        f"{type(source).__name__} is not a picture: give a path, bytes, a binary file object, "
        "a PIL image or an array"
    )


@contextmanager
def blaming(name: str) -> Iterator[None]:
    """Whatever is raised inside is the ImageError of this picture: each decoder has its own."""
    try:
        yield
    except ImageError:
        raise
    except Exception as error:
        raise _image_error(name, error) from None


def _image_error(name: str, error: Exception) -> ImageError:
    if isinstance(error, Image.DecompressionBombError):
        return TooLargeError(_too_large(name))
    if isinstance(error, TooLongError):
        return ImageError(f"{name}: takes too long to decode; save it again, for example as PNG")
    if isinstance(error, MemoryError):
        return UnreadableError(
            f"{name}: the memory does not suffice to decode it; free some, or make it smaller"
        )
    if isinstance(error, FileNotFoundError):
        return UnreadableError(f"{name}: no such file; check the path")
    if isinstance(error, IsADirectoryError | PermissionError):
        if os.path.isdir(name):  # noqa: PTH112 (Windows permits no folder; never raises)
            if not os.access(name, os.R_OK):
                return ImageError(f"{name}: the folder can't be read; change its permissions")
            return ImageError(f"{name}: is a folder, not a picture; give a file in it")
        return ImageError(f"{name}: no permission to read it; change its permissions")
    if isinstance(error, OSError) and error.errno is not None:  # of the system, not of a decoder
        return _unreadable(name, error.strerror or error)
    return ImageError(_damaged(name, error))


def _unreadable(name: str, reason: object) -> UnreadableError:
    return UnreadableError(f"{name}: can't be read ({reason}); check the path and disk")


@contextmanager
def _readable(path: str) -> Iterator[BinaryIO]:
    try:
        opened = os.open(Path(path), _FLAGS)
    except (OSError, ValueError) as error:
        if said := urls.refusal(path):
            raise ImageError(said) from None
        if isinstance(error, OSError):
            raise
        raise _unreadable(path, error) from None  # a null character in the path
    try:
        status = os.fstat(opened)
        if stat.S_ISREG(status.st_mode) and status.st_size <= _READ_AT_ONCE:
            yield io.BytesIO(os.read(opened, status.st_size))
        else:
            with os.fdopen(opened, "rb", closefd=False) as file:
                yield file
    finally:
        os.close(opened)


def _identified(file: BinaryIO, name: str, *, whole: bool = True) -> Image.Image:
    """The picture of a file, not yet decoded. whole: whether its checksums must be right."""
    if not file.seekable():  # a pipe or a download
        file = io.BytesIO(file.read())
    file.seek(0)  # whoever wrote it may have left it at its end
    start = file.read(file_kinds.LONGEST_START)
    if not start:
        raise ImageError(f"{name}: the file is empty; fetch it again")
    if fault := _fault_before_it_is_opened(file, start, whole):
        raise ImageError(_damaged(name, fault))
    file.seek(0)
    timed = Bounded(file)
    try:
        image = Image.open(cast(BinaryIO, timed), formats=file_kinds.allowed())
    except UnidentifiedImageError:
        raise ImageError(_unidentified(name, start)) from None
    _require_size(image, name)
    timed.allow(image.width * image.height)
    _require_few_scans(image, file, name)
    return image


def _fault_before_it_is_opened(file: BinaryIO, start: bytes, whole: bool) -> str | None:
    file.seek(0)
    if start.startswith(png.SIGNATURE):
        return png.fault(file) if whole else None
    if start.startswith(jpeg.START):
        return jpeg.fault(file)
    return None if tiff.is_bounded(file) else "the values of its tags lie over one another"


def _require_few_scans(image: Image.Image, file: BinaryIO, name: str) -> None:
    if image.format not in ("JPEG", "MPO"):
        return
    at = file.tell()
    file.seek(0)
    scans = jpeg.scans(file)
    file.seek(at)
    if jpeg.has_too_many_scans(scans, image.width * image.height):
        raise ImageError(
            f"{name}: has {scans:,} scans, more than can be decoded in a few seconds; save it again"
        )


def _unidentified(name: str, start: bytes) -> str:
    if refusal := file_kinds.refusal(start):
        return f"{name}: {refusal}"
    if start.startswith(_SIGNATURES):
        return (
            f"{name}: the picture is damaged or of a kind that can't be read; fetch it again, or "
            "convert it to JPEG or PNG"
        )
    is_film = name.lower().endswith(_FILMS)
    remedy = "read a film with `simpsons timeline`" if is_film else "convert it to JPEG or PNG"
    return f"{name}: not a picture in a format known here; {remedy}"


def _damaged(name: str, reason: object) -> str:
    said = str(reason) or type(reason).__name__
    reason = "is truncated" if "truncated" in said.lower() else f"is damaged ({said})"
    return f"{name}: the picture {reason}; fetch it again"


def _too_large(name: str, most: int | None = None) -> str:
    return f"{name}: has more than {most or MAX_PIXELS:,} pixels; make it smaller"


def _require_size(image: Image.Image, name: str) -> None:
    pixels, kind = image.width * image.height, image.format or ""
    most = min(MAX_PIXELS, _FEWER_PIXELS.get(kind, MAX_PIXELS))
    if pixels > most:
        raise TooLargeError(_too_large(name, most))
    most = MAX_PIXELS // _RUN_LENGTHS
    if kind == "BMP" and pixels > most and image.info.get("compression", 0) in (1, 2):
        raise TooLargeError(
            f"{name}: is a BMP file in run lengths of more than {most:,} pixels, which "
            "take too long to decode; convert it to PNG"
        )
    if image.width == 0 or image.height == 0:
        raise ImageError(f"{name}: has no pixels; give a picture with a width and a height")


def _decoded(image: Image.Image, name: str) -> _Decoded:
    _require_size(image, name)
    fault = tiff.fault(image)
    if fault:
        raise ImageError(f"{name}: {fault}; convert it to an 8-bit PNG")
    tiff.silence()
    png.scale_key(image)
    transparent = png.transparent(image)
    image.load()
    turn = _TRANSPOSE.get(_orientation(image))
    if transparent is None:
        return _Decoded(_to_rgb(image, name), turn)
    pixels = np.array(image)
    pixels[transparent] = 255
    return _Decoded(Image.fromarray(pixels), turn)


@contextmanager
def _room_for(image: Image.Image) -> Iterator[None]:
    """Wait while another thread decodes a large picture, if this is one too."""
    is_large = image.width * image.height > LARGE
    with _ONE_LARGE if is_large else nullcontext():
        yield


def _to_rgb(image: Image.Image, name: str) -> Image.Image:
    def from_deep(band: Image.Image) -> Image.Image:
        values = tiff.straight(image, np.asarray(band))
        if values.dtype == np.int32 and values.min() >= 0 and values.max() <= 65535:
            values = values.astype(np.uint16)  # what Pillow makes of 16 bits at times
        key = image.info.get("transparency")
        if isinstance(key, int):  # of a PNG file: pixels of this value are transparent
            values = np.where(values == key, values.dtype.type(65535), values)
        return Image.fromarray(_array_to_rgb(values, name))

    if image.mode.startswith(("I", "F")):
        return _by_bands(image, from_deep)
    if image.mode in ("P", "PA") and image.palette is None:
        raise ImageError(_damaged(name, "it has no palette"))
    if image.has_transparency_data:
        return _by_bands(image, _on_white)
    return image if image.mode == "RGB" else image.convert("RGB")


def _by_bands(image: Image.Image, to_rgb: Callable[[Image.Image], Image.Image]) -> Image.Image:
    """RGB, some rows at a time: a conversion needs several times as much memory as its result."""
    result = Image.new("RGB", image.size)
    height = max(1, _BAND // image.width)
    for top in range(0, image.height, height):
        band = image.crop((0, top, image.width, min(top + height, image.height)))
        result.paste(to_rgb(band), (0, top))
    return result


def _on_white(image: Image.Image) -> Image.Image:
    straight = image.convert("LA") if image.mode == "La" else image  # Pillow turns it into no other
    with_alpha = straight.convert("RGBA")
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, with_alpha).convert("RGB")


def _orientation(image: Image.Image) -> int:
    try:
        if not all(map(tiff.is_bounded, _exif_blocks(image))):
            return 1
        return int(image.getexif().get(_EXIF_ORIENTATION, 1))
    except Exception:  # a malformed EXIF block says nothing, and the pixels are sound
        return 1


def _exif_blocks(image: Image.Image) -> Iterator[BinaryIO]:
    """What Pillow takes the EXIF tags of the picture from, as it finds them in a file."""
    block = image.info.get("exif")
    if isinstance(block, bytes):
        yield io.BytesIO(block.removeprefix(b"Exif\0\0"))
    text = image.info.get("Raw profile type exif")  # of a PNG file, in hexadecimal digits
    if isinstance(text, str):
        yield io.BytesIO(bytes.fromhex("".join(text.split("\n")[3:])).removeprefix(b"Exif\0\0"))


def _array_to_rgb(array: NDArray[np.generic], name: str) -> Pixels:
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3 or array.shape[2] not in (1, 3, 4) or 0 in array.shape:
        raise ImageError(
            f"{name}: has the shape {list(array.shape)}; give [H, W], [H, W, 1], [H, W, 3] "
            "or [H, W, 4]"
        )
    if array.shape[0] * array.shape[1] > MAX_PIXELS:
        raise TooLargeError(_too_large(name))
    array = _to_uint8(array, name)
    if array.shape[2] == 1:
        return np.repeat(array, 3, axis=2)
    if array.shape[2] == 4:
        return np.asarray(_to_rgb(Image.fromarray(array), name))
    return array


def _to_uint8(array: NDArray[np.generic], name: str) -> Pixels:
    if array.dtype == np.uint8:
        return cast(Pixels, array)
    if array.dtype.kind not in "biuf":
        raise ImageError(f"{name}: has {array.dtype} values; {_RANGES}")
    low, high = array.min(), array.max()
    if np.issubdtype(array.dtype, np.floating) and low >= 0 and high <= 1:
        return _rounded(array.astype(np.float32) * np.float32(255))
    if array.dtype.type == np.uint16:
        return _rounded(array.astype(np.float32) / np.float32(257))
    raise ImageError(f"{name}: has {array.dtype} values from {low} to {high}; {_RANGES}")


def _rounded(values: NDArray[np.float32]) -> Pixels:
    return np.rint(values).astype(np.uint8)
