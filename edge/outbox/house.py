"""Keeps house: the status file, the disk budget, the old looks, and what a week has made old."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import structlog

from edge.looking.evidence import EvidenceFolder
from edge.looking.recent_looks import make_room, prune_all
from edge.outbox.box import Commit, Outbox, OutboxError
from edge.outbox.budget import Budget
from edge.outbox.keeper import Keeper
from edge.uplink.sending import PRUNE_EVERY_S

EVERY_S = 1.0
PRUNE_LOOKS_EVERY_S = 60.0
STRAY_AFTER_S = 3600.0

log = structlog.get_logger(__name__)


class House:
    """One thread runs it, from the start of the edge to its end."""

    def __init__(
        self,
        *,
        outbox: Outbox,
        keeper: Keeper,
        evidence: EvidenceFolder,
        budget: Budget,
        looks: Path,
        write_status: Callable[[], None],
        stop: threading.Event,
    ) -> None:
        self._outbox = outbox
        self._keeper = keeper
        self._evidence = evidence
        self._budget = budget
        self._looks = looks
        self._write_status = write_status
        self._stop = stop
        self._next_prune_s = time.monotonic() + PRUNE_EVERY_S
        self._next_looks_s = 0.0
        self._told: set[str] = set()

    def run(self) -> None:
        while not self._stop.wait(EVERY_S):
            self._tell_once("looks", self._tend_looks)  # they go before evidence does
            self._budget.tend()
            self._keeper.keep(Commit())  # what the disk did not take before
            self._write_status()
            if time.monotonic() >= self._next_prune_s:
                self._next_prune_s = time.monotonic() + PRUNE_EVERY_S
                self._tell_once("outbox", self._prune)

    def sweep(self) -> None:
        """Removes pictures that a crash left without an event."""
        self._tell_once("evidence", self._sweep)

    def _sweep(self) -> None:
        strays = self._evidence.sweep(keep=self._outbox.evidence_names(), older_than_s=STRAY_AFTER_S)
        if strays:
            log.info("stray pictures removed", files=strays)

    def _tend_looks(self) -> None:
        make_room(self._looks)
        if time.monotonic() >= self._next_looks_s:
            self._next_looks_s = time.monotonic() + PRUNE_LOOKS_EVERY_S
            prune_all(self._looks, now=datetime.now(UTC))

    def _prune(self) -> None:
        for sha256 in self._outbox.prune():
            self._evidence.remove(sha256)

    def _tell_once(self, what: str, work: Callable[[], None]) -> None:
        try:
            work()
        except (OSError, OutboxError) as error:
            if what not in self._told:
                log.warning("not tidied up", what=what, reason=str(error))
            self._told.add(what)
        else:
            self._told.discard(what)
