"""Keeps which cameras, sensors and edges cannot be believed at present: those with an open fault."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.orm import Session

from api.inserting import insert_if_absent
from api.reports.candidates import FAULTS
from api.tables import BlindSource, Incident

EDGE_FAULT = "edge-fault"


def keep_blind_sources(session: Session, incidents: Iterable[Incident]) -> None:
    """Writes down what the faults among these incidents say now; all reports on them have been counted."""
    faults: Mapping[UUID, Incident] = {incident.id: incident for incident in incidents if incident.kind_key in FAULTS}
    over = [incident.id for incident in faults.values() if incident.cleared_at is not None]
    if over:
        session.execute(delete(BlindSource).where(BlindSource.incident_id.in_(over)))
    rows = [
        {
            "incident_id": incident.id,
            "edge_id": incident.edge_id,
            "source_id": "" if incident.kind_key == EDGE_FAULT else incident.source_id,
            "since": incident.first_seen_at,
        }
        for incident in faults.values()
        if incident.cleared_at is None
    ]
    insert_if_absent(session, BlindSource, rows, unique=["incident_id"])
