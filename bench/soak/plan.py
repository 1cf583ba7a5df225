"""Draws from the seed which fault comes next and how long it lasts."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class Fault(StrEnum):
    """What a camera or its link does. ``KILLED`` is drawn apart from the others, as often as is asked for."""

    KILLED = "killed, restarted"
    REFUSED = "refused"
    UNAUTHORISED = "401"
    NOT_FOUND = "404"
    SILENT = "silent"
    STALLED = "stalled, continued"
    PAUSED = "stalled for a moment"
    LOOPING = "looping PTS"
    RESIZED = "changed resolution"


LASTING = frozenset({Fault.PAUSED, Fault.LOOPING})
"""Faults that a camera is not lost by: its looks go on."""

PAUSED_S = 0.8
AWAY_S = {"short": (1.0, 3.0), "long": (1.0, 12.0)}
DOWN_S = (0.3, 2.0)
WELL_S = (1.0, 4.0)
LONG_FROM_S = 180.0


@dataclass(frozen=True, slots=True)
class Planned:
    """A fault, how long it lasts, and how long all is well after it, in seconds."""

    fault: Fault
    lasts_s: float
    well_s: float


class Plan:
    """The faults of one run of ``total_s`` seconds: each at least once, and ``restarts`` kills spread evenly."""

    def __init__(self, *, seed: int, total_s: float, restarts: int) -> None:
        self._rng = random.Random(f"soak:{seed}")  # noqa: S311 - repeats a run, keeps no secret
        self._kills = random.Random(f"soak kills:{seed}")  # noqa: S311
        self._away_s = AWAY_S["long" if total_s >= LONG_FROM_S else "short"]
        self._total_s = total_s
        self._restarts = restarts
        self._others = self._rounds()
        self._kinds_left = len(Fault) - 1
        self.killed = 0

    def next(self, elapsed_s: float) -> Planned | None:
        """Returns what comes now, ``elapsed_s`` seconds after the first one; None when the run is over."""
        is_late = elapsed_s >= self._total_s
        if is_late and self.killed >= self._restarts and self._kinds_left <= 0:
            return None
        due = self._restarts * min(1.0, elapsed_s / self._total_s)
        if self.killed < self._restarts and (self.killed < due or (is_late and self._kinds_left <= 0)):
            self.killed += 1
            return Planned(Fault.KILLED, self._kills.uniform(*DOWN_S), self._kills.uniform(*WELL_S) / 2)
        self._kinds_left -= 1
        return next(self._others)

    def _rounds(self) -> Iterator[Planned]:
        others = [fault for fault in Fault if fault is not Fault.KILLED]
        while True:
            self._rng.shuffle(others)
            for fault in others:
                lasts_s = PAUSED_S if fault is Fault.PAUSED else self._rng.uniform(*self._away_s)
                yield Planned(fault, lasts_s, self._rng.uniform(*WELL_S))
