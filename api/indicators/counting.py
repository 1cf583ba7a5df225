"""Counts the cases behind the indicators: one grouped statement per moment that decides which period a case is in.

A case is due in one period, filed in another and closed in a third, so no single range finds them all. Each of the
four questions below has a range on one indexed column instead, and costs what its period holds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy import case as when
from sqlalchemy.orm import InstrumentedAttribute, Session

from api.cases.states import UNFILED, CaseState
from api.indicators.formulas import Counts
from api.indicators.periods import Period
from api.indicators.population import GroupBy, Population, columns_of
from api.tables import Case

GroupKey = tuple[str, ...]

_HANDLED = (CaseState.HANDLED, CaseState.CHECKING, CaseState.CLOSED)


@dataclass(frozen=True, slots=True)
class _Question:
    """at: the moment that puts a case into a period. counts: what each of ``Counts`` it fills counts."""

    at: InstrumentedAttribute[datetime | None]
    conditions: tuple[ColumnElement[bool], ...]
    counts: Mapping[str, ColumnElement[int]]


def count_groups(
    session: Session, cases: Population, period: Period, by: Sequence[GroupBy], *, now: datetime
) -> dict[GroupKey, Counts]:
    """Returns the counts of a period per group, which is named by the values of ``columns_of`` in their order."""
    columns: list[ColumnElement[Any]] = [column.expression for one in by for column in columns_of(one)]
    counted: dict[GroupKey, Counts] = defaultdict(Counts)
    for question in _questions(cases, now):
        for key, counts in _ask(session, question, columns, period):
            counted[tuple(value or "" for value in key)] += counts
    return dict(counted)


def count_series(session: Session, cases: Population, periods: Sequence[Period], *, now: datetime) -> list[Counts]:
    """Returns the counts of periods that follow each other without a gap, in their order."""
    whole = Period("", periods[0].from_at, periods[-1].until_at)
    counted = [Counts()] * len(periods)
    for question in _questions(cases, now):
        bounds = [(question.at < period.until_at, number) for number, period in enumerate(periods)]
        for (number,), counts in _ask(session, question, [when(*bounds)], whole):
            counted[number] += counts
    return counted


def rolled_up(groups: Mapping[GroupKey, Counts], place: int) -> dict[GroupKey, Counts]:
    """Returns the counts per value at one place of the keys, so that one count serves several tables."""
    parts: dict[GroupKey, list[Counts]] = defaultdict(list)
    for key, counts in groups.items():
        parts[(key[place],)].append(counts)
    return {key: Counts.total(counts) for key, counts in parts.items()}


def rejected_by_a_person() -> ColumnElement[bool]:
    """An alarm that a permit explains was turned down by nobody; one that expired was reviewed by nobody.

    What people report, a permit only marks: it is of no edge, and whoever rejects it is a person.
    """
    return and_(Case.state == CaseState.REJECTED, or_(Case.permit_id.is_(None), Case.edge_id == ""))


def _questions(cases: Population, now: datetime) -> Iterator[_Question]:
    # While it is suspended, the date on which a case is due is not known: it is due in no period until resumed.
    due = (*cases.handled, Case.state.not_in(sorted(UNFILED)), Case.paused_at.is_(None))
    # By the state too: a case that is being reworked or was reopened is neither handled nor closed.
    handled, closed = Case.state.in_(_HANDLED), Case.state == CaseState.CLOSED
    yield _Question(
        Case.handle_due_at,
        due,
        {
            "due_to_handle": func.count(),
            "handled": _how_many(handled),
            "handled_on_time": _how_many(handled, Case.handled_at <= Case.handle_due_at),
            "extended": _how_many(Case.extension_count > 0),
            "overdue_open": _how_many(~handled, Case.handle_due_at < now),
        },
    )
    yield _Question(
        Case.close_due_at,
        due,
        {
            "due_to_close": func.count(),
            "closed": _how_many(closed),
            "closed_on_time": _how_many(closed, Case.closed_at <= Case.close_due_at),
            "reworked": _how_many(Case.rework_count > 0),
        },
    )
    yield _Question(Case.filed_at, cases.reviewed, {"received": func.count(), "filed": func.count()})
    yield _Question(Case.ended_at, (*cases.reviewed, rejected_by_a_person()), {"received": func.count()})


def _ask(
    session: Session, question: _Question, columns: Sequence[ColumnElement[Any]], period: Period
) -> Iterator[tuple[Sequence[Any], Counts]]:
    """Yields each group's values of ``columns``, and its counts."""
    in_period = (question.at >= period.from_at, question.at < period.until_at)
    # Grouped by their labels: PostgreSQL takes two equal expressions with parameters in them for different ones.
    labelled = [column.label(f"group_{number}") for number, column in enumerate(columns)]
    statement = select(*labelled, *question.counts.values()).where(*question.conditions, *in_period)
    for row in session.execute(statement.group_by(*(column.name for column in labelled))):
        counts = dict(zip(question.counts, row[len(labelled) :], strict=True))
        yield row[: len(labelled)], Counts(**counts)


def _how_many(*conditions: ColumnElement[bool]) -> ColumnElement[int]:
    return func.count(when((and_(*conditions), 1)))
