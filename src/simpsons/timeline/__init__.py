"""Who is on screen when, in a film.

>>> from simpsons import Classifier, timeline
>>> film = timeline.read("episode.mp4", Classifier("xception"))
>>> film.intervals[0]
Interval(start=1.25, end=4.0, label='homer_simpson', probability=0.93)
"""

from simpsons.timeline.annotate import annotate
from simpsons.timeline.film import FilmError
from simpsons.timeline.intervals import Interval
from simpsons.timeline.reading import Timeline, read
from simpsons.timeline.writing import write

__all__ = ["FilmError", "Interval", "Timeline", "annotate", "read", "write"]
