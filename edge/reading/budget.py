"""Bounds what decoding everything may cost a process, and measures what decoding costs a camera."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

SHARE = 0.5
"""Of one core, for all cameras of a process that are decoded continuously."""

SAVED_S = 10.0
"""A camera that needs less than its part may save up the part of so many seconds."""

METER_S = 60.0


class DecodeBudget:
    """The processor time that continuous decoding may take in a process, in equal parts for who needs it."""

    def __init__(self, share: float = SHARE, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.share = share
        self.monotonic = monotonic
        self._lock = threading.Lock()
        self._members: set[Allowance] = set()

    @property
    def part(self) -> float:
        """The share of one core that each camera may take now."""
        with self._lock:
            return self.share / max(1, len(self._members))

    def join(self, allowance: Allowance) -> None:
        with self._lock:
            self._members.add(allowance)

    def leave(self, allowance: Allowance) -> None:
        with self._lock:
            self._members.discard(allowance)


class Allowance:
    """One camera's part of the budget; only its own thread uses it."""

    def __init__(self, budget: DecodeBudget) -> None:
        self._budget = budget
        budget.join(self)
        self._left_s = SAVED_S * budget.part
        self._at_s = budget.monotonic()

    def close(self) -> None:
        """Leaves the budget to the others."""
        self._budget.leave(self)

    def spend(self, cpu_s: float) -> None:
        self._left_s -= cpu_s

    @property
    def is_spent(self) -> bool:
        now_s, part = self._budget.monotonic(), self._budget.part
        self._left_s = min(self._left_s + (now_s - self._at_s) * part, SAVED_S * part)
        self._at_s = now_s
        return self._left_s <= 0


class Meter:
    """The share of one core that something took of late: the last minute counts most. One thread adds, others read."""

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._begun_s = monotonic()
        self._level, self._at_s = 0.0, self._begun_s
        self.damaged = 0
        """Pictures that came out damaged, so that nobody looks at them."""

    def add(self, cpu_s: float) -> None:
        now_s = self._monotonic()
        self._level, self._at_s = self._level * _faded(now_s - self._at_s) + cpu_s / METER_S, now_s

    @property
    def share(self) -> float:
        now_s = self._monotonic()
        measured = 1 - _faded(now_s - self._begun_s)  # below 1 until there was a minute to measure
        return self._level * _faded(now_s - self._at_s) / measured if measured > 0 else 0.0


def _faded(passed_s: float) -> float:
    return math.exp(-passed_s / METER_S)
