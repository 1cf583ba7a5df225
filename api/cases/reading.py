"""Reads one case with all that is shown of it, quickly: rows straight into the shape of ``CaseDetail``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.cases.evidence import EXPIRED, note_arrivals, with_plate
from api.cases.lists import find_case
from api.cases.quick import kind_shown, summary_of
from api.cases.schemas import ShownClocks, ShownEvidence, ShownIncident
from api.cases.second_look import second_look_of
from api.cases.timers import is_overdue
from api.cases.workflow import allowed_acts
from api.people.callers import Caller
from api.rights import Rights
from api.services import Services
from api.tables import Case, Evidence, Incident, Person

_READ = "case.read"
_INCIDENTS_SHOWN = 200
_EVIDENCE_SHOWN = 500
_INCIDENT_COLUMNS = tuple(getattr(Incident, name) for name in ShownIncident.model_fields)
_EVIDENCE_NAMES = tuple(name for name in ShownEvidence.model_fields if name != "plate_kept")
_EVIDENCE_COLUMNS = (Evidence.id, *(getattr(Evidence, name) for name in _EVIDENCE_NAMES))
_COUNTED_NAMES = ("muted_count", "recurrences_count", "permit_id", "merged_into")
_CLOCK_NAMES = tuple(name for name in ShownClocks.model_fields if name != "overdue")


@dataclass(slots=True)
class CaseRead:
    """shown: a ``CaseDetail`` by its names. awaited: the places in its evidence of what had not come yet, by row."""

    version: int
    shown: dict[str, Any]
    awaited: dict[int, int]

    def json(self) -> bytes:
        return to_json(self.shown)


def read_case(session: Session, rights: Rights, caller: Caller, case_id: UUID, *, now: datetime) -> CaseRead:
    """Raises: CaseMissing, CaseForbidden."""
    case, kind = find_case(session, rights, caller, case_id, action=_READ)
    shown = summary_of(vars(case), {case.kind_key: kind_shown(kind)})
    shown["clocks"] = {name: getattr(case, name) for name in _CLOCK_NAMES} | {"overdue": is_overdue(case, at=now)}
    shown["assignee"] = _assignee(session, case)
    shown["allowed_acts"] = allowed_acts(session, rights, caller, case, at=now)
    shown["second_look"] = second_look_of(session, case)
    shown |= {name: getattr(case, name) for name in _COUNTED_NAMES}
    shown["incidents"] = _incidents(session, case_id)
    evidence = _evidence(session, case_id)
    plates = with_plate(session, (item["sha256"] for item in evidence)) if evidence else frozenset()
    awaited = {item["id"]: place for place, item in enumerate(evidence) if item["state"] not in {"present", EXPIRED}}
    shown["evidence"] = [
        {name: item[name] for name in _EVIDENCE_NAMES} | {"plate_kept": item["sha256"] in plates} for item in evidence
    ]
    return CaseRead(case.version, shown, awaited)


def notice_arrivals(here: Services, read: CaseRead) -> None:
    """Shows as present what has come since; most cases have nothing that is still awaited."""
    if not read.awaited:
        return
    with here.database.read() as session:
        items = session.scalars(select(Evidence).where(Evidence.id.in_(read.awaited))).all()
    note_arrivals(here.database, here.evidence, items)
    for item in items:
        read.shown["evidence"][read.awaited[item.id]] |= {"state": item.state, "reason": item.reason}


def _assignee(session: Session, case: Case) -> str | None:
    if case.assignee_id is None:
        return None
    return session.scalar(select(Person.name).where(Person.id == case.assignee_id))


def _incidents(session: Session, case_id: UUID) -> list[dict[str, Any]]:
    latest = select(*_INCIDENT_COLUMNS).where(Incident.case_id == case_id)
    rows = session.execute(latest.order_by(Incident.last_seen_at.desc(), Incident.id).limit(_INCIDENTS_SHOWN))
    return [dict(row) for row in rows.mappings()]


def _evidence(session: Session, case_id: UUID) -> Sequence[Mapping[str, Any]]:
    latest = select(*_EVIDENCE_COLUMNS).where(Evidence.case_id == case_id)
    rows = session.execute(latest.order_by(Evidence.id.desc()).limit(_EVIDENCE_SHOWN))
    return [dict(row) for row in rows.mappings()]
