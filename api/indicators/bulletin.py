"""Gathers a bulletin: the figures of a month, quarter or year, beside the ones before, in a person's language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from api.indicators.counting import GroupKey, count_groups, count_series, rolled_up
from api.indicators.formulas import Counts, Indicator, score
from api.indicators.league import competitors, league
from api.indicators.names import Language, Names
from api.indicators.periods import Period, PeriodKind, months_of, period_of
from api.indicators.population import GroupBy, Scope, Wanted, population, scope_of
from api.indicators.precision import Precision, count_precision
from api.indicators.scoring import Scoring
from api.indicators.tables import Bulletin, Cell, CellType, Column, Table
from api.indicators.words import Words
from api.people.callers import Caller
from api.rights import Rights

_MOST_ROWS = 500
_CAMERAS = 50
_WORST_WATCHES = 20
_MONTHS = {PeriodKind.QUARTER: 3, PeriodKind.YEAR: 12}
_GROUPS = (GroupBy.DEPARTMENT, GroupBy.GRID, GroupBy.KIND)
_FIRST_READ = (Indicator.HANDLING, Indicator.ON_TIME_HANDLING, Indicator.CLOSING, Indicator.FILING)
_ROW_COUNTS = ("due_to_handle", "handled", "due_to_close", "closed", "received", "filed")

_Groups = Mapping[GroupKey, Counts]


@dataclass(frozen=True, slots=True)
class Edition:
    """Which bulletin is wanted: ``first`` is a day in its period; who reads it, when, and in what language."""

    kind: PeriodKind
    first: date
    caller: Caller
    language: Language
    now: datetime


class BulletinMaker:
    """Makes one edition from a session; each question to the database serves several tables."""

    def __init__(self, session: Session, rights: Rights, scoring: Scoring, zone: ZoneInfo, edition: Edition) -> None:
        self._session = session
        self._scoring = scoring
        self._zone = zone
        self._edition = edition
        self._say = Words(edition.language)
        self._cases = population(rights, edition.caller, Wanted())
        self._alarms = population(rights, edition.caller, Wanted(), detected=True)
        self._scope = scope_of(rights, edition.caller)
        self._names = {by: Names(session, by) for by in (*_GROUPS, GroupBy.CAMERA, GroupBy.WATCH)}

    def make(self) -> Bulletin:
        period, before = (self._period(back) for back in (0, 1))
        groups, groups_before = (self._count(one) for one in (period, before))
        total, total_before = Counts.total(groups.values()), Counts.total(groups_before.values())
        tables = [self._score(total, total_before), self._overview(total, total_before), *self._trend()]
        tables += [self._by(by, rolled_up(groups, place)) for place, by in enumerate(_GROUPS)]
        for place, by in ((0, GroupBy.DEPARTMENT), (1, GroupBy.GRID)):
            tables.append(self._league(by, rolled_up(groups, place), rolled_up(groups_before, place)))
        tables += [self._cameras(period), self._watches(period)]
        say = self._say
        return Bulletin(
            language=self._edition.language,
            title=f"{say('product')} · {say.title(self._edition.kind)}",
            period=period.name,
            none=say("none"),
            more=say("more"),
            headline=self._headline(total),
            notes=self._notes(period),
            tables=tables,
        )

    def _period(self, back: int) -> Period:
        return period_of(self._edition.kind, self._edition.first, self._zone, back=back)

    def _count(self, period: Period) -> dict[GroupKey, Counts]:
        return count_groups(self._session, self._cases, period, _GROUPS, now=self._edition.now)

    def _headline(self, total: Counts) -> list[tuple[str, CellType, Cell]]:
        first: list[tuple[str, CellType, Cell]] = [
            (self._say("score"), CellType.NUMBER, score(total, self._scoring)),
        ]
        return first + [(self._say(one), CellType.PERCENT, total.rate(one).percent) for one in _FIRST_READ]

    def _notes(self, period: Period) -> list[str]:
        caller, say = self._edition.caller, self._say
        notes = [self._whose()]
        if caller.grids is not None:
            grids = ", ".join(self._name(GroupBy.GRID, (grid,)) for grid in sorted(caller.grids))
            notes.append(f"{say('own_grids')}: {grids or say('none')}")
        notes.append(f"{say('made_at')} {self._edition.now.astimezone(self._zone):%Y-%m-%d %H:%M}")
        return [*notes, say("running")] if period.runs_at(self._edition.now) else notes

    def _whose(self) -> str:
        if self._scope is Scope.DEPARTMENT:
            own = self._name(GroupBy.DEPARTMENT, (self._edition.caller.department or "",))
            return f"{self._say('own_department')}: {own}"
        return self._say("city" if self._scope is Scope.ALL else "only_alarms")

    def _overview(self, total: Counts, before: Counts) -> Table:
        rows: list[list[Cell]] = []
        for indicator in Indicator:
            rate, percent_before = total.rate(indicator), before.rate(indicator).percent
            row: list[Cell] = [self._say(indicator), rate.numerator, rate.denominator, rate.percent, percent_before]
            rows.append([*row, _difference(rate.percent, percent_before)])
        columns = self._columns("indicator", counts=("numerator", "denominator"), percents=("rate", "before"))
        return Table(self._say("overview"), [*columns, Column(self._say("change"), CellType.CHANGE)], rows)

    def _score(self, total: Counts, before: Counts) -> Table:
        points, points_before = score(total, self._scoring), score(before, self._scoring)
        columns = self._columns("whose", counts=(), percents=(), numbers=("score", "score_before"))
        row = [self._whose(), points, points_before, _difference(points, points_before)]
        return Table(self._say("score"), [*columns, Column(self._say("change"), CellType.CHANGE)], [row])

    def _trend(self) -> list[Table]:
        months = _MONTHS.get(self._edition.kind)
        if months is None:
            return []
        first = self._edition.first
        first = date(first.year, (first.month - 1) // months * months + 1, 1)
        periods = list(months_of(first, months, self._zone))
        counted = count_series(self._session, self._cases, periods, now=self._edition.now)
        rows = [self._row(period.name, counts) for period, counts in zip(periods, counted, strict=True)]
        return [Table(self._say("trend"), self._row_columns("month"), rows)]

    def _by(self, by: GroupBy, groups: _Groups) -> Table:
        keys = sorted(groups, key=lambda key: (-groups[key].due_to_handle - groups[key].received, key))
        rows = [self._row(self._name(by, key), groups[key]) for key in keys[:_MOST_ROWS]]
        return Table(self._say(f"by_{by}"), self._row_columns(by), rows, left_out=max(0, len(keys) - _MOST_ROWS))

    def _league(self, by: GroupBy, groups: _Groups, before: _Groups) -> Table:
        listed = competitors(self._names[by], self._edition.caller, self._scope)
        standings = league(groups, before, keys=listed, scoring=self._scoring)
        ranked = self._scope is Scope.ALL or by is GroupBy.GRID
        rows: list[list[Cell]] = [
            [
                one.rank if ranked else None,
                self._name(by, one.key),
                one.score,
                one.score_before,
                one.change,
                one.rank_before if ranked else None,
            ]
            for one in standings[:_MOST_ROWS]
        ]
        say = self._say
        columns = [
            Column(say("rank"), CellType.COUNT),
            Column(say(by), CellType.TEXT),
            Column(say("score"), CellType.NUMBER),
            Column(say("score_before"), CellType.NUMBER),
            Column(say("change"), CellType.CHANGE),
            Column(say("rank_before"), CellType.COUNT),
        ]
        return Table(say(f"league_{by}"), columns, rows, left_out=max(0, len(standings) - _MOST_ROWS))

    def _cameras(self, period: Period) -> Table:
        lines = count_precision(self._session, self._alarms, period, [GroupBy.CAMERA])
        return self._precision("precision_camera", GroupBy.CAMERA, lines, most=_CAMERAS)

    def _watches(self, period: Period) -> Table:
        lines = count_precision(self._session, self._alarms, period, [GroupBy.WATCH])
        wrong = [line for line in lines if line.rejected]
        return self._precision("worst_watches", GroupBy.WATCH, wrong, most=_WORST_WATCHES)

    def _precision(self, title: str, by: GroupBy, lines: Sequence[Precision], *, most: int) -> Table:
        rows: list[list[Cell]] = [
            [
                self._name(by, line.key),
                line.confirmed,
                line.rejected,
                line.kind_changed,
                line.muted,
                line.rate.percent,
                None if line.median_decision_s is None else Decimal(line.median_decision_s) / 60,
                line.minutes_on_wrong(self._scoring),
            ]
            for line in lines[:most]
        ]
        counts = ("confirmed", "rejected", "kind_changed", "muted")
        columns = self._columns(by, counts=counts, percents=("precision",), numbers=("median", "minutes_on_wrong"))
        return Table(self._say(title), columns, rows, left_out=max(0, len(lines) - most))

    def _row(self, name: str, counts: Counts) -> list[Cell]:
        numbers = [getattr(counts, one) for one in _ROW_COUNTS]
        return [name, *numbers, *(rate.percent for rate in counts.rates().values()), score(counts, self._scoring)]

    def _row_columns(self, first: str) -> list[Column]:
        return self._columns(first, counts=_ROW_COUNTS, percents=tuple(Indicator), numbers=("score",))

    def _columns(
        self, first: str, *, counts: Sequence[str], percents: Sequence[str], numbers: Sequence[str] = ()
    ) -> list[Column]:
        return [
            Column(self._say(first), CellType.TEXT),
            *(Column(self._say(key), CellType.COUNT) for key in counts),
            *(Column(self._say(key), CellType.PERCENT) for key in percents),
            *(Column(self._say(key), CellType.NUMBER) for key in numbers),
        ]

    def _name(self, by: GroupBy, key: GroupKey) -> str:
        return self._names[by].of(key).in_language(self._edition.language)


def _difference(now: Decimal | None, before: Decimal | None) -> Decimal | None:
    return None if now is None or before is None else now - before
