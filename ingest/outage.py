"""Logs an outage once when it begins and once when it ends, however often it is met in between."""

from __future__ import annotations

import threading
import time

import structlog


class Outage:
    """Whether one service is away; safe to share between threads."""

    def __init__(self, service: str) -> None:
        self._log: structlog.stdlib.BoundLogger = structlog.get_logger().bind(service=service)
        self._lock = threading.Lock()
        self._since: float | None = None

    def lost(self, reason: object) -> None:
        with self._lock:
            if self._since is None:
                self._since = time.monotonic()
                self._log.warning("service lost", reason=str(reason))

    def back(self) -> None:
        with self._lock:
            if self._since is not None:
                self._log.info("service back", away_s=round(time.monotonic() - self._since, 1))
                self._since = None
