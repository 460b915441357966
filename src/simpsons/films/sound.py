"""A film's sound as MP4 holds it: copied where it can be, else encoded as AAC."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import IO, Any

import av
import numpy as np
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray

from simpsons.films.film import Film

COPIED = frozenset({"aac", "mp3", "mp3float", "ac3", "eac3", "alac", "opus", "flac"})
"""Codecs, as FFmpeg names them, that MP4 holds and players play from it."""

_AAC_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000)
_TOLERANCE = 0.05  # seconds by which sound may be off its time before it is moved
_FAILURES = (av.FFmpegError, ValueError, TypeError, RuntimeError, NotImplementedError)


@dataclass(frozen=True)
class Sound:
    """The streams of sound, each alone in an MP4 that is open for reading.

    left_out: for each that could not be read, in words.
    """

    streams: tuple[av.AudioStream, ...]
    left_out: tuple[str, ...]


@contextmanager
def prepared(path: Path, folder: Path) -> Iterator[Sound]:
    """The sound of the film at `path`, from second 0 of its running time on.

    Packets that overlap those before are left out. A stream that MP4 does not take so, or that may
    change its kind where a film is joined, is encoded as AAC, with silence where it pauses. folder:
    where unnamed temporary files are made.

    Raises FilmError for what is no film, OSError if the files can't be written.
    """
    with ExitStack() as stack:
        with Film(path) as film:
            streams = film.container.streams.audio
            known = [each.index for each in streams if each.codec_context]
            numbers = {each.index: number for number, each in enumerate(streams, 1)}
            names = {
                each.index: each.codec_context.name if each.codec_context else "unknown"
                for each in streams
            }
        copied = {index for index in known if names[index] in COPIED}
        files = _written(path, folder, known, copied, stack)
        again = copied - files.keys()
        if again:
            files |= _written(path, folder, again, (), stack)
        opened = []
        for index in sorted(files):
            container = stack.enter_context(av.open(files[index], format="mp4"))
            opened.append(container.streams.audio[0])
        left_out = [
            f"{path}: sound {number} ({names[index]}) can't be read; the copy is without it"
            for index, number in numbers.items()
            if index not in files
        ]
        yield Sound(tuple(opened), tuple(left_out))


def _written(
    path: Path, folder: Path, indices: Collection[int], copied: Collection[int], stack: ExitStack
) -> dict[int, IO[bytes]]:
    """An MP4 for each stream that could be written, ready to be read."""
    files: dict[int, IO[bytes]] = {}
    writers: dict[int, _Copy | _Encoding] = {}
    with Film(path) as film, ExitStack() as open_writers:
        for stream in film.container.streams.audio:
            if stream.index in indices:
                file = stack.enter_context(tempfile.TemporaryFile(dir=folder))
                kind = _Copy if stream.index in copied else _Encoding
                try:
                    writers[stream.index] = open_writers.enter_context(kind(file, stream))
                except _FAILURES:
                    continue
                files[stream.index] = file
        for packet in film.sound() if writers else ():
            index = packet.stream.index
            if index in writers:
                try:
                    writers[index].put(packet)
                except _FAILURES:
                    del writers[index]
        if film.is_joined:
            writers = {i: each for i, each in writers.items() if i not in copied}
        for index, writer in list(writers.items()):
            try:
                writer.end()
            except _FAILURES:
                del writers[index]
    for index in writers:
        files[index].seek(0)
    return {index: files[index] for index in writers}


class _Writer:
    """Writes a stream of sound into an MP4 of its own; `end` says that all was put."""

    def __init__(self, file: IO[bytes]) -> None:
        self._container = av.open(file, "w", format="mp4")
        self._is_ended = False

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        if not self._is_ended:
            with suppress(*_FAILURES):
                self._container.close()

    def end(self) -> None:
        self._is_ended = True
        self._container.close()


class _Copy(_Writer):
    def __init__(self, file: IO[bytes], stream: av.AudioStream) -> None:
        super().__init__(file)
        self._stream = self._container.add_stream_from_template(stream)
        self._last: int | None = None
        self._end = 0

    def put(self, packet: av.Packet[Any]) -> None:
        if not packet.size or packet.pts is None:
            return
        length = packet.duration or 0
        if self._last is not None:
            if packet.pts < self._end - length // 2:
                return
            packet.pts = max(packet.pts, self._last + 1)
        packet.dts = self._last = packet.pts
        self._end = packet.pts + length
        packet.stream = self._stream
        self._container.mux(packet)

    def end(self) -> None:
        if self._last is None:
            raise ValueError("there is no sound")
        super().end()


class _Encoding(_Writer):
    def __init__(self, file: IO[bytes], stream: av.AudioStream) -> None:
        super().__init__(file)
        self._rate = stream.rate if stream.rate in _AAC_RATES else 48000
        self._layout = {1: "mono", 6: "5.1"}.get(stream.channels, "stereo")
        self._stream = self._container.add_stream("aac", rate=self._rate, layout=self._layout)
        self._kind: tuple[Any, ...] = ()
        self._resampler: AudioResampler | None = None
        self._written = 0  # samples

    def put(self, packet: av.Packet[Any]) -> None:
        try:
            frames = packet.decode()
        except av.FFmpegError:  # a damaged packet
            return
        for frame in frames:
            assert isinstance(frame, av.AudioFrame)
            kind = frame.format.name, frame.layout.name, frame.sample_rate
            if kind != self._kind:
                self._resample(None)
                self._kind = kind
                self._resampler = AudioResampler("fltp", self._layout, self._rate)
            self._resample(frame)

    def end(self) -> None:
        self._resample(None)
        if not self._written:
            raise ValueError("there is no sound")
        self._container.mux(self._stream.encode())
        super().end()

    def _resample(self, frame: av.AudioFrame | None) -> None:
        for each in self._resampler.resample(frame) if self._resampler else ():
            if each:
                self._write_at(each.time, each.to_ndarray())

    def _write_at(self, time: float | None, samples: NDArray[Any]) -> None:
        """Write float32 `[channels, N]` in its place, after silence or without its beginning."""
        off = 0 if time is None else round(time * self._rate) - self._written
        if self._written and abs(off) <= _TOLERANCE * self._rate:
            off = 0
        while off > 0:
            silence = np.zeros((len(samples), min(off, self._rate)), np.float32)
            self._write(silence)
            off -= silence.shape[1]
        self._write(np.ascontiguousarray(samples[:, -off:]))

    def _write(self, samples: NDArray[Any]) -> None:
        if not samples.shape[1]:
            return
        frame = av.AudioFrame.from_ndarray(samples, "fltp", self._layout)
        frame.sample_rate, frame.time_base = self._rate, Fraction(1, self._rate)
        frame.pts = self._written
        self._written += samples.shape[1]
        self._container.mux(self._stream.encode(frame))
