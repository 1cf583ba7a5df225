"""Finds cases: a page of a list in one of three orders, one case, its lines; only what the caller may see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Integer, Label, RowMapping, Select, and_, case, cast, func, or_, select, tuple_
from sqlalchemy.orm import Session

from api.cases.cursors import Cursor, Sort, read_cursor
from api.cases.errors import CaseMissing
from api.cases.filters import CaseFilter, conditions
from api.cases.scope import check_visible
from api.cases.searching import find_by_words
from api.people.callers import Caller
from api.rights import Rights
from api.tables import Case, HistoryLine, Kind, ReportRow, TimerLine

_Line = TypeVar("_Line", HistoryLine, ReportRow, TimerLine)
_NEWEST_LOOKED_AT = 2_000


@dataclass(frozen=True, slots=True)
class PageAsked:
    """after: the cursor of the page before, as it was given out."""

    wanted: CaseFilter
    sort: Sort = Sort.NEWEST
    after: str | None = None
    limit: int = 50


def list_cases(
    session: Session,
    rights: Rights,
    caller: Caller,
    *,
    asked: PageAsked,
    of: Select[Any],
    now: datetime,
) -> tuple[Sequence[RowMapping], str | None]:
    """Returns rows of the cases that the caller may see, and the cursor of the next page or None.

    of: what to select of ``cases``, as ``api.cases.quick.LIST``.
    A case recorded meanwhile comes before the first page or behind a cursor, and moves no other.
    Raises: CaseForbidden: If a state is asked for that the caller may not list. CursorRefused.
    """
    that = conditions(asked.wanted, rights, caller, now=now)
    after = read_cursor(asked.after, asked.sort) if asked.after is not None else None
    if asked.wanted.words:
        rows = _by_words(session, asked, that, after, of)
    else:
        rows = _in_order(session, asked, that, after, of)
    more = len(rows) > asked.limit
    shown = rows[: asked.limit]
    return shown, _cursor_of(shown[-1]).word(asked.sort) if more else None


def find_case(session: Session, rights: Rights, caller: Caller, case_id: UUID, *, action: str) -> tuple[Case, Kind]:
    """Returns the case for an action that the caller's role may do. Raises: CaseMissing, CaseForbidden."""
    found = session.execute(
        select(Case, Kind).join(Kind, Kind.key == Case.kind_key).where(Case.id == case_id)
    ).one_or_none()
    if found is None:
        raise CaseMissing(f"there is no case {case_id}")
    case_found, kind = found
    check_visible(rights, caller, case_found, action=action)
    return case_found, kind


def lines_of(
    session: Session, table: type[_Line], case_id: UUID, *, after: int, limit: int
) -> tuple[Sequence[_Line], int | None]:
    """Returns a case's lines of history, reports or timers, oldest first, and the cursor of the next page or None."""
    rows = session.scalars(
        select(table).where(table.case_id == case_id, table.id > after).order_by(table.id).limit(limit + 1)
    ).all()
    return rows[:limit], rows[limit - 1].id if len(rows) > limit else None


def _by_words(
    session: Session,
    asked: PageAsked,
    that: Sequence[ColumnElement[bool]],
    after: Cursor | None,
    of: Select[Any],
) -> Sequence[RowMapping]:
    found = find_by_words(
        session, asked.wanted.words, that, after=after.case_id if after else None, limit=asked.limit + 1
    )
    rows = session.connection().execute(of.where(Case.id.in_(found)).order_by(Case.id.desc()))
    return rows.mappings().all()


def _in_order(
    session: Session,
    asked: PageAsked,
    that: Sequence[ColumnElement[bool]],
    after: Cursor | None,
    of: Select[Any],
) -> Sequence[RowMapping]:
    order, keys = _order(session, asked.sort)
    sought = list(that)
    if asked.sort is Sort.DUE:
        sought.append(Case.stage_due_at.is_not(None))
    if after is not None:
        sought.append(_behind(asked.sort, after, keys))
    if asked.sort is Sort.REVIEW:
        # No index has this order. All that wait are sorted by what it needs of them, and only one page is read whole.
        sought = [Case.id.in_(select(Case.id).where(*sought).order_by(*order).limit(asked.limit + 1))]
    query = (of.add_columns(*keys) if keys else of).where(*sought).order_by(*order).limit(asked.limit + 1)
    if asked.sort is Sort.NEWEST and asked.wanted.area is not None:
        return _newest_in_area(session, query, asked.limit)
    return session.connection().execute(query).mappings().all()


def _newest_in_area(session: Session, query: Select[Any], limit: int) -> Sequence[RowMapping]:
    """Looks among the newest first, which is quick where many are in the area, and only then at all of it."""
    bound = select(Case.id).order_by(Case.id.desc()).offset(_NEWEST_LOOKED_AT).limit(1).scalar_subquery()
    rows = session.connection().execute(query.where(Case.id > bound)).mappings().all()
    return rows if len(rows) > limit else session.connection().execute(query).mappings().all()


def _order(session: Session, sort: Sort) -> tuple[list[ColumnElement[Any]], list[Label[Any]]]:
    """Returns the order, and the columns besides the id that a cursor keeps."""
    if sort is Sort.DUE:
        return [Case.stage_due_at.asc(), Case.id.asc()], [Case.stage_due_at.label("_due_at")]
    if sort is Sort.NEWEST:
        return [Case.id.desc()], []
    safety = session.scalars(select(Kind.key).where(Kind.safety)).all()
    calm = case((Case.kind_key.in_(safety), 0), else_=1)
    if session.get_bind().dialect.name == "sqlite":
        hour = cast(func.strftime("%s", Case.created_at), Integer) / 3600
    else:
        hour = func.floor(func.extract("epoch", Case.created_at) / 3600)
    milliscore = func.coalesce(func.round(Case.score * 1000), -1)
    whole_hour, whole_score = cast(hour, Integer), cast(milliscore, Integer)
    keys = [calm.label("_calm"), whole_hour.label("_hour"), whole_score.label("_milliscore")]
    return [calm.asc(), whole_hour.asc(), whole_score.desc(), Case.id.asc()], keys


def _behind(sort: Sort, after: Cursor, keys: Sequence[Label[Any]]) -> ColumnElement[bool]:
    if sort is Sort.NEWEST:
        return Case.id < after.case_id
    if sort is Sort.DUE:
        return tuple_(Case.stage_due_at, Case.id) > tuple_(after.due_at, after.case_id)
    calm, hour, milliscore = (key.element for key in keys)
    same_hour = and_(calm == after.calm, hour == after.hour)
    return or_(
        calm > after.calm,
        and_(calm == after.calm, hour > after.hour),
        and_(same_hour, milliscore < after.milliscore),
        and_(same_hour, milliscore == after.milliscore, Case.id > after.case_id),
    )


def _cursor_of(row: RowMapping) -> Cursor:
    return Cursor(
        row["id"],
        due_at=row.get("_due_at"),
        calm=row.get("_calm", 0),
        hour=row.get("_hour", 0),
        milliscore=row.get("_milliscore", 0),
    )
