"""Films with a high dynamic range or a wide gamut in the colours of a usual screen."""

from __future__ import annotations

import tempfile
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import av
import numpy as np
from av.filter import Graph
from av.video.reformatter import ColorPrimaries, ColorTrc
from numpy.typing import NDArray

WHITE = 203.0
"""Candelas a square metre of white in a film of high dynamic range (ITU-R BT.2408)."""

PEAK = 1000.0
"""Candelas a square metre that become the brightest that a usual screen shows."""

KNEE = 0.9
"""Share of `WHITE` up to which brightness stays as it is; above, it is compressed up to `PEAK`."""

GAMMA = 2.4
"""Of a usual screen (ITU-R BT.1886)."""

FORMAT = "gbrp16le"
"""What `Tones.shown` takes and gives."""

_STEPS = 33  # of each colour in the table
_TO_BT709 = {  # linear light, from the primaries' x and y by way of CIE XYZ
    ColorPrimaries.BT2020: (
        (1.660491, -0.587641, -0.072850),
        (-0.124550, 1.132900, -0.008349),
        (-0.018151, -0.100579, 1.118730),
    ),
    ColorPrimaries.SMPTE432: (
        (1.224940, -0.224940, 0.0),
        (-0.042057, 1.042057, 0.0),
        (-0.019638, -0.078636, 1.098274),
    ),
}
_HDR = (ColorTrc.SMPTE2084, ColorTrc.ARIB_STD_B67)


class Tones:
    """Shows the frames of a film of high dynamic range (PQ, HLG) or wide gamut (BT.2020, P3)."""

    def __init__(self) -> None:
        self._graphs: dict[tuple[int, ...], Graph] = {}

    def is_needed(self, picture: av.VideoFrame) -> bool:
        """Whether it is no frame for a usual screen."""
        return picture.color_trc in _HDR or picture.color_primaries in _TO_BT709

    def shown(self, picture: av.VideoFrame) -> av.VideoFrame:
        """A frame in `gbrp16le`, BT.709 with gamma, of one in that format.

        Brightness changes by the largest of red, green and blue, so hues stay. What lies outside
        the gamut is clipped.
        """
        kind = picture.width, picture.height, picture.color_trc, picture.color_primaries
        if kind not in self._graphs:
            self._graphs = {kind: _graph(*kind)}
        graph = self._graphs[kind]
        graph.push(picture)
        shown = graph.pull()
        assert isinstance(shown, av.VideoFrame)
        return shown


def to_bt709(signal: NDArray[np.float64], transfer: int, primaries: int) -> NDArray[np.float64]:
    """Red, green and blue, 0 to 1, `[..., 3]`, as a usual screen shows them.

    transfer, primaries: as FFmpeg numbers them (ITU-T H.273). Formulas: PQ and HLG of ITU-R
    BT.2100, HLG on a screen of 1,000 candelas.
    """
    if transfer == ColorTrc.SMPTE2084:
        light = _pq(signal) / WHITE
    elif transfer == ColorTrc.ARIB_STD_B67:
        light = _hlg(signal) / WHITE
    else:
        light = signal**GAMMA
    if primaries in _TO_BT709:
        light = np.maximum(light @ np.array(_TO_BT709[ColorPrimaries(primaries)]).T, 0)
    if transfer in _HDR:
        largest = light.max(axis=-1, keepdims=True)
        light = light * (_compressed(largest) / np.maximum(largest, 1e-9))
    return np.minimum(light, 1) ** (1 / GAMMA)


def _pq(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    """Candelas a square metre."""
    m1, m2 = 2610 / 16384, 2523 / 4096 * 128
    c1, c2, c3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
    power = signal ** (1 / m2)
    share: NDArray[np.float64] = np.maximum(power - c1, 0) / (c2 - c3 * power)
    return 10_000 * share ** (1 / m1)


def _hlg(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    """Candelas a square metre."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
    luminance = scene @ np.array((0.2627, 0.6780, 0.0593))
    light: NDArray[np.float64] = 1000 * scene * luminance[..., None] ** 0.2
    return light


def _compressed(light: NDArray[np.float64]) -> NDArray[np.float64]:
    """White is 1; what is above `KNEE` goes on without a bend and reaches 1 at `PEAK`."""
    top = (PEAK / WHITE - KNEE) / (1 - KNEE)
    above = np.clip((light - KNEE) / (1 - KNEE), 0, top)
    bent = above * (1 + above / top**2) / (1 + above)
    return np.where(light <= KNEE, light, KNEE + (1 - KNEE) * bent)


@lru_cache(maxsize=4)
def _table(transfer: int, primaries: int) -> str:
    """`to_bt709` as a `.cube` file."""
    steps = np.linspace(0, 1, _STEPS)
    blue, green, red = np.meshgrid(steps, steps, steps, indexing="ij")
    rows = to_bt709(np.stack([red, green, blue], axis=-1), transfer, primaries).reshape(-1, 3)
    lines = (f"{red:.5f} {green:.5f} {blue:.5f}" for red, green, blue in rows.tolist())
    return "\n".join([f"LUT_3D_SIZE {_STEPS}", *lines, ""])


def _graph(width: int, height: int, transfer: int, primaries: int) -> Graph:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.cube"
        path.write_text(_table(transfer, primaries))
        graph = Graph()
        source = graph.add_buffer(
            width=width,
            height=height,
            format=av.VideoFormat(FORMAT),
            time_base=Fraction(1, av.time_base),
        )
        table_filter = graph.add("lut3d", file=str(path), interp="tetrahedral")
        sink = graph.add("buffersink")
        source.link_to(table_filter)
        table_filter.link_to(sink)
        graph.configure()
    return graph
