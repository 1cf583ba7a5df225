"""Looks whether the edge's own YAML file has changed, and takes from it only what is good as a whole."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import structlog

from edge.configuration.load import ConfigurationError, load_configuration
from ingest.configuration import EdgeConfiguration

LOOK_EVERY_S = 2.0
FAULT_CHARS = 500

ONLY_AT_START = ("edge_id", "data_dir", "centre", "metrics_host", "metrics_port")
"""What cannot change while the edge runs: who it is, where its outbox lies, and who listens where."""

log = structlog.get_logger(__name__)


class LocalFile:
    """One thread calls :meth:`changed`; ``asked`` may be set by others, to have the file read at once."""

    def __init__(self, file: Path, environment: Mapping[str, str]) -> None:
        self.asked = threading.Event()
        self.fault: str | None = None
        """Why the file as it is now is not in force."""

        self._file = file
        self._environment = environment
        self._known = b""
        self._settling: bytes | None = None
        self._next_s = 0.0

    def load(self) -> EdgeConfiguration:
        """Returns what the file says now. Raises: ConfigurationError."""
        self._known = self._digest()
        return load_configuration(self._file, self._environment)

    def changed(self) -> EdgeConfiguration | None:
        """Returns what the file says, where that is new, or asked for, and good; else ``fault`` says why not."""
        if self.asked.is_set():
            self.asked.clear()
        elif not self._has_settled():
            return None
        self._settling = None
        try:
            return self.load()
        except ConfigurationError as error:
            self.refuse(str(error).replace("\n", "; "))
            return None

    def _has_settled(self) -> bool:
        """A file that changes is read once it stays the same: the first half of it could be good, too."""
        now_s = time.monotonic()
        if now_s < self._next_s:
            return False
        self._next_s = now_s + LOOK_EVERY_S
        digest = self._digest()
        before, self._settling = self._settling, digest if digest != self._known else None
        return self._settling is not None and before == digest

    def refuse(self, why: str) -> None:
        """Says that the file is not taken; what was in force stays."""
        self.fault = "".join(c if c.isprintable() else "?" for c in why)[:FAULT_CHARS]
        log.error("configuration file not taken", reason=self.fault)

    def taken(self, configuration: EdgeConfiguration) -> None:
        self.fault = None
        log.info("configuration file taken", cameras=len(configuration.cameras), watches=len(configuration.watches))

    def _digest(self) -> bytes:
        try:
            return hashlib.sha256(self._file.read_bytes()).digest()
        except OSError:
            return b""  # being replaced just now, or gone: reading it for good tells


def needs_restart(before: EdgeConfiguration, after: EdgeConfiguration) -> str | None:
    """Returns in words what has changed that is read only at the start, or None."""
    keys = [key for key in ONLY_AT_START if getattr(before, key) != getattr(after, key)]
    return f"{', '.join(keys)} changed: that needs a restart of the edge" if keys else None
