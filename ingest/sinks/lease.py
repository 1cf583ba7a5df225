"""Keeps a sink's lease while its runner sends or waits, so that one runner at a time sends for it."""

from __future__ import annotations

import contextlib
import threading
import time

from ingest.redis_link import StreamUnavailable
from ingest.sinks.stream import LEASE_MS, SinkStream

RENEW_EVERY_S = 1.0


class SinkLease:
    """Renewed in a thread of its own; lost where that does not succeed in time."""

    def __init__(self, stream: SinkStream) -> None:
        self._stream = stream
        self._held_until = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="lease", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread and lets another runner have the lease at once; where Redis is away, it expires."""
        self._stop.set()
        self._thread.join()
        with contextlib.suppress(StreamUnavailable):
            self._stream.release()

    @property
    def is_ours(self) -> bool:
        return time.monotonic() < self._held_until

    def _keep(self) -> None:
        while not self._stop.is_set():
            asked_at = time.monotonic()
            with contextlib.suppress(StreamUnavailable):  # The runner itself meets and tells the outage.
                self._held_until = asked_at + LEASE_MS / 1000 if self._stream.hold() else 0.0
            self._stop.wait(RENEW_EVERY_S)
