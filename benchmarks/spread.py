"""Repeated figures: their median and spread, and ratios of two contenders'."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

Better = Literal["higher", "lower"]


@dataclass(frozen=True)
class Spread:
    """The median of some figures, and the lowest and the highest of them."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, figures: Sequence[float]) -> "Spread":
        """Raises ValueError if there are none."""
        if not figures:
            raise ValueError("no figures, no spread")
        return cls(median(figures), min(figures), max(figures))

    def text(self, unit: str = "") -> str:
        """`4.4x (4.1 to 4.6)`, three digits each."""
        return f"{digits(self.median)}{unit} ({digits(self.low)} to {digits(self.high)})"


def ratios(ours: Sequence[float], theirs: Sequence[float], better: Better) -> Spread:
    """How many times better ours is, repetition by repetition: 2 is twice as good.

    The two were measured in turns, so a machine that is slow for a while slows both.
    """
    pairs = zip(ours, theirs, strict=True)
    return Spread.of([a / b if better == "higher" else b / a for a, b in pairs])


def digits(value: float) -> str:
    """About three digits: 0.412, 4.12, 41.2, 412, 4,120."""
    for below, places in ((1, 3), (10, 2), (100, 1)):
        if abs(value) < below:
            return f"{value:.{places}f}"
    return f"{value:,.0f}"
