"""Makes looks rarer while they come late, for all cameras of a group alike, and lets them come back.

With room to spare a camera that suspects a stay is looked at more often than configured.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog

PERIOD_S = 5.0
LATE = 0.5
"""A look that waited longer than this share of its interval is late."""

LATE_SHARE = 0.1
RARER = 1.25
MOST = 32.0
ROOM = 0.75
WANTED = 0.85
"""Below ROOM of the time in use, looks become as much more often as brings it to WANTED, at most by RARER at once."""

SUSPECT = 0.5
"""Where a stay is suspected the look interval is this share of the configured one, if there is room."""

log = structlog.get_logger(__name__)


class Overload:
    """Its :attr:`stretch` is by how much the look intervals of all cameras are longer than configured, 1 or more.

    has_room: Whether there is time for looks beyond those configured, as of the last few seconds.
    """

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.stretch = 1.0
        self.has_room = False
        self._monotonic = monotonic
        self._began_s = monotonic()
        self._looks = self._late = 0
        self._busy_s = 0.0

    @property
    def shed_share(self) -> float:
        """The share of the configured looks that are left out."""
        return 1 - 1 / self.stretch

    def stretch_of(self, *, suspect: bool) -> float:
        """Returns by how much the look interval of one camera is longer than configured, or shorter."""
        return SUSPECT if suspect and self.has_room else self.stretch

    def looked(self, *, waited_s: float, took_s: float, every_s: float) -> None:
        """Notes one look: how long it waited for its turn, how long it took, and its configured interval."""
        self._looks += 1
        self._late += waited_s > LATE * every_s * self.stretch
        self._busy_s += took_s

    def judged_anew(self) -> bool:
        """Every few seconds it judges what was noted; returns whether :attr:`stretch` has changed."""
        now_s = self._monotonic()
        passed_s = now_s - self._began_s
        if passed_s < PERIOD_S:
            return False
        before = self.stretch
        busy = self._busy_s / passed_s
        if self._late > LATE_SHARE * self._looks:
            self.stretch = min(MOST, before * RARER)
        elif before > 1 and busy < ROOM:
            self.stretch = max(1.0, before * max(busy / WANTED, 1 / RARER))
        # Twice the looks may take twice the time: so much room to begin with, and less once they are taken.
        self.has_room = self.stretch == 1 and busy < (ROOM if self.has_room else ROOM / 2)
        self._began_s, self._looks, self._late, self._busy_s = now_s, 0, 0, 0.0
        if (before == 1) != (self.stretch == 1):
            told = log.info if self.stretch == 1 else log.warning
            told("looks as often as configured" if self.stretch == 1 else "overloaded, looks become rarer")
        return self.stretch != before
