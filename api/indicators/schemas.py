"""What the indicators' routes answer."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field

from api.indicators.counting import GroupKey
from api.indicators.formulas import Counts, Indicator, Rate, score
from api.indicators.league import Standing
from api.indicators.names import Names, shown_key
from api.indicators.periods import Period
from api.indicators.population import GroupBy, Scope
from api.indicators.precision import Precision
from api.indicators.scoring import Scoring
from api.schemas import Count, Schema


def _as_written(value: Any) -> Any:
    # Left to itself, pydantic takes 20260 for so many seconds since 1970.
    if isinstance(value, str) and (len(value) != len("2026-11-23") or value[4:8:3] != "--"):
        raise ValueError("expected a day such as 2026-11-23")
    return value


Day = Annotated[date, BeforeValidator(_as_written)]
Percent = Annotated[float, Field(ge=0, le=100)]


class ShownRate(Schema):
    """percent: of a hundred, two decimals, half up; null where the denominator is zero."""

    numerator: Count
    denominator: Count
    percent: Percent | None

    @classmethod
    def of(cls, rate: Rate) -> Self:
        percent = rate.percent
        return cls(
            numerator=rate.numerator,
            denominator=rate.denominator,
            percent=None if percent is None else float(percent),
        )


class ShownCounts(Schema):
    due_to_handle: Count
    handled: Count
    handled_on_time: Count
    extended: Count
    overdue_open: Count
    due_to_close: Count
    closed: Count
    closed_on_time: Count
    reworked: Count
    received: Count
    filed: Count


class ShownRates(Schema):
    handling: ShownRate
    on_time_handling: ShownRate
    closing: ShownRate
    on_time_closing: ShownRate
    rework: ShownRate
    extension: ShownRate
    overdue_open: ShownRate
    filing: ShownRate


class Figures(Schema):
    """score: of a hundred points; null where no part of it has a rate."""

    counts: ShownCounts
    rates: ShownRates
    score: Percent | None

    @classmethod
    def of(cls, counts: Counts, scoring: Scoring) -> Self:
        points = score(counts, scoring)
        return cls(
            counts=ShownCounts.model_validate(counts, from_attributes=True),
            rates=ShownRates(**{one.value: ShownRate.of(counts.rate(one)) for one in Indicator}),
            score=None if points is None else float(points),
        )


class ShownPeriod(Schema):
    """Half-open. running: it is not over, so that the figures may still change by themselves."""

    name: str
    from_at: datetime
    until_at: datetime
    running: bool

    @classmethod
    def of(cls, period: Period, now: datetime) -> Self:
        return cls(name=period.name, from_at=period.from_at, until_at=period.until_at, running=period.runs_at(now))


class Group(Schema):
    """key: the id, or two with a slash, such as edge/camera, edge/watch or detector/weights."""

    key: str
    name_en: str
    name_zh: str


class GroupFigures(Group):
    figures: Figures

    @classmethod
    def of(cls, key: GroupKey, names: Names, counts: Counts, scoring: Scoring) -> Self:
        named = names.of(key)
        return cls(
            key=shown_key(key),
            name_en=named.name_en,
            name_zh=named.name_zh,
            figures=Figures.of(counts, scoring),
        )


class Indicators(Schema):
    """groups: those with most cases first; left_out: how many more there are than ``limit``."""

    period: ShownPeriod
    scope: Scope
    by: GroupBy | None
    total: Figures
    groups: list[GroupFigures]
    left_out: Count


class ShownStanding(GroupFigures):
    """rank: null where there is no score, and where the caller sees no others to be compared with."""

    rank: Annotated[int, Field(ge=1)] | None
    score_before: Percent | None
    rank_before: Annotated[int, Field(ge=1)] | None
    change: Annotated[float, Field(ge=-100, le=100)] | None

    @classmethod
    def standing(cls, one: Standing, names: Names, scoring: Scoring, *, ranked: bool) -> Self:
        group = GroupFigures.of(one.key, names, one.counts, scoring)
        return cls(
            **dict(group),
            rank=one.rank if ranked else None,
            score_before=None if one.score_before is None else float(one.score_before),
            rank_before=one.rank_before if ranked else None,
            change=None if one.change is None else float(one.change),
        )


class League(Schema):
    period: ShownPeriod
    before: ShownPeriod
    scope: Scope
    by: GroupBy
    standings: list[ShownStanding]
    left_out: Count


class SeriesPoint(Schema):
    period: ShownPeriod
    figures: Figures


class Series(Schema):
    """points: oldest first."""

    scope: Scope
    points: list[SeriesPoint]


class PrecisionFigures(Schema):
    """kind_changed: confirmed under another kind. muted_events: spared by mutes of the alarms rejected here.

    median_decision_s: from alarm to decision. minutes_on_wrong: estimated, ``review_s`` for each rejected alarm.
    """

    confirmed: Count
    rejected: Count
    precision: ShownRate
    kind_changed: Count
    muted_events: Count
    median_decision_s: int | None
    minutes_on_wrong: Annotated[float, Field(ge=0)]

    @classmethod
    def of(cls, line: Precision, scoring: Scoring) -> Self:
        return cls(
            confirmed=line.confirmed,
            rejected=line.rejected,
            precision=ShownRate.of(line.rate),
            kind_changed=line.kind_changed,
            muted_events=line.muted,
            median_decision_s=line.median_decision_s,
            minutes_on_wrong=float(line.minutes_on_wrong(scoring)),
        )


class GroupPrecision(Group):
    figures: PrecisionFigures

    @classmethod
    def of(cls, line: Precision, names: Names, scoring: Scoring) -> Self:
        named = names.of(line.key)
        return cls(
            key=shown_key(line.key),
            name_en=named.name_en,
            name_zh=named.name_zh,
            figures=PrecisionFigures.of(line, scoring),
        )


class PrecisionAnswer(Schema):
    """groups: those with most rejected alarms first. review_s: what one review is taken to cost an operator."""

    period: ShownPeriod
    by: GroupBy
    review_s: float
    total: PrecisionFigures
    groups: list[GroupPrecision]
    left_out: Count
