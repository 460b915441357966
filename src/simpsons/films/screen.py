"""A film's frames as players show them: upright, with square pixels, in the right colours."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, VideoReformatter

from simpsons.films.orientation import Orientation
from simpsons.films.tones import FORMAT, Tones
from simpsons.pixels import images

_MATRICES = {  # of ITU-T H.273, as the scaler numbers them
    1: Colorspace.ITU709,
    4: Colorspace.FCC,
    5: Colorspace.ITU601,
    6: Colorspace.ITU601,
    7: Colorspace.SMPTE240M,
    9: Colorspace.BT2020,
    10: Colorspace.BT2020,
}


MATRIX_NUMBERS = {
    Colorspace.ITU709: 1,
    Colorspace.FCC: 4,
    Colorspace.ITU601: 6,
    Colorspace.SMPTE240M: 7,
    Colorspace.BT2020: 9,
}
"""The scaler's matrices as files name them (ITU-T H.273)."""


def matrix_of(picture: av.VideoFrame) -> Colorspace:
    """The matrix between a frame's YUV and RGB; where it doesn't say, what players take.

    That is BT.2020 for a wide gamut, BT.709 from 1280 pixels of width or above 576 of height,
    BT.601 below.
    """
    if picture.colorspace in _MATRICES:
        return _MATRICES[picture.colorspace]
    if picture.color_primaries == ColorPrimaries.BT2020:
        return Colorspace.BT2020
    is_large = picture.width >= 1280 or picture.height > 576
    return Colorspace.ITU709 if is_large else Colorspace.ITU601


@dataclass(frozen=True)
class Colours:
    """How the numbers of a yuv420p picture are meant. range: limited (`MPEG`) or full (`JPEG`)."""

    matrix: Colorspace
    primaries: int
    transfer: int
    range: ColorRange


class Screen:
    """Shows frames of one film. Keeps what it can use again for the next frame."""

    def __init__(self) -> None:
        self._scaler = VideoReformatter()
        self._second = VideoReformatter()
        self._tones = Tones()

    def pixels(self, picture: av.VideoFrame, shape: Fraction, longest: int) -> images.Pixels:
        """uint8 `[H, W, 3]`, RGB, with at most `longest` pixels a side.

        shape: width to height of a pixel of the frame. The decoder's scaler reduces it, by a
        bicubic filter that widens as that of `images` does.
        """
        ratio = float(shape)
        width, height = picture.width * max(1.0, ratio), picture.height / min(1.0, ratio)
        scale = min(1.0, longest / max(width, height))
        size = max(1, round(width * scale)), max(1, round(height * scale))
        rgb = self._rgb(picture, *size)
        return np.ascontiguousarray(Orientation.of(picture).upright(images.decode(rgb)))

    def colours(self, picture: av.VideoFrame) -> Colours:
        """What `frame` is best given for a film whose frames are like this one."""
        if self._tones.is_needed(picture):
            bt709 = ColorPrimaries.BT709, ColorTrc.BT709
            return Colours(Colorspace.ITU709, *bt709, ColorRange.MPEG)
        is_full = picture.color_range == ColorRange.JPEG and not picture.format.is_rgb
        return Colours(
            matrix_of(picture),
            picture.color_primaries,
            picture.color_trc,
            ColorRange.JPEG if is_full else ColorRange.MPEG,
        )

    def frame(
        self, picture: av.VideoFrame, width: int, height: int, colours: Colours
    ) -> av.VideoFrame:
        """A frame in yuv420p that may be written to. width, height: even, as it is shown."""
        orientation = Orientation.of(picture)
        size = orientation.size(width, height)
        matrix = matrix_of(picture)
        if self._tones.is_needed(picture):
            picture = self._scaler.reformat(picture, *size, FORMAT, matrix, threads=1)
            picture = self._tones.shown(picture)
        shown = self._second.reformat(
            picture,
            *size,
            "yuv420p",
            src_colorspace=matrix,
            dst_colorspace=colours.matrix,
            dst_color_range=colours.range,
            threads=1,
        )
        if orientation == Orientation():
            shown.make_writable()
        else:
            shown = _turned(shown, orientation)
        shown.colorspace, shown.color_range = MATRIX_NUMBERS[colours.matrix], int(colours.range)
        return shown

    def _rgb(self, picture: av.VideoFrame, width: int, height: int) -> Any:
        arguments: dict[str, Any] = {
            "src_colorspace": matrix_of(picture),
            "interpolation": "BICUBIC",
            "threads": 1,
        }
        if not self._tones.is_needed(picture):
            return self._scaler.reformat(picture, width, height, "rgb24", **arguments).to_ndarray()
        reduced = self._scaler.reformat(picture, width, height, FORMAT, **arguments)
        shown = self._tones.shown(reduced)
        return self._second.reformat(shown, format="rgb24", threads=1).to_ndarray()


def plane(plane: Any) -> images.Pixels:
    """The bytes of a plane, uint8 `[H, W]`; to write to them changes the picture."""
    rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
    return rows[: plane.height, : plane.width]


def _turned(picture: av.VideoFrame, orientation: Orientation) -> av.VideoFrame:
    turned = av.VideoFrame(*orientation.size(picture.width, picture.height), "yuv420p")
    turned.pts, turned.time_base, turned.duration = picture.pts, picture.time_base, picture.duration
    for target, source in zip(turned.planes, picture.planes, strict=True):
        plane(target)[:] = orientation.upright(plane(source))
    return turned
