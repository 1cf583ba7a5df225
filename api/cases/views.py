"""Turns rows of cases into what is shown of them."""

from __future__ import annotations

from collections.abc import Sequence, Set
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.cases.schemas import CaseDetail, CaseSummary, ShownEvidence, ShownIncident, ShownKind, ShownPosition
from api.tables import Case, Evidence, Incident, Kind

_INCIDENTS_SHOWN = 200
_EVIDENCE_SHOWN = 500


def summary(case: Case, kind: Kind) -> CaseSummary:
    return CaseSummary.model_validate(_fields(case, kind))


def detail(
    case: Case, kind: Kind, *, incidents: Sequence[Incident], evidence: Sequence[Evidence], plates: Set[str]
) -> CaseDetail:
    """plates: the sha256 of evidence in which a plate may show, see ``case_evidence.with_plate``."""
    shown = _fields(case, kind)
    shown["incidents"] = [ShownIncident.model_validate(incident) for incident in incidents]
    shown["evidence"] = [
        ShownEvidence.model_validate(item).model_copy(update={"plate_kept": item.sha256 in plates}) for item in evidence
    ]
    return CaseDetail.model_validate(shown)


def incidents_of(session: Session, case_id: UUID) -> Sequence[Incident]:
    latest = select(Incident).where(Incident.case_id == case_id).order_by(Incident.last_seen_at.desc(), Incident.id)
    return session.scalars(latest.limit(_INCIDENTS_SHOWN)).all()


def evidence_of(session: Session, case_id: UUID) -> Sequence[Evidence]:
    latest = select(Evidence).where(Evidence.case_id == case_id).order_by(Evidence.id.desc())
    return session.scalars(latest.limit(_EVIDENCE_SHOWN)).all()


def _fields(case: Case, kind: Kind) -> dict[str, object]:
    fields = {column.key: getattr(case, column.key) for column in Case.__mapper__.column_attrs}
    fields["kind"] = ShownKind.model_validate(kind)
    fields["edge_id"], fields["watch_id"] = case.edge_id or None, case.watch_id or None
    fields["detected_kind"] = case.detected_kind_key
    fields["position"] = None if case.longitude is None else ShownPosition.model_validate(case)
    return fields
