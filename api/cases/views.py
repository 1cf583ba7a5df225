"""Turns rows of cases into what is shown of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from api.acts.timers import is_overdue
from api.acts.workflow import allowed_acts
from api.cases.schemas import (
    CaseForActing,
    CaseSummary,
    ShownClocks,
    ShownKind,
    ShownPosition,
)
from api.people.callers import Caller
from api.rights import Rights
from api.tables import Case, CaseAsk, CaseLink, Kind, Person

_LINES_SHOWN = 200


def summary(case: Case, kind: Kind) -> CaseSummary:
    return CaseSummary.model_validate(_fields(case, kind))


@dataclass(frozen=True, slots=True)
class Onlooker:
    """Who looks at a case, and when: what it may be done to depends on both."""

    session: Session
    rights: Rights
    caller: Caller
    at: datetime


def for_acting(case: Case, kind: Kind, onlooker: Onlooker) -> CaseForActing:
    fields = _fields(case, kind)
    fields["clocks"] = ShownClocks.model_validate(fields | {"overdue": is_overdue(case, at=onlooker.at)})
    assignee = None if case.assignee_id is None else onlooker.session.get(Person, case.assignee_id)
    fields["assignee"] = None if assignee is None else assignee.name
    fields["allowed_acts"] = allowed_acts(onlooker.session, onlooker.rights, onlooker.caller, case, at=onlooker.at)
    return CaseForActing.model_validate(fields)


def asks_of(session: Session, case_id: UUID) -> Sequence[CaseAsk]:
    latest = select(CaseAsk).where(CaseAsk.case_id == case_id).order_by(CaseAsk.id.desc())
    return session.scalars(latest.limit(_LINES_SHOWN)).all()[::-1]


def links_of(session: Session, case_id: UUID) -> Sequence[CaseLink]:
    either = or_(CaseLink.case_id == case_id, CaseLink.other_id == case_id)
    return session.scalars(select(CaseLink).where(either).order_by(CaseLink.id.desc()).limit(_LINES_SHOWN)).all()[::-1]


def _fields(case: Case, kind: Kind) -> dict[str, object]:
    fields = {column.key: getattr(case, column.key) for column in Case.__mapper__.column_attrs}
    fields["kind"] = ShownKind.model_validate(kind)
    fields["edge_id"], fields["watch_id"] = case.edge_id or None, case.watch_id or None
    fields["detected_kind"] = case.detected_kind_key
    fields["position"] = None if case.longitude is None else ShownPosition.model_validate(case)
    return fields
