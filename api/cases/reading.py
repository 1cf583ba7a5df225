"""Reads one case with all that is shown of it, quickly: rows straight into the shape of ``CaseDetail``.

The statements are built once: putting one of a hundred columns together takes longer than the database needs for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import bindparam, exists, select
from sqlalchemy.orm import aliased

from api.acts.timers import is_overdue
from api.acts.workflow import acts_offered
from api.asking import Asks, Question
from api.cases.errors import CaseMissing
from api.cases.evidence import EXPIRED, note_arrivals
from api.cases.quick import NEEDED, summary_of
from api.cases.schemas import ShownClocks, ShownEvidence, ShownIncident, ShownKind
from api.cases.scope import check_visible
from api.cases.second_look import second_look_of
from api.people.callers import Caller
from api.rights import Rights
from api.services import Services
from api.tables import Case, Evidence, Incident, Kind, Person

_READ = "case.read"
_INCIDENTS_SHOWN = 200
_EVIDENCE_SHOWN = 500
_KIND = "kind_"
_EVIDENCE_NAMES = tuple(name for name in ShownEvidence.model_fields if name != "plate_kept")
_COUNTED_NAMES = ("muted_count", "recurrences_count", "permit_id", "merged_into")
_CLOCK_NAMES = tuple(name for name in ShownClocks.model_fields if name != "overdue")
_CASE_NAMES = dict.fromkeys((*NEEDED, *_CLOCK_NAMES, *_COUNTED_NAMES))
_ID = bindparam("case_id", type_=Case.__table__.c.id.type)
# The same bytes may stand under several incidents and cases: one that is marked speaks for all of them.
_same = aliased(Evidence)
_PLATE = exists().where(_same.sha256 == Evidence.sha256, _same.plate_kept).label("plate_kept")

_KIND_COLUMNS = tuple(Kind.__table__.c[name].label(f"_{_KIND}{name}") for name in ShownKind.model_fields)
_CASE_COLUMNS = tuple(Case.__table__.c[name] for name in _CASE_NAMES)
_CASE = Question(
    select(
        *(Case.__table__.c[name] for name in _CASE_NAMES), *_KIND_COLUMNS, Person.__table__.c.name.label("_assignee")
    )
    .select_from(Case.__table__)
    .join(Kind.__table__, Kind.__table__.c.key == Case.__table__.c.kind_key)
    .outerjoin(Person.__table__, Person.__table__.c.id == Case.__table__.c.assignee_id)
    .where(Case.__table__.c.id == _ID)
)
_INCIDENTS = Question(
    select(*(Incident.__table__.c[name] for name in ShownIncident.model_fields))
    .where(Incident.__table__.c.case_id == _ID)
    .order_by(Incident.__table__.c.last_seen_at.desc(), Incident.__table__.c.id)
    .limit(_INCIDENTS_SHOWN)
)
_EVIDENCE = Question(
    select(Evidence.__table__.c.id, *(Evidence.__table__.c[name] for name in _EVIDENCE_NAMES), _PLATE)
    .where(Evidence.__table__.c.case_id == _ID)
    .order_by(Evidence.__table__.c.id.desc())
    .limit(_EVIDENCE_SHOWN)
)


@dataclass(slots=True)
class CaseRead:
    """shown: a ``CaseDetail`` by its names. awaited: the places in its evidence of what had not come yet, by row."""

    version: int
    shown: dict[str, Any]
    awaited: dict[int, int]

    def json(self) -> bytes:
        return to_json(self.shown)


def read_case(asks: Asks, rights: Rights, caller: Caller, case_id: UUID, *, now: datetime) -> CaseRead:
    """Raises: CaseMissing, CaseForbidden."""
    asked = {"case_id": case_id}
    found = asks(_CASE, asked)
    if not found:
        raise CaseMissing(f"there is no case {case_id}")
    row = found[0]
    # It has what is read of a case here, all of which is shown too.
    case = cast(Case, SimpleNamespace(**row))
    check_visible(rights, caller, case, action=_READ)
    kind = {name: row[f"_{_KIND}{name}"] for name in ShownKind.model_fields}
    shown = summary_of(row, {case.kind_key: kind})
    shown["clocks"] = {name: row[name] for name in _CLOCK_NAMES} | {"overdue": is_overdue(case, at=now)}
    shown["assignee"] = row["_assignee"]
    shown["allowed_acts"] = acts_offered(asks, rights, caller, case, at=now)
    shown["second_look"] = second_look_of(asks, case)
    shown |= {name: row[name] for name in _COUNTED_NAMES}
    shown["incidents"] = asks(_INCIDENTS, asked)
    evidence = asks(_EVIDENCE, asked)
    awaited = {item.pop("id"): place for place, item in enumerate(evidence) if _is_awaited(item)}
    for item in evidence:
        item.pop("id", None)
    shown["evidence"] = evidence
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


def _is_awaited(item: Mapping[str, Any]) -> bool:
    return item["state"] not in {"present", EXPIRED}
