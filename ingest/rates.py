"""Keeps each edge to its rates, so that a greedy one slows no other."""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass

from fastapi import HTTPException

from ingest.api_line import Clock

EDGES_MAX = 20_000
EVENTS_BURST_S = 10.0
REQUESTS_BURST_S = 4.0
EVENTS_PER_REQUEST = 10
REQUESTS_PER_S_MIN = 10.0
UPLOADS_PER_REQUEST = 4


class Rate:
    """A bucket of tokens per edge: ``at_once`` when full, ``per_s`` flow in. Safe to share between threads.

    More than ``at_once`` may be taken from a full bucket, which then owes the rest: any single POST is possible.
    """

    def __init__(self, what: str, *, per_s: float, at_once: float, clock: Clock = time.monotonic) -> None:
        self._what = what
        self._per_s = per_s
        self._at_once = at_once
        self._clock = clock
        self._lock = threading.Lock()
        # When each bucket is full again; one that is full is not kept.
        self._full_at: dict[str, float] = {}

    def take(self, edge_id: str, count: int = 1) -> None:
        """Takes so many tokens. Raises: HTTPException: 429 with the time after which they will be there."""
        self._refuse(self.wait_s(edge_id, count))

    def check(self, edge_id: str, count: int = 1) -> None:
        """Takes none, but raises as ``take`` would: for what costs something before its tokens can be counted."""
        self._refuse(self.wait_s(edge_id, count, taking=False))

    def _refuse(self, wait_s: float) -> None:
        if wait_s > 0:
            reason = f"an edge sends {self._per_s:g} {self._what} a second at most, {self._at_once:g} of them at once"
            raise HTTPException(429, reason, headers={"Retry-After": str(math.ceil(wait_s))})

    def wait_s(self, edge_id: str, count: int, *, taking: bool = True) -> float:
        """Takes so many tokens and returns 0, or takes none and returns after how long they will be there."""
        with self._lock:
            now = self._clock()
            full_at = max(now, self._full_at.get(edge_id, now))
            # An hour's sums of tenths do not come out exactly; a millionth of a second is nobody's wait.
            wait_s = full_at - now - (self._at_once - min(count, self._at_once)) / self._per_s
            if wait_s > 1e-6:
                return wait_s
            if not taking:
                return 0.0
            self._full_at[edge_id] = full_at + count / self._per_s
            if len(self._full_at) > EDGES_MAX:
                self._forget(now)
            return 0.0

    def _forget(self, now: float) -> None:
        """Forgets full buckets, and where that is not enough the half that is full soonest."""
        self._full_at = {edge_id: full_at for edge_id, full_at in self._full_at.items() if full_at > now}
        if len(self._full_at) > EDGES_MAX // 2:
            latest = sorted(self._full_at.items(), key=lambda kept: kept[1])[-EDGES_MAX // 2 :]
            self._full_at = dict(latest)


@dataclass(frozen=True, slots=True)
class EdgeRates:
    """What one edge may send: events; pieces of evidence; and requests of any other sort."""

    events: Rate
    uploads: Rate
    requests: Rate

    @classmethod
    def for_events(cls, events_per_s: float) -> EdgeRates:
        """Returns the rates that belong to so many events a second, ten seconds' worth of them at once."""
        requests_per_s = max(REQUESTS_PER_S_MIN, events_per_s / EVENTS_PER_REQUEST)
        uploads_per_s = requests_per_s * UPLOADS_PER_REQUEST
        return cls(
            events=Rate("events", per_s=events_per_s, at_once=events_per_s * EVENTS_BURST_S),
            uploads=Rate("uploads", per_s=uploads_per_s, at_once=uploads_per_s * REQUESTS_BURST_S),
            requests=Rate("requests", per_s=requests_per_s, at_once=requests_per_s * REQUESTS_BURST_S),
        )
