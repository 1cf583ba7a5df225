"""Counts cases by one of their properties, exactly up to a cap, so that a million costs no more than a few thousand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, CompoundSelect, Select, func, literal, select, union, union_all
from sqlalchemy.orm import InstrumentedAttribute, Session

from api.cases.searching import with_words
from api.cases.states import CaseState
from api.tables import Case, Department, Grid, Kind

CAP = 10_000
MAX_GROUPS = 500


class CountBy(StrEnum):
    STATE = "state"
    KIND = "kind"
    DEPARTMENT = "department"
    GRID = "grid"


@dataclass(frozen=True, slots=True)
class Counted:
    """at_least: there are ``count`` or more."""

    key: str
    count: int
    at_least: bool


def count_cases(
    session: Session, that: Sequence[ColumnElement[bool]], *, by: CountBy, words: Sequence[str] = ()
) -> list[Counted]:
    """Counts the cases that fulfil ``that`` and have all of the words, per value of ``by``, in the order of keys."""
    keys = _keys(by).limit(MAX_GROUPS).subquery("keys")
    column: InstrumentedAttribute[str] = _COLUMNS[by]  # type: ignore[assignment]
    some = select(literal(1)).select_from(Case).where(column == keys.c.key, *that)
    if words:
        some = some.where(with_words(session, words))
    capped = some.limit(CAP + 1).correlate(keys).subquery()
    count = select(func.count()).select_from(capped).correlate(keys).scalar_subquery()
    rows = session.execute(select(keys.c.key, count).order_by(keys.c.key))
    return [Counted(key, min(number, CAP), at_least=number > CAP) for key, number in rows]


_COLUMNS = {
    CountBy.STATE: Case.state,
    CountBy.KIND: Case.kind_key,
    CountBy.DEPARTMENT: Case.department,
    CountBy.GRID: Case.grid_id,
}


def _keys(by: CountBy) -> CompoundSelect[str] | Select[str]:
    if by is CountBy.STATE:
        return union_all(*(select(literal(state.value).label("key")) for state in CaseState))
    if by is CountBy.KIND:
        return select(Kind.key.label("key"))
    if by is CountBy.GRID:
        return select(Grid.id.label("key"))
    return union(select(Department.key.label("key")), select(Kind.department.label("key")))
