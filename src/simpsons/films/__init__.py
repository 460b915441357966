"""Who is on screen when, in a film.

>>> from simpsons import Detector, films
>>> film = films.read("episode.mp4", Detector())
>>> film.intervals[0]
Interval(start=1.25, end=4.0, label='homer_simpson', probability=0.93)
"""

from simpsons.films.annotate import annotate
from simpsons.films.film import FilmError
from simpsons.films.intervals import Interval
from simpsons.films.reading import Timeline, read
from simpsons.films.stills import write_stills
from simpsons.films.totals import Total, Totals
from simpsons.films.tracks import Track
from simpsons.films.writing import write

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
