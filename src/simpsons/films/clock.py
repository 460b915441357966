"""The running time of a film whose timestamps start anew or jump."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import av

LONGER = 1.0
"""Seconds by which a part's sound outlasts its pictures for the next part to wait for its end."""


@dataclass
class _Place:
    """Where a stream is. part: its number. shift: seconds from a timestamp to the running time.
    last, next: timestamps, in seconds, of its last packet and of the one that should follow. shown:
    up to which its packets are shown. delay: from where the last is decoded to where it is shown.
    """

    part: int
    shift: float
    last: float
    next: float
    shown: float
    delay: float = 0.0


class Clock:
    """Turns the timestamps of packets into the time at which a player comes to them.

    A film that was joined of parts, a broadcast that was interrupted or a counter that wrapped has
    timestamps that go back or jump. There a new part begins: its pictures follow those before at
    once, or the sound before, if that goes on for over a second longer. Sound keeps its place
    beside the pictures of its part: packets of sound that come before them are kept until they
    come. A stream that pauses while another goes on has not jumped.

    picture: index of the stream of pictures. start: the timestamp, in seconds, of the film's start;
    None takes the first picture's. frame: seconds that a packet lasts whose length is unknown.
    gap, back: seconds by which timestamps jump forward or go back at least.
    """

    def __init__(
        self, picture: int, start: float | None, frame: float, gap: float, back: float
    ) -> None:
        self._picture = picture
        self._start = start
        self._frame = frame
        self._gap = gap
        self._back = back
        self._part = 0
        self._places: dict[int, _Place] = {}
        self._sound_end = 0.0
        self._waiting: list[tuple[av.Packet[Any], float]] = []

    def set(self, packet: av.Packet[Any]) -> Iterator[av.Packet[Any]]:
        """The packets that are due now, with the running time in their time base.

        Those of one stream stay in order. One without timestamps stays so.
        """
        if _stamp(packet) is None:
            yield packet
            return
        time = _seconds(packet)
        if packet.stream.index == self._picture:
            self._set_picture(packet, time)
            yield packet
            waiting, self._waiting = self._waiting, []
            for other, since in waiting:
                yield from self._set_other(other, since)
        else:
            yield from self._set_other(packet, None)

    @property
    def is_joined(self) -> bool:
        """Whether timestamps have jumped or gone back so far."""
        return self._part > 0

    def rest(self) -> Iterator[av.Packet[Any]]:
        """The packets that are left when the film has ended."""
        while self._waiting:
            yield from self._give_up(self._waiting[0][0].stream.index)

    def _set_picture(self, packet: av.Packet[Any], time: float) -> None:
        index = packet.stream.index
        if index not in self._places:
            if self._start is None:
                self._start = _shown_at(packet)
            self._places[index] = _Place(0, -self._start, time, time, time)
        place = self._places[index]
        if self._has_jumped(place, time):
            end = place.shown + place.shift
            if self._sound_end > end + LONGER:
                end = self._sound_end
            self._part += 1
            shift = end - (time if self._is_odd(packet, time) else _shown_at(packet))
            self._places[index] = place = _Place(self._part, shift, time, time, time)
            self._sound_end = 0.0
        self._move(place, packet, time)

    def _set_other(self, packet: av.Packet[Any], since: float | None) -> Iterator[av.Packet[Any]]:
        """since: where the pictures were when the packet began to wait; None if it did not."""
        index = packet.stream.index
        time = _seconds(packet)
        pictures = self._places.get(self._picture)
        if index not in self._places:
            shift = pictures.shift if pictures else -(self._start or 0.0)
            self._places[index] = _Place(self._part, shift, time, time, time)
        place = self._places[index]
        if self._has_jumped(place, time):
            is_near = pictures is not None and abs(time - pictures.next) <= self._gap
            if pictures is None or place.part == self._part or not is_near:
                if since is None:
                    since = pictures.next + pictures.shift if pictures else 0.0
                self._waiting.append((packet, since))
                yield from self._after_long(index)
                return
            self._places[index] = place = _Place(self._part, pictures.shift, time, time, time)
        end = self._move(place, packet, time)
        if place.part == self._part:
            self._sound_end = max(self._sound_end, end)
        yield packet

    def _has_jumped(self, place: _Place, time: float) -> bool:
        if time < place.last - self._back:
            return True
        if time <= place.next + self._gap:
            return False
        return not any(
            other.shift == place.shift and abs(time - other.next) <= self._gap
            for other in self._places.values()
            if other is not place
        )

    def _after_long(self, index: int) -> Iterator[av.Packet[Any]]:
        """The packets of a stream that has jumped alone."""
        times = [_seconds(packet) for packet, _ in self._waiting if packet.stream.index == index]
        if max(times) - min(times) > self._gap:
            yield from self._give_up(index)

    def _give_up(self, index: int) -> Iterator[av.Packet[Any]]:
        """Place the waiting packets of a stream beside the pictures that they came with."""
        own = [each for each in self._waiting if each[0].stream.index == index]
        self._waiting = [each for each in self._waiting if each[0].stream.index != index]
        first, since = own[0]
        time = _seconds(first)
        self._places[index] = _Place(self._part, since - time, time, time, time)
        for packet, when in own:
            yield from self._set_other(packet, when)

    def _is_odd(self, packet: av.Packet[Any], time: float) -> bool:
        """Whether a packet is shown by the clock of the next part, and decoded by this one's."""
        return abs(_shown_at(packet) - time) > self._gap

    def _move(self, place: _Place, packet: av.Packet[Any], time: float) -> float:
        """Give a packet its time; the second at which it ends."""
        length = float((packet.duration or 0) * packet.time_base) or self._frame
        place.last = max(place.last, time)
        place.next = max(place.next, time + length)
        if self._is_odd(packet, time):
            packet.pts = round((time + place.delay) / packet.time_base)
        shown = _shown_at(packet)
        place.shown = max(place.shown, shown + length)
        place.delay = shown - time
        shift = round(place.shift / packet.time_base)
        if packet.pts is not None:
            packet.pts += shift
        if packet.dts is not None:
            packet.dts += shift
        return time + length + place.shift


def _shown_at(packet: av.Packet[Any]) -> float:
    return _seconds(packet) if packet.pts is None else float(packet.pts * packet.time_base)


def _stamp(packet: av.Packet[Any]) -> int | None:
    return packet.pts if packet.dts is None else packet.dts


def _seconds(packet: av.Packet[Any]) -> float:
    return float((_stamp(packet) or 0) * packet.time_base)
