"""Plays a file at its own speed, whatever its timestamps do."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event
from typing import Protocol

BACK_S = 1.0
"""B-frames jump back by some tenths of a second; more than this is a loop or a new start."""

GAP_S = 3600.0


class Pace(Protocol):
    """How fast the packets of a file come out."""

    def wait(self, media_s: float | None) -> tuple[float, float]:
        """Returns when the packet is due: its media time, and by how many seconds it is late."""
        ...


PaceOf = Callable[[float], Pace]
"""Makes the pace of a file from its packets a second."""


class MediaLine:
    """Puts the timestamps of a file on one line: absent ones follow at its rate, after a jump it goes on.

    A loop plays on at its own speed: the first packet after a jump comes one step after the last before it.
    """

    def __init__(self, *, packets_per_s: float) -> None:
        self._step_s = 1.0 / packets_per_s
        self._offset_s: float | None = None
        self._last_media_s = -self._step_s

    def place(self, media_s: float | None, *, now_s: float) -> tuple[float, float]:
        """Returns the packet's media time, and its place on the line on which it is ``now_s`` now."""
        if media_s is None:
            media_s = self._last_media_s + self._step_s
        jumped = not -BACK_S <= media_s - self._last_media_s <= GAP_S
        if self._offset_s is None or jumped:
            self._offset_s = now_s - media_s + (0.0 if self._offset_s is None else self._step_s)
        self._last_media_s = media_s if jumped else max(media_s, self._last_media_s)
        return media_s, media_s + self._offset_s


class RealPace:
    """Lets the packets of a file out at the speed of their timestamps, or of the frame rate where there are none."""

    def __init__(self, stop: Event, *, packets_per_s: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._stop = stop
        self._monotonic = monotonic
        self._line = MediaLine(packets_per_s=packets_per_s)

    def wait(self, media_s: float | None) -> tuple[float, float]:
        """Waits until the packet is due; returns what :meth:`Pace.wait` does."""
        now_s = self._monotonic()
        media_s, due_s = self._line.place(media_s, now_s=now_s)
        ahead_s = due_s - now_s
        if ahead_s > 0:
            self._stop.wait(ahead_s)
        return media_s, max(0.0, -ahead_s)
