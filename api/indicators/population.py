"""Which cases are counted: of the city's statistics, those whose figures the caller may see, as was asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, false
from sqlalchemy import case as when
from sqlalchemy.orm import InstrumentedAttribute

from api.cases.scope import visible
from api.cases.states import CaseState
from api.people.callers import Caller
from api.rights import Rights
from api.tables import Case

OPERATIONAL_KINDS = ("camera-fault", "sensor-fault", "edge-fault")
"""What is wrong with the watching itself; kept apart from what is wrong in the streets."""

_ALL = "indicators.read_all"
_ALARMS = "case.list_detected"


class GroupBy(StrEnum):
    DEPARTMENT = "department"
    GRID = "grid"
    DISTRICT = "district"
    KIND = "kind"
    CAMERA = "camera"
    WATCH = "watch"
    EDGE = "edge"
    MODEL = "model"


GroupColumn = InstrumentedAttribute[Any] | ColumnElement[Any]


def columns_of(by: GroupBy, *, detected: bool = False) -> tuple[GroupColumn, ...]:
    """Returns what to group by; two columns where only both together name one, such as an edge and its camera.

    detected: by the kind that the machine saw, not by the one that a person gave the case.
    """
    kind = Case.detected_kind_key if detected else Case.kind_key
    # What people report is of no edge; its source is a person, or one call to the hotline, and no camera.
    source = when((Case.edge_id != "", Case.source_id), else_="")
    columns: Mapping[GroupBy, tuple[GroupColumn, ...]] = {
        GroupBy.DEPARTMENT: (Case.department,),
        GroupBy.GRID: (Case.grid_id,),
        GroupBy.DISTRICT: (Case.district,),
        GroupBy.KIND: (kind,),
        GroupBy.CAMERA: (Case.edge_id, source),
        GroupBy.WATCH: (Case.edge_id, Case.watch_id),
        GroupBy.EDGE: (Case.edge_id,),
        GroupBy.MODEL: (Case.detector, Case.weights_sha256),
    }
    return columns[by]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which cases of those that the caller may see; None means all."""

    department: str | None = None
    grid: str | None = None
    district: str | None = None
    kind: str | None = None
    edge: str | None = None


@dataclass(frozen=True, slots=True)
class Population:
    """Conditions on ``Case``. handled: of what departments did. reviewed: of what was made of alarms."""

    handled: tuple[ColumnElement[bool], ...]
    reviewed: tuple[ColumnElement[bool], ...]


class Scope(StrEnum):
    """Whose figures a caller sees: everybody's, the own department's, or only what became of alarms."""

    ALL = "all"
    DEPARTMENT = "department"
    REVIEW = "review"


def scope_of(rights: Rights, caller: Caller) -> Scope:
    if rights.may(caller.role, _ALL):
        return Scope.ALL
    return Scope.REVIEW if caller.department is None else Scope.DEPARTMENT


def population(rights: Rights, caller: Caller, wanted: Wanted, *, detected: bool = False) -> Population:
    """Returns the cases to count for this caller.

    Handling and closing: of all departments for those who may read all, else of the own department. Operators have
    none, so they see what they decide on themselves: what became of alarms, which handlers in turn do not see.
    """
    counted = (*_counted(detected=detected), *_asked_for(wanted, detected=detected))
    handled = (*counted, *visible(rights, caller, action=_ALL))
    if not rights.may(caller.role, _ALARMS):
        return Population(handled, (false(),))
    return Population(handled, (*counted, *visible(rights, caller, action=_ALARMS)))


def _counted(*, detected: bool) -> tuple[ColumnElement[bool], ...]:
    kind = Case.detected_kind_key if detected else Case.kind_key
    return (
        Case.state.not_in((CaseState.VOID, CaseState.MERGED)),
        Case.exempt.is_(False),
        kind.not_in(OPERATIONAL_KINDS),
    )


def _asked_for(wanted: Wanted, *, detected: bool) -> list[ColumnElement[bool]]:
    pairs = (
        (Case.department, wanted.department),
        (Case.grid_id, wanted.grid),
        (Case.district, wanted.district),
        (Case.detected_kind_key if detected else Case.kind_key, wanted.kind),
        (Case.edge_id, wanted.edge),
    )
    return [column == value for column, value in pairs if value is not None]
