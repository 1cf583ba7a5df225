"""Keeps outbox and evidence within their share of the disk, and gives up what is worth least, never in silence.

In this order: pictures that the centre has already and that are kept for safety; accepted events, the oldest first;
pictures that still wait, by role (edge.outbox.pictures.SACRIFICE_ORDER), each told by an event of its incident; last,
``updated`` events that a later one of their incident says better. ``raised`` and ``cleared`` always stay.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from edge.looking.evidence import EvidenceFolder
from edge.outbox.box import Outbox, OutboxError
from edge.outbox.pictures import BLOCK_BYTES
from edge.processes.seldom import Seldom

ENFORCE_EVERY_S = 60.0
GROWTH = 0.02
"""Between two times it is enforced earlier, when so large a share of the budget came on top."""

IN_VAIN_S = 10.0
"""Where nothing was left to free on a full disk, it is tried again after so long, and not each second."""

FREE_DOWN_TO = 0.95
KEEP_FREE_BYTES = 4_000_000
KEEP_FREE_SHARE = 0.05
"""With less left on the disk than the smaller of both, whoever fills it, pictures make room for events."""

REASON = "disk budget"
REASON_FULL = "disk full"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Freed:
    """What one time of enforcing took away."""

    removed: int = 0
    forgotten: int = 0
    sacrificed: int = 0
    thinned: int = 0


class Budget:
    """One for each data folder. ``used_bytes`` and ``fault`` are as of the last time that it was looked at."""

    def __init__(
        self, outbox: Outbox, evidence: EvidenceFolder, *, budget_bytes: int, keep_free_bytes: int = KEEP_FREE_BYTES
    ) -> None:
        self._outbox = outbox
        self._evidence = evidence
        self._keep_free_bytes = keep_free_bytes
        self.budget_bytes = budget_bytes
        self.used_bytes = 0
        self.fault: str | None = None
        self._unraised_bytes = 0
        self._disk_bytes = Seldom(outbox.evidence.disk_bytes, version=outbox.version)
        self._enforced_s = float("-inf")
        self._enforced_bytes = 0
        self._in_vain = False

    def tend(self) -> None:
        """Enforces each minute, and earlier after big growth; call it each second. It never raises for the disk."""
        try:
            self.used_bytes = self._outbox.file_bytes + self._disk_bytes.get() + self._unraised_bytes
            grown = self.used_bytes - self._enforced_bytes > GROWTH * self.budget_bytes
            since_s = time.monotonic() - self._enforced_s
            lacks = self._disk_lacks_bytes() > 0 and (not self._in_vain or since_s >= IN_VAIN_S)
            if grown or lacks or since_s >= ENFORCE_EVERY_S:
                self.enforce()
        except (OutboxError, OSError) as error:
            self._tell(f"disk budget cannot be enforced: {error}")

    def enforce(self) -> Freed:
        """Frees down to 95 % of the budget if it is exceeded. Raises: OutboxError, OSError: Some may be freed."""
        self._enforced_s = time.monotonic()
        self._unraised_bytes = self._measure_unraised()
        freed = self._free()
        self._in_vain = freed == Freed()
        self.used_bytes = self._enforced_bytes = self._used_bytes()
        if freed != Freed():
            log.warning(
                "disk budget enforced",
                pictures_removed=freed.removed,
                events_forgotten=freed.forgotten,
                pictures_sacrificed=freed.sacrificed,
                updates_thinned=freed.thinned,
                used_bytes=self.used_bytes,
            )
        over = self.used_bytes > self.budget_bytes
        self._tell(f"{self.used_bytes} bytes of {self.budget_bytes} are used, none may go" if over else None)
        return freed

    def _free(self) -> Freed:
        if self._excess_bytes(self.budget_bytes) <= 0:
            return Freed()
        if self._used_bytes() > self.budget_bytes:
            self._shrink()  # what is long written need not stand in the log too
        # Once something has to go, a little more goes, so as not to free each minute.
        target = self.budget_bytes * (FREE_DOWN_TO if self._used_bytes() > self.budget_bytes else 1)
        removed = forgotten = sacrificed = thinned = 0
        if (excess := self._excess_bytes(target)) > 0:
            removed = self._remove_delivered(excess)
        if (excess := self._excess_bytes(target)) > 0:
            forgotten = self._forget(excess)
        if (excess := self._excess_bytes(target)) > 0:
            sacrificed = self._sacrifice(excess)
        if self._excess_bytes(target) > 0:
            thinned = self._thin()
        return Freed(removed=removed, forgotten=forgotten, sacrificed=sacrificed, thinned=thinned)

    def _excess_bytes(self, target: float) -> int:
        return max(int(self._used_bytes() - target), self._disk_lacks_bytes())

    def _remove_delivered(self, disk_bytes: int) -> int:
        # The files first: nobody needs them any more, and on a full disk it makes room for the note of it.
        delivered = self._outbox.evidence.delivered(disk_bytes=disk_bytes)
        self._remove(delivered)
        self._outbox.evidence.removed(delivered)
        return len(delivered)

    def _forget(self, size_bytes: int) -> int:
        try:
            forgotten = self._outbox.forget_accepted(size_bytes=size_bytes)
        except OutboxError:  # a disk so full that it cannot even take that: pictures come next, files first
            return 0
        self._shrink()
        return forgotten

    def _sacrifice(self, disk_bytes: int) -> int:
        full = self._disk_lacks_bytes() > 0
        given_up = self._outbox.evidence.least_worth(disk_bytes=disk_bytes)
        if full:
            # A full disk cannot take the note of it first. A kill in between is found out when the file is to be sent.
            self._remove(given_up)
        reason = REASON_FULL if full else REASON
        count = self._outbox.evidence.sacrifice(dict.fromkeys(given_up, reason), now=self._outbox.queue.now())
        if not full:
            self._remove(given_up)  # a kill before this leaves strays, which the next sweep removes
        return count

    def _thin(self) -> int:
        thinned = self._outbox.queue.thin_updates()
        self._shrink()
        return thinned

    def _remove(self, sha256s: Sequence[str]) -> None:
        for sha256 in sha256s:
            self._evidence.remove(sha256)

    def _shrink(self) -> None:
        with contextlib.suppress(OutboxError):
            self._outbox.shrink()

    def _used_bytes(self) -> int:
        return self._outbox.file_bytes + self._outbox.evidence.disk_bytes() + self._unraised_bytes

    def _measure_unraised(self) -> int:
        """Pictures of stays that are not raised yet have no row of their own."""
        named = self._outbox.stays_evidence()
        unnamed = set(named) - set(self._outbox.evidence.states(list(named)))
        return sum(-(-named[sha256] // BLOCK_BYTES) * BLOCK_BYTES for sha256 in unnamed)

    def _disk_lacks_bytes(self) -> int:
        total, free = self._evidence.disk()
        return min(self._keep_free_bytes, int(KEEP_FREE_SHARE * total)) - free

    def _tell(self, fault: str | None) -> None:
        if fault is not None and self.fault is None:
            log.error("disk budget", fault=fault)
        elif fault is None and self.fault is not None:
            log.info("disk budget holds again")
        self.fault = fault
