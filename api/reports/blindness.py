"""Keeps which cameras, sensors and edges cannot be believed at present: those with an open fault."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from uuid import UUID

from sqlalchemy import ColumnElement, and_, delete, exists, or_, select
from sqlalchemy.orm import Session

from api.cases.states import CaseState
from api.inserting import insert_if_absent
from api.reports.candidates import FAULTS
from api.tables import BlindSource, Case, Incident

EDGE_FAULT = "edge-fault"
_OF_A_SOURCE = FAULTS - {EDGE_FAULT}


def keep_blind_sources(session: Session, incidents: Iterable[Incident], cases: Iterable[Case]) -> None:
    """Writes down what the faults among these incidents say now; all reports on them have been counted.

    cases: those that hold them.
    """
    turned_down = {case.id for case in cases if _is_turned_down(case)}
    faults: Mapping[UUID, Incident] = {incident.id: incident for incident in incidents if incident.kind_key in FAULTS}
    over = [incident.id for incident in faults.values() if incident.cleared_at is not None]
    if over:
        session.execute(delete(BlindSource).where(BlindSource.incident_id.in_(over)))
    rows = [
        {
            "incident_id": incident.id,
            "edge_id": incident.edge_id,
            "source_id": "" if incident.kind_key == EDGE_FAULT else incident.source_id,
            "source_type": incident.source_type,
            "since": incident.first_seen_at,
        }
        for incident in faults.values()
        if incident.cleared_at is None and not (incident.case_id in turned_down and _may_be_believed(incident))
    ]
    insert_if_absent(session, BlindSource, rows, unique=["incident_id"])


def end_blindness_of(session: Session, case: Case) -> None:
    """A person has said that the case is none: its camera or sensor sees. That an edge is silent, nobody judges."""
    if case.detected_kind_key in FAULTS:
        of_case = (Incident.case_id == case.id) & Incident.kind_key.in_(sorted(_OF_A_SOURCE))
        ended = BlindSource.incident_id.in_(select(Incident.id).where(of_case))
        session.execute(delete(BlindSource).where(ended).execution_options(synchronize_session=False))


def is_blind(*, besides: Collection[str] = ()) -> ColumnElement[bool]:
    """Whether whoever saw the ``Incident`` of the statement cannot be believed now; not for the kinds ``besides``."""
    itself = (BlindSource.source_id == Incident.source_id) & or_(
        BlindSource.source_type == Incident.source_type, BlindSource.source_type.is_(None)
    )
    blind = exists().where(BlindSource.edge_id == Incident.edge_id, or_(itself, BlindSource.source_id == ""))
    # Not as a list: its text must be the whole statement, see ``api.asking``.
    return and_(*(Incident.kind_key != kind for kind in sorted(besides)), blind)


def _is_turned_down(case: Case) -> bool:
    """By a person: what a permit allows, such as work on a camera, is there all the same."""
    return case.state is CaseState.VOID or (case.state is CaseState.REJECTED and case.permit_id is None)


def _may_be_believed(incident: Incident) -> bool:
    return incident.kind_key in _OF_A_SOURCE
