"""Raises an edge-fault for an edge that has stopped telling how it is, and ends it when the edge is back.

What a silent edge followed is unknown meanwhile, never gone: joining sees to that by these reports.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import NAMESPACE_URL, UUID, uuid5
from weakref import WeakKeyDictionary

import structlog
from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from api.chores.runner import Chore
from api.database import Database
from api.reports.recording import record
from api.schemas import Report
from api.services import Services
from api.tables import ApiKey, BlindSource, EdgeStatusRow, Incident

_log = structlog.get_logger()

KIND = WATCH = "edge-fault"
STATUS_EVERY = timedelta(seconds=30)
SLACK = timedelta(seconds=15)
SILENT_AFTER = 3 * STATUS_EVERY + SLACK
UPDATED_EVERY = timedelta(minutes=10)
LOOKED_AWAY = timedelta(seconds=60)
"""After so long without a look this process was stopped or had no database: then the edges get their time anew."""

AT_ONCE = 500
_NO_TIME = timedelta(0)
_NAMES = uuid5(NAMESPACE_URL, "urn:streetcase:edge-fault")


@dataclass(slots=True)
class Watching:
    """Since when this process has been able to hear edges, and when it last looked; None before its first look."""

    since: datetime | None = None
    looked_at: datetime | None = None

    def look(self, now: datetime) -> datetime:
        """Notes a look; returns since when the silence of an edge counts."""
        # A clock that was set back is a gap too: nothing that was heard before can be compared with it.
        if self.since is None or self.looked_at is None or not _NO_TIME <= now - self.looked_at <= LOOKED_AWAY:
            self.since = now
        self.looked_at = now
        return self.since


@dataclass(frozen=True, slots=True)
class Heard:
    """An edge that once told how it is; ``in_force``: it holds a key, so it is expected to speak."""

    edge_id: str
    last_at: datetime
    in_force: bool


@dataclass(frozen=True, slots=True)
class OpenFault:
    """An edge-fault that has not ended. silent_since: the edge's last word before it. told_at: when we last said so."""

    incident_id: UUID
    edge_id: str
    silent_since: datetime
    told_at: datetime


# By the database, as several applications may run in one process; it goes with it.
_watching: WeakKeyDictionary[Database, Watching] = WeakKeyDictionary()


def watch_for_silence(services: Services) -> None:
    """The chore: looks at every edge that ever spoke, and reports what has changed, in the way that an edge would."""
    watching = _watching.setdefault(services.database, Watching())
    now = services.clock()
    since = watching.look(now)
    with services.database.read() as session:
        heard, faults = _heard(session), _open_faults(session)
    reports = list(reports_of(heard, faults, now=now, since=since))
    for start in range(0, len(reports), AT_ONCE):
        for answer in record(services.database, reports[start : start + AT_ONCE], now=now):
            if answer.reason is not None:
                _log.error("edge-fault refused", report_id=str(answer.report_id), reason=answer.reason)


SILENCE_CHORE = Chore("silent edges", every_s=10, run=watch_for_silence)


def reports_of(
    heard: Sequence[Heard], faults: Mapping[str, Sequence[OpenFault]], *, now: datetime, since: datetime
) -> Iterator[Report]:
    """Yields what is to be reported; to report the same again changes nothing.

    since: from when on the centre itself could hear edges: what it did not hear before is no silence.
    """
    for edge in heard:
        for fault in faults.get(edge.edge_id, ()):
            if not edge.in_force:
                yield _report(edge, fault.incident_id, fault.silent_since, "cleared", now, clear_reason="withdrawn")
            elif edge.last_at > fault.silent_since:
                yield _report(edge, fault.incident_id, fault.silent_since, "cleared", now, clear_reason="gone")
        if edge.in_force and now - max(edge.last_at, since) > SILENT_AFTER:
            incident_id = uuid5(_NAMES, f"{edge.edge_id} {edge.last_at.isoformat()}")
            known = [fault for fault in faults.get(edge.edge_id, ()) if fault.incident_id == incident_id]
            rounds = (now - edge.last_at) // UPDATED_EVERY
            if not known:
                yield _report(edge, incident_id, edge.last_at, "raised", now)
            elif rounds > (known[0].told_at - edge.last_at) // UPDATED_EVERY:
                yield _report(edge, incident_id, edge.last_at, "updated", now, part=rounds)


def _report(
    edge: Heard,
    incident_id: UUID,
    silent_since: datetime,
    phase: str,
    now: datetime,
    *,
    clear_reason: str | None = None,
    part: int = 0,
) -> Report:
    return Report(
        report_id=uuid5(incident_id, f"{phase} {part}"),
        incident_id=incident_id,
        phase=phase,
        clear_reason=clear_reason,
        edge_id=edge.edge_id,
        source_type="edge",
        source_id=edge.edge_id,
        kind=KIND,
        watch_id=WATCH,
        first_seen_at=silent_since,
        # Not when the edge spoke: the gateway heard it a little before the last update of its silence was made.
        occurred_at=now,
        received_at=now,
        dwell_s=(now - silent_since).total_seconds(),
    )


def _heard(session: Session) -> list[Heard]:
    holds_key = exists().where(ApiKey.edge_id == EdgeStatusRow.edge_id, ApiKey.revoked_at.is_(None))
    rows = session.execute(select(EdgeStatusRow.edge_id, EdgeStatusRow.received_at, holds_key))
    return [Heard(edge_id, last_at, in_force) for edge_id, last_at, in_force in rows]


def _open_faults(session: Session) -> dict[str, list[OpenFault]]:
    """Returns the open edge-faults by their edge, as joining keeps them: without a source of the edge's own."""
    rows = session.execute(
        select(BlindSource.incident_id, BlindSource.edge_id, BlindSource.since, Incident.last_seen_at)
        .join(Incident, Incident.id == BlindSource.incident_id)
        .where(BlindSource.source_id == "")
    )
    faults: dict[str, list[OpenFault]] = {}
    for incident_id, edge_id, since, told_at in rows:
        faults.setdefault(edge_id, []).append(OpenFault(incident_id, edge_id, since, told_at))
    return faults
