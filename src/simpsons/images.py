"""The only way in for pixels: `decode` anything to RGB, `fit` it to the network's size.

Training, evaluation, the command line and the Python API all call these two, so a network
never sees at work a picture that was prepared in another way than those it learnt from.
"""

import io
import os
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from simpsons.errors import SimpsonsError

SIZE = 64
"""Width and height in pixels of what the networks see."""

MAX_PIXELS = 80_000_000
"""Largest picture that is decoded, in pixels; a larger one is refused before it is decoded."""

FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
"""What is decoded, as Pillow names it; formats that run other programs are left out."""

REDUCING_GAP = 3.0
"""How many times larger than the result a picture stays when it is first reduced by a whole factor,
which is fast; the bicubic filter does the rest."""

SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
"""File name endings, in lower case, that are taken for pictures when a folder is read."""

Pixels = NDArray[np.uint8]
Source = str | os.PathLike[str] | bytes | BinaryIO | Image.Image | NDArray[np.generic]

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


class ImageError(SimpsonsError):
    """A picture that can't be read. The message names it, the reason and the remedy."""


def load(source: Source, size: int = SIZE) -> Pixels:
    """Decode and fit: what every network of this package is given.

    A JPEG file of 6 times this size or more is decoded at a half, a quarter or an eighth of its
    own, as the decoder does in less time, never below `REDUCING_GAP` times this size.

    Returns uint8 `[size, size, 3]`, RGB. Raises ImageError as `decode` does.
    """
    return fit(decode(source, least=round(REDUCING_GAP * size)), size)


def fit(pixels: Pixels, size: int = SIZE) -> Pixels:
    """Resize uint8 `[H, W, 3]` to uint8 `[size, size, 3]`; the aspect ratio is not kept.

    Bicubic with anti-aliasing: the filter widens with the reduction, so that one drawing
    looks the same to the network whether its file has 96 or 1,000 pixels a side.
    """
    if pixels.shape[:2] == (size, size):
        return pixels
    resized = Image.fromarray(pixels).resize(
        (size, size), Image.Resampling.BICUBIC, reducing_gap=REDUCING_GAP
    )
    return np.asarray(resized)


def decode(source: Source, least: int | None = None) -> Pixels:
    """Decode a picture to RGB, uint8 `[H, W, 3]`.

    `source` is a path, the bytes of a file, a binary file object, a PIL image or an array:
    `[H, W]`, `[H, W, 1]`, `[H, W, 3]` or `[H, W, 4]`, uint8, uint16 or float in [0, 1].

    EXIF orientation is applied, transparency is put on white, grey, palette, CMYK and 16-bit
    pictures become 8-bit RGB, and of an animation the first frame is taken.

    least: a JPEG file may be decoded at a half, a quarter or an eighth of its size, as long as
    neither side has fewer pixels than this; None for its full size.

    Raises ImageError for what is missing, empty, truncated, not a picture, or larger than
    `MAX_PIXELS`.
    """
    if isinstance(source, np.ndarray):
        return _array_to_rgb(source, "the array")
    if isinstance(source, Image.Image):
        return _image_to_rgb(source, "the PIL image")
    if isinstance(source, bytes):
        return _file_to_rgb(io.BytesIO(source), "the bytes given", least)
    if isinstance(source, str | os.PathLike):
        return _path_to_rgb(Path(source), least)
    if hasattr(source, "read"):
        return _file_to_rgb(source, str(getattr(source, "name", "the file object")), least)
    raise ImageError(
        f"{type(source).__name__} is not a picture: give a path, bytes, a binary file object, "
        "a PIL image or an array"
    )


def displayed_size(image: Image.Image) -> tuple[int, int]:
    """Width and height of an opened picture in pixels, once its EXIF orientation is applied."""
    width, height = image.size
    return (height, width) if _orientation(image) >= 5 else (width, height)


def _path_to_rgb(path: Path, least: int | None) -> Pixels:
    try:
        with path.open("rb") as file:
            return _file_to_rgb(file, str(path), least)
    except ImageError:
        raise
    except FileNotFoundError:
        raise ImageError(f"{path}: no such file; check the path") from None
    except IsADirectoryError:
        raise ImageError(f"{path}: is a folder, not a picture; give a file in it") from None
    except PermissionError:
        if os.path.isdir(path):  # noqa: PTH112 (what Windows says of a folder; never raises)
            raise ImageError(f"{path}: is a folder, not a picture; give a file in it") from None
        raise ImageError(f"{path}: no permission to read it; change its permissions") from None
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        reason = getattr(error, "strerror", None) or error
        raise ImageError(f"{path}: can't be read ({reason}); check the path and disk") from None


def _file_to_rgb(file: BinaryIO, name: str, least: int | None) -> Pixels:
    if not file.seekable():  # a pipe or a download
        file = io.BytesIO(file.read())
    if not file.read(1):
        raise ImageError(f"{name}: the file is empty; fetch it again")
    file.seek(0)
    try:
        image = Image.open(file, formats=FORMATS)
    except UnidentifiedImageError:
        raise ImageError(
            f"{name}: not a picture in a format known here; convert it to JPEG or PNG"
        ) from None
    except Image.DecompressionBombError:
        raise ImageError(_too_large(name)) from None
    except Exception as error:  # each decoder has errors of its own
        raise ImageError(_damaged(name, error)) from None
    with image:
        _require_size(image, name)
        if least is not None:
            image.draft(None, (least, least))
        return _image_to_rgb(image, name)


def _damaged(name: str, error: Exception) -> str:
    said = str(error) or type(error).__name__
    reason = "is truncated" if "truncated" in said.lower() else f"is damaged ({said})"
    return f"{name}: the picture {reason}; fetch it again"


def _too_large(name: str) -> str:
    return f"{name}: has more than {MAX_PIXELS:,} pixels; make it smaller"


def _require_size(image: Image.Image, name: str) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise ImageError(_too_large(name))
    if image.width == 0 or image.height == 0:
        raise ImageError(f"{name}: has no pixels; give a picture with a width and a height")


def _image_to_rgb(image: Image.Image, name: str) -> Pixels:
    _require_size(image, name)
    try:
        image.load()
    except Image.DecompressionBombError:
        raise ImageError(_too_large(name)) from None
    except Exception as error:
        raise ImageError(_damaged(name, error)) from None
    turn = _TRANSPOSE.get(_orientation(image))
    if turn is not None:
        image = image.transpose(turn)
    if image.mode.startswith(("I", "F")):
        return _array_to_rgb(np.asarray(image), name)
    if image.has_transparency_data:
        with_alpha = image.convert("RGBA")
        on_white = Image.new("RGBA", image.size, "white")
        return np.asarray(Image.alpha_composite(on_white, with_alpha).convert("RGB"))
    return np.asarray(image if image.mode == "RGB" else image.convert("RGB"))


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_EXIF_ORIENTATION, 1))
    except Exception:  # a malformed EXIF block says nothing, and the pixels are sound
        return 1


def _array_to_rgb(array: NDArray[np.generic], name: str) -> Pixels:
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3 or array.shape[2] not in (1, 3, 4) or 0 in array.shape:
        raise ImageError(
            f"{name}: has the shape {list(array.shape)}; give [H, W], [H, W, 1], [H, W, 3] "
            "or [H, W, 4]"
        )
    if array.shape[0] * array.shape[1] > MAX_PIXELS:
        raise ImageError(_too_large(name))
    array = _to_uint8(array, name)
    if array.shape[2] == 1:
        return np.repeat(array, 3, axis=2)
    if array.shape[2] == 4:
        return _image_to_rgb(Image.fromarray(array), name)
    return array


def _to_uint8(array: NDArray[np.generic], name: str) -> Pixels:
    if array.dtype == np.uint8:
        return cast(Pixels, array)
    low, high = array.min(), array.max()
    if np.issubdtype(array.dtype, np.floating) and low >= 0 and high <= 1:
        return _rounded(array.astype(np.float32) * np.float32(255))
    if array.dtype.type in (np.uint16, np.int32) and low >= 0 and high <= 65535:
        return _rounded(array.astype(np.float32) / np.float32(257))
    raise ImageError(
        f"{name}: has {array.dtype} values from {low} to {high}; give uint8, uint16, or floats "
        "in [0, 1]"
    )


def _rounded(values: NDArray[np.float32]) -> Pixels:
    return np.rint(values).astype(np.uint8)
