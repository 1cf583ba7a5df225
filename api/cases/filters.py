"""Which cases are asked for, as conditions in SQL; lists, counts and whoever else filters cases share it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, or_

from api.cases.areas import Point, in_box, in_polygon, near
from api.cases.errors import CaseForbidden
from api.cases.scope import visible
from api.cases.states import UNFILED, CaseState
from api.people.callers import Caller
from api.rights import Rights
from api.tables import Case

Between = tuple[datetime | None, datetime | None]
"""From the first moment on, and before the second; None leaves that side open."""

_OPEN: Between = (None, None)


@dataclass(frozen=True, slots=True)
class Area:
    """At most one of the three; all in ``datum``."""

    box: Sequence[float] | None = None
    near: tuple[Point, float] | None = None
    polygon: Sequence[Point] | None = None
    datum: str = "WGS84"


@dataclass(frozen=True, slots=True)
class CaseFilter:
    """Which cases to list; None and what is empty mean all.

    overdue: past the end of the running stage's clock. gone, still_there: what its camera says.
    number: the first characters of it. assignee: of the person who has it. words: that it must have all of.
    """

    states: frozenset[CaseState] | None = None
    kinds: frozenset[str] = frozenset()
    departments: frozenset[str] = frozenset()
    grids: frozenset[str] = frozenset()
    district: str | None = None
    edge: str | None = None
    watch: str | None = None
    source: str | None = None
    assignee: UUID | None = None
    channel: str | None = None
    urgent: bool | None = None
    supervised: bool | None = None
    overdue: bool | None = None
    gone: bool | None = None
    still_there: bool | None = None
    number: str | None = None
    created: Between = _OPEN
    filed: Between = _OPEN
    due: Between = _OPEN
    area: Area | None = None
    words: tuple[str, ...] = ()


def conditions(
    wanted: CaseFilter, rights: Rights, caller: Caller, *, now: datetime, action: str = "case.list_filed"
) -> list[ColumnElement[bool]]:
    """Returns all conditions but for the words, with those of what the caller may see.

    Raises: CaseForbidden: If a state is asked for that the caller may not list.
    """
    if wanted.states and wanted.states & UNFILED and not rights.may(caller.role, "case.list_detected"):
        raise CaseForbidden(f"role {caller.role} lists filed cases only")
    return [
        *visible(rights, caller, action=action),
        *_states(wanted),
        *_equal(wanted),
        *_flags(wanted, now),
        *_moments(wanted),
        *_area(wanted.area),
    ]


def _states(wanted: CaseFilter) -> Iterator[ColumnElement[bool]]:
    if wanted.states and wanted.states != frozenset(CaseState):
        yield Case.state.in_(sorted(wanted.states))


def _equal(wanted: CaseFilter) -> Iterator[ColumnElement[bool]]:
    for column, values in (
        (Case.kind_key, wanted.kinds),
        (Case.department, wanted.departments),
        (Case.grid_id, wanted.grids),
    ):
        if values:
            yield column.in_(sorted(values)) if len(values) > 1 else column == next(iter(values))
    for column, value in (
        (Case.district, wanted.district),
        (Case.edge_id, wanted.edge),
        (Case.watch_id, wanted.watch),
        (Case.source_id, wanted.source),
        (Case.channel, wanted.channel),
    ):
        if value is not None:
            yield column == value
    if wanted.assignee is not None:
        yield Case.assignee_id == wanted.assignee
    if wanted.number:
        # Both, for the index of one database and that of the other.
        yield Case.number.like(f"{wanted.number}%")
        yield Case.number >= wanted.number


def _flags(wanted: CaseFilter, now: datetime) -> Iterator[ColumnElement[bool]]:
    for column, flag in (
        (Case.urgent, wanted.urgent),
        (Case.supervised, wanted.supervised),
        (Case.still_there, wanted.still_there),
    ):
        if flag is not None:
            yield column.is_(flag)
    if wanted.gone is not None:
        yield Case.gone_at.is_not(None) if wanted.gone else Case.gone_at.is_(None)
    if wanted.overdue is not None:
        yield Case.stage_due_at <= now if wanted.overdue else or_(Case.stage_due_at.is_(None), Case.stage_due_at > now)


def _moments(wanted: CaseFilter) -> Iterator[ColumnElement[bool]]:
    for column, (since, until) in (
        (Case.created_at, wanted.created),
        (Case.filed_at, wanted.filed),
        (Case.stage_due_at, wanted.due),
    ):
        if since is not None:
            yield column >= since
        if until is not None:
            yield column < until


def _area(area: Area | None) -> Iterator[ColumnElement[bool]]:
    if area is None:
        return
    if area.box is not None:
        yield in_box(area.box, datum=area.datum)
    if area.near is not None:
        yield near(*area.near, datum=area.datum)
    if area.polygon is not None:
        yield in_polygon(area.polygon, datum=area.datum)
