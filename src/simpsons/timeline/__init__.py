"""Who is on screen when, in a film.

>>> from simpsons import Detector, timeline
>>> film = timeline.read("episode.mp4", Detector())
>>> film.intervals[0]
Interval(start=1.25, end=4.0, label='homer_simpson', probability=0.93)
"""

from simpsons.timeline.annotate import annotate
from simpsons.timeline.film import FilmError
from simpsons.timeline.intervals import Interval
from simpsons.timeline.reading import Timeline, read
from simpsons.timeline.stills import write_stills
from simpsons.timeline.totals import Total, Totals
from simpsons.timeline.tracks import Track
from simpsons.timeline.writing import write

__all__ = [
    "FilmError",
    "Interval",
    "Timeline",
    "Total",
    "Totals",
    "Track",
    "annotate",
    "read",
    "write",
    "write_stills",
]
