"""A clock that follows a recording instead of the world, so that an hour of street takes a minute."""

from __future__ import annotations

from datetime import datetime, timedelta

from edge.reading.pace import MediaLine
from edge.staying.clock import Moment

BOOT_ID = "recording"


def recorded_moment(captured_at: datetime) -> Moment:
    """Returns the moment of a picture of which only the time is known: that time counts for durations too."""
    return Moment(utc=captured_at, boot_s=captured_at.timestamp(), boot_id=BOOT_ID)


class MediaClock:
    """Implements :class:`edge.staying.clock.Clock`: ``start`` (aware UTC) plus what of the recording has passed."""

    def __init__(self, start: datetime) -> None:
        self._start = start
        self.passed_s = 0.0

    def now(self) -> Moment:
        return recorded_moment(self._start + timedelta(seconds=self.passed_s))

    def pace_of(self, packets_per_s: float) -> MediaPace:
        """Makes the pace of one opening of the file; the clock moves with it."""
        return MediaPace(self, packets_per_s=packets_per_s)


class MediaPace:
    """Lets packets out at once and sets the clock to their time; after a jump it goes on one step after the last."""

    def __init__(self, clock: MediaClock, *, packets_per_s: float) -> None:
        self._clock = clock
        self._line = MediaLine(packets_per_s=packets_per_s)

    def wait(self, media_s: float | None) -> tuple[float, float]:
        """Returns the packet's media time, never late. Comes from :class:`edge.reading.pace.Pace`."""
        media_s, at_s = self._line.place(media_s, now_s=self._clock.passed_s)
        # B-frames come out of order; a clock never runs back.
        self._clock.passed_s = max(self._clock.passed_s, at_s)
        return media_s, 0.0
