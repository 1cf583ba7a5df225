"""Says how everything on this edge is, now."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import structlog
from pydantic import ValidationError

from edge.centre.configuration import CentreConfiguration
from edge.outbox.box import Counts, Outbox, OutboxError
from edge.outbox.budget import Budget
from edge.outbox.keeper import Keeper
from edge.processes.fleet import Fleet
from edge.processes.local_file import LocalFile
from edge.processes.seldom import Seldom
from edge.sensing.side import SensorSide
from edge.uplink.link import CentreLink
from ingest.contract import Answer
from ingest.edge_messages import Backlog, EdgeStatus, WatchStatus

FAULT_CHARS = 500

log = structlog.get_logger(__name__)


class Statuses:
    """Composes the status from the parts of the edge; calls may come from several threads."""

    def __init__(
        self,
        edge_id: str,
        *,
        outbox: Outbox,
        keeper: Keeper,
        budget: Budget,
        fleet: Fleet,
        sensors: SensorSide,
        centre: CentreConfiguration,
        link: CentreLink | None,
        own: LocalFile | None = None,
        metrics_fault: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._edge_id = edge_id
        self._outbox = outbox
        self._keeper = keeper
        self._budget = budget
        self._fleet = fleet
        self._sensors = sensors
        self._centre = centre
        self._link = link
        self._own = own
        self._metrics_fault = metrics_fault
        # Each second a status is written, and after days without a link there is much to count.
        self._counted = Seldom(lambda: (outbox.counts(), outbox.open_incidents()), version=outbox.version)
        self._started_at = datetime.now(UTC)
        self._unwritten: str | None = None

    def now(self) -> EdgeStatus:
        """Returns the status. Where the outbox cannot be read, the backlog has no counts and its fault says so."""
        desks = self._sensors.desks
        beats = self._fleet.beats
        watches: list[WatchStatus] = [w.status() for desk in desks for w in desk.watches]
        watches += [watch for beat in beats for watch in beat.watches]
        status = EdgeStatus(
            edge_id=self._edge_id,
            version=version("streetcase"),
            sent_at=datetime.now(UTC),
            started_at=self._started_at,
            load=round(os.getloadavg()[0] / (os.cpu_count() or 1), 2),
            clock_offset_ms=self._link.clock_offset_ms if self._link else None,
            configuration_revision=self._centre.in_force.revision,
            configuration_fault=self._centre.fault,
            file_fault=self._own.fault if self._own is not None else None,
            metrics_fault=self._metrics_fault(),
            cameras=self._fleet.cameras,
            sensors=[desk.status() for desk in desks],
            watches=watches,
            groups=self._fleet.groups,
            set_aside=self._fleet.set_aside,
        )
        uncommitted = self._keeper.uncommitted + sum(beat.uncommitted for beat in beats)
        faults = [self._outbox.fault, self._keeper.fault, *(beat.fault for beat in beats), self._budget.fault]
        try:
            counts, incidents = self._counted.get()
        except OutboxError as error:
            unread = Backlog(uncommitted=uncommitted, fault=str(error)[:FAULT_CHARS])
            return status.model_copy(update={"backlog": unread})
        fault = next((f for f in faults if f is not None), None)
        backlog = self._backlog(counts, uncommitted=uncommitted, fault=fault)
        return status.model_copy(update={"backlog": backlog, "open_incidents": incidents})

    def _backlog(self, counts: Counts, *, uncommitted: int, fault: str | None) -> Backlog:
        return Backlog(
            events=counts.events.get("waiting", 0),
            evidence_items=counts.evidence_items,
            evidence_bytes=counts.evidence_bytes,
            held=counts.events.get(Answer.HELD.value, 0),
            refused=counts.events.get(Answer.REFUSED.value, 0) + counts.events.get("unreadable", 0),
            sacrificed=counts.sacrificed,
            oldest_at=counts.oldest_waiting_at,
            uncommitted=uncommitted,
            used_bytes=self._budget.used_bytes,
            budget_bytes=self._budget.budget_bytes,
            fault=fault[:FAULT_CHARS] if fault is not None else None,
        )

    def write(self, file: Path) -> None:
        """Replaces the status file; what keeps it from that is told once, and keeps nothing else from its work."""
        part = file.with_suffix(".part")
        try:
            part.write_text(self.now().model_dump_json(indent=2), encoding="utf-8")
            part.replace(file)
        except OSError as error:
            self._tell_unwritten(error.strerror or type(error).__name__)
        except ValidationError as error:
            places = [".".join(map(str, problem["loc"])) for problem in error.errors(include_input=False)]
            self._tell_unwritten(f"not of the contract: {', '.join(places)}")
        else:
            self._unwritten = None

    def _tell_unwritten(self, why: str) -> None:
        if self._unwritten is None:
            log.warning("status not written", reason=why)
        self._unwritten = why
