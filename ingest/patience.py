"""Waits longer after each failure, with jitter, and ends at once when asked to stop."""

from __future__ import annotations

import secrets
import threading

_DOUBLINGS_MAX = 30


class Patience:
    """``first_s`` and ``longest_s`` are the longest first wait and the longest of all, in seconds."""

    def __init__(self, stop: threading.Event, *, first_s: float = 0.2, longest_s: float = 10.0) -> None:
        self._stop = stop
        self._first_s = first_s
        self._longest_s = longest_s
        self._tries = 0
        self._random = secrets.SystemRandom()

    def next_s(self, *, at_least_s: float = 0.0) -> float:
        """Returns how long to wait now; ``at_least_s`` is what the other side asked for."""
        longest_s = min(self._longest_s, self._first_s * 2.0 ** min(self._tries, _DOUBLINGS_MAX))
        self._tries += 1
        return max(at_least_s, longest_s * self._random.uniform(0.5, 1.0))

    def wait(self, *, at_least_s: float = 0.0) -> None:
        self._stop.wait(self.next_s(at_least_s=at_least_s))

    def reset(self) -> None:
        self._tries = 0
