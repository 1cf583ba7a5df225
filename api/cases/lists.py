"""Finds cases: the list, one case, its lines; only what the caller may see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from api.cases.errors import CaseForbidden, CaseMissing
from api.cases.scope import check_visible, visible
from api.cases.states import UNFILED, CaseState
from api.people.callers import Caller
from api.rights import Rights
from api.tables import Case, HistoryLine, Kind, ReportRow

_Line = TypeVar("_Line", HistoryLine, ReportRow)


@dataclass(frozen=True, slots=True)
class CaseFilter:
    """Which cases to list; None means all."""

    states: frozenset[CaseState] | None = None
    kind: str | None = None
    edge: str | None = None
    watch: str | None = None
    source: str | None = None


def list_cases(
    session: Session, rights: Rights, caller: Caller, *, wanted: CaseFilter, after: UUID | None, limit: int
) -> tuple[Sequence[tuple[Case, Kind]], UUID | None]:
    """Returns cases the caller may see, newest first, and the cursor of the next page or None.

    Raises: CaseForbidden: If a state is asked for that the caller may not list.
    """
    if wanted.states and wanted.states & UNFILED and not rights.may(caller.role, "case.list_detected"):
        raise CaseForbidden(f"role {caller.role} lists filed cases only")
    query = select(Case, Kind).join(Kind, Kind.key == Case.kind_key).where(*_conditions(wanted))
    query = query.where(*visible(rights, caller, action="case.list_filed"))
    if wanted.states and wanted.states != frozenset(CaseState):
        query = query.where(Case.state.in_(sorted(wanted.states)))
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
    check_visible(rights, caller, case, action=action)
    return case, kind


def lines_of(
    session: Session, table: type[_Line], case_id: UUID, *, after: int, limit: int
) -> tuple[Sequence[_Line], int | None]:
    """Returns a case's lines of history, or its reports, oldest first, and the cursor of the next page or None."""
    rows = session.scalars(
        select(table).where(table.case_id == case_id, table.id > after).order_by(table.id).limit(limit + 1)
    ).all()
    return rows[:limit], rows[limit - 1].id if len(rows) > limit else None


def _conditions(wanted: CaseFilter) -> list[ColumnElement[bool]]:
    pairs = (
        (Case.kind_key, wanted.kind),
        (Case.edge_id, wanted.edge),
        (Case.watch_id, wanted.watch),
        (Case.source_id, wanted.source),
    )
    return [column == value for column, value in pairs if value is not None]
