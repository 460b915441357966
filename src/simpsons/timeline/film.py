"""A film's frames, one at a time, with the second at which each is shown."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Self

import av
from av.stream import Disposition

from simpsons import urls
from simpsons.errors import SimpsonsError

_TOLERANCE = 0.5  # seconds before the end that the header gives, at which a sound film may end


class FilmError(SimpsonsError):
    """A film that can't be read. The message names it, the reason and the remedy."""


@dataclass(frozen=True)
class Frame:
    """One picture of a film, as its decoder gives it. time: seconds from the film's start."""

    time: float
    picture: av.VideoFrame


class Film:
    """A film that is open for reading; use it in a `with` block.

    duration: in seconds, as the header says; None if it doesn't. start: the timestamp, in seconds,
    of the film's start. frame_rate: frames a second, on average. time_base: the unit of the
    pictures' timestamps, in seconds. end: the second up to which frames have been read so far.

    Raises FilmError for a file that is missing, no film, or without pictures.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        if said := urls.refusal(path, "film"):
            raise FilmError(said)
        self.path = Path(path)
        if self.path.is_dir():
            raise FilmError(f"{self.path}: is a folder, not a film; give a file in it")
        if not self.path.is_file():
            raise FilmError(f"{self.path}: no such file; check the path")
        try:
            self.container = av.open(f"file:{self.path}", metadata_errors="replace")
        except (av.FFmpegError, OSError) as error:
            raise FilmError(
                f"{self.path}: is no film that can be read, or is cut off before its index "
                f"({error.strerror}); fetch it again, or convert it to MP4"
            ) from None
        streams = [
            stream
            for stream in self.container.streams.video
            if not stream.disposition & Disposition.attached_pic  # the cover of a record
        ]
        if not streams:
            self.container.close()
            raise FilmError(f"{self.path}: has no pictures, only sound or text; give a film")
        self.stream = streams[0]
        self.stream.thread_type = "AUTO"
        self.frame_rate = self.stream.average_rate or self.stream.guessed_rate or Fraction(25)
        self.time_base = self.stream.time_base or Fraction(1, av.time_base)
        duration, start = self.container.duration, self.container.start_time
        self.duration = None if duration is None else duration / av.time_base
        self.start = (start or 0) / av.time_base
        self.end = 0.0
        self._last_packet_end = 0.0
        self._damaged_at: float | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.container.close()

    @property
    def problem(self) -> str | None:
        """What was wrong with the frames read so far, in words; None if nothing was.

        A film is truncated if its last packet, of pictures or sound, ends before the header says.
        """
        if self.duration is not None and self._last_packet_end < self.duration - _TOLERANCE:
            return (
                f"{self.path}: is truncated; read up to second {self.end:.1f} of "
                f"{self.duration:.1f}; fetch it again"
            )
        if self._damaged_at is not None:
            return (
                f"{self.path}: is damaged at second {self._damaged_at:.1f}; read up to second "
                f"{self.end:.1f} without what is damaged; fetch it again"
            )
        return None

    def frames(self, other: Callable[[av.Packet[Any]], object] | None = None) -> Iterator[Frame]:
        """Every frame in the order of display; time never goes back.

        Frames that can't be decoded are left out; `problem` says so. other: is given the packets
        of the other streams as they come.

        Raises FilmError at the end if no frame could be decoded.
        """
        time = -1.0
        for packet in self._packets():
            if packet.stream.index != self.stream.index:
                if other is not None:
                    other(packet)
                continue
            for picture in self._decode(packet):
                time = max(time, self._seconds(picture))
                self.end = time + self._length(picture)
                yield Frame(time, picture)
        if time < 0:
            raise FilmError(f"{self.path}: none of its frames can be decoded; fetch it again")

    def _packets(self) -> Iterator[av.Packet[Any]]:
        try:
            for packet in self.container.demux():
                if packet.pts is not None:
                    end = float((packet.pts + (packet.duration or 0)) * packet.time_base)
                    self._last_packet_end = max(self._last_packet_end, end - self.start)
                yield packet
        except av.FFmpegError:
            self._note_damage()

    def _decode(self, packet: av.Packet[Any]) -> list[av.VideoFrame]:
        try:
            return self.stream.decode(packet)
        except av.FFmpegError:
            self._note_damage()
            return []

    def _note_damage(self) -> None:
        if self._damaged_at is None:
            self._damaged_at = self.end

    def _seconds(self, picture: av.VideoFrame) -> float:
        if picture.pts is None or picture.time_base is None:
            return self.end
        return max(0.0, float(picture.pts * picture.time_base) - self.start)

    def _length(self, picture: av.VideoFrame) -> float:
        if picture.duration and picture.time_base:
            return float(picture.duration * picture.time_base)
        return float(1 / self.frame_rate)
