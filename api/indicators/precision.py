"""How often machines are right, per camera, watch or model, and what their wrong alarms cost operators."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, and_, cast, extract, func, or_, select
from sqlalchemy import case as when
from sqlalchemy.orm import InstrumentedAttribute, Session

from api.indicators.counting import GroupKey, rejected_by_a_person
from api.indicators.formulas import Rate, two_decimals
from api.indicators.periods import Period
from api.indicators.population import GroupBy, Population, columns_of
from api.indicators.scoring import Scoring
from api.tables import Case

MACHINES = ("camera", "sensor", "edge")


@dataclass(frozen=True, slots=True)
class Precision:
    """What became of the alarms of one group that people decided on in a period.

    kind_changed: confirmed under another kind. muted: events that were only counted on a rejected alarm, and so
    were spared. median_decision_s: from alarm to decision, the middle one; None where none was decided.
    """

    key: GroupKey
    confirmed: int
    rejected: int
    kind_changed: int
    muted: int
    median_decision_s: int | None

    @property
    def rate(self) -> Rate:
        return Rate(self.confirmed, self.confirmed + self.rejected)

    def minutes_on_wrong(self, scoring: Scoring) -> Decimal:
        """Estimated: each rejected alarm took an operator ``review_s``."""
        return two_decimals(Fraction(self.rejected) * Fraction(scoring.review_s) / 60)


def count_precision(session: Session, cases: Population, period: Period, by: Sequence[GroupBy]) -> list[Precision]:
    """Returns one line per group, the one with most rejected alarms first."""
    decided = _decided(cases, period, by).subquery()
    keys = [column for column in decided.c if column.name.startswith("group_")]
    # The middle one, or the mean of the middle two. SQLite has no median of its own.
    in_the_middle = decided.c.place.in_(((decided.c.places + 1) // 2, (decided.c.places + 2) // 2))
    statement = select(
        *keys,
        func.count(decided.c.confirmed),
        func.count(decided.c.rejected),
        func.count(decided.c.kind_changed),
        func.sum(decided.c.muted),
        func.avg(when((in_the_middle, decided.c.wait_s))),
    )
    rows = session.execute(statement.group_by(*keys) if keys else statement)
    lines = [_line(row[: len(keys)], row[len(keys) :]) for row in rows]
    return sorted(lines, key=lambda line: (-line.rejected, line.rate.share or 0, line.key))


def _decided(cases: Population, period: Period, by: Sequence[GroupBy]) -> Select[Any]:
    """One row per alarm: its group, what was decided, how long that took, and its place among those of its group."""
    columns = [column for one in by for column in columns_of(one, detected=True)]
    filed = _in(Case.filed_at, period)
    rejected = and_(_in(Case.ended_at, period), rejected_by_a_person())
    wait_s = _seconds(func.coalesce(Case.filed_at, Case.ended_at)) - _seconds(Case.created_at.expression)
    statement = select(
        *(column.label(f"group_{number}") for number, column in enumerate(columns)),
        when((filed, 1)).label("confirmed"),
        when((rejected, 1)).label("rejected"),
        when((and_(filed, Case.kind_key != Case.detected_kind_key), 1)).label("kind_changed"),
        when((rejected, Case.muted_count), else_=0).label("muted"),
        wait_s.label("wait_s"),
        func.row_number().over(partition_by=columns, order_by=wait_s).label("place"),
        func.count().over(partition_by=columns).label("places"),
    )
    return statement.where(*cases.reviewed, Case.source_type.in_(MACHINES), or_(filed, rejected))


def _in(column: InstrumentedAttribute[datetime | None], period: Period) -> ColumnElement[bool]:
    return and_(column >= period.from_at, column < period.until_at)


def _seconds(moment: ColumnElement[Any]) -> ColumnElement[int]:
    # 32 bits hold no second after January 2038.
    return cast(extract("epoch", moment), BigInteger)


def _line(key: Sequence[str | None], values: Sequence[Any]) -> Precision:
    confirmed, rejected, kind_changed, muted, median = values
    return Precision(
        key=tuple(value or "" for value in key),
        confirmed=confirmed,
        rejected=rejected,
        kind_changed=kind_changed,
        muted=int(muted or 0),
        median_decision_s=None if median is None else round(median),
    )
