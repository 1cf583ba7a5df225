"""Shares a limited link among uploads: what is urgent goes first, and all together keep to the rate."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

BURST_S = 0.25


class Bandwidth:
    """A bucket of bytes that fills at a steady rate; safe to share between threads. Without a rate nothing waits.

    kbytes_per_s: In thousands of bytes a second. ``clock`` is monotonic, in seconds.
    """

    def __init__(self, kbytes_per_s: float | None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._bytes_per_s = None if kbytes_per_s is None else kbytes_per_s * 1000
        self._clock = clock
        self._changed = threading.Condition()
        self._bytes = 0.0
        self._filled_s = clock()
        self._urgent = 0

    def take(self, size_bytes: int, *, urgent: bool, stop: threading.Event) -> bool:
        """Waits until so many bytes may go; False where ``stop`` was set meanwhile.

        A piece larger than the bucket goes as well: it leaves a debt that the next ones wait for.
        """
        if self._bytes_per_s is None:
            return not stop.is_set()
        with self._changed:
            self._urgent += urgent
            try:
                while not stop.is_set():
                    self._fill(self._bytes_per_s)
                    if self._bytes > 0 and (urgent or not self._urgent):
                        self._bytes -= size_bytes
                        return True
                    self._changed.wait(min(0.5, max(0.005, -self._bytes / self._bytes_per_s)))
            finally:
                self._urgent -= urgent
                self._changed.notify_all()
        return False

    def _fill(self, bytes_per_s: float) -> None:
        now_s = self._clock()
        # At least one byte fits, however slow the link: an empty bucket that stays empty would stop it for good.
        most = max(1.0, bytes_per_s * BURST_S)
        self._bytes = min(most, self._bytes + (now_s - self._filled_s) * bytes_per_s)
        self._filled_s = now_s
