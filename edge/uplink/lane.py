"""Paces one kind of traffic to the centre: ever longer waits while it fails, a log line when lost and one when back."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator

import structlog

from edge.reading.faults import waits_s
from edge.uplink.link import LinkDown

FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 60.0

log = structlog.get_logger(__name__)
_chance = random.Random()  # noqa: S311 - it spreads load and keeps no secret
"""Of its own: a library that draws at random by a seed must not see others draw from the same source."""


class LaneLog:
    """What the lanes tell: a cause that one of them has told already is not told by another."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._why: dict[str, str] = {}
        self._told: set[str] = set()
        self._reached = False

    def lost(self, lane: str, error: Exception) -> None:
        why = str(error)
        with self._lock:
            news = why not in self._why.values()
            self._why[lane] = why
            if news:
                self._told.add(lane)
        if news:
            what = "centre lost" if isinstance(error, LinkDown) else "outbox lost"
            log.warning(what, lane=lane, reason=why)

    def back(self, lane: str) -> None:
        with self._lock:
            news = lane in self._told or not self._reached
            self._why.pop(lane, None)
            self._told.discard(lane)
            self._reached = True
        if news:
            log.info("centre reached", lane=lane)


class Lane:
    """Shared by the threads of one lane. ``failures`` counts those in a row."""

    def __init__(self, name: str, told: LaneLog, *, stop: threading.Event) -> None:
        self._name = name
        self._told = told
        self._stop = stop
        self._lock = threading.Lock()
        self._waits: Iterator[float] = iter(())
        self._until_s = 0.0
        self.failures = 0
        self._reset()

    def _reset(self) -> None:
        self._waits = waits_s(first_s=FIRST_WAIT_S, longest_s=LONGEST_WAIT_S)
        self.failures = 0

    @property
    def is_down(self) -> bool:
        return time.monotonic() < self._until_s

    def succeeded(self) -> None:
        with self._lock:
            self._reset()
        self._told.back(self._name)

    def count_failure(self) -> None:
        with self._lock:
            self.failures += 1

    def failed(self, error: Exception) -> None:
        """Notes that all wait now: as long as the centre asked for, spread a little, or ever longer."""
        self._told.lost(self._name, error)
        asked_s = error.wait_s if isinstance(error, LinkDown) else None
        with self._lock:
            self.failures += 1
            if self.is_down:  # another thread of this lane met the same fault just now
                return
            own_s = next(self._waits)
            spread = _chance.uniform(1.0, 1.2)
            self._until_s = time.monotonic() + (own_s if asked_s is None else asked_s * spread)

    def wait_while_down(self) -> None:
        while not self._stop.is_set() and (left_s := self._until_s - time.monotonic()) > 0:
            self._stop.wait(left_s)


class Later:
    """What failed alone, by name, and must not be tried yet; each waits longer every time."""

    def __init__(self) -> None:
        self._waits: dict[str, Iterator[float]] = {}
        self._until_s: dict[str, float] = {}
        self._lock = threading.Lock()

    def put(self, name: str, *, wait_s: float | None) -> None:
        with self._lock:
            own_s = next(self._waits.setdefault(name, waits_s(first_s=1.0, longest_s=300.0)))
            self._until_s[name] = time.monotonic() + (own_s if wait_s is None else wait_s)

    def not_yet(self) -> set[str]:
        now_s = time.monotonic()
        with self._lock:
            return {name for name, until_s in self._until_s.items() if until_s > now_s}

    def forget(self, name: str) -> None:
        with self._lock:
            self._waits.pop(name, None)
            self._until_s.pop(name, None)
