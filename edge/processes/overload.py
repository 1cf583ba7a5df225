"""Makes looks rarer while they come late, for all cameras of a group alike, and lets them come back.

No camera's looks become rarer than half the shortest grace of its watches, or nothing on it would be raised or cleared
any more: from there on the others leave out the more. With room to spare a camera that suspects a stay is looked at
more often than configured.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from edge.looking.camera_faults import fault_watches
from ingest.configuration import Camera, Watch

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


@dataclass(frozen=True, slots=True)
class Pace:
    """The configured look interval of a camera, and by how much longer it may become, 1 or more."""

    every_s: float
    most: float


def pace_of(camera: Camera, watches: Sequence[Watch]) -> Pace:
    """Returns the pace of a camera at which those of the ``watches`` that are its own, and its faults, still decide."""
    graces_s = [watch.grace_s for watch in (*watches, *fault_watches([camera])) if watch.camera == camera.id]
    longest_s = min(graces_s, default=math.inf) / 2
    return Pace(camera.look_every_s, max(1.0, min(MOST, longest_s / camera.look_every_s)))


class Overload:
    """Its :attr:`stretch` is by how much look intervals are longer than configured, 1 or more, as far as they may be.

    has_room: Whether there is time for looks beyond those configured, as of the last few seconds.
    """

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.paces: dict[str, Pace] = {}
        """Of each camera of the group; who adds a camera or lets one go changes it here."""

        self.stretch = 1.0
        self.has_room = False
        self._monotonic = monotonic
        self._began_s = monotonic()
        self._looks = self._late = 0
        self._busy_s = 0.0

    @property
    def shed_share(self) -> float:
        """The share of the configured looks of all cameras that are left out."""
        wanted = sum(1 / pace.every_s for pace in self.paces.values())
        left = sum(1 / (pace.every_s * min(self.stretch, pace.most)) for pace in self.paces.values())
        return 1 - left / wanted if wanted else 0.0

    def stretch_of(self, camera_id: str, *, suspect: bool) -> float:
        """Returns by how much the look interval of one camera is longer than configured, or shorter."""
        return SUSPECT if suspect and self.has_room else min(self.stretch, self.paces[camera_id].most)

    def looked(self, camera_id: str, *, waited_s: float, took_s: float) -> None:
        """Notes one look: how long it waited for its turn, and how long it took."""
        self._looks += 1
        self._late += waited_s > LATE * self.paces[camera_id].every_s * self.stretch_of(camera_id, suspect=False)
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
