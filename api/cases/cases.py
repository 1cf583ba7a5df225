"""What people do with cases: find them, read them, confirm or reject an alarm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from uuid import UUID

import structlog
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from api.cases.errors import CaseConflict, CaseForbidden, CaseMissing
from api.cases.history import Act, line
from api.cases.numbers import mint_number
from api.cases.states import FILED, UNFILED, CaseState
from api.people.callers import Caller
from api.rights import Rights
from api.settings import ApiSettings
from api.tables import Case, HistoryLine, Kind, ReportRow

_log = structlog.get_logger()
_Line = TypeVar("_Line", HistoryLine, ReportRow)


@dataclass(frozen=True, slots=True)
class CaseFilter:
    """Which cases to list; None means all."""

    states: frozenset[CaseState] | None = None
    kind: str | None = None
    edge: str | None = None
    watch: str | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What goes with a person's decision: who, when, by which request, on which version they saw."""

    caller: Caller
    at: datetime
    request_id: str | None
    version: int | None


def list_cases(
    session: Session, rights: Rights, caller: Caller, *, wanted: CaseFilter, after: UUID | None, limit: int
) -> tuple[Sequence[tuple[Case, Kind]], UUID | None]:
    """Returns cases the caller may see, newest first, and the cursor of the next page or None.

    Raises: CaseForbidden: If a state is asked for that the caller may not list.
    """
    states = wanted.states or frozenset(CaseState)
    if not rights.may(caller.role, "case.list_detected"):
        if wanted.states and wanted.states & UNFILED:
            raise CaseForbidden(f"role {caller.role} lists filed cases only")
        states &= FILED
    query = select(Case, Kind).join(Kind, Kind.key == Case.kind_key).where(*_conditions(wanted))
    if states != frozenset(CaseState):
        query = query.where(Case.state.in_(sorted(states)))
    if not rights.may_elsewhere(caller.role, "case.list_filed"):
        query = query.where(Case.department == caller.department)
    if after is not None:
        query = query.where(Case.id < after)
    rows = session.execute(query.order_by(Case.id.desc()).limit(limit + 1)).all()
    return rows[:limit], rows[limit - 1][0].id if len(rows) > limit else None


def find_case(session: Session, rights: Rights, caller: Caller, case_id: UUID, *, action: str) -> tuple[Case, Kind]:
    """Returns the case for an action that the caller's role may do. Raises: CaseMissing, CaseForbidden."""
    found = session.execute(
        select(Case, Kind).join(Kind, Kind.key == Case.kind_key).where(Case.id == case_id)
    ).one_or_none()
    if found is None:
        raise CaseMissing(f"there is no case {case_id}")
    case, kind = found
    if case.department != caller.department and not rights.may_elsewhere(caller.role, action):
        raise CaseForbidden("this case is another department's")
    if case.state in UNFILED and not rights.may(caller.role, "case.list_detected"):
        raise CaseForbidden("this case is not filed")
    return case, kind


def lines_of(
    session: Session, table: type[_Line], case_id: UUID, *, after: int, limit: int
) -> tuple[Sequence[_Line], int | None]:
    """Returns a case's lines of history, or its reports, oldest first, and the cursor of the next page or None."""
    rows = session.scalars(
        select(table).where(table.case_id == case_id, table.id > after).order_by(table.id).limit(limit + 1)
    ).all()
    return rows[:limit], rows[limit - 1].id if len(rows) > limit else None


def confirm(session: Session, case_id: UUID, decision: Decision, settings: ApiSettings) -> Case:
    """Files an alarm under the next number of its district and day. Raises: CaseMissing, CaseConflict."""
    case = _lock_alarm(session, case_id, decision)
    case.number = mint_number(session, district=settings.district, filed_at=decision.at, zone=settings.zone_info)
    case.state = CaseState.FILED
    case.filed_at = decision.at
    _decided(session, case, Act.CONFIRMED, decision, {"number": case.number})
    return case


def reject(session: Session, case_id: UUID, decision: Decision, *, reason: str) -> Case:
    """Turns an alarm down; it stays, and later events of its incidents are counted on it.

    Raises: CaseMissing, CaseConflict.
    """
    case = _lock_alarm(session, case_id, decision)
    case.state = CaseState.REJECTED
    case.rejected_reason = reason
    _decided(session, case, Act.REJECTED, decision, {"reason": reason})
    return case


def _lock_alarm(session: Session, case_id: UUID, decision: Decision) -> Case:
    case = session.scalar(select(Case).where(Case.id == case_id).with_for_update())
    if case is None:
        raise CaseMissing(f"there is no case {case_id}")
    if case.state is not CaseState.DETECTED:
        raise _conflict(f"expected a case in state detected, it is {case.state}", case)
    if decision.version not in (None, case.version):
        raise _conflict(f"expected version {decision.version}, the case is at {case.version}", case)
    return case


def _conflict(reason: str, case: Case) -> CaseConflict:
    return CaseConflict(reason, state=case.state, version=case.version, number=case.number)


def _decided(session: Session, case: Case, act: Act, decision: Decision, details: dict[str, str]) -> None:
    case.version += 1
    session.add(
        line(
            case.id,
            act,
            at=decision.at,
            actor=decision.caller.actor,
            request_id=decision.request_id,
            details=dict(details),
        )
    )
    _log.info(f"case {act}", case_id=str(case.id), actor=decision.caller.actor, **details)


def _conditions(wanted: CaseFilter) -> list[ColumnElement[bool]]:
    pairs = (
        (Case.kind_key, wanted.kind),
        (Case.edge_id, wanted.edge),
        (Case.watch_id, wanted.watch),
        (Case.source_id, wanted.source),
    )
    return [column == value for column, value in pairs if value is not None]
