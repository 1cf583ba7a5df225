"""Days, months, quarters and years as a city counts them: from one local midnight to another, held in UTC."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

EARLIEST = datetime.min.replace(tzinfo=UTC)
LATEST = datetime.max.replace(tzinfo=UTC)
_LAST_MONTH = 9999 * 12 + 11


class PeriodKind(StrEnum):
    DAY = "day"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


_MONTHS = {PeriodKind.MONTH: 1, PeriodKind.QUARTER: 3, PeriodKind.YEAR: 12}


@dataclass(frozen=True, slots=True)
class Period:
    """Half-open: ``from_at`` belongs to it, ``until_at`` to the next one. Both aware, in UTC.

    name: 2026-11-23, 2026-11, 2026-Q4, 2026, or two days with a slash where nobody names it otherwise.
    """

    name: str
    from_at: datetime
    until_at: datetime

    def runs_at(self, now: datetime) -> bool:
        """Whether it is not over yet, so that its figures may still change by themselves."""
        return now < self.until_at


def period_of(kind: PeriodKind, day: date, zone: ZoneInfo, *, back: int = 0) -> Period:
    """Returns the period that ``day`` is in, or the one ``back`` periods before.

    What lies outside the years 1 to 9999 is cut off, so that a period at their edge is short or empty.
    """
    if kind is PeriodKind.DAY:
        return _day(day, zone, back)
    months = _MONTHS[kind]
    first = (day.year * 12 + day.month - 1) // months * months - back * months
    return Period(_name(kind, first), _month_begins(first, zone), _month_begins(first + months, zone))


def period_between(first: date, until: date, zone: ZoneInfo) -> Period:
    """Returns the time from the beginning of one local day to that of another, which is no longer in it."""
    return Period(f"{first}/{until}", midnight(first, zone), midnight(until, zone))


def last_periods(kind: PeriodKind, day: date, zone: ZoneInfo, *, count: int) -> list[Period]:
    """Returns ``count`` periods, oldest first; the last one is that of ``day``."""
    return [period_of(kind, day, zone, back=back) for back in reversed(range(count))]


def months_of(first: date, months: int, zone: ZoneInfo) -> Iterator[Period]:
    """Yields the months of a quarter or year that begins with ``first``."""
    for number in range(months):
        yield period_of(PeriodKind.MONTH, first, zone, back=-number)


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """Returns when a local day begins, in UTC.

    Where clocks skip midnight, that is the moment of the change; where midnight comes twice, the first one.
    """
    try:
        return datetime.combine(day, time(), zone).astimezone(UTC)
    except OverflowError:
        return EARLIEST if day.year < 5000 else LATEST


def _day(day: date, zone: ZoneInfo, back: int) -> Period:
    try:
        day -= timedelta(days=back)
    except OverflowError:
        return Period(str(day), EARLIEST, EARLIEST)
    following = LATEST if day == date.max else midnight(day + timedelta(days=1), zone)
    return Period(day.isoformat(), midnight(day, zone), following)


def _month_begins(number: int, zone: ZoneInfo) -> datetime:
    """``number`` counts months from the year 0 on."""
    if number < 12:
        return EARLIEST
    if number > _LAST_MONTH:
        return LATEST
    return midnight(date(number // 12, number % 12 + 1, 1), zone)


def _name(kind: PeriodKind, first: int) -> str:
    year, month = divmod(max(first, 0), 12)
    if kind is PeriodKind.YEAR:
        return f"{year:04}"
    return f"{year:04}-Q{month // 3 + 1}" if kind is PeriodKind.QUARTER else f"{year:04}-{month + 1:02}"
