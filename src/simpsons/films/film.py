"""A film's frames, one at a time, with the second at which each is shown."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Self, cast

import av
from av.format import Flags
from av.stream import Disposition

from simpsons import urls
from simpsons.errors import SimpsonsError
from simpsons.films.clock import Clock

_TOLERANCE = 0.5  # seconds before the end that the header gives, at which an intact film may end
_STILLS = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
_FROM_ZERO = ("matroska", "asf")  # whose header counts from timestamp 0, not from the film's start
_WITHOUT_LENGTH = ("mpegts", "mpeg", "ogg")  # whose length FFmpeg takes from the last timestamps


class FilmError(SimpsonsError):
    """A film that can't be read. The message names it, the reason and the remedy."""


@dataclass(frozen=True)
class Frame:
    """One picture of a film, as its decoder gives it. time: seconds from the film's start."""

    time: float
    picture: av.VideoFrame


class Film:
    """A film that is open for reading; use it in a `with` block.

    stream: the pictures that players show: of the streams the default one, the largest of several.
    duration: in seconds from its start, as the header says; None if it doesn't. frame_rate: frames
    a second, on average. time_base: the unit of the pictures' timestamps, in seconds. end: the
    second up to which frames have been read so far. is_joined: whether their timestamps have jumped
    or gone back.

    Raises FilmError for a file that is missing, no film, or without moving pictures.
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
                f"{self.path}: is not a film that can be read, or is cut off before its index "
                f"({error.strerror}); fetch it again, or convert it to MP4"
            ) from None
        try:
            self.stream = self._pictures()
        except FilmError:
            self.container.close()
            raise
        self.stream.thread_type = "AUTO"
        self.frame_rate = self._frame_rate()
        self.time_base = self.stream.time_base or Fraction(1, av.time_base)
        self.duration = self._stated()
        self.end = 0.0
        self.is_joined = False
        self._last_stamp = 0.0
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
        if self._is_truncated():
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

    @property
    def pixel_shape(self) -> Fraction:
        """Width to height of a pixel, of the frames that come now: a broadcast may change it."""
        shape = self.stream.sample_aspect_ratio
        if "mpegts" in self._formats or "mpeg" in self._formats:
            shape = self.stream.codec_context.sample_aspect_ratio or shape
        return shape or Fraction(1)

    def frames(self) -> Iterator[Frame]:
        """Every frame in the order of display; time never goes back.

        Where timestamps start anew or jump, time goes on (see `Clock`). Frames that can't be
        decoded are left out; `problem` says so.

        Raises FilmError at the end if no frame could be decoded.
        """
        time = -1.0
        for packet in self._packets():
            if packet.stream.index == self.stream.index:
                for picture in self._decode(packet):
                    time = max(time, self._seconds(picture))
                    self.end = time + self._length(picture)
                    yield Frame(time, picture)
        if time < 0:
            raise FilmError(f"{self.path}: none of its frames can be decoded; fetch it again")

    def sound(self) -> Iterator[av.Packet[Any]]:
        """The packets of all streams of sound; their times are from the film's start."""
        for packet in self._packets():
            if packet.stream.type == "audio":
                yield packet

    def _pictures(self) -> av.VideoStream:
        container = self.container
        streams = [stream for stream in container.streams.video if stream.codec_context]
        moving = [stream for stream in streams if not stream.disposition & _STILLS]
        if "image2" in self._formats or container.format.name.endswith("_pipe"):
            raise FilmError(f"{self.path}: is a picture; give it to `simpsons predict`, or a film")
        if moving:
            return max(moving, key=_rank)
        if streams:
            raise FilmError(f"{self.path}: has only sound and a still picture; give a film")
        if container.streams.video:
            raise FilmError(f"{self.path}: has pictures of an unknown kind; convert it to MP4")
        raise FilmError(f"{self.path}: has no pictures, only sound or text; give a film")

    @property
    def _formats(self) -> set[str]:
        return set(self.container.format.name.split(","))

    def _has_flag(self, flag: Flags) -> bool:
        return bool(self.container.format.flags & cast(int, flag.value))

    def _frame_rate(self) -> Fraction:
        rates = self.stream.average_rate, self.stream.guessed_rate
        if self._has_flag(Flags.no_timestamps):
            rates = rates[::-1]  # the average is made up there
        return rates[0] or rates[1] or Fraction(25)

    def _start(self) -> float:
        return (self.container.start_time or 0) / av.time_base

    def _stated(self) -> float | None:
        """The length that the header states.

        FFmpeg reduces that of a truncated AVI, and leaves out that of a truncated WMV.
        """
        duration = self.container.duration
        seconds = None if duration is None else duration / av.time_base
        if "avi" in self._formats and self.stream.frames:
            seconds = max(seconds or 0.0, float(self.stream.frames * self.time_base))
        if "asf" in self._formats and seconds is None:
            seconds = _stated_in_asf(self.path)
        if seconds is not None and not self._formats.isdisjoint(_FROM_ZERO):
            start = self._start()
            seconds -= start if 0 < start < seconds else 0
        return seconds

    def _is_truncated(self) -> bool:
        if self.duration is None or not self._formats.isdisjoint(_WITHOUT_LENGTH):
            return False
        return self._last_stamp - self._start() < self.duration - _TOLERANCE

    def _packets(self) -> Iterator[av.Packet[Any]]:
        """Packets of pictures and sound, with their times from the film's start."""
        start = self.container.start_time
        is_joinable = self._has_flag(Flags.ts_discont)
        clock = Clock(
            self.stream.index,
            None if start is None else start / av.time_base,
            float(1 / self.frame_rate),
            gap=10.0 if is_joinable else 60.0,  # as ffplay and mpv
            back=0.1 if is_joinable else 1.0,
        )
        try:
            for packet in self.container.demux():
                if packet.pts is not None:
                    end = float((packet.pts + (packet.duration or 0)) * packet.time_base)
                    self._last_stamp = max(self._last_stamp, end)
                if packet.stream.index == self.stream.index or packet.stream.type == "audio":
                    yield from clock.set(packet)
                    self.is_joined = clock.is_joined
        except av.FFmpegError:
            self._note_damage()
        yield from clock.rest()

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
        stamp = picture.dts if picture.pts is None else picture.pts
        if stamp is None or picture.time_base is None:
            return self.end
        return max(0.0, float(stamp * picture.time_base))

    def _length(self, picture: av.VideoFrame) -> float:
        if picture.duration and picture.time_base:
            return float(picture.duration * picture.time_base)
        return float(1 / self.frame_rate)


def _rank(stream: av.VideoStream) -> tuple[bool, bool, bool, int]:
    """The more, the sooner players choose it."""
    is_default = bool(stream.disposition & Disposition.default)
    return stream.width > 0, stream.frames != 1, is_default, stream.width * stream.height


def _stated_in_asf(path: Path) -> float | None:
    """The seconds up to which a WMV goes by its File Properties Object; None if it is streamed."""
    with path.open("rb") as file:
        head = file.read(65536)
    start = head.find(bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365"))
    if start < 0 or len(head) < start + 92:
        return None
    length, _, preroll, flags = struct.unpack_from("<QQQI", head, start + 64)
    is_streamed = flags & 1
    return None if is_streamed else length / 10_000_000 - preroll / 1000
