"""What others are told of a case's history: one event for each line, without persons and without details."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, select
from sqlalchemy.orm import Session

from api.cases.history import Act
from api.cases.schemas import Shown
from api.cases.states import CaseState
from api.tables import Case, HistoryLine

EVENT_PREFIX = "case."
EVENTS = frozenset(EVENT_PREFIX + act for act in Act)
"""The names of all events, such as ``case.confirmed``."""


class CaseEvent(Shown):
    """One thing that happened to a case; ``id`` counts up and is never used again.

    event, at: what happened, and when. All else is the case as it was when the event was read.
    """

    id: int
    event: str
    at: datetime
    case_id: UUID
    number: str | None
    state: CaseState
    version: int
    kind: str
    department: str
    grid_id: str | None


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events somebody wants; None means all."""

    events: frozenset[str] | None = None
    kinds: frozenset[str] | None = None
    states: frozenset[CaseState] | None = None
    department: str | None = None

    def wants(self, event: CaseEvent) -> bool:
        return (
            (self.events is None or event.event in self.events)
            and (self.kinds is None or event.kind in self.kinds)
            and (self.states is None or event.state in self.states)
            and (self.department is None or event.department == self.department)
        )

    def conditions(self) -> list[ColumnElement[bool]]:
        """The same on ``HistoryLine`` and ``Case``."""
        conditions: list[ColumnElement[bool]] = []
        if self.events is not None:
            acts = sorted(event.removeprefix(EVENT_PREFIX) for event in self.events)
            conditions.append(HistoryLine.action.in_(acts))
        if self.kinds is not None:
            conditions.append(Case.kind_key.in_(sorted(self.kinds)))
        if self.states is not None:
            conditions.append(Case.state.in_(sorted(self.states)))
        if self.department is not None:
            conditions.append(Case.department == self.department)
        return conditions


_COLUMNS = (
    HistoryLine.id,
    HistoryLine.action,
    HistoryLine.at,
    HistoryLine.case_id,
    Case.number,
    Case.state,
    Case.version,
    Case.kind_key,
    Case.department,
    Case.grid_id,
)


def events_between(
    session: Session, *, after: int, until: int, limit: int, conditions: Collection[ColumnElement[bool]] = ()
) -> list[CaseEvent]:
    """Returns events of the lines after one and up to another, in order, ``limit`` at most."""
    query = _events().where(HistoryLine.id > after, HistoryLine.id <= until, *conditions)
    return [_event(row) for row in session.execute(query.order_by(HistoryLine.id).limit(limit))]


def event_of(session: Session, line_id: int) -> CaseEvent | None:
    row = session.execute(_events().where(HistoryLine.id == line_id)).one_or_none()
    return None if row is None else _event(row)


def _events() -> Select[*tuple[Any, ...]]:
    return select(*_COLUMNS).join(Case, Case.id == HistoryLine.case_id)


def _event(row: Row[Any]) -> CaseEvent:
    values: Sequence[Any] = row
    line_id, action, at, case_id, number, state, version, kind, department, grid_id = values
    return CaseEvent(
        id=line_id,
        event=EVENT_PREFIX + action,
        at=at,
        case_id=case_id,
        number=number,
        state=state,
        version=version,
        kind=kind,
        department=department,
        grid_id=grid_id,
    )
