"""Indicators: figures of a period by group, league tables, series for charts, precision, and the bulletin."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query

from api.access import allowed
from api.indicators.counting import count_groups, count_series
from api.indicators.formulas import Counts
from api.indicators.league import competitors, league
from api.indicators.names import Names
from api.indicators.periods import Period, PeriodKind, last_periods, period_between, period_of
from api.indicators.population import GroupBy, Scope, Wanted, population, scope_of
from api.indicators.precision import count_precision
from api.indicators.schemas import (
    Day,
    Figures,
    GroupFigures,
    GroupPrecision,
    Indicators,
    League,
    PrecisionAnswer,
    PrecisionFigures,
    Series,
    SeriesPoint,
    ShownPeriod,
    ShownStanding,
)
from api.people.callers import Caller
from api.schemas import Key
from api.services import Here

router = APIRouter(prefix="/api/v1/indicators", tags=["indicators"])

Reader = Annotated[Caller, allowed("indicators.read_own_department")]
Kind = Annotated[PeriodKind, Query(alias="period", description="how long a time the figures are of")]
On = Annotated[Day | None, Query(description="a local day in the period; today if left out")]
Limit = Annotated[int, Query(ge=1, le=1000, description="so many groups at most")]


async def _period(
    here: Here,
    period: Kind = PeriodKind.MONTH,
    on: On = None,
    first: Annotated[Day | None, Query(alias="from", description="first local day, instead of period and on")] = None,
    to: Annotated[Day | None, Query(description="with from: the first local day after; tomorrow if left out")] = None,
) -> Period:
    if first is None:
        return period_of(period, on or _today(here), here.settings.zone_info)
    return period_between(first, max(to or _today(here) + timedelta(days=1), first), here.settings.zone_info)


async def _wanted(
    department: Key | None = None,
    grid: Key | None = None,
    district: Key | None = None,
    kind: Key | None = None,
    edge: Key | None = None,
) -> Wanted:
    return Wanted(department=department, grid=grid, district=district, kind=kind, edge=edge)


Asked = Annotated[Period, Depends(_period)]
Which = Annotated[Wanted, Depends(_wanted)]


@router.get("")
def figures(
    *, caller: Reader, here: Here, asked: Asked, wanted: Which, by: GroupBy | None = None, limit: Limit = 200
) -> Indicators:
    """Counts, rates and score of a period, in all and by group; docs/indicators.md says what each of them counts."""
    now = here.clock()
    with here.database.read() as session:
        cases = population(here.rights, caller, wanted)
        groups = count_groups(session, cases, asked, [by] if by else [], now=now)
        names = Names(session, by) if by else None
    largest = sorted(groups, key=lambda key: (-groups[key].due_to_handle - groups[key].received, key)) if names else []
    return Indicators(
        period=ShownPeriod.of(asked, now),
        scope=scope_of(here.rights, caller),
        by=by,
        total=Figures.of(Counts.total(groups.values()), here.scoring),
        groups=[GroupFigures.of(key, names, groups[key], here.scoring) for key in largest[:limit] if names],
        left_out=max(0, len(largest) - limit),
    )


@router.get("/league")
def league_table(
    *,
    caller: Reader,
    here: Here,
    period: Kind = PeriodKind.MONTH,
    on: On = None,
    by: Literal[GroupBy.DEPARTMENT, GroupBy.GRID] = GroupBy.DEPARTMENT,
    limit: Limit = 200,
) -> League:
    """Departments or grids by score, best first, beside the period before; who has no score comes last."""
    now, scope = here.clock(), scope_of(here.rights, caller)
    before, present = last_periods(period, on or _today(here), here.settings.zone_info, count=2)
    with here.database.read() as session:
        cases, names = population(here.rights, caller, Wanted()), Names(session, by)
        groups, groups_before = (count_groups(session, cases, one, [by], now=now) for one in (present, before))
    standings = league(groups, groups_before, keys=competitors(names, caller, scope), scoring=here.scoring)
    ranked = scope is Scope.ALL or by is GroupBy.GRID
    return League(
        period=ShownPeriod.of(present, now),
        before=ShownPeriod.of(before, now),
        scope=scope,
        by=by,
        standings=[ShownStanding.standing(one, names, here.scoring, ranked=ranked) for one in standings[:limit]],
        left_out=max(0, len(standings) - limit),
    )


@router.get("/series")
def series(
    *,
    caller: Reader,
    here: Here,
    wanted: Which,
    period: Kind = PeriodKind.MONTH,
    on: On = None,
    periods: Annotated[int, Query(ge=1, le=60, description="how many, the last one being that of on")] = 12,
) -> Series:
    """The figures of periods that follow each other, oldest first, for charts."""
    now = here.clock()
    asked = last_periods(period, on or _today(here), here.settings.zone_info, count=periods)
    with here.database.read() as session:
        counted = count_series(session, population(here.rights, caller, wanted), asked, now=now)
    points = [
        SeriesPoint(period=ShownPeriod.of(one, now), figures=Figures.of(counts, here.scoring))
        for one, counts in zip(asked, counted, strict=True)
    ]
    return Series(scope=scope_of(here.rights, caller), points=points)


@router.get("/precision")
def precision(
    *, caller: Reader, here: Here, asked: Asked, wanted: Which, by: GroupBy = GroupBy.CAMERA, limit: Limit = 200
) -> PrecisionAnswer:
    """How often machines are right, and what their wrong alarms cost operators; empty for who reviews no alarms."""
    now = here.clock()
    with here.database.read() as session:
        cases = population(here.rights, caller, wanted, detected=True)
        (total,), lines = (count_precision(session, cases, asked, one) for one in ([], [by]))
        names = Names(session, by)
    return PrecisionAnswer(
        period=ShownPeriod.of(asked, now),
        by=by,
        review_s=float(here.scoring.review_s),
        total=PrecisionFigures.of(total, here.scoring),
        groups=[GroupPrecision.of(line, names, here.scoring) for line in lines[:limit]],
        left_out=max(0, len(lines) - limit),
    )


def _today(here: Here) -> date:
    return here.clock().astimezone(here.settings.zone_info).date()
