"""For how long each character is on screen in several films together."""

import csv
import io
from collections import Counter
from dataclasses import dataclass
from typing import Any

from simpsons.characters import display_name
from simpsons.films.intervals import seconds_of
from simpsons.films.reading import Timeline


@dataclass(frozen=True)
class Total:
    """One character in all films.

    label: the class, as the data set names it. seconds: on screen. share: of the seconds read of
    all films, 0 to 1. films: in how many it is.
    """

    label: str
    seconds: float
    share: float
    films: int

    @property
    def name(self) -> str:
        """The character, as people say it: `Homer Simpson`."""
        return display_name(self.label)

    def to_json(self) -> dict[str, Any]:
        """`{"character", "name", "seconds", "share", "films"}`."""
        return {
            "character": self.label,
            "name": self.name,
            "seconds": round(self.seconds, 3),
            "share": round(self.share, 4),
            "films": self.films,
        }


class Totals:
    """Adds up time lines, one at a time. duration: seconds read so far."""

    def __init__(self) -> None:
        self.duration = 0.0
        self._seconds: dict[str, float] = {}
        self._films: Counter[str] = Counter()

    def add(self, timeline: Timeline) -> None:
        """Count one more film."""
        seconds = seconds_of(timeline.intervals)
        self.duration += timeline.duration
        for label, length in seconds.items():
            self._seconds[label] = self._seconds.get(label, 0.0) + length
        self._films.update(seconds.keys())

    def rows(self) -> list[Total]:
        """Every character seen, the longest seen first."""
        return [
            Total(label, seconds, seconds / self.duration, self._films[label])
            for label, seconds in sorted(self._seconds.items(), key=lambda one: (-one[1], one[0]))
        ]

    def to_csv(self) -> str:
        """A row per character: seconds on screen, share of the time, and in how many films."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["character", "seconds", "share", "films"])
        for row in self.rows():
            writer.writerow([row.label, f"{row.seconds:.3f}", f"{row.share:.4f}", row.films])
        return text.getvalue()

    def to_json(self) -> dict[str, Any]:
        """`{"duration", "characters"}`."""
        characters = [row.to_json() for row in self.rows()]
        return {"duration": round(self.duration, 3), "characters": characters}
